"""Pickles between the workers of a run: whatever pickle can, and Tensors, which go to no file as pickles."""

from __future__ import annotations

import io
import pickle
import sys
from typing import Any

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import move, to_host


def pickled(value: Any) -> bytes:
    """A pickle of a value. Raises PicklingError for what the other workers could not import."""
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            if not value.is_leaf:
                raise pickle.PicklingError("a tensor computed from others cannot be sent: send x.detach()")
            return _tensor, (type(value), to_host(value._array), value.device, value.requires_grad)
        if getattr(value, "__module__", None) == "__main__" and not hasattr(sys.modules["__main__"], "__file__"):
            raise pickle.PicklingError(f"{getattr(value, '__qualname__', value)} is defined in no file")
        return NotImplemented


def _tensor(kind: Any, array: Any, device: str, requires_grad: bool) -> Tensor:
    """A tensor out of a pickle, in memory of its own."""
    tensor: Tensor = object.__new__(kind)
    tensor._array, tensor._node, tensor._grad = move(array, device), None, None
    return tensor.requires_grad_(requires_grad)

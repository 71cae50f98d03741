"""torch.Tensor as a constructor: `torch.Tensor([1, 2])` holds float32, `torch.Tensor(3)` has shape (3,).

`isinstance(x, torch.Tensor)` asks for the engine's Tensor, and `isinstance(x, torch.LongTensor)` for its dtype too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor as EngineTensor

from .absent import sentence


class _Kind(type):
    """The type of these classes: their instances are the engine's Tensors."""

    kind: Any = None

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, EngineTensor) and (cls.kind is None or x.dtype == cls.kind)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, EngineTensor)


class Tensor(EngineTensor, metaclass=_Kind):
    """A new Tensor: of sizes, uninitialised, or of data. float32."""

    __slots__ = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__torch_function__" in vars(cls):
            raise TypeError(sentence("torch.Tensor.__torch_function__"))

    def __new__(cls, *args: Any) -> Any:
        dtype = np.float32 if cls.kind is None else cls.kind
        sizes = args and all(isinstance(a, int) for a in args)
        if sizes or not args:
            return tl.empty(args or (0,), dtype=dtype)
        return tl.tensor(args[0], dtype=dtype)


class FloatTensor(Tensor):
    """A Tensor of float32."""

    __slots__ = ()
    kind = np.dtype(np.float32)


class DoubleTensor(Tensor):
    """A Tensor of float64."""

    __slots__ = ()
    kind = np.dtype(np.float64)


class HalfTensor(Tensor):
    """A Tensor of float16."""

    __slots__ = ()
    kind = np.dtype(np.float16)


class LongTensor(Tensor):
    """A Tensor of int64."""

    __slots__ = ()
    kind = np.dtype(np.int64)


class ShortTensor(Tensor):
    """A Tensor of int16."""

    __slots__ = ()
    kind = np.dtype(np.int16)


class CharTensor(Tensor):
    """A Tensor of int8."""

    __slots__ = ()
    kind = np.dtype(np.int8)


class ByteTensor(Tensor):
    """A Tensor of uint8."""

    __slots__ = ()
    kind = np.dtype(np.uint8)


class IntTensor(Tensor):
    """A Tensor of int32."""

    __slots__ = ()
    kind = np.dtype(np.int32)


class BoolTensor(Tensor):
    """A Tensor of bools."""

    __slots__ = ()
    kind = np.dtype(np.bool_)

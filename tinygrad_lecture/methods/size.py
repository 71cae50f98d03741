"""`x.size`: a function as in PyTorch, x.size(0); an index, x.size[0], is told so."""

from __future__ import annotations

import functools
from typing import Any

from ..ops.composite import composite
from ..ops.shape import normal_axes


@composite
def size(x: Any, axis: int | None = None) -> Any:
    """The shape or, with an axis, the size of that axis, as in PyTorch. `numel` is the number of elements."""
    return x.shape if axis is None else x.shape[normal_axes(x.ndim, axis)[0]]


class Size:
    """The attribute of a class of tensors."""

    def __get__(self, x: Any, owner: type) -> Any:
        return size if x is None else _SizeOf(size, x)


class _SizeOf(functools.partial[Any]):
    """x.size of one tensor."""

    def __getitem__(self, axis: Any) -> Any:
        raise TypeError(f"x.size is a function: write x.size({axis}) or x.shape[{axis}]")

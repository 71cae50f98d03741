"""Predicates, functions that answer with a bool, under PyTorch's names; and the number of elements."""

from __future__ import annotations

from typing import Any

from .tensor import Tensor

__all__ = ["equal", "is_floating_point", "is_tensor", "numel"]


def is_tensor(x: Any) -> bool:
    """Whether x is a Tensor."""
    return isinstance(x, Tensor)


def equal(x: Tensor, y: Tensor) -> bool:
    """Whether x and y have the same shape and the same elements, as one bool. Element by element, see `eq`."""
    return x.equal(y)


def is_floating_point(x: Tensor) -> bool:
    """Whether the elements of x are floats."""
    return x.is_floating_point()


def numel(x: Tensor) -> int:
    """The number of elements of x."""
    return x.numel()

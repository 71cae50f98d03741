"""Predicates, functions that answer with a bool, under PyTorch's names; and the number of elements."""

from __future__ import annotations

from typing import Any

from .tensor import Tensor

__all__ = ["equal", "is_floating_point", "is_tensor", "numel"]


def is_tensor(x: Any) -> bool:
    """Whether x is a Tensor."""
    return isinstance(x, Tensor)


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape and the same elements, as one bool. Element by element, see `eq`."""
    return input.equal(other)


def is_floating_point(input: Tensor) -> bool:
    """Whether the elements of a tensor are floats."""
    return input.is_floating_point()


def numel(input: Tensor) -> int:
    """The number of elements of a tensor."""
    return input.numel()

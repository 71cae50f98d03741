"""Functions as methods: `x.lerp(y, 0.5)`. `tensor.py` has those that a reader meets first."""

from __future__ import annotations

from typing import Any

from .. import distributions, ops
from ..ops.composite import composite
from ..ops.shape import normal_axes
from .factories import FactoryMethods


class BoundMethods(FactoryMethods):
    """The functions of a Tensor that are methods too."""

    __slots__ = ()

    @composite
    def t(self: Any) -> Any:
        """The transpose of a matrix; of a vector, itself. Raises ValueError for more axes."""
        if self.ndim > 2:
            raise ValueError(f"the shape {self.shape} has more than two axes; see mT, transpose and permute")
        return self.T if self.ndim == 2 else self

    def view_as(self: Any, other: Any) -> Any:
        """The same elements in the shape of another tensor."""
        return self.view(other.shape)

    reshape_as = view_as

    def clamp_min(self: Any, min: Any) -> Any:
        """The elements, but at least min."""
        return ops.clip(self, min)

    def clamp_max(self: Any, max: Any) -> Any:
        """The elements, but at most max."""
        return ops.clip(self, None, max)

    @composite
    def select(self: Any, axis: int, index: int) -> Any:
        """The slice at one index of an axis, a view without that axis."""
        return self[(*[slice(None)] * normal_axes(self.ndim, axis)[0], index)]

    @composite
    def narrow(self: Any, axis: int, start: int, length: int) -> Any:
        """The slices from start to start + length - 1 of an axis, a view."""
        return self[(*[slice(None)] * normal_axes(self.ndim, axis)[0], slice(start, start + length))]

    absolute, negative, multiply, divide, true_divide, subtract = ops.abs, ops.neg, ops.mul, ops.div, ops.div, ops.sub
    remainder, floor_divide, mm, mv, ravel = ops.remainder, ops.floor_divide, ops.matmul, ops.matmul, ops.flatten
    logical_and, logical_or, logical_xor = ops.logical_and, ops.logical_or, ops.logical_xor
    bernoulli, multinomial = distributions.bernoulli, distributions.multinomial

    def addcmul(self: Any, a: Any, b: Any, *, value: float = 1) -> Any:
        """The tensor plus value * a * b."""
        return self + ops.mul(a, b) * value

    def addcdiv(self: Any, a: Any, b: Any, *, value: float = 1) -> Any:
        """The tensor plus value * a / b."""
        return self + ops.div(a, b) * value

    def lerp(self: Any, end: Any, weight: Any) -> Any:
        """The way from this tensor to end, by the part weight: x + weight * (end - x)."""
        return self + weight * (end - self)

"""Functions as methods: `x.lerp(y, 0.5)`. `tensor.py` has those that a reader meets first."""

from __future__ import annotations

from typing import Any

from .. import distributions, ops
from ..conversion import as_shape
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
        """The slices from start to start + length - 1 of an axis, a view. Raises ValueError if it has not so many."""
        (axis,) = normal_axes(self.ndim, axis)
        size = self.shape[axis]
        first = start + size if start < 0 else start
        if not 0 <= first <= first + length <= size:
            raise ValueError(f"{length} slices from {start} on are not all within axis {axis} of shape {self.shape}")
        return self[(*[slice(None)] * axis, slice(first, first + length))]

    absolute, negative, multiply, divide, true_divide, subtract = ops.abs, ops.neg, ops.mul, ops.div, ops.div, ops.sub
    remainder, floor_divide, mm, mv, ravel = ops.remainder, ops.floor_divide, ops.matmul, ops.matmul, ops.flatten
    logical_and, logical_or, logical_xor = ops.logical_and, ops.logical_or, ops.logical_xor
    bernoulli, multinomial = distributions.bernoulli, distributions.multinomial

    erfc, erfinv, lgamma, digamma, logit, xlogy = ops.erfc, ops.erfinv, ops.lgamma, ops.digamma, ops.logit, ops.xlogy
    fmod, signbit, nan_to_num = ops.fmod, ops.signbit, ops.nan_to_num
    nansum, nanmean, quantile = ops.nansum, ops.nanmean, ops.quantile
    bincount, count_nonzero = ops.bincount, ops.count_nonzero
    unique_consecutive, cov, corrcoef, diff = ops.unique_consecutive, ops.cov, ops.corrcoef, ops.diff
    rot90, diag_embed, matrix_power = ops.rot90, ops.diag_embed, ops.matrix_power
    logdet, pinverse, qr = ops.linalg.matrices.logdet, ops.linalg.pinv, ops.linalg.qr
    cholesky_solve = ops.linalg.matrices.cholesky_solve
    cholesky_inverse = ops.linalg.matrices.cholesky_inverse

    def tile(self: Any, *times: Any) -> Any:
        """The tensor repeated along each axis: x.tile(2) along the last, x.tile(4, 1) along the first of two."""
        counts = as_shape(times, "tile", "the numbers of repetitions")
        return ops.shape.repeat(self, (1,) * (self.ndim - len(counts)) + counts)

    def addcmul(self: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
        """The tensor plus value * tensor1 * tensor2."""
        return self + ops.mul(tensor1, tensor2) * value

    def addcdiv(self: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
        """The tensor plus value * tensor1 / tensor2."""
        return self + ops.div(tensor1, tensor2) * value

    def lerp(self: Any, end: Any, weight: Any) -> Any:
        """The way from this tensor to end, by the part weight: x + weight * (end - x)."""
        return self + weight * (end - self)

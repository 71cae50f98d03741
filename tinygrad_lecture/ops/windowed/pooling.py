"""Pooling: the largest element of each window. The mean of each window needs no op of its own: it is a mean."""

from __future__ import annotations

import math

from ...autograd.op import Value, op
from ...backend import Shape
from ...kernels import pooling as kernels
from ...kernels.windows import Each, Padding
from ..fusion import fused
from ..selection import max as largest
from ..shape import pad, reshape
from .sliding import windows

__all__ = ["max_pool"]


@fused
def max_pool(x: Value, /, size: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1) -> Value:
    """The largest element of each window on the last axes: (..., *axes) -> (..., *places).

    size, stride, padding, dilation: those of `windows`; the padding is -inf (of integers the smallest), so that it is
    never the largest.
    The first of equal elements gets the whole gradient, as in PyTorch.
    Raises ValueError for windows that do not fit.

        tl.max_pool(tl.tensor([1.0, 3.0, 2.0, 0.0]), (2,), stride=2)      # tensor([3., 2.])
    """
    grid = kernels.pooling_grid(x, size, stride, padding, dilation)
    if not grid.full:
        beyond = [(0, 0)] * (x.ndim - len(size)) + [(max(a, 0), max(b, 0)) for a, b in grid.padding]
        x, padding = pad(x, beyond, kernels.lowest(x.dtype)), tuple((min(a, 0), min(b, 0)) for a, b in grid.padding)
    seen = windows(x, size, stride, padding, dilation)  # (..., *size, *places)
    lead = seen.shape[: x.ndim - len(size)]
    return largest(reshape(seen, (*lead, math.prod(size), *grid.places)), len(lead)).values


@op(differentiable=False)
def max_pool_indices(x: Value, /, size: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1) -> Value:
    """Where the largest element of each window is, the first of equal ones: (..., *axes) -> (..., *places), int64.

    An index counts the elements of the last axes row by row, as in PyTorch. Arguments and errors are those of
    `max_pool`.
    """
    return kernels.max_pool_indices(x, size, stride, padding, dilation)


max_pool.kernel(kernels.max_pool, kernels.max_pool_backward)

"""Running products, maxima, minima and logarithms of sums, in about log2(n) passes: after each, an element knows twice
as many before it.

This is the scan of Hillis and Steele (1986). CuPy has no `ufunc.accumulate`, so it serves both libraries; and the
gradient of a running product never divides by a factor, so it is exact with any number of zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import Value, op
from ..backend import xp
from .composite import composite
from .copying import astype, clone, contiguous, converted
from .indexing import Ordered, gather
from .shape import axes_over, cat, swapaxes

__all__ = ["cummax", "cummin", "cumprod"]


@composite
def cumprod(x: Value, axis: int, *, dtype: Any = None) -> Value:
    """The running product along an axis: result[i] = x[0] * ... * x[i].

    axis: an int (also `dim`).  dtype: convert x to this dtype first; None (the default) for x's own,
    but int64 for bools and integers. The result has x's shape. Raises IndexError for an axis out of range.

        tl.cumprod(tl.tensor([1.0, 2.0, 3.0]), axis=0)      # tensor([1., 2., 6.])
    """
    y = converted(x, dtype)
    y = astype(y, np.int64) if dtype is None and y.dtype.kind in "iub" else y
    if not axes_over(x.ndim, axis):
        return clone(y)
    y = swapaxes(clone(y), 0, axis)
    step = 1
    while step < y.shape[0]:
        y = cat([y[:step], y[step:] * y[:-step]])
        step *= 2
    return contiguous(swapaxes(y, 0, axis))


@composite
def cummax(x: Value, axis: int) -> Ordered:
    """The largest element so far along an axis: a named pair (values, indices), as in PyTorch.

    axis: an int (also `dim`). Of equal elements the last counts, and takes the gradient; from the first nan on, all
    are nan. Raises IndexError for an axis out of range.

        tl.cummax(tl.tensor([1.0, 3.0, 2.0]), axis=0).values        # tensor([1., 3., 3.])
    """
    return _chosen(x, axis, largest=True)


@composite
def cummin(x: Value, axis: int) -> Ordered:
    """The smallest element so far along an axis: a named pair (values, indices), as in PyTorch.

    axis: an int (also `dim`). Of equal elements the last counts, and takes the gradient; from the first nan on, all
    are nan. Raises IndexError for an axis out of range.

        tl.cummin(tl.tensor([3.0, 1.0, 2.0]), axis=0).indices       # tensor([0, 1, 1])
    """
    return _chosen(x, axis, largest=False)


def _chosen(x: Value, axis: int, largest: bool) -> Ordered:
    indices = argcum(x, axis=axis, largest=largest)
    return Ordered(gather(x, axis, indices) if x.ndim else clone(x), indices)


@op(differentiable=False)
def argcum(x: Value, /, axis: int, largest: bool) -> Value:
    """The indices of `cummax` or `cummin`, as int64."""
    lib = xp(x)
    if not axes_over(x.ndim, axis):
        return lib.zeros((), np.int64)
    best = x.swapaxes(0, axis)
    n = best.shape[0]
    places = lib.zeros(best.shape, np.int64) + lib.arange(n).reshape(n, *[1] * (x.ndim - 1))
    step = 1
    while step < n:
        old, new = best[:-step], best[step:]
        better = ((new >= old) if largest else (new <= old)) | (new != new)  # only nan differs from itself
        best = lib.concatenate([best[:step], lib.where(better, new, old)])
        places = lib.concatenate([places[:step], lib.where(better, places[step:], places[:-step])])
        step *= 2
    return lib.ascontiguousarray(places.swapaxes(0, axis))

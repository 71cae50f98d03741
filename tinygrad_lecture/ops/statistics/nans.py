"""Reductions that leave nan out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.op import Value
from ...backend import xp
from ...traced import Traced
from ..composite import composite
from ..elementwise import clone, converted, isnan, logical_not, where
from ..indexing import Ordered, argsort, gather, getitem
from ..reduction import Axes, sum
from ..selection import median
from ..shape import normal_axes, squeeze

__all__ = ["nanmean", "nanmedian", "nansum"]


@composite
def nansum(x: Value, axis: Axes = None, keepdims: bool = False, *, dtype: Any = None) -> Value:
    """The sum of the elements that are not nan; 0 if there are none. nans get gradient 0.

    axis (also `dim`): an int, a tuple, or None for all.  keepdims (also `keepdim`): keep the axes, with size 1.
    dtype: convert x to this dtype first; None (the default) for x's own.

        tl.nansum(tl.tensor([1.0, float("nan"), 2.0]))      # tensor(3.)
    """
    x = converted(x, dtype)
    return sum(where(isnan(x), 0, x) if x.dtype.kind == "f" else x, axis, keepdims)


@composite
def nanmean(x: Value, axis: Axes = None, keepdims: bool = False, *, dtype: Any = None) -> Value:
    """The mean of the elements that are not nan; nan if there are none. nans get gradient 0.

    axis (also `dim`): an int, a tuple, or None for all.  keepdims (also `keepdim`): keep the axes, with size 1.
    dtype: convert x to this dtype first; None (the default) for x's own.

        tl.nanmean(tl.tensor([1.0, float("nan"), 2.0]))     # tensor(1.5000)
    """
    x = converted(x, dtype)
    with np.errstate(all="ignore"):
        return nansum(x, axis, keepdims) / sum(logical_not(isnan(x)), axis, keepdims)


@composite
def nanmedian(x: Value, axis: int | None = None, keepdims: bool = False) -> Any:
    """The median of the elements that are not nan, of two middle elements the lower; nan if there are none.

    axis (also `dim`): an int, for a named pair (values, indices) as in PyTorch; None for the median of all elements.
    keepdims (also `keepdim`): keep the axis, with size 1. Gradients are those of `median`.

        tl.nanmedian(tl.tensor([1.0, float("nan"), 2.0]))       # tensor(1.)
    """
    nans = isnan(x)
    if axis is None:
        array = nans._array if isinstance(nans, Traced) else nans
        return sum(x) if bool(array.all()) else median(getitem(x, logical_not(nans)))
    if x.ndim == 0:
        return Ordered(clone(x), argsort(x, axis))
    (axis,) = normal_axes(x.ndim, axis)
    count = sum(logical_not(nans), axis, keepdims=True)
    plain = count._array if isinstance(count, Traced) else count
    middle = xp(plain).maximum(plain - 1, 0) // 2
    indices = gather(argsort(x, axis), axis, middle)
    values = gather(x, axis, indices)
    return Ordered(values, indices) if keepdims else Ordered(squeeze(values, axis), squeeze(indices, axis))

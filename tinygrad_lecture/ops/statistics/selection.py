"""max, min, median and mode along an axis, with indices as in PyTorch.

Along an axis the result is a named pair (values, indices). The values are picked at the indices, so the whole gradient
goes to the element that the index names. Without an axis the result is the value alone, and ties share its gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd.op import Op, Value, op
from ...backend import is_array, xp
from ...errors import brief
from ...traced import Traced
from ..composite import composite
from ..copying import clone
from ..elementary import maximum, minimum
from ..indexing import Ordered, along, argsort, gather, getitem
from ..reduction import amax, amin, argmax, argmin, middle
from ..shape import normal_axes, squeeze

__all__ = ["max", "median", "min", "mode"]


@composite
def max(x: Value, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest element or, along an axis, a named pair (values, indices), as in PyTorch. max(x, y) is `maximum`.

    axis (also `dim`): an int; None for the largest of all.  keepdims (also `keepdim`): keep the axis, with size 1.
    The first of equal elements is picked, and gets the whole gradient; without an axis, equal elements share it. A nan
    counts as the largest. For the values alone, or several axes, see `amax`. Raises ValueError if there are no
    elements, IndexError for an axis out of range, TypeError for several axes.

        x = tl.tensor([[1.0, 2.0], [5.0, 4.0]])
        tl.max(x)                       # tensor(5.)
        tl.max(x, axis=1).values        # tensor([2., 5.])
        tl.max(x, axis=1).indices       # tensor([1, 0])
    """
    return _extreme(x, axis, keepdims, amax, argmax, maximum)


@composite
def min(x: Value, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest element or, along an axis, a named pair (values, indices), as in PyTorch. min(x, y) is `minimum`.

    axis (also `dim`): an int; None for the smallest of all.  keepdims (also `keepdim`): keep the axis, with size 1.
    The first of equal elements is picked, and gets the whole gradient; without an axis, equal elements share it. A nan
    counts as the smallest. For the values alone, or several axes, see `amin`. Raises ValueError if there are no
    elements, IndexError for an axis out of range, TypeError for several axes.

        x = tl.tensor([[1.0, 2.0], [5.0, 4.0]])
        tl.min(x)                       # tensor(1.)
        tl.min(x, axis=1).values        # tensor([1., 4.])
        tl.min(x, axis=1).indices       # tensor([0, 1])
    """
    return _extreme(x, axis, keepdims, amin, argmin, minimum)


def _extreme(x: Value, axis: Any, keepdims: bool, value: Op[Any], index: Op[Any], elementwise: Op[Any]) -> Any:
    """`max` or `min`, from the ops for its value and its index, and the elementwise op for two tensors."""
    if isinstance(axis, Traced) or is_array(axis):
        return elementwise(x, axis)
    if axis is None and not keepdims:
        return value(x)
    return _picked(x, _one_axis(axis, f"for the values alone there is {value.name}"), keepdims, index)


def _one_axis(axis: Any, otherwise: str = "give one") -> int:
    """The axis. Raises TypeError unless it is an int."""
    if not hasattr(axis, "__index__"):
        raise TypeError(f"axis must be one int, such as 0 or -1, not {brief(axis)}; {otherwise}")
    return int(axis)


def _picked(x: Value, axis: int, keepdims: bool, index: Callable[..., Any]) -> Ordered:
    """The elements of x at index(x, axis, keepdims=True), with these indices."""
    if x.ndim == 0:
        return Ordered(clone(x), index(x, axis))
    indices = index(x, axis, keepdims=True)
    if keepdims:
        return Ordered(gather(x, axis, indices), indices)
    if x.ndim == 1:  # one number as an index gives a view, and the values are to be a copy
        return Ordered(squeeze(gather(x, axis, indices), axis), squeeze(indices, axis))
    index_of_each = tuple(xp(part).squeeze(part, axis) for part in along(x.shape, axis, indices))
    return Ordered(getitem(x, index_of_each), squeeze(indices, axis))


@composite
def median(x: Value, axis: int | None = None, keepdims: bool = False) -> Any:
    """The median, of two middle elements the lower, or along an axis a named pair (values, indices), as in PyTorch.

    axis (also `dim`): an int; None for the median of all elements.  keepdims (also `keepdim`): keep the axis, with
    size 1. The median is nan if there is a nan. Along an axis the element that the index names gets the whole gradient;
    without one, equal elements share it. Raises ValueError if there are no elements, IndexError for an axis out of
    range.

        x = tl.tensor([[3.0, 1.0, 2.0], [6.0, 4.0, 5.0]])
        tl.median(x)                    # tensor(3.)
        tl.median(x, axis=1).values     # tensor([2., 5.])
        tl.median(x, axis=1).indices    # tensor([2, 2])
    """
    return middle(x) if axis is None and not keepdims else _picked(x, _one_axis(axis), keepdims, argmedian)


@composite
def mode(x: Value, axis: int = -1, keepdims: bool = False) -> Ordered:
    """The commonest element along an axis, of equally common ones the smallest: a named pair (values, indices).

    axis (also `dim`): an int, the last by default.  keepdims (also `keepdim`): keep the axis, with size 1. The last of
    the equal elements is picked, and gets the whole gradient. Raises ValueError if there are no elements, IndexError
    for an axis out of range.

        tl.mode(tl.tensor([3, 1, 3, 1, 2])).values      # tensor(1)
        tl.mode(tl.tensor([3, 1, 3, 1, 2])).indices     # tensor(3)
    """
    return _picked(x, _one_axis(axis), keepdims, argmode)


@op(differentiable=False)
def argmedian(x: Value, /, axis: int, keepdims: bool = False) -> Value:
    """The index of the median along an axis: that of the first nan, if there is one."""
    if x.ndim == 0:
        return argmax(x, axis)
    lib, m = xp(x), (_nonempty(x, axis) - 1) // 2
    indices = lib.swapaxes(lib.swapaxes(argsort(x, axis), axis, 0)[m : m + 1], axis, 0)
    nans = lib.isnan(x)
    indices = lib.where(nans.any(axis=axis, keepdims=True), argmax(nans, axis, True), indices)
    return indices if keepdims else lib.squeeze(indices, axis)


@op(differentiable=False)
def argmode(x: Value, /, axis: int, keepdims: bool = False) -> Value:
    """The index of the last of the commonest elements along an axis."""
    if x.ndim == 0:
        return argmax(x, axis)
    lib, n = xp(x), _nonempty(x, axis)
    order = lib.swapaxes(argsort(x, axis), axis, -1)
    ordered = gather(lib.swapaxes(x, axis, -1), -1, order)
    run = lib.zeros(ordered.shape, np.int64)  # how many elements before it are equal to this one
    for k in range(1, n):
        equal = ordered[..., k:] == ordered[..., :-k]
        if not equal.any():
            break
        run[..., k:] += equal
    indices = lib.swapaxes(gather(order, -1, argmax(run, -1, True)), axis, -1)
    return indices if keepdims else lib.squeeze(indices, axis)


def _nonempty(x: Value, axis: int) -> int:
    """The size of an axis. Raises ValueError if it is 0, IndexError if there is no such axis."""
    (own,) = normal_axes(x.ndim, axis)
    if not x.shape[own]:
        raise ValueError(f"axis {axis} of shape {x.shape} has no elements to choose from")
    return int(x.shape[own])

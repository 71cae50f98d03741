"""Sorting, and the elements that stand at some place in order: topk, max, min and median.

Along an axis the result is a named pair (values, indices). The values are gathered at the indices, so the whole
gradient goes to the element that the index names. Without an axis, `max`, `min` and `median` give the value alone, and
ties share its gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..autograd.op import Op, Value, op
from ..backend import device_of, is_array, move, to_host, xp
from ..errors import brief, refuse_several
from ..tensor_base import TensorBase, array_of, wrap
from .composite import composite
from .elementwise import maximum, minimum
from .indexing import along, gather, getitem
from .reduction import amax, amin, argmax, argmin, lower_median, nothing_to_choose
from .shape import clone, contiguous, normal_axes, numpy_axis, scalar_as_vector, squeeze

__all__ = ["argsort", "max", "median", "min", "sort", "topk", "unique"]


class Ordered(NamedTuple):
    """The result of `sort`, `topk`, `max` and others: values, and their indices in x along the axis, as int64."""

    values: Any
    indices: Any


@op(differentiable=False)
def argsort(x: Value, /, axis: int = -1, descending: bool = False, stable: bool = True) -> Value:
    """The indices that sort x along an axis, as int64, in x's shape.

    axis: an int (also `dim`), the last by default.  descending: largest first.  stable: for PyTorch's signature; equal
    elements always keep their order. nan counts as the largest. Raises IndexError for an axis out of range.

        tl.argsort(tl.tensor([3.0, 1.0, 2.0]))      # tensor([1, 2, 0])
    """
    lib = xp(x)
    if not x.ndim:
        numpy_axis(x, axis)  # raises for an axis that a 0-d tensor does not have
        return lib.zeros((), np.int64)
    kind = {"kind": "stable"} if lib is np else {}  # CuPy's sort always is
    if not descending:
        return lib.argsort(x, axis=axis, **kind)
    backwards = lib.argsort(lib.flip(x, axis), axis=axis, **kind)
    return x.shape[axis] - 1 - lib.flip(backwards, axis)


@composite
def sort(x: Value, axis: int = -1, descending: bool = False, stable: bool = True) -> Ordered:
    """x sorted along an axis: a named pair (values, indices), as in PyTorch.

    Arguments, order and errors are those of `argsort`: axis (also `dim`), descending, stable. Each gradient goes back
    to the element that its value came from.

        tl.sort(tl.tensor([3.0, 1.0, 2.0])).values      # tensor([1., 2., 3.])
    """
    if x.ndim == 0:
        return Ordered(clone(x), argsort(x, axis))
    indices = argsort(x, axis, descending)
    return Ordered(gather(x, axis, indices), indices)


@composite
@scalar_as_vector
def topk(x: Value, k: int, axis: int = -1, largest: bool = True, sorted: bool = True) -> Ordered:
    """The k largest elements along an axis, largest first: a named pair (values, indices), as in PyTorch.

    axis: an int (also `dim`), the last by default.  largest: False for the k smallest, smallest first.
    sorted: for PyTorch's signature; they always are. Of equal elements the first in x comes first.
    Raises ValueError for k outside 0 to the axis's size, IndexError for an axis out of range.

        values, indices = tl.topk(tl.tensor([3.0, 1.0, 2.0]), 2)
        values          # tensor([3., 2.])
        indices         # tensor([0, 2])
    """
    (axis,) = normal_axes(x.ndim, axis)
    if not 0 <= k <= x.shape[axis]:
        raise ValueError(f"k must be from 0 to {x.shape[axis]}, the size of axis {axis} of shape {x.shape}, not {k}")
    indices = contiguous(argsort(x, axis, largest)[(*[slice(None)] * axis, slice(k))])
    return Ordered(gather(x, axis, indices), indices)


# --- max, min, median -----------------------------------------------------------------------------------------


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
    if isinstance(axis, TensorBase) or is_array(axis):
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
    return lower_median(x) if axis is None and not keepdims else _picked(x, _one_axis(axis), keepdims, argmedian)


@op(differentiable=False)
def argmedian(x: Value, /, axis: int, keepdims: bool = False) -> Value:
    """The index of the median along an axis: that of the first nan, if there is one."""
    if x.ndim == 0:
        return argmax(x, axis)
    lib, m = xp(x), (x.shape[axis] - 1) // 2
    indices = lib.swapaxes(lib.swapaxes(argsort(x, axis), axis, 0)[m : m + 1], axis, 0)
    nans = lib.isnan(x)
    indices = lib.where(nans.any(axis=axis, keepdims=True), argmax(nans, axis, True), indices)
    return indices if keepdims else lib.squeeze(indices, axis)


argmedian.explains(nothing_to_choose)


# --- different elements -------------------------------------------------------------------------------------


@composite
def unique(x: Value, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False) -> Any:
    """The different elements of x, sorted, as a vector of shape (count,). Backward through it raises.

    sorted: for PyTorch's signature; they always are.
    return_inverse: return as well where each element of x is among them.  return_counts: and how often each occurs.

        x = tl.tensor([3, 1, 3])
        tl.unique(x)                                        # tensor([1, 3])
        tl.unique(x, return_inverse=True)[1]                # tensor([1, 0, 1])
        tl.unique(x, return_counts=True)[1]                 # tensor([1, 2])
    """
    refuse_several("unique", [x])
    array = array_of(x)
    look_up: Any = np.unique  # the types of its results depend on its arguments
    found = look_up(to_host(array), False, return_inverse, return_counts, equal_nan=False)
    parts = [move(part, device_of(array)) for part in (found if isinstance(found, tuple) else (found,))]
    if return_inverse:
        parts[1] = parts[1].reshape(array.shape)
    if isinstance(x, TensorBase):
        parts = [without_backward(x, values=parts[0], name="unique"), *map(wrap, parts[1:])]
    return tuple(parts) if len(parts) > 1 else parts[0]


@op
def without_backward(x: Value, /, values: Value, name: str) -> Value:
    """values, which the function `name` found in x: they require grad if x does, but backward through them raises."""
    return values


@without_backward.backward
def _(g: Value, name: str) -> Value:
    raise NotImplementedError(f"{name} has no backward rule; where no gradient is needed, pass x.detach()")

"""Quantiles, covariance, reductions that leave nan out, differences; counts and sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import Value, op
from ..backend import device_of, move, to_host, xp
from ..errors import refuse_several
from ..tensor_base import TensorBase, array_of, wrap, wrap_like
from .basics import matmul, sum
from .comparison import logical_not
from .composite import composite, without_gradient
from .copying import as_floats, astype, converted, where
from .elementwise import isnan
from .gather_scatter import gather
from .indexing import add_at
from .reduction import centred
from .shape import Axes, cat, moveaxis, normal_axes, reshape, squeeze, swapaxes, unsqueeze
from .sorting import sort

__all__ = [
    "bincount", "bucketize", "count_nonzero", "cov", "diff", "isin", "nanmean", "nansum", "quantile",
    "searchsorted", "unique", "unique_consecutive",
]  # fmt: skip


@composite
def quantile(
    x: Value, q: Any, axis: int | None = None, keepdims: bool = False, *, interpolation: str = "linear"
) -> Value:
    """The q-th quantile: the number below which the part q of the elements lies; 0.5 is the median.

    q: a number from 0 to 1, or a vector of them, which becomes the first axis of the result. A Tensor gets gradients.
    axis (also `dim`): an int; None for all elements.  keepdims (also `keepdim`): keep the axis, with size 1.
    interpolation: what to take between two elements: "linear" (the default), "lower", "higher", "midpoint", "nearest".
    nan if there is a nan. Raises ValueError for a q outside 0 to 1, another interpolation, and for no elements.

        tl.quantile(tl.tensor([1.0, 2.0, 3.0, 4.0]), 0.5)       # tensor(2.5000)
    """
    wanted = np.asarray(to_host(array_of(q)), np.float64)
    if wanted.ndim > 1 or not ((wanted >= 0) & (wanted <= 1)).all():
        raise ValueError(f"q must be a number from 0 to 1, or a vector of them, not {q!r}")
    x, kept = as_floats(x), (1,) * x.ndim
    if axis is None or x.ndim == 0:
        x, axis = reshape(x, (-1,)), 0
    (axis,) = normal_axes(x.ndim, axis)
    if not x.shape[axis]:
        raise ValueError(f"axis {axis} of shape {x.shape} has no elements")
    rows = sort(moveaxis(x, axis, -1), -1).values  # (..., n), nans last
    flat = reshape(q, (-1,)) if isinstance(q, TensorBase) else move(wanted.reshape(-1), device_of(array_of(x)))
    found = _between(rows, flat, interpolation)  # (..., k)
    result = moveaxis(found, -1, 0)  # (k, ...)
    if keepdims:
        result = reshape(result, (-1, *kept)) if found.ndim == 1 else unsqueeze(result, axis + 1)
    return result if wanted.ndim else squeeze(result, 0)


def _between(rows: Value, q: Any, interpolation: str) -> Value:
    """The quantiles q, (k,), of sorted rows (..., n): (..., k)."""
    array, parts = array_of(rows), array_of(q)
    lib = xp(array)
    last = array.shape[-1] - 1
    place = lib.zeros((*array.shape[:-1], parts.size)) + parts * last  # (..., k)
    low, high = lib.floor(place), lib.ceil(place)
    if interpolation == "nearest":
        low = high = lib.rint(place)
    elif interpolation in ("lower", "higher"):
        low = high = low if interpolation == "lower" else high
    elif interpolation not in ("linear", "midpoint"):
        raise ValueError(
            f'interpolation must be "linear", "lower", "higher", "midpoint" or "nearest", not {interpolation!r}'
        )
    below = gather(rows, -1, low.astype(np.int64))
    above = gather(rows, -1, high.astype(np.int64))
    part = astype(q * last - low, array.dtype)
    part = 0.5 * (high > low).astype(array.dtype) if interpolation == "midpoint" else part
    with np.errstate(invalid="ignore"):  # inf - inf is nan
        result = below + where(part == 0, 0, (above - below) * part)
    return where(isnan(rows[..., -1:]), rows[..., -1:], result)


# --- without nans -------------------------------------------------------------------------------------------


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


# --- covariance ---------------------------------------------------------------------------------------------


@composite
def cov(x: Value, correction: float = 1) -> Value:
    """The covariance matrix of variables: x (n, observations) -> (n, n); of one, its variance, ().

    correction: 1 for the unbiased estimate (default), 0 for the mean. Raises ValueError for more than two axes.

        tl.cov(tl.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))       # tensor([[ 1., -1.], [-1.,  1.]])
    """
    if x.ndim > 2:
        raise ValueError(f"needs a matrix (variables, observations), not shape {x.shape}")
    rows = reshape(x, (1, -1)) if x.ndim < 2 else x
    y = centred(rows, 1)
    product = matmul(y, swapaxes(y, 0, 1)) / (rows.shape[1] - correction)
    return product if rows.shape[0] > 1 else reshape(product, ())


# --- differences --------------------------------------------------------------------------------------------


@composite
def diff(x: Value, n: int = 1, axis: int = -1, prepend: Value = None, append: Value = None) -> Value:
    """The differences of neighbours along an axis, n times over: x[i + 1] - x[i].

    axis (also `dim`): an int, the last by default.  prepend, append: tensors to join to x along it first, or None.
    The axis gets shorter by n, as in (..., m) -> (..., m - n); 0 gives x alone. Differences of bools say where
    neighbours differ. Raises IndexError for an axis out of range, ValueError for n < 0.

        tl.diff(tl.tensor([1, 4, 9, 16]))           # tensor([3, 5, 7])
        tl.diff(tl.tensor([1, 4, 9, 16]), n=2)      # tensor([2, 2])
    """
    if n < 0:
        raise ValueError(f"n must be 0 or more, not {n}")
    parts = [part for part in (prepend, x, append) if part is not None]
    x = cat(parts, axis) if n and len(parts) > 1 else x
    for _ in range(n):
        front = (slice(None),) * normal_axes(x.ndim, axis)[0]
        before, after = x[(*front, slice(None, -1))], x[(*front, slice(1, None))]
        x = after != before if x.dtype.kind == "b" else after - before
    return x


# --- counts and sets ----------------------------------------------------------------------------------------


@composite
def bincount(x: Value, weights: Value = None, minlength: int = 0) -> Value:
    """How often each integer from 0 to the largest occurs in a vector, as int64; with weights, their sums.

    x: integers, 0 or more.  weights: a number for each element of x, integers as float64; None (the default) counts 1
    for each.
    minlength: the result has at least this many elements; 0 by default. Gradients flow to the weights.
    Raises ValueError for other shapes, negative integers and another number of weights, TypeError for floats.

        tl.bincount(tl.tensor([1, 3, 1]))       # tensor([0, 2, 0, 1])
    """
    array = array_of(x)
    if array.dtype.kind not in "iu":
        raise TypeError(f"needs integers, not {array.dtype}; convert with .long()")
    if array.ndim != 1 or (weights is not None and weights.shape != array.shape):
        raise ValueError(
            f"needs a vector and weights of its shape, not {array.shape}, {getattr(weights, 'shape', None)}"
        )
    least, largest = (int(array.min()), int(array.max())) if array.size else (0, -1)
    if least < 0:
        raise ValueError(f"needs integers of 0 or more, but there is {least}")
    lib, n = xp(array), max(largest + 1, minlength)
    if weights is None:
        return wrap_like(x, add_at(lib.zeros(n, np.int64), lib.ones(array.shape, np.int64), (array,)))
    weights = weights if weights.dtype.kind == "f" else weights.astype(np.float64)
    return add_at(wrap_like(x, lib.zeros(n, weights.dtype)), weights, (array,))


@composite
def count_nonzero(x: Value, axis: Axes = None) -> Value:
    """How many elements are not 0, over axes, as int64, in x's shape without these axes.

    axis (also `dim`): an int, a tuple, or None for all.

    tl.count_nonzero(tl.tensor([[0, 1], [2, 3]]), dim=1)        # tensor([1, 2])
    """
    return sum(x != 0, axis)


@composite
def unique_consecutive(
    x: Value, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None
) -> Any:
    """The first of each run of equal elements or, along an axis (also `dim`), of equal slices; None is the flattened x.

    The result is a vector or, along an axis, has x's shape but for that axis. Backward through it raises.
    return_inverse: return as well the run that each element belongs to.  return_counts: and the length of each run.

        tl.unique_consecutive(tl.tensor([1, 1, 2, 1]))      # tensor([1, 2, 1])
    """
    array = array_of(x)
    rows = to_host(array).reshape(-1) if axis is None else np.moveaxis(to_host(array), axis, 0)
    differs = (rows[1:] != rows[:-1]).any(axis=tuple(range(1, rows.ndim)))
    first = np.concatenate([np.ones(min(len(rows), 1), bool), differs])
    run = np.cumsum(first) - 1
    found = rows[first] if axis is None else np.moveaxis(rows[first], 0, axis)
    parts = [found]
    if return_inverse:
        parts.append(run.reshape(array.shape) if axis is None else run)
    if return_counts:
        parts.append(np.bincount(run, minlength=int(first.sum())))
    return _found(x, parts, "unique_consecutive")


def _found(x: Value, parts: list[Any], name: str) -> Any:
    """What a function found in x on the host, on x's device. Backward through the first part, x's elements, raises."""
    device = device_of(array_of(x))
    moved = [move(part.copy(), device) for part in parts]
    if isinstance(x, TensorBase):
        moved = [without_gradient(x, values=moved[0], name=name), *map(wrap, moved[1:])]
    return tuple(moved) if len(moved) > 1 else moved[0]


@composite
def unique(
    x: Value, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None
) -> Any:
    """The different elements of x, sorted or, along an axis, its different slices.

    The result is a vector or, along an axis, has x's shape but for that axis. Backward through it raises.

    sorted: for PyTorch's signature; they always are.  axis (also `dim`): an int, or None for the flattened x.
    return_inverse: return as well where each element of x is among them.  return_counts: and how often each occurs.

        x = tl.tensor([3, 1, 3])
        tl.unique(x)                                        # tensor([1, 3])
        tl.unique(x, return_inverse=True)[1]                # tensor([1, 0, 1])
        tl.unique(x, return_counts=True)[1]                 # tensor([1, 2])
    """
    refuse_several("unique", [x])
    array = array_of(x)
    look_up: Any = np.unique  # the types of its results depend on its arguments
    found = look_up(to_host(array), False, return_inverse, return_counts, axis, equal_nan=False)
    parts = list(found) if return_inverse or return_counts else [found]
    if return_inverse:
        parts[1] = parts[1].reshape(array.shape if axis is None else -1)
    return _found(x, parts, "unique")


@op(differentiable=False, casts=True)
def searchsorted(sorted_sequence: Value, values: Value, /, right: bool = False, side: str | None = None) -> Value:
    """Where each value would be inserted into sorted numbers so that they stay sorted, as int64.

    sorted_sequence: a vector, or (..., n) with a row of sorted numbers for each row of values, (..., m).
    right: False for the first such place, before equal elements; True for the last.  side: the same as "left", "right".
    Raises ValueError for shapes that do not fit.

        tl.searchsorted(tl.tensor([1, 3, 5]), tl.tensor([3, 6]))        # tensor([1, 3])
    """
    lib = xp(sorted_sequence, values)
    if side not in (None, "left", "right"):
        raise ValueError(f'searchsorted: side must be "left" or "right", not {side!r}')
    values = lib.asarray(values)
    after = right or side == "right"
    if sorted_sequence.ndim == 1:
        flat = lib.searchsorted(sorted_sequence, values.reshape(-1), "right" if after else "left")
        return flat.reshape(values.shape).astype(np.int64)
    if sorted_sequence.shape[:-1] != values.shape[:-1]:
        raise ValueError(f"searchsorted: rows of shape {sorted_sequence.shape} do not fit values of {values.shape}")
    rows, wanted = sorted_sequence[..., None, :], values[..., None]  # (..., 1, n), (..., m, 1)
    return ((rows <= wanted) if after else (rows < wanted)).sum(axis=-1)


@composite
def bucketize(x: Value, boundaries: Value, right: bool = False) -> Value:
    """The number of the bucket between sorted boundaries that each element falls into: `searchsorted` the other way.

    boundaries: a vector, or (..., n) with a row for each row of x.  right: whether a bucket includes its left boundary
    instead of its right one. The result has x's shape, int64. Raises ValueError for shapes that do not fit.

        tl.bucketize(tl.tensor([3, 6]), tl.tensor([1, 3, 5]))       # tensor([1, 3])
    """
    return searchsorted(boundaries, x, right=right)


@op(differentiable=False)
def isin(elements: Value, test_elements: Value, /, assume_unique: bool = False, invert: bool = False) -> Value:
    """Whether each element is among the test elements, as bools in the shape of `elements`.

    assume_unique: for PyTorch's signature.  invert: whether it is not.

        tl.isin(tl.tensor([1, 2, 3]), tl.tensor([2, 4]))        # tensor([False,  True, False])
    """
    return xp(elements, test_elements).isin(elements, test_elements, invert=invert)

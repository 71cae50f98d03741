"""Quantiles, covariance, reductions that leave nan out, and differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.op import Value
from ...backend import Array, device_of, is_array, move, to_host, xp
from ...errors import brief
from ...traced import Traced
from ..basics import matmul, sum
from ..composite import composite
from ..copying import astype, converted, where
from ..elementary import isnan, logical_not, sqrt
from ..elementwise import clip
from ..indexing import diagonal, gather, sort
from ..reduction import mean
from ..shape import Axes, cat, moveaxis, normal_axes, reshape, squeeze, swapaxes, unsqueeze

__all__ = ["corrcoef", "cov", "diff", "nanmean", "nansum", "quantile"]


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
    wanted = np.asarray(to_host(q._array) if isinstance(q, Traced) else to_host(q) if is_array(q) else q, np.float64)
    if wanted.ndim > 1 or not ((wanted >= 0) & (wanted <= 1)).all():
        raise ValueError(f"q must be a number from 0 to 1, or a vector of them, not {q!r}")
    kept = (1,) * x.ndim
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    elif x.ndim == 0:
        x, axis = reshape(x, (1,)), 0
    (axis,) = normal_axes(x.ndim, axis)
    if not x.shape[axis]:
        raise ValueError(f"axis {axis} of shape {x.shape} has no elements")
    rows = sort(moveaxis(x, axis, -1), -1).values  # (..., n), nans last
    flat = reshape(q, (-1,)) if isinstance(q, Traced) else move(wanted.reshape(-1), device_of(_array_of(x)))
    found = _between(rows, flat, interpolation)  # (..., k)
    result = moveaxis(found, -1, 0)  # (k, ...)
    if keepdims:
        result = reshape(result, (-1, *kept)) if found.ndim == 1 else unsqueeze(result, axis + 1)
    return result if wanted.ndim else squeeze(result, 0)


def _between(rows: Value, q: Any, interpolation: str) -> Value:
    """The quantiles q, (k,), of sorted rows (..., n): (..., k)."""
    array, parts = _array_of(rows), _array_of(q)
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


def _array_of(x: Value) -> Array:
    return x._array if isinstance(x, Traced) else x


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
def cov(x: Value, correction: float = 1, *, fweights: Value = None, aweights: Value = None) -> Value:
    """The covariance matrix of variables: x (n, observations) -> (n, n); of one, its variance, ().

    correction: 1 for the unbiased estimate (default), 0 for the mean.
    fweights: how often each observation counts, integers; aweights: how much. None for 1.
    Raises ValueError for more than two axes, and for weights that are negative or not one for each observation;
    TypeError for fweights that are not integers.

        tl.cov(tl.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))       # tensor([[ 1., -1.], [-1.,  1.]])
    """
    if x.ndim > 2:
        raise ValueError(f"needs a matrix (variables, observations), not shape {x.shape}")
    rows = reshape(x, (1, -1)) if x.ndim < 2 else x
    for name, each in (("fweights", fweights), ("aweights", aweights)):
        if each is not None and getattr(each, "shape", None) != rows.shape[1:]:
            raise ValueError(
                f"{name} must be a tensor with one for each of {rows.shape[1]} observations, not {brief(each)}"
            )
        on_host = device_of(each._array if isinstance(each, Traced) else each) == "cpu"  # a GPU would wait
        if each is not None and on_host and bool((each < 0).any()):
            raise ValueError(f"{name} must not be negative")
    if fweights is not None and fweights.dtype.kind not in "iub":
        raise TypeError(f"fweights must be integers, not {fweights.dtype}; fractions are aweights")
    if fweights is None and aweights is None:
        centred = rows - mean(rows, 1, keepdims=True)
        product = matmul(centred, swapaxes(centred, 0, 1)) / (rows.shape[1] - correction)
    else:
        weights = aweights if fweights is None else fweights if aweights is None else fweights * aweights
        total = sum(weights)
        centred = rows - sum(rows * weights, 1, keepdims=True) / total
        lost = correction if aweights is None else correction * (sum(weights * aweights) / total)
        product = matmul(centred * weights, swapaxes(centred, 0, 1)) / (total - lost)
    return product if rows.shape[0] > 1 else reshape(product, ())


@composite
def corrcoef(x: Value) -> Value:
    """The matrix of Pearson's correlation coefficients of variables: x (n, observations) -> (n, n); of one, 1.

    tl.corrcoef(tl.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))      # tensor([[ 1., -1.], [-1.,  1.]])
    """
    c = cov(x)
    with np.errstate(all="ignore"):  # of a variable that is constant: nan
        if c.ndim == 0:
            return c / c
        deviation = sqrt(diagonal(c))
        return clip(c / deviation[:, None] / deviation, -1, 1)


# --- differences and areas ----------------------------------------------------------------------------------


@composite
def diff(x: Value, n: int = 1, axis: int = -1, prepend: Value = None, append: Value = None) -> Value:
    """The differences of neighbours along an axis, n times over: x[i + 1] - x[i].

    axis (also `dim`): an int, the last by default.  prepend, append: tensors to join to x along it first, or None.
    Differences of bools say where neighbours differ. Raises IndexError for an axis out of range, ValueError for n < 0.

        tl.diff(tl.tensor([1, 4, 9, 16]))           # tensor([3, 5, 7])
        tl.diff(tl.tensor([1, 4, 9, 16]), n=2)      # tensor([2, 2])
    """
    if n < 0:
        raise ValueError(f"n must be 0 or more, not {n}")
    parts = [part for part in (prepend, x, append) if part is not None]
    x = cat(parts, axis) if len(parts) > 1 else x
    for _ in range(n):
        before, after = _neighbours(x, axis)
        x = after != before if x.dtype.kind == "b" else after - before
    return x


def _neighbours(x: Value, axis: int) -> tuple[Value, Value]:
    """x without its last, and x without its first slice along an axis."""
    (axis,) = normal_axes(x.ndim, axis)
    front = (slice(None),) * axis
    return x[(*front, slice(None, -1))], x[(*front, slice(1, None))]

"""Quantiles, with or without nans, and the k-th smallest element."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.op import Value
from ...backend import Array, device_of, is_array, move, to_host, xp
from ...traced import Traced
from ..arrangement import moveaxis
from ..composite import composite
from ..elementwise import astype, clone, contiguous, isnan, where
from ..indexing import Ordered, argsort, gather, sort
from ..shape import normal_axes, reshape, squeeze, unsqueeze

__all__ = ["kthvalue", "nanquantile", "quantile"]


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
    return _quantile(x, q, axis, keepdims, interpolation, ignore_nan=False)


@composite
def nanquantile(
    x: Value, q: Any, axis: int | None = None, keepdims: bool = False, *, interpolation: str = "linear"
) -> Value:
    """`quantile` of the elements that are not nan; q, axis (`dim`), keepdims (`keepdim`) and interpolation as there.

    tl.nanquantile(tl.tensor([1.0, float("nan"), 3.0]), 0.5)        # tensor(2.)
    """
    return _quantile(x, q, axis, keepdims, interpolation, ignore_nan=True)


def _quantile(x: Value, q: Any, axis: int | None, keepdims: bool, interpolation: str, ignore_nan: bool) -> Value:
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
    found = _between(rows, flat, interpolation, ignore_nan)  # (..., k)
    result = moveaxis(found, -1, 0)  # (k, ...)
    if keepdims:
        result = reshape(result, (-1, *kept)) if found.ndim == 1 else unsqueeze(result, axis + 1)
    return result if wanted.ndim else squeeze(result, 0)


def _between(rows: Value, q: Any, interpolation: str, ignore_nan: bool) -> Value:
    """The quantiles q, (k,), of sorted rows (..., n): (..., k)."""
    array, parts = _array_of(rows), _array_of(q)
    lib = xp(array)
    count = (~lib.isnan(array)).sum(axis=-1, keepdims=True) if ignore_nan else array.shape[-1]
    last = lib.maximum(count - 1, 0) if ignore_nan else count - 1
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
    nan = isnan(rows[..., -1:])
    return result if ignore_nan else where(nan, rows[..., -1:], result)


def _array_of(x: Value) -> Array:
    return x._array if isinstance(x, Traced) else x


@composite
def kthvalue(x: Value, k: int, axis: int = -1, keepdims: bool = False) -> Ordered:
    """The k-th smallest element along an axis, counted from 1: a named pair (values, indices), as in PyTorch.

    axis (also `dim`): an int, the last by default.  keepdims (also `keepdim`): keep the axis, with size 1.
    Raises ValueError for k outside 1 to the axis's size, IndexError for an axis out of range.

        tl.kthvalue(tl.tensor([3.0, 1.0, 2.0]), 2).values       # tensor(2.)
    """
    if x.ndim == 0 and k == 1:
        return Ordered(clone(x), argsort(x, axis))
    (axis,) = normal_axes(x.ndim, axis)
    if not 1 <= k <= x.shape[axis]:
        raise ValueError(f"k must be from 1 to {x.shape[axis]}, the size of axis {axis} of shape {x.shape}, not {k}")
    indices = contiguous(argsort(x, axis)[(*[slice(None)] * axis, slice(k - 1, k))])
    values = gather(x, axis, indices)
    return Ordered(values, indices) if keepdims else Ordered(squeeze(values, axis), squeeze(indices, axis))

"""Counts: of each integer, of elements in bins, of runs of equal elements. On a GPU, all wait for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.op import Value, op
from ...backend import device_of, move, to_host, xp
from ...traced import Traced, wrap
from ..composite import composite, without_gradient
from ..indexing import add_at
from ..reduction import Axes, sum

__all__ = ["bincount", "count_nonzero", "histc", "unique_consecutive"]


@composite
def bincount(x: Value, weights: Value = None, minlength: int = 0) -> Value:
    """How often each integer from 0 to the largest occurs in a vector, as int64; with weights, their sums.

    x: integers, 0 or more.  weights: a number for each element of x, integers as float64; None (the default) counts 1
    for each.
    minlength: the result has at least this many elements; 0 by default. Gradients flow to the weights.
    Raises ValueError for other shapes, negative integers and another number of weights, TypeError for floats.

        tl.bincount(tl.tensor([1, 3, 1]))       # tensor([0, 2, 0, 1])
    """
    array = x._array if isinstance(x, Traced) else x
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
        return _like(x, add_at(lib.zeros(n, np.int64), lib.ones(array.shape, np.int64), (array,)))
    weights = weights if weights.dtype.kind == "f" else weights.astype(np.float64)
    return add_at(_like(x, lib.zeros(n, weights.dtype)), weights, (array,))


def _like(x: Value, array: Value) -> Value:
    return wrap(array) if isinstance(x, Traced) else array


@composite
def count_nonzero(x: Value, axis: Axes = None) -> Value:
    """How many elements are not 0, over axes, as int64. axis (also `dim`): an int, a tuple, or None for all.

    tl.count_nonzero(tl.tensor([[0, 1], [2, 3]]), dim=1)        # tensor([1, 2])
    """
    return sum(x != 0, axis)


@op(differentiable=False)
def histc(x: Value, /, bins: int = 100, min: float = 0, max: float = 0) -> Value:
    """How many elements fall into each of `bins` intervals of one width from min to max, in x's dtype.

    Elements outside are not counted; one equal to max falls into the last. min, max: where they are equal, as by
    default, the smallest and the largest element are taken. Raises ValueError for bins < 1, max < min or nan and inf.

        tl.histc(tl.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)      # tensor([0., 2., 1., 0.])
    """
    lib = xp(x)
    low, high = float(min), float(max)
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if low == high:
        low, high = low - 1, high + 1
    if bins < 1 or not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"histc: needs at least one bin and min < max, both finite, not {bins} from {low} to {high}")
    flat = x.reshape(-1)
    inside = (flat >= low) & (flat <= high)
    places = lib.clip(lib.where(inside, (flat - low) * (bins / (high - low)), 0).astype(np.int64), 0, bins - 1)
    counts = lib.zeros(bins, np.int64)
    lib.add.at(counts, places, inside.astype(np.int64))
    return counts.astype(x.dtype)


@composite
def unique_consecutive(
    x: Value, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None
) -> Any:
    """The first of each run of equal elements or, along an axis (also `dim`), of equal slices; None is the flattened x.

    Backward through them raises.
    return_inverse: return as well the run that each element belongs to.  return_counts: and the length of each run.

        tl.unique_consecutive(tl.tensor([1, 1, 2, 1]))      # tensor([1, 2, 1])
    """
    array = x._array if isinstance(x, Traced) else x
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
    moved = [move(part.copy(), device_of(array)) for part in parts]
    if isinstance(x, Traced):
        moved = [without_gradient(x, values=moved[0], name="unique_consecutive"), *map(wrap, moved[1:])]
    return tuple(moved) if len(moved) > 1 else moved[0]

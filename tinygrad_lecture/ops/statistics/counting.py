"""Counts and sets: of integers and runs, the different elements, membership, and places in sorted numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.op import Value, op
from ...backend import device_of, move, to_host, xp
from ...traced import Traced, wrap
from ..basics import sum
from ..composite import composite, without_gradient
from ..indexing import add_at
from ..shape import Axes

__all__ = ["bincount", "bucketize", "count_nonzero", "isin", "searchsorted", "unique", "unique_consecutive"]


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
    return _found(x, parts, "unique_consecutive")


def _found(x: Value, parts: list[Any], name: str) -> Any:
    """What a function found in x on the host, on x's device. Backward through the first part, x's elements, raises."""
    device = device_of(x._array if isinstance(x, Traced) else x)
    moved = [move(part.copy(), device) for part in parts]
    if isinstance(x, Traced):
        moved = [without_gradient(x, values=moved[0], name=name), *map(wrap, moved[1:])]
    return tuple(moved) if len(moved) > 1 else moved[0]


@composite
def unique(
    x: Value, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None
) -> Any:
    """The different elements of x, sorted or, along an axis, its different slices. Backward through them raises.

    sorted: for PyTorch's signature; they always are.  axis (also `dim`): an int, or None for the flattened x.
    return_inverse: return as well where each element of x is among them.  return_counts: and how often each occurs.

        x = tl.tensor([3, 1, 3])
        tl.unique(x)                                        # tensor([1, 3])
        tl.unique(x, return_inverse=True)[1]                # tensor([1, 0, 1])
        tl.unique(x, return_counts=True)[1]                 # tensor([1, 2])
    """
    array = x._array if isinstance(x, Traced) else x
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

    right: whether a bucket includes its left boundary instead of its right one.

        tl.bucketize(tl.tensor([3, 6]), tl.tensor([1, 3, 5]))       # tensor([1, 3])
    """
    return searchsorted(boundaries, x, right=right)


@op(differentiable=False)
def isin(elements: Value, test_elements: Value, /, assume_unique: bool = False, invert: bool = False) -> Value:
    """Whether each element is among the test elements, as bools.

    assume_unique: for PyTorch's signature.  invert: whether it is not.

        tl.isin(tl.tensor([1, 2, 3]), tl.tensor([2, 4]))        # tensor([False,  True, False])
    """
    lib = xp(elements, test_elements)
    elements, test_elements = lib.asarray(elements), lib.asarray(test_elements).reshape(-1)
    if not test_elements.size:
        return lib.full(elements.shape, invert, bool)
    ordered = lib.sort(test_elements)
    places = lib.searchsorted(ordered, elements.reshape(-1)).reshape(elements.shape)
    found = ordered[lib.minimum(places, ordered.size - 1)] == elements
    return ~found if invert else found

"""Choosing by a mask, and adding at indices that may repeat."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, xp
from . import compiled
from .compiled import compiles


def where(condition: Any, a: Any, b: Any) -> Array:
    """a where the condition is true, else b, broadcast: what the library's own function gives, sooner if one is 0.

    Then, as in the rules of relu and max, it is a mask over the bits of the other. NumPy's `where` decides element by
    element; on a random condition that takes ten times as long. A product with the condition would be as fast as the
    mask, but inf * 0 is nan.
    """
    if type(condition) is np.ndarray and condition.dtype is _BOOL:
        for kept, other in ((a, b), (b, a)):
            if type(other) is int and other == 0 and type(kept) is np.ndarray and kept.dtype in _BITS:
                bits = _BITS[kept.dtype]
                mask = condition.astype(bits)
                if kept is a:
                    np.negative(mask, out=mask)  # 1 becomes -1, in which every bit is set
                else:
                    mask -= 1  # 0 becomes -1
                return (mask & kept.view(bits)).view(kept.dtype)
    return xp(condition, a, b).where(condition, a, b)


_BOOL = np.dtype(bool)
_BITS = {np.dtype(f"f{size}"): np.dtype(f"i{size}") for size in (2, 4, 8)}


def scatter_add(total: Array, index: tuple[Any, ...], values: Array) -> None:
    """Compute total[index] += values in place, where repeated indices add up.

    Rows, or slices along another axis, that one integer array selects, as in an embedding, are sorted and summed in
    runs: NumPy's `add.at` goes element by element. On the CPU the order of summation is fixed either way, so results
    repeat bit for bit.
    """
    axis = len(index) - 1
    rows: Any = index[axis] if index else None
    sliced = type(rows) is type(total) is np.ndarray and rows.dtype != bool
    sliced = sliced and all(isinstance(part, slice) and part == slice(None) for part in index[:axis])
    if sliced and axis == 0 and total.ndim > 1 and values.ndim > 1:
        _add_rows(total, rows, values, axis)
    elif sliced and axis > 0 and rows.ndim == 1 and values.ndim == total.ndim and values.shape[axis] == rows.size:
        _add_rows(total.swapaxes(0, axis), rows, values.swapaxes(0, axis), axis)
    else:
        xp(total).add.at(total, index, values)


def _add_rows(total: Array, rows: Array, values: Array, axis: int) -> None:
    """Compute total[rows] += values: sort the row numbers, then sum each run of equal ones.

    axis: what to call the axis of the rows in the IndexError for one that is out of range.
    """
    n = rows.size
    if n == 0:
        return
    wrong = [i for i in (int(rows.min()), int(rows.max())) if not -len(total) <= i < len(total)]
    if wrong:
        raise IndexError(f"index {wrong[0]} is out of bounds for axis {axis} with size {len(total)}")
    rows = rows.reshape(n) % len(total)
    values = values.reshape(n, *total.shape[1:])  # (n, ...row)
    if compiles(values, total):
        compiled.loops.add_rows(total.reshape(len(total), -1), rows, values.reshape(n, -1))
        return
    small = rows.astype(np.uint16) if len(total) <= 2**16 else rows  # which NumPy sorts by their digits
    order = np.argsort(small, kind="stable")
    rows, values = rows[order], values.take(order, axis=0)
    starts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
    if n < 16 * len(starts):
        sums = np.add.reduceat(values, starts, axis=0, dtype=values.dtype)  # of bools it would be int64
    else:  # a loop over long runs
        sums = np.stack([run.sum(axis=0, dtype=values.dtype) for run in np.split(values, starts[1:])])
    total[rows[starts]] += sums

"""Scatter-add: adding at indices that may repeat."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, xp


def scatter_add(total: Array, index: tuple[Any, ...], values: Array) -> None:
    """Compute total[index] += values in place, where repeated indices add up.

    Rows selected by one integer array, as in an embedding, are sorted and summed in runs: NumPy's `add.at` goes element
    by element. On the CPU the order of summation is fixed either way, so results repeat bit for bit.
    """
    first = index[0] if len(index) == 1 else None
    by_rows = type(first) is type(total) is np.ndarray and first.dtype != bool
    if by_rows and total.ndim > 1 and values.ndim > 1:
        _add_rows(total, index[0], values)
    else:
        xp(total).add.at(total, index, values)


def _add_rows(total: Array, rows: Array, values: Array) -> None:
    """Compute total[rows] += values: sort the row numbers, then sum each run of equal ones."""
    n = rows.size
    if n == 0:
        return
    rows = rows.reshape(n) % len(total)
    values = values.reshape(n, *total.shape[1:])  # (n, ...row)
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
    total[rows[starts]] += np.add.reduceat(values[order], starts, axis=0)

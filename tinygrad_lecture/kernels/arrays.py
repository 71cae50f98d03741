"""What is faster here than NumPy's own: products, sums of rows and columns, choosing by a mask, adding at indices.

A product of two large matrices is computed in chunks that threads share, each with one BLAS thread. On the CPU, BLAS
sums rows several times faster than NumPy's sum() and einsum().
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backend import Array, xp
from . import compiled
from .compiled import compiles, multiplied, size_of_a_piece
from .threads import blas_threads, one_thread, share

_SMALL = 100_000  # multiplications; below, NumPy is asked at once
_BLAS_ALONE = 524_288  # multiplications; OpenBLAS starts threads from here on, which then spin for a while
_BATCH_ALONE = 20_000  # elements; below, the same for a batch of products, and for a matrix by a vector
_COMPILED = 1_500_000  # multiplications; from here on, and for a row by a matrix, compiled code shares a product
_SHARED = 30_000_000  # multiplications; below, without Numba, waiting for another thread costs more than it saves


def product(a: Array, b: Array) -> Array:
    """a.dot(b), for (n, k) @ (k, m) -> (n, m)."""
    work = a.size * b.shape[-1]
    if work < _SMALL or type(a) is not np.ndarray or a.dtype.kind != "f" or not a.ndim == b.ndim == 2:
        return a.dot(b)  # the same as @, faster for small matrices
    if (work >= _COMPILED or a.shape[0] == 1) and (out := multiplied(a, b)) is not None:
        return out
    if work < _BLAS_ALONE:
        return a.dot(b)
    with one_thread:
        if work < _SHARED or a.dtype != b.dtype or blas_threads() is None:
            return a.dot(b)
        n, m = a.shape[0], b.shape[1]
        out = np.empty((n, m), a.dtype)
        if n >= m:
            share(lambda rows: np.matmul(a[rows], b, out=out[rows]), _pieces(n))
        else:
            share(lambda columns: np.matmul(a, b[:, columns], out=out[:, columns]), _pieces(m))
        return out


def batched(a: Array, b: Array) -> Array:
    """a @ b: (..., n, k) @ (..., k, m) -> (..., n, m), and for vectors as NumPy has it."""
    if type(a) is np.ndarray and a.size + b.size > _BATCH_ALONE:
        with one_thread:
            return np.matmul(a, b)
    return a @ b


def _pieces(n: int) -> list[slice]:
    """range(n) in the pieces of a product."""
    step = size_of_a_piece(n)
    return [slice(start, start + step) for start in range(0, n, step)]


# --- rows of matrices ---------------------------------------------------------------------------------------

FEW_TO_SUM = 20_000  # elements; below, sum() is as fast as a product


def as_rows(x: Array, axes: int = 1) -> Array:
    """(..., k) -> (rows, k): the last `axes` axes merged into one, and the others into another.

    Both sizes are computed, since reshape cannot infer a size if another is 0.
    """
    split = x.ndim - axes
    if split == axes == 1:
        return x
    if axes == 1 and 0 not in x.shape:
        return x.reshape(-1, x.shape[-1])
    return x.reshape(math.prod(x.shape[:split]), math.prod(x.shape[split:]))


def row_sums(x: Array, weight: Array | None = None) -> Array:
    """The sum of x, or of x weight, over each row: (rows, n) -> (rows, 1). weight: of n elements."""
    return batched(x, xp(x).ones((x.shape[1], 1), x.dtype) if weight is None else weight.reshape(-1, 1))


def row_products(x: Array, y: Array) -> Array:
    """The sum of x y over each row: (..., n) -> (..., 1)."""
    return (x[..., None, :] @ y[..., None])[..., 0]


def column_sums(x: Array, weight: Array | None = None) -> Array:
    """The sum of x, or of x weight, over each column: (rows, n) -> (n,). weight: (rows, 1)."""
    if weight is None and x.size < FEW_TO_SUM:
        return np.add.reduce(x, 0) if type(x) is np.ndarray else x.sum(axis=0)  # the same; `sum` makes two calls more
    return batched(xp(x).ones((1, len(x)), x.dtype) if weight is None else weight.T, x)[0]


def finite_max(x: Array, axis: int) -> Array:
    """The largest element along an axis, made finite where all are -inf; 0 for an empty array."""
    if not x.size:
        return 0.0
    return xp(x).maximum(x.max(axis=axis, keepdims=True), np.finfo(x.dtype).min.item())


def finite_row_max(x: Array) -> Array:
    """`finite_max` of (rows, n) -> (rows, 1). NumPy's argmax takes less than half the time of its max here."""
    if xp(x) is not np or not x.size:
        return finite_max(x, 1)
    top = x[np.arange(len(x)), x.argmax(axis=1)][:, None]
    return np.maximum(top, np.finfo(x.dtype).min.item(), out=top)


# --- masks and indices --------------------------------------------------------------------------------------


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

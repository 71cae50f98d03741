"""Matrix products with one BLAS thread, of two large matrices in chunks that threads share; sums of rows and columns.

On the CPU, BLAS sums rows several times faster than NumPy's sum() and einsum().
"""

from __future__ import annotations

import math

import numpy as np

from ..backend import Array, xp
from . import blas
from .compiled import multiplied, size_of_a_piece
from .threads import share

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
    with blas.one_thread:
        if work < _SHARED or a.dtype != b.dtype or blas.threads() is None:
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
        with blas.one_thread:
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


def never_zero(total: Array) -> Array:
    """A sum of exponentials whose largest is 1, at least 1: it is 0 only for a row of -inf."""
    return xp(total).maximum(total, 1)

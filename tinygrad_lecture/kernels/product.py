"""Matrix products with one BLAS thread; of two large matrices in chunks that threads share."""

from __future__ import annotations

import numpy as np

from ..backend import Array, xp
from . import blas
from .threads import get_num_threads, share

_BLAS_ALONE = 524_288  # multiplications; OpenBLAS starts threads from here on, which then spin for a while
_BATCH_ALONE = 20_000  # elements; below, the same for a batch of products, and for a matrix by a vector
_SHARED = 30_000_000  # multiplications; below, the wait for another thread costs more than its help saves


def product(a: Array, b: Array) -> Array:
    """a.dot(b), for (n, k) @ (k, m) -> (n, m)."""
    work = a.size * b.shape[-1]
    if work < _BLAS_ALONE or type(a) is not np.ndarray or a.dtype.kind != "f" or not a.ndim == b.ndim == 2:
        return a.dot(b)  # the same as @, faster for small matrices
    threads = get_num_threads()
    with blas.one_thread:
        if threads == 1 or work < _SHARED or a.dtype != b.dtype or blas.threads() is None:
            return a.dot(b)
        n, m = a.shape[0], b.shape[1]
        out = np.empty((n, m), a.dtype)
        if n >= m:
            share(lambda rows: np.matmul(a[rows], b, out=out[rows]), _slices(n, threads), threads)
        else:
            share(lambda columns: np.matmul(a, b[:, columns], out=out[:, columns]), _slices(m, threads), threads)
        return out


def batched(a: Array, b: Array) -> Array:
    """a @ b: (..., n, k) @ (..., k, m) -> (..., n, m), and for vectors as NumPy has it."""
    if type(a) is np.ndarray and a.size + b.size > _BATCH_ALONE:
        with blas.one_thread:
            return np.matmul(a, b)
    return xp(a, b).matmul(a, b)


def _slices(n: int, parts: int) -> list[slice]:
    """range(n) in up to `parts` slices, each a multiple of 16 long but the last."""
    step = max(-(-n // parts // 16) * 16, 16)
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]

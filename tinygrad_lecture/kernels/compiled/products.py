"""Matrix products of float32 in chunks that threads share: NumPy's BLAS, called by its address in compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...backend import Array
from .. import blas
from . import has_rows
from .compiling import Task, inlined, loop, numba
from .pool import calls, carray, i64, pointer, pool, share

i32, f32 = numba.types.int32, numba.types.float32

# The C interface of BLAS (netlib.org/blas): order, transposes, sizes, alpha, then each array's address and row length.
call_sgemm = calls(numba.types.void, i32, i32, i32, i64, i64, i64, f32, i64, i64, i64, i64, f32, i64, i64)
call_sgemv = calls(numba.types.void, i32, i32, i64, i64, f32, i64, i64, i64, i64, f32, i64, i64)
ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112

SGEMM, SGEMV = blas.address("sgemm"), blas.address("sgemv")
one, zero = np.float32(1), np.float32(0)


def product(a: Array, b: Array) -> Array:
    """a @ b: (n, k) @ (k, m) -> (n, m), float32. Each of them or its transpose `has_rows`."""
    out = np.empty((a.shape[0], b.shape[1]), a.dtype)
    a_turned, b_turned = not has_rows(a), not has_rows(b)
    _product(
        pool(), vector_product.address if len(a) == 1 else matrix_product.address,
        a.T if a_turned else a, b.T if b_turned else b, out, a_turned, b_turned, SGEMV if len(a) == 1 else SGEMM,
    )  # fmt: skip
    return out


@loop
def _product(
    pool: int, function: int, a: Array, b: Array, out: Array, a_turned: bool, b_turned: bool, blas: int
) -> None:
    (n, m), k = out.shape, a.shape[0] if a_turned else a.shape[1]
    by_rows = n >= m
    long = n if by_rows else m
    step = max(-(-long // (4 * 16)) * 16, 32)  # a multiple of the rows that BLAS computes at once
    job = np.array(
        [
            blas, TRANSPOSED if a_turned else PLAIN, TRANSPOSED if b_turned else PLAIN, n, m, k, a.ctypes.data,
            _width(a), b.ctypes.data, _width(b), out.ctypes.data, by_rows, step,
        ],
        np.int64,
    )  # fmt: skip
    share(pool, function, job, -(-long // step))


@inlined
def _width(x: Array) -> Any:
    """How many elements lie from row to row; a single row may have any stride."""
    return max(x.strides[0] // 4, x.shape[1], 1)


@Task
def matrix_product(job: int, chunk: int) -> None:
    """Some rows or columns of a product."""
    sgemm, a_order, b_order, n, m, k, a, a_width, b, b_width, out, by_rows, step = numbers(job)
    width, start = m, chunk * step
    if by_rows:
        n = min(step, n - start)
        a += 4 * start * (a_width if a_order == PLAIN else 1)
        out += 4 * start * width
    else:
        m = min(step, m - start)
        b += 4 * start * (1 if b_order == PLAIN else b_width)
        out += 4 * start
    call_sgemm(sgemm, (ROW_MAJOR, a_order, b_order, n, m, k, one, a, a_width, b, b_width, zero, out, width))


@Task
def vector_product(job: int, chunk: int) -> None:
    """Some columns of a row times a matrix: (1, k) @ (k, m) -> (1, m)."""
    sgemv, _, order, _, m, k, a, _, b, b_width, out, _, step = numbers(job)
    start = chunk * step
    m = min(step, m - start)
    b += 4 * start * (1 if order == PLAIN else b_width)
    rows, columns, order = (k, m, TRANSPOSED) if order == PLAIN else (m, k, PLAIN)
    call_sgemv(sgemv, (ROW_MAJOR, order, rows, columns, one, b, b_width, a, 1, zero, out + 4 * start, 1))


@inlined
def numbers(job: int) -> Any:
    """The job's arguments."""
    n = carray(pointer(job), 13, np.int64)
    return n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12]

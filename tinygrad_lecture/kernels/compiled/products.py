"""Matrix products of float32 in chunks that threads share: NumPy's BLAS, called by its address in compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...backend import Array
from .. import blas
from . import has_rows, size_of_a_piece
from .compiling import Task, inlined, loop, numba
from .pool import calls, carray, i64, pointer, pool, share

i32, f32 = numba.types.int32, numba.types.float32

# The C interface of BLAS (netlib.org/blas): order, transposes, sizes, alpha, then each array's address and row length.
call_sgemm = calls(numba.types.void, i32, i32, i32, i64, i64, i64, f32, i64, i64, i64, i64, f32, i64, i64)
call_sgemv = calls(numba.types.void, i32, i32, i64, i64, f32, i64, i64, i64, i64, f32, i64, i64)
ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112

SGEMM, SGEMV = blas.address("sgemm"), blas.address("sgemv")
one, zero = np.float32(1), np.float32(0)


def product(a: Array, b: Array) -> Array | None:
    """a @ b: (n, k) @ (k, m) -> (n, m), float32. None for a memory layout that BLAS cannot read."""
    out = np.empty((a.shape[0], b.shape[1]), a.dtype)
    task, blas = (vector_product, SGEMV) if len(a) == 1 else (matrix_product, SGEMM)
    return out if _product(pool(), task.address, blas, a, b, out) else None


@loop
def _product(pool: int, function: int, blas: int, a: Array, b: Array, out: Array) -> bool:
    """Whether BLAS could read a and b."""
    a_order, a_width = layout(a)
    b_order, b_width = layout(b)
    if a_width == 0 or b_width == 0:
        return False
    (n, k), m = a.shape, b.shape[1]
    by_rows = n >= m
    long = n if by_rows else m
    step = piece_size(long)
    addresses = a.ctypes.data, b.ctypes.data, out.ctypes.data
    job = np.array(
        [blas, a_order, b_order, n, m, k, addresses[0], a_width, addresses[1], b_width, addresses[2], by_rows, step],
        np.int64,
    )
    share(pool, function, job, -(-long // step))
    return True


@inlined
def layout(x: Array) -> tuple[int, int]:
    """Whether BLAS reads a matrix as it is or transposed, and how many elements there are from row to row; 0 of them if
    it cannot read it."""
    (rows, n), (row, element), size = x.shape, x.strides, x.itemsize
    if reads(rows, n, row, element, size):
        return PLAIN, max(row // size if rows > 1 else n, 1)
    if reads(n, rows, element, row, size):
        return TRANSPOSED, max(element // size if n > 1 else rows, 1)
    return PLAIN, 0


reads, piece_size = inlined(has_rows), inlined(size_of_a_piece)


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
    sgemv, a_order, order, _, m, k, a, a_width, b, b_width, out, _, step = numbers(job)
    start = chunk * step
    m = min(step, m - start)
    b += 4 * start * (1 if order == PLAIN else b_width)
    gap = a_width if a_order == TRANSPOSED else 1  # between two elements of the row
    rows, columns, order = (k, m, TRANSPOSED) if order == PLAIN else (m, k, PLAIN)
    call_sgemv(sgemv, (ROW_MAJOR, order, rows, columns, one, b, b_width, a, gap, zero, out + 4 * start, 1))


@inlined
def numbers(job: int) -> Any:
    """The job's arguments."""
    n = carray(pointer(job), 13, np.int64)
    return n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12]

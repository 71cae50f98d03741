"""Matrix products of float32 in chunks that threads share: NumPy's BLAS, called by its address in compiled code.

Of matrices of 4 or 8 bits a number, whose place in memory `kernels/fused.py` tells, there are loops. Numba makes no
vectors of loops as short as a block, so what is done to a block is written in the compiler's own instructions: 8
numbers at a time become floats, which are multiplied and added as a vector.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ...backend import Array
from ..threads import blas_address
from . import has_rows, size_of_a_piece
from .loops import f, row_sum
from .pool import Task, calls, carray, inlined, intrinsic, ir, locate, loop, part, piece, pointer, pool, share, whole

numba: Any = import_module("numba")
i32, i64, f32 = numba.types.int32, numba.types.int64, numba.types.float32

# The C interface of BLAS (netlib.org/blas): order, transposes, sizes, alpha, then each array's address and row length.
call_sgemm = calls(numba.types.void, i32, i32, i32, i64, i64, i64, f32, i64, i64, i64, i64, f32, i64, i64)
call_sgemv = calls(numba.types.void, i32, i32, i64, i64, f32, i64, i64, i64, i64, f32, i64, i64)
ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112

SGEMM, SGEMV = blas_address("sgemm"), blas_address("sgemv")
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


# --- matrices of 4 or 8 bits a number -----------------------------------------------------------------------

cgutils: Any = import_module("numba.core.cgutils")
BLOCK, LANES = 32, 8  # numbers of a block and of a vector
FLOAT, INTEGER, BYTE = (ir.VectorType(kind, LANES) for kind in (ir.FloatType(), ir.IntType(32), ir.IntType(8)))


def over_blocks(bits: int, times_x: bool) -> Any:
    """An intrinsic over the blocks of a row of the matrix: f(numbers, scale, offset, x, sums, blocks), of addresses.

    For times_x it returns the row times x: for each block scale (numbers x) + offset sum(x), with the sums in `sums`.
    Otherwise it writes the weights to x.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        numbers, scale, offset, x, sums, blocks = args
        totals = [cgutils.alloca_once_value(builder, ir.Constant(FLOAT, None)) for _ in range(2)]
        offsets = cgutils.alloca_once_value(builder, ir.Constant(FLOAT.element, 0))

        def fma(a: Any, b: Any, c: Any) -> Any:  # a b + c, which may be rounded once
            return builder.fadd(builder.fmul(a, b, ("contract",)), c, ("contract",))

        with cgutils.for_range(builder, blocks) as block:
            factor, shift, sum_ = (_load(builder, start, block.index, FLOAT.element) for start in (scale, offset, sums))
            products = [ir.Constant(FLOAT, None)] * 2
            for i, integers in enumerate(_numbers(builder, numbers, block.index, bits)):
                floats, place = builder.sitofp(integers, FLOAT), _at(builder, x, block.index, FLOAT, i, 4)
                if times_x:
                    products[i % 2] = fma(floats, builder.load(place, align=4), products[i % 2])
                else:
                    builder.store(fma(floats, _spread(builder, factor), _spread(builder, shift)), place, align=4)
            if times_x:
                for total, product in zip(totals, products, strict=True):
                    builder.store(fma(product, _spread(builder, factor), builder.load(total)), total)
                builder.store(fma(shift, sum_, builder.load(offsets)), offsets)
        if not times_x:
            return context.get_dummy_value()
        kind = ir.FunctionType(FLOAT.element, [FLOAT.element, FLOAT])
        reduce = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{LANES}f32")
        both = builder.fadd(*map(builder.load, totals))
        return builder.call(reduce, [builder.load(offsets), both], fastmath=("reassoc",))

    @intrinsic
    def over(typing: Any, numbers: Any, scale: Any, offset: Any, x: Any, sums: Any, blocks: Any) -> Any:
        return (f32 if times_x else numba.types.void)(i64, i64, i64, i64, i64, i64), generate

    return over


def _numbers(builder: Any, numbers: Any, block: Any, bits: int) -> list[Any]:
    """A block's numbers, 8 at a time, as integers of 32 bits."""
    if bits == 8:
        return [builder.sext(_load(builder, numbers, block, BYTE, i, 4), INTEGER) for i in range(4)]
    both = [builder.zext(_load(builder, numbers, block, BYTE, i, 2), INTEGER) for i in range(2)]
    low, high = (ir.Constant(INTEGER, [n] * LANES) for n in (15, 4))
    return [builder.and_(each, low) for each in both] + [builder.lshr(each, high) for each in both]


def _at(builder: Any, start: Any, block: Any, kind: Any, i: int, count: int) -> Any:
    """A pointer to item i of a block, in an array that has `count` items for each block."""
    item = builder.add(builder.mul(block, ir.Constant(block.type, count)), ir.Constant(block.type, i))
    return builder.gep(builder.inttoptr(start, kind.as_pointer()), [item])


def _load(builder: Any, start: Any, block: Any, kind: Any, i: int = 0, count: int = 1) -> Any:
    return builder.load(_at(builder, start, block, kind, i, count), align=1 if kind is BYTE else 4)


def _spread(builder: Any, number: Any) -> Any:
    """A vector of one float."""
    vector = builder.insert_element(ir.Constant(FLOAT, ir.Undefined), number, ir.Constant(INTEGER.element, 0))
    return builder.shuffle_vector(vector, vector, ir.Constant(INTEGER, None))


dot_of_bytes, dot_of_halves = over_blocks(8, True), over_blocks(4, True)
write_bytes, write_halves = over_blocks(8, False), over_blocks(4, False)


@Task
def row_products(job: int, chunk: int) -> None:
    """A row times each row of several matrices, which lie one below another as far as the job's rows are concerned.

    Arrays x: (n,); out: (all rows,); then of each matrix numbers: (rows, bytes); scale: (rows * blocks,); offset.
    """
    x, out = whole(job, 0), piece(job, 1, chunk)
    sums = np.empty(x.size // BLOCK, np.float32)
    for block in range(sums.size):
        sums[block] = row_sum(x[block * BLOCK : (block + 1) * BLOCK], f(0))
    _, _, start, count = locate(job, 0, chunk)
    first, i = 0, 2  # the first row of a matrix, its first array
    while first < start + count:
        numbers, bytes_, _, _ = locate(job, i, chunk)
        scale, size, _, _ = locate(job, i + 1, chunk)
        offset, end = locate(job, i + 2, chunk)[0], first + size // sums.size
        for row in range(max(start, first), min(start + count, end)):
            at, block = row - first, (row - first) * sums.size * 4
            places = numbers + at * bytes_, scale + block, offset + block, x.ctypes.data, sums.ctypes.data, sums.size
            out[row - start] = dot_of_bytes(*places) if bytes_ == x.size else dot_of_halves(*places)
        first, i = end, i + 3


@Task
def dequantize(job: int, chunk: int) -> None:
    """Arrays out: (rows, n); numbers: (rows, bytes); scale, offset: (rows, blocks)."""
    out, scale, offset = part(job, 0, chunk), part(job, 2, chunk), part(job, 3, chunk)
    numbers, blocks = part(job, 1, chunk, np.uint8), scale.shape[1]
    for i in range(len(out)):
        places = numbers[i].ctypes.data, scale[i].ctypes.data, offset[i].ctypes.data, out[i].ctypes.data, 0
        if numbers.shape[1] == out.shape[1]:
            write_bytes(*places, blocks)
        else:
            write_halves(*places, blocks)

"""Loops over matrices of 4 or 8 bits a number; `kernels/quantized.py` says how they lie in memory.

Numba makes no vectors of loops as short as a block, so what is done to a block is written in the compiler's own
instructions: 16 numbers at a time become floats, which are multiplied and added as a vector.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ...backend import Array
from .compiling import Task, inlined, numba
from .pool import intrinsic, ir, part, piece, whole

cgutils: Any = import_module("numba.core.cgutils")
i64, f32 = numba.types.int64, numba.types.float32

LANES = 16  # half a block
FLOAT, INTEGER, BYTE = (ir.VectorType(kind, LANES) for kind in (ir.FloatType(), ir.IntType(32), ir.IntType(8)))
CONTRACT = ("contract",)  # x y + z may be rounded once


def over_blocks(bits: int, times_x: bool) -> Any:
    """An intrinsic over the blocks of a row of the matrix: f(numbers, scale, offset, x, blocks), of addresses.

    It returns the sum of the weights times x, for times_x, or writes the weights to x.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        numbers, scale, offset, x, blocks = args
        sums = [cgutils.alloca_once_value(builder, ir.Constant(FLOAT, None)) for _ in range(2)]
        with cgutils.for_range(builder, blocks) as block:
            factor, shift = (_spread(builder, start, block.index) for start in (scale, offset))
            for half, integers in enumerate(_numbers(builder, numbers, block.index, bits)):
                place = _at(builder, x, block.index, 8 * LANES, FLOAT, half)
                floats = builder.sitofp(integers, FLOAT)
                weights = builder.fadd(builder.fmul(floats, factor, CONTRACT), shift, CONTRACT)
                if times_x:
                    product = builder.fmul(weights, builder.load(place, align=4), CONTRACT)
                    builder.store(builder.fadd(builder.load(sums[half]), product, CONTRACT), sums[half])
                else:
                    builder.store(weights, place, align=4)
        if not times_x:
            return context.get_dummy_value()
        total = cgutils.get_or_insert_function(builder.module, _FADD, "llvm.vector.reduce.fadd.v16f32")
        both = builder.fadd(builder.load(sums[0]), builder.load(sums[1]))
        return builder.call(total, [ir.Constant(ir.FloatType(), 0), both], fastmath=("reassoc",))

    @intrinsic
    def over(typing: Any, numbers: Any, scale: Any, offset: Any, x: Any, blocks: Any) -> Any:
        return (f32 if times_x else numba.types.void)(i64, i64, i64, i64, i64), generate

    return over


_FADD = ir.FunctionType(ir.FloatType(), [ir.FloatType(), FLOAT])


def _numbers(builder: Any, numbers: Any, block: Any, bits: int) -> list[Any]:
    """A block's first and last 16 numbers, as integers of 32 bits."""
    if bits == 8:
        halves = [builder.load(_at(builder, numbers, block, 2 * LANES, BYTE, half), align=1) for half in range(2)]
        return [builder.sext(part, INTEGER) for part in halves]
    both = builder.load(_at(builder, numbers, block, LANES, BYTE), align=1)
    low, high = (ir.Constant(BYTE, [n] * LANES) for n in (15, 4))
    return [builder.zext(part, INTEGER) for part in (builder.and_(both, low), builder.lshr(both, high))]


def _at(builder: Any, start: Any, block: Any, size: int, kind: Any, i: int = 0) -> Any:
    """A pointer to item i of a block, in an array that has so many bytes for each block."""
    address = builder.add(start, builder.mul(block, ir.Constant(block.type, size)))
    return builder.gep(builder.inttoptr(address, kind.as_pointer()), [ir.Constant(ir.IntType(32), i)])


def _spread(builder: Any, start: Any, block: Any) -> Any:
    """A vector of the one float of a block."""
    number, first = builder.load(_at(builder, start, block, 4, FLOAT.element)), ir.Constant(INTEGER.element, 0)
    vector = builder.insert_element(ir.Constant(FLOAT, ir.Undefined), number, first)
    return builder.shuffle_vector(vector, vector, ir.Constant(INTEGER, None))


dot_of_bytes, dot_of_halves = over_blocks(8, True), over_blocks(4, True)
write_bytes, write_halves = over_blocks(8, False), over_blocks(4, False)


@Task
def row_product(job: int, chunk: int) -> None:
    """A row times each row of the matrix. Arrays scale, offset: (rows, blocks); numbers: (rows, bytes); out: (rows,);
    x: (n,)."""
    scale, offset, out, x = part(job, 0, chunk), part(job, 1, chunk), piece(job, 3, chunk), whole(job, 4)
    numbers = part(job, 2, chunk, np.uint8)
    for i in range(out.size):
        places = numbers[i].ctypes.data, scale[i].ctypes.data, offset[i].ctypes.data, x.ctypes.data
        out[i] = dot_of_bytes(*places, scale.shape[1]) if eight(numbers, x) else dot_of_halves(*places, scale.shape[1])


@Task
def dequantize(job: int, chunk: int) -> None:
    """Arrays out: (rows, n); numbers: (rows, bytes); scale, offset: (rows, blocks)."""
    out, scale, offset = part(job, 0, chunk), part(job, 2, chunk), part(job, 3, chunk)
    numbers = part(job, 1, chunk, np.uint8)
    for i in range(len(out)):
        places = numbers[i].ctypes.data, scale[i].ctypes.data, offset[i].ctypes.data, out[i].ctypes.data
        if eight(numbers, out[i]):
            write_bytes(*places, scale.shape[1])
        else:
            write_halves(*places, scale.shape[1])


@inlined
def eight(numbers: Array, row: Array) -> bool:
    """Whether a number has 8 bits."""
    return bool(numbers.shape[1] == row.size)

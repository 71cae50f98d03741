"""Products with matrices of 4 or 8 bits a number, as GGUF files keep them: in blocks, each with its scale and offset.

A matrix (rows, n), with n a multiple of 32, is number * scale + offset:

    numbers         int8, (rows, n); or uint8, (rows, n / 2), whose bytes hold two numbers from 0 to 15: the lower bits
                    of a block's 16 bytes are its first 16 columns, the upper bits the others
    scale, offset   (rows, n / 32), for each block of 32 columns

A step of generation reads every weight once and computes two operations with it, so it takes as long as memory needs to
bring the weights: those of 4 bits come in a fifth of the time. Where Numba is installed, `compiled/quantized.py`
multiplies a row by them as they are. Otherwise they become float32 first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend import Array, xp
from . import compiled
from .compiled import compiles, run_rows
from .product import as_rows, product

BLOCK = 32  # columns
BYTES = {np.dtype(np.int8): BLOCK, np.dtype(np.uint8): BLOCK // 2}  # of a block
PIECE = 2**16  # weights of a chunk of a job
ALONE = 2**17  # weights; below, a thread computes alone


def check(x: Any, numbers: Any, scale: Any, offset: Any) -> None:
    """Raise ValueError unless the shapes and the dtype of the numbers are those that the head of this file tells."""
    rows, blocks = scale.shape if scale.ndim == 2 else (-1, -1)
    wanted = rows, blocks * BYTES.get(numbers.dtype, -1)
    if offset.shape != scale.shape or numbers.shape != wanted or x.shape[-1] != blocks * BLOCK:
        raise ValueError("the shapes do not fit")


def as_blocks(numbers: Array, scale: Array) -> Array:
    """The numbers, one in each byte: (rows, blocks, 32)."""
    numbers = numbers.reshape(*scale.shape, numbers.shape[-1] // max(scale.shape[-1], 1))
    return xp(numbers).concatenate([numbers & 15, numbers // 16], axis=-1) if numbers.dtype == np.uint8 else numbers


def dequantized(numbers: Array, scale: Array, offset: Array) -> Array:
    """The matrix, in the dtype of the scale: (rows, n)."""
    if compiles(scale, offset) and numbers.flags.c_contiguous:
        out = np.empty((len(scale), scale.shape[1] * BLOCK), scale.dtype)
        run_rows(compiled.quantized.dequantize, out, numbers, scale, offset)
        return out
    blocks = as_blocks(numbers, scale) * scale[..., None]  # (rows, blocks, 32)
    blocks += offset[..., None]
    return blocks.reshape(len(scale), scale.shape[1] * BLOCK)


def linear(x: Array, numbers: Array, scale: Array, offset: Array) -> Array:
    if (out := row_products(x, (numbers, scale, offset))) is not None:
        return out
    return product(as_rows(x), dequantized(numbers, scale, offset).T).reshape(*x.shape[:-1], len(scale))


def row_products(x: Array, *matrices: Sequence[Array]) -> Array | None:
    """`linear` of one row for each matrix (its numbers, scale and offset), side by side: (..., n) -> (..., all rows).

    Threads share all as one job. None where compiled code cannot compute that.
    """
    possible, arrays = x.size == x.shape[-1] and compiles(x, least=1), list[Array]()
    for numbers, scale, offset in matrices:
        check(x, numbers, scale, offset)
        possible = possible and compiles(scale, offset) and numbers.flags.c_contiguous
        arrays += numbers, scale.reshape(-1), offset
    if not possible:
        return None
    out = np.empty(sum([len(scale) for _, scale, _ in matrices]), x.dtype)
    settings = compiled.quantized.row_products, out.size, max(PIECE // x.size, 1)
    compiled.pool.run(*settings, x.reshape(-1), out, *arrays, alone=out.size * x.size < ALONE)
    return out.reshape(*x.shape[:-1], out.size)


def linear_backward(
    g: Array, needs: list[bool], x: Array, numbers: Array, scale: Array, offset: Array
) -> tuple[Any, ...]:
    g_rows, dx, dscale, doffset = as_rows(g), None, None, None
    if needs[0]:
        dx = product(g_rows, dequantized(numbers, scale, offset)).reshape(x.shape)
    if needs[2] or needs[3]:
        blocks = product(g_rows.T, as_rows(x)).reshape(*scale.shape, BLOCK)  # the gradient of the matrix
        dscale, doffset = (blocks * as_blocks(numbers, scale)).sum(-1), blocks.sum(-1)
    return dx, None, dscale if needs[2] else None, doffset if needs[3] else None

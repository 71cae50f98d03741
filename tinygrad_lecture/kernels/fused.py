"""Kernels for ops/fused.py, which has the formulas: the same results in fewer passes, and vector-Jacobian products.

Plain array functions that reuse their own temporary arrays where they can. They run on NumPy and CuPy. A backward
function takes the upstream gradient `g`, `needs` (a bool per input: whether it needs a gradient), the inputs and, if it
has parameters of these names, the output `out` and what forward returned with it for keep=True, `kept`. It returns one
gradient per input, None where none is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..backend import Array, row_major, xp
from . import compiled
from .arrays import FEW_TO_SUM, as_rows, column_sums, finite_max, product, row_products, row_sums
from .compiled import compiles, rows_of_a_chunk, run_rows

Needs: TypeAlias = list[bool]


def in_place(function: Callable[..., Array], y: Array, b: Array) -> Array:
    """function(y, b), written to y if the dtypes are equal and b has no more axes than y."""
    fits = y.dtype == b.dtype and b.ndim <= y.ndim
    return function(y, b, out=y) if fits else function(y, b)


def needed(gradients: Sequence[Any], needs: Needs) -> tuple[Any, ...]:
    """The gradients, with None where none is needed; an optional input that was left out has no place in `needs`."""
    return tuple(g if need else None for g, need in zip(gradients, needs, strict=False))


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    out = product(x if x.ndim < 3 else as_rows(x), weight.T)  # one product instead of a batch of small ones
    if bias is not None and bias.dtype == out.dtype:
        out += bias
    elif bias is not None:
        out = out + bias
    return out if x.ndim < 3 else out.reshape(*x.shape[:-1], weight.shape[0])


def linear_backward(g: Array, needs: Needs, x: Array, weight: Array, bias: Array | None = None) -> tuple[Any, ...]:
    shape = x.shape
    if x.ndim != 2:
        g, x = as_rows(g), as_rows(x)
    dx = product(g, weight) if needs[0] else None  # (n, out) @ (out, in)
    dx = dx.reshape(shape) if dx is not None and len(shape) != 2 else dx
    dweight = product(g.T, x) if needs[1] else None  # (out, n) @ (n, in)
    dbias = column_sums(g) if bias is not None and needs[2] else None
    return (dx, dweight, dbias)[: len(needs)]


def softmax(x: Array, axis: int = -1) -> Array:
    if axis in (-1, x.ndim - 1) and compiles(x):
        out = x.copy()
        run_rows(compiled.loops.softmax, as_rows(out))
        return out
    x = row_major(x)
    e = x - finite_max(x, axis)
    xp(x).exp(e, out=e)
    e /= xp(x).maximum(e.sum(axis=axis, keepdims=True), 1)  # 0 only for a row of -inf, else 1 or more
    return e


def softmax_backward(g: Array, needs: Needs, x: Array, out: Array, axis: int = -1) -> tuple[Any, ...]:
    dx = g * out
    dx -= out * dx.sum(axis=axis, keepdims=True)
    return (dx,)


def log_softmax(x: Array, axis: int = -1) -> Array:
    lib = xp(x)
    x = row_major(x)
    shifted = x - finite_max(x, axis)
    shifted -= lib.log(lib.maximum(lib.exp(shifted).sum(axis=axis, keepdims=True), 1))
    return shifted


def log_softmax_backward(g: Array, needs: Needs, x: Array, out: Array, axis: int = -1) -> tuple[Any, ...]:
    dx = xp(out).exp(out)
    dx *= -g.sum(axis=axis, keepdims=True)
    dx += g
    return (dx,)


def check_targets(logits: Array, targets: Array) -> None:
    """Raise ValueError for targets that do not fit the logits, IndexError for one that is no class (on the CPU)."""
    if targets.shape != logits.shape[:-1] or targets.dtype.kind not in "iu":
        raise ValueError("targets do not fit logits")
    if xp(targets) is np and targets.size and (targets.min() < 0 or targets.max() >= logits.shape[-1]):
        raise IndexError("a target is out of range")


def cross_entropy(logits: Array, targets: Array, *, keep: bool = False) -> Any:
    """With keep=True also the derivative, softmax(logits) - one_hot(targets)."""
    lib = xp(logits)
    check_targets(logits, targets)
    if compiles(logits):
        derivative, loss = logits.copy(), np.empty(targets.shape, logits.dtype)
        flat = targets.reshape(-1).astype(np.int64), loss.reshape(-1)
        run_rows(compiled.loops.cross_entropy, as_rows(derivative), *flat)
        return (loss, derivative) if keep else loss
    e = lib.ascontiguousarray(logits - finite_max(logits, -1))
    rows, target = as_rows(e), (lib.arange(targets.size), targets.reshape(-1))  # rows: (rows, classes), a view
    picked = rows[target].reshape(targets.shape)
    lib.exp(e, out=e)
    total = lib.maximum(e.sum(axis=-1), 1)
    loss = lib.log(total) - picked
    if not keep:
        return loss
    e /= total[..., None]
    rows[target] -= 1
    return loss, e


def cross_entropy_backward(g: Array, needs: Needs, logits: Array, targets: Array, *, kept: Array) -> tuple[Any, ...]:
    return kept * g[..., None], None


def squared_error(x: Array, y: Array, average: bool = True) -> Array:
    d = x - y
    total = (d * d).sum()
    if average:
        total = total / d.size if d.size else total * math.nan
    return total


def squared_error_backward(g: Array, needs: Needs, x: Array, y: Array, average: bool = True) -> tuple[Any, ...]:
    d = x - y
    d *= g * (2 / max(d.size, 1) if average else 2)
    return (d if needs[0] else None, -d if needs[1] else None)


def check_angles(x: Any, cos: Any, sin: Any) -> None:
    """Raise ValueError unless cos and sin broadcast to half of x's last axis."""
    half = (*x.shape[:-1], x.shape[-1] // 2)
    fits = half[-cos.ndim :] == cos.shape or np.broadcast_shapes(cos.shape, half) == half
    if x.shape[-1] % 2 or cos.shape != sin.shape or not fits:
        raise ValueError("the angles do not fit x")


def rotary(x: Array, cos: Array, sin: Array) -> Array:
    check_angles(x, cos, sin)
    half, out = x.shape[-1] // 2, xp(x).empty_like(x, np.result_type(x.dtype, cos.dtype))
    a, b = x[..., :half], x[..., half:]
    out[..., :half] = a * cos - b * sin
    out[..., half:] = b * cos + a * sin
    return out


def rotary_backward(g: Array, needs: Needs, x: Array, cos: Array, sin: Array) -> tuple[Any, ...]:
    half = x.shape[-1] // 2
    (ga, gb), (a, b) = ((y[..., :half], y[..., half:]) for y in (g, x))
    dx = rotary(g, cos, -sin) if needs[0] else None  # turned back
    return dx, ga * a + gb * b if needs[1] else None, gb * a - ga * b if needs[2] else None


# --- layer normalisation of rows ----------------------------------------------------------------------------

FEW = 256  # elements; from here on, NumPy's ten calls take longer than one of a loop


def check_weights(x: Array, weight: Array | None, bias: Array | None, axes: int, eps: float) -> None:
    """Raise ValueError unless the weight and bias have the shape of x's last axes, and eps is 0 or more."""
    if not eps >= 0:
        raise ValueError(f"eps must be 0 or more, not {eps}")
    wanted = x.shape[x.ndim - axes :]
    if (weight is not None and weight.shape != wanted) or (bias is not None and bias.shape != wanted):
        raise ValueError("the weight or bias does not fit x")


def layer_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, axes: int = 1, eps: float = 1e-5, *,
    centred: bool = True, keep: bool = False,
) -> Any:  # fmt: skip
    """With keep=True also each row's offset (see `centre`) and 1 / sqrt(var + eps), (rows, 1)."""
    check_weights(x, weight, bias, axes, eps)
    rows, lib = row_major(as_rows(x, axes)), xp(x)
    if compiles(rows, weight, bias, least=FEW):
        y, (offset, scale) = np.empty_like(rows), np.empty((2, len(rows), 1), x.dtype)
        settings = np.array([eps, centred], x.dtype)
        run_rows(compiled.loops.layer_norm, rows, y, _flat(weight), _flat(bias), offset, scale, settings)
        return (y.reshape(x.shape), (offset, scale)) if keep else y.reshape(x.shape)
    y, offset = centre(rows) if centred else (rows.copy(), lib.zeros((len(rows), 1), x.dtype))
    scale = row_products(y, y)
    scale /= max(rows.shape[1], 1)
    scale += eps
    scale = 1 / lib.sqrt(scale)
    y *= scale
    y = y.reshape(x.shape)
    if weight is not None:
        y = in_place(lib.multiply, y, weight)
    if bias is not None:
        y = in_place(lib.add, y, bias)
    return (y, (offset, scale)) if keep else y


def centre(rows: Array, offset: Array | None = None) -> tuple[Array, Array]:
    """The rows less their means, (rows, n), and the offset: the mean less the row's first element, (rows, 1).

    The mean itself would be rounded to as many digits as x has: of a row that is nearly constant, the rounding would
    be what remains.
    """
    y = rows - rows[:, :1]
    if offset is None:
        offset = y.sum(axis=1, keepdims=True) if y.size < FEW_TO_SUM else row_sums(y)
        offset /= max(rows.shape[1], 1)
    y -= offset
    return y, offset


def layer_norm_backward(
    g: Array, needs: Needs, x: Array, weight: Array | None = None, bias: Array | None = None, axes: int = 1,
    eps: float = 1e-5, *, centred: bool = True, kept: tuple[Array, Array],
) -> tuple[Any, ...]:  # fmt: skip
    offset, scale = kept
    normalized = x.shape[x.ndim - axes :]
    g, rows = as_rows(g, axes), as_rows(x, axes)  # (rows, n)
    if compiles(rows, g, weight):
        dx, chunks = np.empty_like(rows), -(-len(rows) // rows_of_a_chunk(rows))
        dweight, dbias = np.empty((2, chunks, rows.shape[1]), rows.dtype)
        arrays = g, rows, _flat(weight), offset, scale, dx, dweight, dbias, np.array([centred], rows.dtype)
        run_rows(compiled.loops.layer_norm_backward, *arrays)
        dweight, dbias = (each.sum(axis=0).reshape(normalized) for each in (dweight, dbias))
        return needed((dx.reshape(x.shape), dweight, dbias), needs)
    y = centre(rows, offset)[0] if centred else rows.copy()  # normalised up to the factor scale
    gy = g * y
    dweight = column_sums(gy, scale).reshape(normalized) if len(needs) > 1 and needs[1] else None
    dbias = column_sums(g).reshape(normalized) if len(needs) > 2 and needs[2] else None
    dx = None
    if needs[0]:  # dx = scale (d - mean(d) - y scale² mean(d y)), where d = g weight; mean(d) only if it is centred
        n = max(y.shape[1], 1)
        y *= scale * scale * row_sums(gy, weight) / n
        dx = g * (1 if weight is None else weight.reshape(-1))
        if centred:
            dx -= row_sums(g, weight) / n
        dx -= y
        dx *= scale
        dx = dx.reshape(x.shape)
    return (dx, dweight, dbias)[: len(needs)]


def rms_norm(x: Array, weight: Array | None = None, axes: int = 1, eps: float = 1e-5, *, keep: bool = False) -> Any:
    return layer_norm(x, weight, None, axes, eps, centred=False, keep=keep)


def rms_norm_backward(
    g: Array, needs: Needs, x: Array, weight: Array | None = None, axes: int = 1, eps: float = 1e-5, *,
    kept: tuple[Array, Array],
) -> tuple[Any, ...]:  # fmt: skip
    return layer_norm_backward(g, needs, x, weight, None, axes, eps, centred=False, kept=kept)


def _flat(weight: Array | None) -> Array | None:
    return None if weight is None else weight.reshape(-1)


# --- matrices of 4 or 8 bits a number ------------------------------------------------------------------------
# GGUF files keep them in blocks, each with its scale and offset. A matrix (rows, n), with n a multiple of 32, is
# number * scale + offset:
#
#     numbers         int8, (rows, n); or uint8, (rows, n / 2), whose bytes hold two numbers from 0 to 15: the lower
#                     bits of a block's 16 bytes are its first 16 columns, the upper bits the others
#     scale, offset   (rows, n / 32), for each block of 32 columns
#
# A step of generation reads every weight once and computes two operations with it, so it takes as long as memory needs
# to bring the weights: those of 4 bits come in a fifth of the time. Compiled code multiplies a row by them as they are.
# Otherwise they become float32 first.

BLOCK = 32  # columns
BYTES = {np.dtype(np.int8): BLOCK, np.dtype(np.uint8): BLOCK // 2}  # of a block
WEIGHTS = 2**16  # weights of a chunk of a job
ALONE = 2**17  # weights; below, a thread computes alone


def check_blocks(x: Any, numbers: Any, scale: Any, offset: Any) -> None:
    """Raise ValueError unless the shapes and the dtype of the numbers are those that stand above."""
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
        run_rows(compiled.products.dequantize, out, numbers, scale, offset)
        return out
    blocks = as_blocks(numbers, scale) * scale[..., None]  # (rows, blocks, 32)
    blocks += offset[..., None]
    return blocks.reshape(len(scale), scale.shape[1] * BLOCK)


def quantized_linear(x: Array, numbers: Array, scale: Array, offset: Array) -> Array:
    if (out := quantized_rows(x, (numbers, scale, offset))) is not None:
        return out
    return product(as_rows(x), dequantized(numbers, scale, offset).T).reshape(*x.shape[:-1], len(scale))


def quantized_rows(x: Array, *matrices: Sequence[Array]) -> Array | None:
    """`quantized_linear` of one row for each matrix, side by side: (..., n) -> (..., all rows).

    matrices: the numbers, scale and offset of each.  Threads share all as one job.
    None where compiled code cannot compute that.
    """
    possible, arrays = x.size == x.shape[-1] and compiles(x, least=1), list[Array]()
    for numbers, scale, offset in matrices:
        check_blocks(x, numbers, scale, offset)
        possible = possible and compiles(scale, offset) and numbers.flags.c_contiguous
        arrays += numbers, scale.reshape(-1), offset
    if not possible:
        return None
    out = np.empty(sum([len(scale) for _, scale, _ in matrices]), x.dtype)
    settings = compiled.products.row_products, out.size, max(WEIGHTS // x.size, 1)
    compiled.pool.run(*settings, x.reshape(-1), out, *arrays, alone=out.size * x.size < ALONE)
    return out.reshape(*x.shape[:-1], out.size)


def quantized_linear_backward(
    g: Array, needs: Needs, x: Array, numbers: Array, scale: Array, offset: Array
) -> tuple[Any, ...]:
    g_rows, dx, dscale, doffset = as_rows(g), None, None, None
    if needs[0]:
        dx = product(g_rows, dequantized(numbers, scale, offset)).reshape(x.shape)
    if needs[2] or needs[3]:
        blocks = product(g_rows.T, as_rows(x)).reshape(*scale.shape, BLOCK)  # the gradient of the matrix
        dscale, doffset = (blocks * as_blocks(numbers, scale)).sum(-1), blocks.sum(-1)
    return dx, None, dscale if needs[2] else None, doffset if needs[3] else None

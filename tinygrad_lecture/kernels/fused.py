"""Kernels for ops/fused.py, which has the formulas: the same results in fewer passes, and vector-Jacobian products.

Plain array functions that reuse their own temporary arrays where they can. They run on NumPy and CuPy. A backward
function takes the upstream gradient `g`, `needs` (a bool per input: whether it needs a gradient), the inputs and, if it
has a parameter of that name, the output `out`. It returns one gradient per input, None where none is needed.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from ..backend import Array, xp
from ..pieces import in_pieces
from .gelu import gelu_piece, gelu_slope

Needs: TypeAlias = list[bool]


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    rows = x if x.ndim < 3 else as_rows(x)  # one matrix product instead of a batch of small ones
    out = rows.dot(weight.T)  # the same as @, faster for small matrices
    if bias is not None:
        out = _plus(out, bias)
    return out if x.ndim < 3 else out.reshape(*x.shape[:-1], weight.shape[0])


def linear_backward(g: Array, needs: Needs, x: Array, weight: Array, bias: Array | None = None) -> tuple[Any, ...]:
    rows = as_rows(g)  # (n, out)
    dx = rows.dot(weight).reshape(x.shape) if needs[0] else None
    dweight = rows.T.dot(as_rows(x)) if needs[1] else None
    dbias = rows.sum(axis=0) if len(needs) > 2 and needs[2] else None
    return (dx, dweight, dbias)[: len(needs)]


def as_rows(x: Array, axes: int = 1) -> Array:
    """(..., k) -> (rows, k): the last `axes` axes merged into one, and the others into another.

    Both sizes are computed, since reshape cannot infer a size if another is 0.
    """
    split = x.ndim - axes
    return x if split == axes == 1 else x.reshape(math.prod(x.shape[:split]), math.prod(x.shape[split:]))


def softmax(x: Array, axis: int = -1) -> Array:
    e, total = _exponentials(x, axis)
    e /= total
    return e


def softmax_backward(g: Array, needs: Needs, x: Array, out: Array, axis: int = -1) -> tuple[Any, ...]:
    dx = g * out
    dx -= out * dx.sum(axis=axis, keepdims=True)
    return (dx,)


def log_softmax(x: Array, axis: int = -1) -> Array:
    lib = xp(x)
    shifted = x - _largest(x, axis)
    shifted -= lib.log(_never_zero(lib.exp(shifted).sum(axis=axis, keepdims=True)))
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


def cross_entropy(logits: Array, targets: Array) -> Array:
    lib = xp(logits)
    check_targets(logits, targets)
    shifted = logits - _largest(logits, -1)
    picked = shifted.reshape(-1, logits.shape[-1])[lib.arange(targets.size), targets.reshape(-1)]
    total = _never_zero(lib.exp(shifted).sum(axis=-1))
    return lib.log(total) - picked.reshape(targets.shape)


def cross_entropy_backward(g: Array, needs: Needs, logits: Array, targets: Array) -> tuple[Any, ...]:
    p = as_rows(softmax(logits))  # (rows, classes); a copy if the logits are not contiguous
    p[xp(logits).arange(targets.size), targets.reshape(-1)] -= 1
    p *= g.reshape(-1, 1)
    return p.reshape(logits.shape), None


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


def gelu(x: Array, approximate: str = "none") -> Array:
    out = xp(x).empty_like(x)
    in_pieces(lambda y, z: gelu_piece(z, approximate, out=y), out, x, read=(1,))
    return out


def gelu_backward(g: Array, needs: Needs, x: Array, out: Array, approximate: str = "none") -> tuple[Any, ...]:
    def piece(dx: Array, g: Array, x: Array, out: Array) -> None:
        gelu_slope(x, out, approximate, out=dx)
        dx *= g

    dx = xp(x).empty_like(x)
    in_pieces(piece, dx, g, x, out, read=(1, 2, 3))
    return (dx,)


def attention_weights(q: Array, k: Array, mask: Array | None = None) -> Array:
    lib = xp(q)
    scores = lib.ascontiguousarray(lib.matmul(q, k.swapaxes(-1, -2)))  # (..., queries, keys)
    scores *= 1 / math.sqrt(q.shape[-1])
    if mask is not None:
        added = mask.dtype.kind == "f"
        scores = _plus(scores, mask if added else lib.where(mask, scores.dtype.type(0), scores.dtype.type(-math.inf)))
    rows = as_rows(scores)  # a view: scores is contiguous
    rows -= _largest_of_rows(rows)
    lib.exp(rows, out=rows)
    rows /= _never_zero(_row_sums(rows))
    return scores


def attention_weights_backward(
    g: Array, needs: Needs, q: Array, k: Array, mask: Array | None = None, *, out: Array
) -> tuple[Any, ...]:
    lib = xp(q)
    dscores = g - lib.einsum("...k,...k->...", g, out)[..., None]
    dscores *= out
    dmask = dscores.copy() if len(needs) > 2 and needs[2] else None
    dscores *= 1 / math.sqrt(q.shape[-1])
    dq = lib.matmul(dscores, k) if needs[0] else None
    dk = lib.matmul(dscores.swapaxes(-1, -2), q) if needs[1] else None
    return (dq, dk, dmask)[: len(needs)]


def layer_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, axes: int = 1, eps: float = 1e-5
) -> Array:
    y, _ = _normalized(as_rows(x, axes), eps)
    y = y.reshape(x.shape)
    if weight is not None:
        y = _times(y, weight)
    return y if bias is None else _plus(y, bias)


def layer_norm_backward(
    g: Array,
    needs: Needs,
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    axes: int = 1,
    eps: float = 1e-5,
) -> tuple[Any, ...]:
    lib, shape = xp(x), x.shape
    normalized = shape[len(shape) - axes :]
    y, scale = _normalized(as_rows(x, axes), eps)  # (rows, n), (rows, 1)
    g = as_rows(g, axes)
    dweight = lib.einsum("rn,rn->n", g, y).reshape(normalized) if len(needs) > 1 and needs[1] else None
    dbias = g.sum(axis=0).reshape(normalized) if len(needs) > 2 and needs[2] else None
    dx = None
    if needs[0]:  # dx = scale (d - mean(d) - y mean(d y)), where d is the gradient of y
        d = g if weight is None else g * weight.reshape(-1)
        y *= _row_products(d, y) / max(y.shape[1], 1)
        dx = d - _row_means(d)
        dx -= y
        dx *= scale
        dx = dx.reshape(shape)
    return (dx, dweight, dbias)[: len(needs)]


def _normalized(x: Array, eps: float) -> tuple[Array, Array]:
    """Each row's (x - mean) / sqrt(var + eps), shape (rows, n), and 1 / sqrt(var + eps), shape (rows, 1)."""
    y = x - _row_means(x)
    scale = _row_products(y, y)
    scale /= max(x.shape[1], 1)
    scale += eps
    scale = 1 / xp(x).sqrt(scale)
    y *= scale
    return y, scale


def _row_means(x: Array) -> Array:
    """(rows, n) -> (rows, 1)."""
    means = _row_sums(x)
    means /= max(x.shape[1], 1)
    return means


def _row_sums(x: Array) -> Array:
    """(rows, n) -> (rows, 1). A product with a column of ones, which is several times faster than sum()."""
    return x @ xp(x).ones((x.shape[1], 1), x.dtype)


def _row_products(x: Array, y: Array) -> Array:
    """The sum of x y over each row: (rows, n) -> (rows, 1)."""
    return xp(x).einsum("rn,rn->r", x, y)[:, None]


def _exponentials(x: Array, axis: int) -> tuple[Array, Array]:
    """exp(x - largest) and its sum along an axis, for softmax."""
    lib = xp(x)
    e = x - _largest(x, axis)
    lib.exp(e, out=e)
    return e, _never_zero(e.sum(axis=axis, keepdims=True))


def _largest(x: Array, axis: int) -> Array:
    """The largest element along an axis, made finite where all are -inf; 0 for an empty array."""
    if not x.size:
        return 0.0
    return xp(x).maximum(x.max(axis=axis, keepdims=True), np.finfo(x.dtype).min.item())


def _largest_of_rows(x: Array) -> Array:
    """`_largest` of (rows, n) -> (rows, 1). NumPy's argmax takes less than half the time of its max here."""
    if xp(x) is not np or not x.size:
        return _largest(x, 1)
    largest = x[np.arange(len(x)), x.argmax(axis=1)][:, None]
    return np.maximum(largest, np.finfo(x.dtype).min.item(), out=largest)


def _never_zero(total: Array) -> Array:
    """A sum of exponentials whose largest is 1, at least 1: it is 0 only for a row of -inf."""
    return xp(total).maximum(total, 1)


def _plus(y: Array, b: Array) -> Array:
    """y + b, in place if the dtypes are equal and b has no more axes than y."""
    if y.dtype == b.dtype and b.ndim <= y.ndim:
        y += b
        return y
    return y + b


def _times(y: Array, b: Array) -> Array:
    """y * b, in place under the same conditions."""
    if y.dtype == b.dtype and b.ndim <= y.ndim:
        y *= b
        return y
    return y * b

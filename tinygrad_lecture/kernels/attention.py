"""Attention in blocks: some queries, on the CPU of some texts, with the keys that they may attend to.

Threads share the texts where there is much to compute. Of the weights only one block of each thread exists at a time,
and keys that come after all queries of a block are left out: causal attention computes little more than half of the
products. Backward computes the weights again, so that memory grows linearly with the number of keys (Rabe & Staats,
arXiv:2112.05682; Dao et al., arXiv:2205.14135). Up to KEPT_KEYS keys they are kept instead, which takes a quarter less
time and about as much memory as q, k, v and the output.

Where Numba is installed, `compiled/attention.py` computes this for float32 arrays of texts and heads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from ..backend import FLOAT32, Array, xp
from . import compiled
from .arrays import as_rows, batched, finite_row_max, row_products
from .compiled import available, compiles, has_rows, run_rows
from .fused import needed
from .threads import blas_address, get_num_threads, one_thread, share

QUERIES = 64  # in a block
SCORES = 2**18  # about how many a block has on the CPU: what its cache holds
KEPT_KEYS = 256
MOST_KEYS = 2**18  # in compiled code, whose threads take memory for a block of queries and all keys
SHARED = 2**20  # scores in all; below, threads that share the texts save no time
COMPILED = 2**12  # multiplications of q and k; from here on, compiled code takes less time than NumPy's calls
ALONE = 9_216  # multiplications of a head; below, OpenBLAS starts no threads, for a matrix by a vector neither
SAFE = 60.0  # exp of scores up to this size needs no shift: their sums neither overflow nor underflow

Index: TypeAlias = tuple[Any, ...]
Part: TypeAlias = tuple[Index, list[tuple[Index, Index, Array]]]  # which texts; their blocks, as `_blocks` yields them


def attention(
    q: Array, k: Array, v: Array, mask: Array | None = None, causal: bool = False, scale: float | None = None, *,
    keep: bool = False,
) -> Any:  # fmt: skip
    """With keep=True also what backward needs: the blocks, if the keys are few, or compiled code's statistics.

    The output has the memory layout of q.
    """
    if mask is not None and mask.dtype.kind != "b":
        raise TypeError("the mask is not of bools")
    if k.shape[-2] != v.shape[-2]:
        raise ValueError("k and v have different keys")
    lib = xp(q)
    q, k, v, (order, *_) = _broadcast(q, k, v)
    mask = _with_axes(mask, (*q.shape[:-1], k.shape[-2]))
    out = lib.empty_like(q, np.result_type(q.dtype, k.dtype, v.dtype), order, shape=(*q.shape[:-1], v.shape[-1]))
    if _compiles(q, k, v, out):
        statistics = compiled.attention.forward(q, k, v, _full(mask, q, k), out, causal, _scale(q, scale))
        return (out, statistics) if keep else out
    keep_weights = keep and k.shape[-2] <= KEPT_KEYS

    def attend(part: Part) -> None:
        texts, kept = part
        for queries, keys, weights in _blocks(q[texts], k[texts], _of(texts, mask), causal, scale):
            lib.matmul(weights, v[texts][keys], out=out[texts][queries])
            if keep_weights:
                kept.append((queries, keys, weights))

    parts = _parts(q, k)
    if len(parts) == 1 and q.shape[-2] * k.shape[-2] * max(q.shape[-1], v.shape[-1]) < ALONE:
        attend(parts[0])
    else:
        with one_thread:
            share(attend, parts)
    return (out, parts) if keep else out


def attention_backward(
    g: Array, needs: list[bool], q: Array, k: Array, v: Array, mask: Array | None = None, causal: bool = False,
    scale: float | None = None, *, out: Array, kept: Any,
) -> tuple[Any, ...]:  # fmt: skip
    lib = xp(q)
    q, k, v, orders = _broadcast(q, k, v)
    mask = _with_axes(mask, (*q.shape[:-1], k.shape[-2]))
    if not isinstance(kept, list):  # compiled forward's statistics
        g = g if _rows(g) else np.ascontiguousarray(g)
        gradients = [np.empty_like(x, g.dtype, order) for x, order in zip((q, k, v), orders, strict=True)]
        gradients = [x if _rows(x) else np.empty(x.shape, x.dtype) for x in gradients]
        compiled.attention.backward(q, k, v, _full(mask, q, k), kept, out, g, gradients, causal, _scale(q, scale))
        return needed((*gradients, None), needs)
    # Where one block of queries has all keys, each key's gradient is written once.
    once = 0 < q.shape[-2] <= QUERIES and not (causal and q.shape[-2] < k.shape[-2])
    made = lib.empty_like if once else lib.zeros_like
    dq = lib.empty_like(q, g.dtype, orders[0]) if needs[0] else None
    dk = made(k, g.dtype, orders[1]) if needs[1] else None
    dv = made(v, g.dtype, orders[2]) if needs[2] else None

    def add(total: Array, a: Array, b: Array) -> None:
        """Add a^T b to a part of the gradient of the keys or values."""
        if once:
            lib.matmul(a.swapaxes(-1, -2), b, out=total)
        else:
            total += a.swapaxes(-1, -2) @ b

    def attend_backward(part: Part) -> None:
        texts, blocks = part
        own_q, own_k, own_v, own_g, own_out = (x[texts] for x in (q, k, v, g, out))
        for queries, keys, weights in blocks or _blocks(own_q, own_k, _of(texts, mask), causal, scale):
            if dv is not None:
                add(dv[texts][keys], weights, own_g[queries])
            if dq is None and dk is None:
                continue
            # The gradient of the scores is w (dw - sum(w dw)), with weights w; the sum over a row is that of g out.
            scaled = own_g[queries] * _scale(q, scale)
            dscores = scaled @ own_v[keys].swapaxes(-1, -2)  # (..., queries, keys)
            mean = row_products(scaled, own_out[queries])
            dscores -= mean
            dscores *= weights
            if dk is not None:
                add(dk[texts][keys], dscores, own_q[queries])
            if dq is not None:
                lib.matmul(dscores, own_k[keys], out=dq[texts][queries])

    with one_thread:
        share(attend_backward, kept)
    return (dq, dk, dv, None)[: len(needs)]


@one_thread
def attention_weights(q: Array, k: Array, mask: Array | None = None) -> Array:
    if mask is not None and mask.ndim > 2:  # there may be masks for several texts, but one q and k for all
        lead = np.broadcast_shapes(q.shape[:-2], k.shape[:-2], mask.shape[:-2])
        q = xp(q).broadcast_to(q, (*lead, *q.shape[-2:]))
    if mask is not None and mask.dtype.kind == "f":
        return _weights(q * _scale(q), k, mask, small=False)
    return _weights(q * _scale(q), k, None if mask is None else _bias(mask, q.dtype))


@one_thread
def attention_weights_backward(
    g: Array, needs: list[bool], q: Array, k: Array, mask: Array | None = None, *, out: Array
) -> tuple[Any, ...]:
    dscores = g - row_products(g, out)
    dscores *= out
    dmask = dscores.copy() if len(needs) > 2 and needs[2] else None
    dscores *= _scale(q)
    dq = dscores @ k if needs[0] else None
    dk = dscores.swapaxes(-1, -2) @ q if needs[1] else None
    return (dq, dk, dmask)[: len(needs)]


def _weights(q: Array, k: Array, bias: Array | None, small: bool = True) -> Array:
    """softmax(q k^T + bias): (..., queries, keys). small: the bias is nowhere above 0."""
    lib = xp(q)
    weights = lib.ascontiguousarray(q @ k.swapaxes(-1, -2))  # a product has the memory order of its operands
    rows = as_rows(weights)  # a view
    loop = compiles(rows)
    # Small scores need no shift by the largest of their row. On a GPU the comparison would wait.
    safe = not loop and small and lib is np and rows.size > 0
    safe = safe and np.minimum.reduce(rows, None) > -SAFE and np.maximum.reduce(rows, None) < SAFE
    if bias is not None:
        weights += bias
    if loop:
        run_rows(compiled.loops.softmax, rows)
        return weights
    if not safe:
        rows -= finite_row_max(rows)
    lib.exp(rows, out=rows)
    total = batched(rows, lib.ones((rows.shape[1], 1), rows.dtype))  # the sum of each row
    total += total == 0  # a row of only -inf
    rows /= total
    return weights


def _full(mask: Array | None, q: Array, k: Array) -> Array | None:
    """The mask broadcast to all scores, with keys that lie in order."""
    return None if mask is None else np.broadcast_to(np.ascontiguousarray(mask), (*q.shape[:-1], k.shape[-2]))


def _compiles(*arrays: Array) -> bool:
    """Whether compiled code can compute with q, k, v and the output."""
    return (
        arrays[0].size * arrays[1].shape[-2] >= COMPILED
        and arrays[1].shape[-2] <= MOST_KEYS
        and arrays[0].dtype == FLOAT32
        and available()
        and all(map(_rows, arrays))
        and blas_address("sgemm") != 0
    )


def _rows(x: Array) -> bool:
    """Whether x is (texts, heads, rows, n) of float32 on the CPU, not empty, with rows that BLAS reads."""
    if type(x) is not np.ndarray or x.ndim != 4 or x.dtype != FLOAT32 or x.size == 0:
        return False
    (rows, n), (row, element) = x.shape[2:], x.strides[2:]
    return has_rows(rows, n, row, element, x.itemsize)


def _scale(q: Array, scale: float | None = None) -> float:
    return 1 / math.sqrt(q.shape[-1] or 1) if scale is None else scale


def _bias(mask: Array, dtype: Any) -> Array:
    """0 where the mask is True, -inf elsewhere."""
    return xp(mask).where(mask, dtype.type(0), dtype.type(-math.inf))


def _broadcast(*arrays: Array) -> tuple[Any, ...]:
    """q, k and v with the same leading axes; and for each the memory order of an array made like it."""
    q, k, v = arrays
    if q.shape[:-2] == k.shape[:-2] == v.shape[:-2]:
        return q, k, v, ["K"] * 3
    lead = np.broadcast_shapes(*(x.shape[:-2] for x in arrays))
    given = [x.shape[:-2] == lead for x in arrays]
    shaped = (x if g else xp(x).broadcast_to(x, (*lead, *x.shape[-2:])) for x, g in zip(arrays, given, strict=True))
    return *shaped, ["K" if g else "C" for g in given]


def _parts(q: Array, k: Array) -> list[Part]:
    """The texts in parts that threads share; all in one, unless there is much to compute."""
    scores = math.prod(q.shape[:-1]) * k.shape[-2]
    if q.ndim == 2 or scores < SHARED or type(q) is not np.ndarray:
        return [((), [])]
    step = -(-len(q) // (2 * get_num_threads()))
    return [((slice(start, start + step),), []) for start in range(0, len(q), step)]


def _of(texts: Index, mask: Array | None) -> Any:
    """The part of the mask for these texts."""
    return mask[texts] if mask is not None and mask.ndim > 2 and len(mask) > 1 else mask


def _blocks(
    q: Array, k: Array, mask: Array | None, causal: bool, scale: float | None
) -> Iterator[tuple[Index, Index, Array]]:
    """For each block the indices of its queries and of its keys, and the weights."""
    queries, keys = q.shape[-2], k.shape[-2]
    for start in range(0, queries, QUERIES):
        stop = min(start + QUERIES, queries)
        reach = min(stop, keys) if causal else keys
        allowed = None if mask is None else mask[..., start:stop, :reach]
        if causal:
            past = xp(q).arange(reach) <= xp(q).arange(start, stop)[:, None]
            allowed = past if allowed is None else allowed & past
        for texts in _texts(q, (stop - start) * reach):
            bias = None if allowed is None else _bias(_of(texts, allowed), q.dtype)
            its_queries = (*texts, ..., slice(start, stop), slice(None))
            its_keys = (*texts, ..., slice(reach), slice(None))
            yield its_queries, its_keys, _weights(q[its_queries] * _scale(q, scale), k[its_keys], bias)


def _texts(q: Array, scores: int) -> list[Index]:
    """Indices into the first of the leading axes, for about SCORES scores each; on a GPU one for all.

    scores: of each head.
    """
    if q.ndim == 2 or type(q) is not np.ndarray:
        return [()]
    step = max(SCORES // max(scores * math.prod(q.shape[1:-2]), 1), 1)
    return [(slice(i, i + step),) for i in range(0, len(q), step)]


def _with_axes(mask: Array | None, shape: Index) -> Array | None:
    """The mask with as many axes as `shape`, the last two in full. Raises ValueError unless it broadcasts to it."""
    if mask is None:
        return None
    xp(mask).broadcast_to(mask, shape)
    mask = mask.reshape((1,) * (len(shape) - mask.ndim) + mask.shape)
    return xp(mask).broadcast_to(mask, (*mask.shape[:-2], *shape[-2:]))

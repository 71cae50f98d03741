"""Attention in blocks: some queries, on the CPU of some texts, with the keys that they may attend to.

Of the weights only one block exists at a time, and keys that no query of a block may attend to are left out: causal
attention computes little more than half of the products. Backward computes the weights again, so that memory grows
linearly with the number of keys (Rabe & Staats, arXiv:2112.05682; Dao et al., arXiv:2205.14135). Up to KEPT_KEYS keys
they are kept instead, which takes a quarter less time and about as much memory as q, k, v and the output.

A weight is e / total: e = exp(score), total the sum of its row. Only the output, and in backward its gradient, is
divided by the totals; they are smaller than the weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from ..backend import Array, xp
from .rows import as_rows, largest_of_rows, row_products, row_sums

QUERIES = 64  # in a block
SCORES = 2**18  # about how many a block has on the CPU: what its cache holds
KEPT_KEYS = 256
SAFE = 30.0  # exp of scores up to this size needs no shift: sums of it stay far from overflow and underflow

Index: TypeAlias = tuple[Any, ...]


def attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    *,
    keep: bool = False,
) -> Any:
    """With keep=True also each block's e and totals, if the keys are few. The output has the memory layout of q."""
    if mask is not None and mask.dtype.kind != "b":
        raise TypeError("the mask is not of bools")
    lib, dtype = xp(q), np.result_type(q.dtype, k.dtype, v.dtype)
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    q, k, v, (order, *_) = _broadcast(q, k, v)
    out = lib.empty_like(q, dtype, order, shape=(*q.shape[:-1], v.shape[-1]))
    kept = []
    for queries, keys, bias in _blocks(q, k, mask, causal):
        e, total = _exponentials(q[queries] * factor, k[keys], bias)
        part = out[queries]
        lib.matmul(e, v[keys], out=part)
        part /= total
        if keep and k.shape[-2] <= KEPT_KEYS:
            kept.append((e, total))
    return (out, kept) if keep else out


def attention_backward(
    g: Array,
    needs: list[bool],
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    *,
    out: Array,
    kept: list[tuple[Array, Array]],
) -> tuple[Any, ...]:
    lib = xp(q)
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    q, k, v, orders = _broadcast(q, k, v)
    made = zip((q, k, v), orders, needs, strict=False)
    dq, dk, dv = (lib.zeros_like(x, g.dtype, order) if need else None for x, order, need in made)
    once = q.shape[-2] <= QUERIES  # each key is in one block

    def add(total: Array, a: Array, b: Array) -> None:
        """Add a^T b to a part of the gradient of the keys or values."""
        if once:
            lib.matmul(a.swapaxes(-1, -2), b, out=total)
        else:
            total += a.swapaxes(-1, -2) @ b

    for number, (queries, keys, bias) in enumerate(_blocks(q, k, mask, causal)):
        scaled = q[queries] * factor
        e, total = kept[number] if kept else _exponentials(scaled, k[keys], bias)
        dpart = g[queries] / total
        if dv is not None:
            add(dv[keys], e, dpart)
        if dq is None and dk is None:
            continue
        # The gradient of the scores is w (dw - sum(w dw)), with weights w, and the sum over a row is that of g out.
        dscores = dpart @ v[keys].swapaxes(-1, -2)  # (..., queries, keys)
        dscores -= row_products(dpart, out[queries])
        dscores *= e
        if dk is not None:
            add(dk[keys], dscores, scaled)
        if dq is not None:
            lib.matmul(dscores, k[keys], out=dq[queries])
    if dq is not None:
        dq *= factor
    return (dq, dk, dv, None)[: len(needs)]


def attention_weights(q: Array, k: Array, mask: Array | None = None) -> Array:
    q = q * (1 / math.sqrt(q.shape[-1]))
    if mask is not None and mask.dtype.kind == "f":
        weights, total = _exponentials(q, k, mask, small=False)
    else:
        weights, total = _exponentials(q, k, None if mask is None else _bias(mask, q.dtype))
    weights /= total
    return weights


def attention_weights_backward(
    g: Array, needs: list[bool], q: Array, k: Array, mask: Array | None = None, *, out: Array
) -> tuple[Any, ...]:
    dscores = g - row_products(g, out)
    dscores *= out
    dmask = dscores.copy() if len(needs) > 2 and needs[2] else None
    dscores *= 1 / math.sqrt(q.shape[-1])
    dq = dscores @ k if needs[0] else None
    dk = dscores.swapaxes(-1, -2) @ q if needs[1] else None
    return (dq, dk, dmask)[: len(needs)]


def _exponentials(q: Array, k: Array, bias: Array | None, small: bool = True) -> tuple[Array, Array]:
    """e = exp(q k^T + bias), (..., queries, keys), with a factor of its own for each row; and the rows' sums, (..., 1).

    bias: for the last of the keys.  small: whether it is nowhere above 0.  The sum of a row of zeros is made 1.
    """
    lib = xp(q)
    e = q @ k.swapaxes(-1, -2)
    rows = as_rows(e)  # a view: a product is contiguous
    # Small scores need no shift by the largest of their row. On a GPU the comparison would wait.
    safe = small and lib is np and bool(rows.size) and rows.min() > -SAFE and rows.max() < SAFE
    if bias is not None:
        e[..., e.shape[-1] - bias.shape[-1] :] += bias
    if not safe:
        rows -= largest_of_rows(rows)
    lib.exp(rows, out=rows)
    total = row_sums(rows)
    total += total == 0
    return e, total.reshape(*e.shape[:-1], 1)


def _bias(mask: Array, dtype: Any) -> Array:
    """0 where the mask is True, -inf elsewhere."""
    return xp(mask).where(mask, dtype.type(0), dtype.type(-math.inf))


def _broadcast(*arrays: Array) -> tuple[Any, ...]:
    """q, k and v with the same leading axes; and for each the memory order of an array made like it."""
    lead = np.broadcast_shapes(*(x.shape[:-2] for x in arrays))
    given = [x.shape[:-2] == lead for x in arrays]
    shaped = (x if g else xp(x).broadcast_to(x, (*lead, *x.shape[-2:])) for x, g in zip(arrays, given, strict=True))
    return *shaped, ["K" if g else "C" for g in given]


def _blocks(q: Array, k: Array, mask: Array | None, causal: bool) -> Iterator[tuple[Index, Index, Array | None]]:
    """For each block the indices of its queries and of its keys, and the bias of the last of its keys."""
    lib, (queries, keys) = xp(q), (q.shape[-2], k.shape[-2])
    if mask is not None:  # with as many axes as q, the last two in full
        full = (*q.shape[:-1], keys)
        if np.broadcast_shapes(mask.shape, full) != full:
            raise ValueError("the mask does not fit")
        mask = mask.reshape((1,) * (q.ndim - mask.ndim) + mask.shape)
        mask = lib.broadcast_to(mask, (*mask.shape[:-2], queries, keys))
    for start in range(0, queries, QUERIES):
        stop = min(start + QUERIES, queries)
        reach = min(stop, keys) if causal else keys
        allowed = None if mask is None else mask[..., start:stop, :reach]
        if causal:
            past = lib.arange(reach) <= lib.arange(start, stop)[:, None]
            allowed = past if allowed is None else allowed & past
        for texts in _texts(q, (stop - start) * reach):
            own = allowed if allowed is None or allowed.ndim < 3 or len(allowed) == 1 else allowed[texts]
            begin, end = (reach, reach) if own is None else _needed(own)
            bias = _bias(own[..., begin:end], q.dtype) if own is not None and begin < end else None
            yield (*texts, ..., slice(start, stop), slice(None)), (*texts, ..., slice(end), slice(None)), bias


def _texts(q: Array, scores: int) -> list[Index]:
    """Indices into the first of the leading axes, for about SCORES scores each; on a GPU one for all.

    scores: of each head.
    """
    if q.ndim == 2:
        return [()]
    step = SCORES // max(scores * math.prod(q.shape[1:-2]), 1) if xp(q) is np else len(q)
    return [(slice(i, i + max(step, 1)),) for i in range(0, len(q), max(step, 1))]


def _needed(mask: Array) -> tuple[int, int]:
    """The keys from the first number to before the second need the mask: earlier ones are all allowed, later ones none.

    On a GPU it is not known without waiting.
    """
    if xp(mask) is not np:
        return 0, mask.shape[-1]
    queries = tuple(range(mask.ndim - 1))
    some = np.flatnonzero(mask.any(queries))
    end = int(some[-1]) + 1 if some.size else min(1, mask.shape[-1])
    forbidden = np.flatnonzero(~mask.all(queries)[:end])
    return int(forbidden[0]) if forbidden.size else end, end

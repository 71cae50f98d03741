"""Attention of a text and head in compiled code: the products by NumPy's BLAS, the softmax by loops, in the cache.

Backward computes the weights again, so that memory grows linearly with the number of keys (Dao et al.,
arXiv:2205.14135). Arrays are (texts, heads, rows, n), float32, with contiguous rows; the mask is of bools, (texts,
heads, queries, keys). A chunk is some pairs of a text and a head.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...backend import Array
from .loops import exponentials, f, softmax_row
from .pool import Task, carray, inlined, literal_unroll, loop, pointer, pool, share, summing
from .products import PLAIN, ROW_MAJOR, SGEMM, TRANSPOSED, call_sgemm, one, zero

QUERIES = 64  # in a block
ALONE = 2**18  # multiplications of q and k; below, a thread computes alone
CHUNKS = 8  # at most; each takes memory for its blocks once

Q, K, V, MASK, STATISTICS, OUT, G, DQ, DK, DV = range(10)


def forward(q: Array, k: Array, v: Array, mask: Array | None, out: Array, causal: bool, scale: float) -> Array:
    """Write the output; return of each query its largest score and 1 / the sum of exponentials: (..., queries, 2)."""
    statistics = np.empty((*q.shape[:3], 2), q.dtype)
    alone = q.size * k.shape[2] < ALONE
    _run(pool(alone), attend.address, SGEMM, scale, causal, q, k, v, mask, statistics, out)
    return statistics


def backward(
    q: Array, k: Array, v: Array, mask: Array | None, statistics: Array, out: Array, g: Array, gradients: list[Array],
    causal: bool, scale: float,
) -> None:  # fmt: skip
    """Write the gradients of q, k and v."""
    arrays = q, k, v, mask, statistics, out, g, *gradients
    _run(pool(), attend_backward.address, SGEMM, scale, causal, *arrays)


@loop
def _run(pool: int, function: int, blas: int, scale: float, causal: bool, *arrays: Any) -> None:
    """Write the job's arguments: BLAS, the bits of the scale, heads, queries, width of queries and keys, keys, width of
    values, whether causal, the number of pairs of a text and head, and how many a chunk has; then for each array its
    address and strides in bytes."""
    job = np.empty(10 + 5 * len(arrays), np.int64)
    texts, heads, queries, width = arrays[Q].shape
    pairs = texts * heads
    step = -(-pairs // CHUNKS)
    job[0], job[1], job[2], job[3], job[4] = blas, f(scale).view(np.int32), heads, queries, width
    job[5], job[6], job[7], job[8], job[9] = arrays[K].shape[2], arrays[V].shape[3], causal, pairs, step
    i = 10
    for array in literal_unroll(arrays):
        job[i], job[i + 1], job[i + 2], job[i + 3], job[i + 4] = _address_and_strides(array)
        i += 5
    share(pool, function, job, -(-pairs // step))


@inlined
def _address_and_strides(x: Array | None) -> tuple[Any, ...]:
    if x is None:
        return 0, 0, 0, 0, 0
    text, head, row, element = x.strides
    if x.shape[2] == 1:  # then its stride may be any number
        row = x.shape[3] * x.itemsize
    return np.int64(x.ctypes.data), text, head, row, element


@inlined
def settings_of(job: int) -> tuple[Any, ...]:
    """BLAS, the scale, heads, queries, width of queries and keys, keys, width of values, whether causal."""
    n = carray(pointer(job), 8, np.int64)
    return n[0], np.int32(n[1]).view(np.float32), n[2], n[3], n[4], n[5], n[6], n[7]


@inlined
def place(job: int, i: int, pair: int) -> tuple[int, int, int]:
    """Of array i: the address of a text and head, the bytes from row to row, and the elements."""
    n = carray(pointer(job + 8 * (10 + 5 * i)), 5, np.int64)
    heads = carray(pointer(job), 8, np.int64)[2]
    return n[0] + pair // heads * n[1] + pair % heads * n[2], n[3], n[3] // 4


@inlined
def scores(job: int, pair: int, start: int, count: int, reach: int, weights: Array) -> None:
    """The scores of some queries and the first keys, -inf where the mask is False: weights[:count, :reach]."""
    sgemm, scale, _, _, d, keys, _, _ = settings_of(job)
    q, q_row, q_width = place(job, Q, pair)
    k, _, k_width = place(job, K, pair)
    shape = ROW_MAJOR, PLAIN, TRANSPOSED, count, reach, d
    call_sgemm(sgemm, (*shape, scale, q + start * q_row, q_width, k, k_width, zero, weights.ctypes.data, keys))
    mask, mask_row, _ = place(job, MASK, pair)
    column = carray(pointer(job + 8 * (10 + 5 * MASK)), 5, np.int64)[4]
    if mask != 0:
        for i in range(count):
            allowed = carray(pointer(mask + (start + i) * mask_row), (reach - 1) * column + 1, np.bool_)
            for j in range(reach):
                if not allowed[j * column]:
                    weights[i, j] = f(-np.inf)


@inlined
def pairs_of(job: int, chunk: int) -> range:
    """The numbers of a chunk's pairs of a text and head."""
    n = carray(pointer(job), 10, np.int64)
    return range(chunk * n[9], min((chunk + 1) * n[9], n[8]))


@inlined
def blocks_of(job: int) -> Array:
    """Memory for the weights of a block: (queries, keys)."""
    _, _, _, queries, _, keys, _, _ = settings_of(job)
    return np.empty((min(QUERIES, queries), keys), np.float32)


@Task
def attend(job: int, chunk: int) -> None:
    weights = blocks_of(job)
    for pair in pairs_of(job, chunk):
        attend_one(job, pair, weights)


@inlined
def attend_one(job: int, pair: int, weights: Array) -> None:
    """The output and statistics of a text and head: softmax(q k^T scale) v, for a block of queries at a time."""
    sgemm, _, _, queries, _, keys, dv, causal = settings_of(job)
    v, _, v_width = place(job, V, pair)
    out, out_row, out_width = place(job, OUT, pair)
    statistics = carray(pointer(place(job, STATISTICS, pair)[0]), (queries, 2), np.float32)
    for start in range(0, queries, QUERIES):
        count = min(QUERIES, queries - start)
        reach = min(start + count, keys) if causal else keys
        scores(job, pair, start, count, reach, weights)
        for i in range(count):
            row = weights[i, : min(start + i + 1, keys) if causal else keys]
            top, total = softmax_row(row)
            weights[i, row.size : reach] = 0
            statistics[start + i, 0], statistics[start + i, 1] = top, f(1) / total
        shape = ROW_MAJOR, PLAIN, PLAIN, count, dv, reach
        call_sgemm(sgemm, (*shape, one, weights.ctypes.data, keys, v, v_width, zero, out + start * out_row, out_width))


@Task
def attend_backward(job: int, chunk: int) -> None:
    weights, dscores = blocks_of(job), blocks_of(job)
    for pair in pairs_of(job, chunk):
        attend_one_backward(job, pair, weights, dscores)


@inlined
def attend_one_backward(job: int, pair: int, weights: Array, dscores: Array) -> None:
    """The gradients of a text and head, for a block of queries at a time: dv += w^T g, dq = ds k and dk += ds^T q, with
    weights w and ds = w (g v^T - g out) scale."""
    sgemm, scale, _, queries, d, keys, width, causal = settings_of(job)
    q, q_row, q_width = place(job, Q, pair)
    k, _, k_width = place(job, K, pair)
    v, _, v_width = place(job, V, pair)
    g, g_row, g_width = place(job, G, pair)
    out, out_row, _ = place(job, OUT, pair)
    dq, dq_row, dq_width = place(job, DQ, pair)
    dk, dk_row, dk_width = place(job, DK, pair)
    dv, dv_row, dv_width = place(job, DV, pair)
    statistics = carray(pointer(place(job, STATISTICS, pair)[0]), (queries, 2), np.float32)
    for i in range(keys):
        carray(pointer(dk + i * dk_row), d, np.float32)[:] = 0
        carray(pointer(dv + i * dv_row), width, np.float32)[:] = 0
    w, ds = weights.ctypes.data, dscores.ctypes.data
    for start in range(0, queries, QUERIES):
        count = min(QUERIES, queries - start)
        reach = min(start + count, keys) if causal else keys
        own_g = g + start * g_row
        scores(job, pair, start, count, reach, weights)
        shape = ROW_MAJOR, PLAIN, TRANSPOSED, count, reach, width  # the gradient of the weights
        call_sgemm(sgemm, (*shape, one, own_g, g_width, v, v_width, zero, ds, keys))
        for i in range(count):
            row = weights[i, : min(start + i + 1, keys) if causal else keys]
            drow = dscores[i, : row.size]
            exponentials(row, statistics[start + i, 0])
            per_total = statistics[start + i, 1]
            # The gradient of the scores is w (dw - sum(w dw)), with weights w; the sum over a row is that of g out.
            mean = dot(
                carray(pointer(own_g + i * g_row), width, np.float32),
                carray(pointer(out + (start + i) * out_row), width, np.float32),
            )
            for j in range(row.size):
                row[j] *= per_total
                drow[j] = row[j] * (drow[j] - mean) * scale
            weights[i, row.size : reach] = 0
            dscores[i, row.size : reach] = 0
        own_q, own_dq = q + start * q_row, dq + start * dq_row
        order = ROW_MAJOR, TRANSPOSED, PLAIN, reach
        call_sgemm(sgemm, (*order, width, count, one, w, keys, own_g, g_width, one, dv, dv_width))
        call_sgemm(sgemm, (*order, d, count, one, ds, keys, own_q, q_width, one, dk, dk_width))
        call_sgemm(sgemm, (ROW_MAJOR, PLAIN, PLAIN, count, d, reach, one, ds, keys, k, k_width, zero, own_dq, dq_width))


@summing
def dot(a: Array, b: Array) -> Any:
    total = f(0)
    for j in range(a.size):
        total += a[j] * b[j]
    return total

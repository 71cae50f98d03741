"""What is done to tokens: a table has a row for each, rows are alike or not, and attention mixes them."""

from __future__ import annotations

import math
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import INT64
from tinygrad_lecture.errors import DtypeError, TensorError
from tinygrad_lecture.ops.composite import named
from tinygrad_lecture.ops.indexing import index_get

from ..errors import check_indices
from .activation import dropout
from .normalization import check_eps

__all__ = ["cosine_similarity", "embedding", "normalize", "scaled_dot_product_attention"]


@named
def embedding(input: Any, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """weight[input]: one row of the table for each integer.

    - `input`: integers of any shape, each from 0 to rows - 1; a Tensor, array or list.
    - `weight`: `(rows, features)`.
    - `padding_idx`: a row that gets no gradient; negative values count from the end.

    Returns `(*input.shape, features)`.

    Raises TypeError unless the input has an integer dtype, IndexError for a row that does not exist (not checked on a
    GPU), ValueError for a weight of another number of axes.
    """
    if weight.ndim != 2:
        raise TensorError(f"embedding: weight must have shape (rows, features), not {weight.shape}")
    device, rows = weight.device, weight.shape[0]
    here = isinstance(input, Tensor) and input.device == device
    indices: Tensor = input if here else tl.as_tensor(input, device=device)
    check_indices("embedding", indices, rows, "rows")
    indices = indices if indices.dtype is INT64 else indices.long()  # in an index, uint8 would be a mask
    found: Tensor = index_get(weight, (indices._array,))  # (*input.shape, features)
    if padding_idx is None:
        return found
    if not -rows <= padding_idx < rows:
        raise IndexError(f"embedding: padding_idx {padding_idx} is out of range for {rows} rows")
    padding = indices == padding_idx % rows
    return tl.where(tl.unsqueeze(padding, -1), found.detach(), found)  # type: ignore[no-any-return]


# --- how alike two vectors are -------------------------------------------------------------------------------


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max(‖x‖_p, eps) along an axis: vectors of length 1 in the p-norm. The shape stays. ValueError for eps < 0."""
    check_eps("normalize", eps)
    lengths: Tensor = tl.clip(tl.norm(input, p, dim, keepdims=True), min=eps)
    return input / lengths


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along an axis, which is removed; inputs broadcast.

    This is the cosine of the angle between the vectors: 1 for the same direction, 0 for a right angle.
    Raises ValueError for a negative eps, or shapes that do not broadcast.
    """
    check_eps("cosine_similarity", eps)
    if x1.shape != x2.shape:
        shape = (x1 * x2).shape  # or an error that names both
        x1, x2 = x1.broadcast_to(shape), x2.broadcast_to(shape)
    return tl.sum(normalize(x1, 2.0, dim, eps) * normalize(x2, 2.0, dim, eps), dim)


# --- attention: weighted sums of values, with weights from queries and keys ----------------------------------


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """softmax(q kᵀ · scale) v, a mean of the values for each query (Vaswani et al., arXiv:1706.03762, formula 1).

    - `query`: (..., queries, d).  `key`: (..., keys, d).  `value`: (..., keys, value_dim). Leading axes broadcast.
    - `attn_mask`: broadcasts to (..., queries, keys): bools, True where a query may attend to a key, or floats that are
      added to the scores.
    - `dropout_p`: probability of dropping a weight.  `scale`: by default 1/sqrt(d).
    - `is_causal`: each query attends to the keys up to its own position; it excludes `attn_mask`.
    - `enable_gqa`: `query` has a multiple of the heads of `key` and `value`, on axis -3; each of theirs serves several.

    Returns (..., queries, value_dim). A query that may attend to no key gives zeros, with gradient 0. Memory grows
    linearly with the keys; with dropout or a mask of floats as queries times keys, since all weights are kept.
    Raises ValueError if the shapes do not match, TypeError for a mask of another dtype.
    """
    if is_causal and attn_mask is not None:
        raise TensorError("scaled_dot_product_attention: is_causal is a mask; give it or attn_mask, not both")
    if enable_gqa:
        key, value = (_for_each_query_head(x, query) for x in (key, value))
    if is_causal and dropout_p:
        attn_mask = tl.ones(query.shape[-2], key.shape[-2], dtype=tl.bool, device=query.device).tril()
    return attend(query, key, value, attn_mask, dropout_p, scale, is_causal, need_weights=False)[0]


def attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, dropout_p: float = 0.0, scale: float | None = None,
    is_causal: bool = False, need_weights: bool = True,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """The output, (..., queries, value_dim), and the weights after dropout, (..., queries, keys), if they are needed.

    Without weights, dropout and a mask of floats, they are never in memory all at once.
    """
    if mask is not None and mask.dtype.kind not in "bf":
        raise DtypeError(f"attention: the mask must be of bools or floats, not {mask.dtype}; write mask != 0")
    if not need_weights and dropout_p == 0 and (mask is None or mask.dtype.kind != "f"):
        return tl.attention(q, k, v, mask, causal=is_causal, scale=scale), None
    if scale is not None:
        q = q * (scale * math.sqrt(q.shape[-1]))
    if mask is not None and mask.dtype.kind == "f":
        mask = mask.to(q.dtype)
    weights = dropout(tl.attention_weights(q, k, mask), dropout_p)  # (..., queries, keys)
    return weights @ v, weights  # (..., queries, keys) @ (..., keys, value_dim)


def _for_each_query_head(x: Tensor, query: Tensor) -> Tensor:
    """Keys or values with as many heads as the queries, each repeated."""
    heads = x.shape[-3] if min(x.ndim, query.ndim) > 2 else 0
    if not heads or query.shape[-3] % heads:
        raise TensorError(
            "scaled_dot_product_attention: enable_gqa needs query (..., heads, queries, d) with a multiple of the "
            f"heads of key and value, got query {query.shape} and {x.shape}"
        )
    return tl.repeat_interleave(x, query.shape[-3] // heads, -3)  # type: ignore[no-any-return]

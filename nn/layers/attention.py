"""MultiheadAttention: several heads, each of which attends on its slice of the features.

The package `transformer` has the lecture's own, to read.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError
from tinygrad_lecture.ops.shape import merge_heads, split_heads

from .. import init
from ..errors import check_probability, check_sizes, check_tensor
from ..functional.attention import attend
from ..linear import Linear
from ..module import Module, Parameter

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """softmax(q kᵀ / sqrt(head_dim)) v for each head, and a linear map of all heads (Vaswani et al., arXiv:1706.03762).

    - `embed_dim`: features of queries and outputs.  `num_heads`: each has head_dim = embed_dim / num_heads of them.
    - `dropout`: probability of dropping a weight while training.  `bias`: of all four linear maps.
    - `batch_first`: whether a batch is (batch, tokens, features) instead of (tokens, batch, features).

    Parameters:

    - `in_proj_weight`: (3 * embed_dim, embed_dim), the maps of queries, keys and values one below the other.
    - `in_proj_bias`: (3 * embed_dim,), initially 0.  `out_proj`: a Linear.

    Raises ValueError unless num_heads divides embed_dim, NotImplementedError for PyTorch's other settings.
    """

    in_proj_bias: Parameter | None
    out_kind = Linear
    usage = "; self-attention is mha(x, x, x)"

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, *, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device: str = "cpu", dtype: Any = None,
    ) -> None:  # fmt: skip
        if add_bias_kv or add_zero_attn or {kdim, vdim} - {None, embed_dim}:
            raise NotImplementedError("MultiheadAttention: other kdim or vdim, add_bias_kv, add_zero_attn are not here")
        check_sizes("MultiheadAttention", embed_dim=embed_dim, num_heads=num_heads)
        check_probability("MultiheadAttention", dropout)
        if embed_dim % num_heads:
            raise TensorError(f"MultiheadAttention: embed_dim {embed_dim} cannot be split into {num_heads} heads")
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.dropout, self.batch_first = dropout, batch_first
        self.in_proj_weight = Parameter.empty(3 * embed_dim, embed_dim, dtype=dtype, device=device)
        self.in_proj_bias = Parameter.empty(3 * embed_dim, dtype=dtype, device=device) if bias else None
        self.out_proj = self.out_kind(embed_dim, embed_dim, bias, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights, Xavier's uniform for the maps into the heads, and set biases to 0."""
        init.xavier_uniform_(self.in_proj_weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """The output, (queries, batch, embed_dim), and the weights, (batch, queries, keys), or None.

        - `query`: (queries, batch, embed_dim).  `key`, `value`: (keys, batch, embed_dim). With batch_first=True `batch`
          comes first; without `batch` for a single sequence.
        - `key_padding_mask`: (batch, keys), True for padding, which nothing attends to.
        - `attn_mask`: (queries, keys) or (batch * num_heads, queries, keys), True where a query may *not* attend.
          Masks of floats are added to the scores.
        - `need_weights`: whether to return the weights: their mean over the heads or, with average_attn_weights=False,
          (batch, num_heads, queries, keys).
        - `is_causal`: says that `attn_mask` is causal, which is not used; it needs one.

        A query that may attend to no key gets zeros (PyTorch: NaN). Raises ValueError if the shapes do not match.
        """
        if is_causal and attn_mask is None:
            raise TensorError("is_causal needs attn_mask: nn.Transformer.generate_square_subsequent_mask(tokens)")
        self._check(query, key, value)
        batched, same = query.ndim == 3, query is key is value
        query, key, value = (self._batch_first(x) for x in (query, key, value))  # (batch, tokens, features)
        if not batched and key_padding_mask is not None:
            key_padding_mask = tl.as_tensor(key_padding_mask).unsqueeze(0)
        projected = self._projected(query, key, value, same)
        q, k, v = (split_heads(x, self.num_heads) for x in projected)  # (batch, heads, tokens, head_dim)
        mask = joined_mask(attn_mask, key_padding_mask, q, k)
        out, weights = attend(q, k, v, mask, self.dropout if self.training else 0.0, need_weights=need_weights)
        out = self.out_proj(merge_heads(out))  # (batch, queries, embed_dim)
        out = out if self.batch_first else out.swapaxes(0, 1)
        if not batched:
            out = out.squeeze(0 if self.batch_first else 1)
        if not need_weights or weights is None:
            return out, None
        weights = weights if batched else weights[0]  # (..., heads, queries, keys)
        return out, weights.mean(-3) if average_attn_weights else weights

    def _batch_first(self, x: Tensor) -> Tensor:
        """(tokens, batch, features), or without batch -> (batch, tokens, features)."""
        if x.ndim == 2:
            return x.unsqueeze(0)  # type: ignore[no-any-return]
        return x if self.batch_first else x.swapaxes(0, 1)

    def _projected(self, query: Tensor, key: Tensor, value: Tensor, same: bool) -> list[Tensor]:
        """Queries, keys and values of all heads, (batch, tokens, embed_dim) each; `same`: they are of one Tensor."""
        if same:
            return list(tl.chunk(tl.linear(query, self.in_proj_weight, self.in_proj_bias), 3, -1))
        maps = tl.chunk(self.in_proj_weight, 3)
        biases = [None] * 3 if self.in_proj_bias is None else tl.chunk(self.in_proj_bias, 3)
        return [tl.linear(x, w, b) for x, w, b in zip((query, key, value), maps, biases, strict=True)]

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        for name, x in (("query", query), ("key", key), ("value", value)):
            check_tensor("forward", name, x)
            if x.ndim not in (2, 3) or x.ndim != query.ndim:
                batch = "batch, tokens" if self.batch_first else "tokens, batch"
                raise TensorError(
                    f"query, key and value must have shape ({batch}, features) or, for one sequence, (tokens, "
                    f"features), not {query.shape}, {key.shape}, {value.shape}"
                )
            if x.shape[-1] != self.embed_dim:
                raise TensorError(f"{name} must have {self.embed_dim} features on its last axis, not shape {x.shape}")
        axis = 0 if self.batch_first else 1
        if key.shape != value.shape or (query.ndim == 3 and key.shape[axis] != query.shape[axis]):
            raise TensorError(
                f"key {key.shape} and value {value.shape} must have as many tokens, and the batch of query "
                f"{query.shape}, which is axis {axis} with batch_first={self.batch_first}"
            )


def joined_mask(attn_mask: Any, key_padding_mask: Any, q: Tensor, k: Tensor) -> Tensor | None:
    """PyTorch's two masks as the one that `F.scaled_dot_product_attention` takes: bools, True = may attend, or floats.

    In PyTorch's, True means that a query may *not* attend; floats are added to the scores.

    - `attn_mask`: (queries, keys) or (batch * heads, queries, keys), or None.
    - `key_padding_mask`: (batch, keys), True for padding, or None.
    - `q`, `k`: (batch, heads, queries or keys, head_dim).

    Returns a mask that broadcasts to (batch, heads, queries, keys), None if both are. Raises ValueError for other
    shapes, TypeError unless a mask is of bools or floats.
    """
    (batch, heads, queries, _), keys = q.shape, k.shape[2]
    masks: list[Tensor] = []
    if attn_mask is not None:
        mask = _checked("attn_mask", attn_mask, q, [(queries, keys), (batch * heads, queries, keys)])
        masks.append(mask if mask.ndim == 2 else mask.reshape(batch, heads, queries, keys))
    if key_padding_mask is not None:
        masks.append(_checked("key_padding_mask", key_padding_mask, q, [(batch, keys)]).reshape(batch, 1, 1, keys))
    if not masks:
        return None
    if all(mask.dtype.kind == "b" for mask in masks):
        return tl.logical_not(reduce(tl.logical_or, masks))
    nothing = tl.zeros((), dtype=q.dtype, device=q.device)
    return reduce(tl.add, (m if m.dtype.kind == "f" else tl.where(m, -math.inf, nothing) for m in masks))


def _checked(name: str, mask: Any, q: Tensor, wanted: list[tuple[int, ...]]) -> Tensor:
    made: Tensor = tl.as_tensor(mask, device=q.device)
    if made.dtype.kind not in "bf":
        raise TypeError(
            f"{name} must be bools, True where a query may not attend, or floats that are added to the scores, "
            f"not {made.dtype}; write {name}.bool()"
        )
    if made.shape not in wanted:
        shapes = " or ".join(map(str, wanted))
        axes = "(batch, keys)" if name == "key_padding_mask" else "(queries, keys), or one for each batch * heads"
        raise TensorError(f"{name} must have shape {shapes}, {axes}, not {made.shape}")
    return made

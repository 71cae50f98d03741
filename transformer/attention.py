"""Attention: each token updates its vector with a weighted sum of values, those of the tokens that it attends to.

The three kinds differ in their arguments only:

    causal           each token attends to itself and the tokens before it    mask = causal_mask(n, n)
    bidirectional    each token attends to all tokens of its text             mask = None
    cross            each token attends to the tokens of another text         k and v come from the other text
"""

from __future__ import annotations

import math
from typing import Any

import nn
import tinygrad_lecture as tl
from nn import functional as F
from tinygrad_lecture import Tensor
from tinygrad_lecture.ops.shape import merge_heads, split_heads

from .cache import KeyValues
from .ffn import linears
from .positions import Rotation

__all__ = ["MultiHeadAttention", "SingleHeadAttention", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Any = None, dropout: float = 0.0
) -> tuple[Tensor, Tensor]:
    """The output and the attention weights (Vaswani et al., arXiv:1706.03762, formula 1).

        weights = softmax(q k^T / sqrt(head_dim))
        output = weights v

    - `q`: (..., queries, head_dim).
    - `k`: (..., keys, head_dim).
    - `v`: (..., keys, value_dim). Leading axes broadcast.
    - `mask`: bools that broadcast to (..., queries, keys), True where the query may attend to the key, as in PyTorch's
      function of this name; a Tensor, array or list. None allows all. Or floats, (heads, queries, keys) or (..., heads,
      queries, keys), that are added to the scores, as those of `RelativeBias`.
    - `dropout`: probability of dropping a weight. It affects the output, not the returned weights.

    Returns (..., queries, value_dim) and (..., queries, keys). If the mask allows a query no key, its output and its
    gradient are zeros.
    Raises ValueError if the shapes do not match, TypeError for a mask that is neither bools nor floats with an
    axis of heads.
    """
    if mask is not None:
        mask = tl.as_tensor(mask, device=q.device)
        if mask.dtype.kind != "b" and not _is_added(mask):
            raise TypeError(
                "scaled_dot_product_attention: the mask must be of bools, True where a query may attend, got "
                f"{mask.dtype}; write mask == 0 for one of 0 and -inf, mask != 0 for one of 1 and 0"
            )
    weights = tl.attention_weights(q, k, mask)  # softmax(q k^T / sqrt(head_dim)): (..., queries, keys)
    return F.dropout(weights, dropout) @ v, weights  # (..., queries, keys) @ (..., keys, value_dim)


class SingleHeadAttention(nn.Module):
    """One attention head, as in the lecture: three matrices, no biases.

    - `W_Q` (query): what am I looking for?
    - `W_K` (key): what do I offer?
    - `W_V` (value): what do I send?

    Each maps width -> head_dim.
    """

    def __init__(self, width: int, head_dim: int) -> None:
        self.W_Q = nn.Linear(width, head_dim, bias=False)
        self.W_K = nn.Linear(width, head_dim, bias=False)
        self.W_V = nn.Linear(width, head_dim, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(..., tokens, width) -> output (..., tokens, head_dim) and weights (..., tokens, tokens).

        - `mask`: see `scaled_dot_product_attention`.
        """
        return scaled_dot_product_attention(self.W_Q(x), self.W_K(x), self.W_V(x), mask)


class Attend(nn.Module):
    """The attention of all heads, from queries, keys and values to what each head sends.

    Scores and weights exist only where something needs them: a hook of `softmax`, which reads or changes them, dropout,
    or a mask of floats. Elsewhere the same output is computed without them, in less time and memory.

    - `scale`: factor of q k^T, by default 1 / sqrt(head_dim).
    - `sharing`: how many heads, one after another, share keys and values (Ainslie et al., arXiv:2305.13245).
    """

    def __init__(self, dropout: float = 0.0, scale: float | None = None, sharing: int = 1) -> None:
        self.dropout, self.scale, self.sharing = dropout, scale, sharing
        self.softmax = nn.Softmax(-1)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """q (..., heads, queries, head_dim) -> (..., heads, queries, value_dim).

        - `k`, `v`: (..., heads / sharing, keys, head_dim), and (..., value_dim).
        - `mask`: bools that broadcast to (..., 1, queries, keys), or floats (..., heads, queries, keys) that are added.
        """
        dropout = self.dropout if self.training else 0.0
        if dropout or self.softmax.has_hooks or (mask is not None and _is_added(mask)):
            return self._with_weights(q, k, v, mask, dropout)
        if self.sharing == 1:
            return tl.attention(q, k, v, mask, scale=self.scale)
        if mask is not None and mask.ndim > 1 and mask.shape[-2] > 1:  # a row for each query
            mask = tl.cat([mask] * self.sharing, -2)
        return tl.attention(self._stacked(q), k, v, mask, scale=self.scale).reshape(*q.shape[:-1], v.shape[-1])

    def _with_weights(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
        scores = self._stacked(q) @ k.mT * (self.scale or q.shape[-1] ** -0.5)
        scores = scores.reshape(*q.shape[:-1], -1)  # (..., heads, queries, keys)
        if mask is not None:
            scores = scores + mask if _is_added(mask) else tl.where(mask, scores, -math.inf)
        weights = F.dropout(self.softmax(scores), dropout)  # (..., heads, queries, keys)
        return (self._stacked(weights) @ v).reshape(*q.shape[:-1], v.shape[-1])

    def _stacked(self, x: Tensor) -> Tensor:
        """(..., heads, queries, n) -> (..., kv_heads, rows, n): the rows of heads that share keys, head below head."""
        if self.sharing == 1:
            return x
        *lead, heads, queries, n = x.shape
        return x.reshape(*lead, heads // self.sharing, self.sharing * queries, n)


def _is_added(mask: Tensor) -> bool:
    """Whether a mask is added to the scores; a table of floats for all heads is more likely a mistake."""
    return mask.dtype.kind == "f" and mask.ndim > 2


class MultiHeadAttention(nn.Module):
    """Several heads in parallel. Each reads the whole vector, through its own rows of W_Q, W_K and W_V; W_O mixes what
    they send.

    - `width`: size of the input and output vectors.
    - `heads`: how many.
    - `kv_heads`: how many sets of keys and values there are, each for heads / kv_heads heads; by default one a head.
    - `head_dim`: size of a head's queries, keys and values, by default width / heads.
    - `key_width`: size of the vectors attended to, by default `width`.
    - `bias`: whether the four matrices have one; `qkv_bias`: whether all but W_O have one.
    - `dropout`: of the attention weights and of the output, as in GPT-2 (PyTorch's module drops weights only).
    - `scale`: factor of q k^T, by default 1 / sqrt(head_dim).

    W_Q maps width -> heads * head_dim, W_O back; W_K and W_V map key_width -> kv_heads * head_dim. Rows h * head_dim to
    (h + 1) * head_dim of W_Q, W_K and W_V belong to head h.
    Raises ValueError unless `heads` divides `width`, or `head_dim` is given, and `kv_heads` divides `heads`.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        kv_heads: int | None = None,
        head_dim: int | None = None,
        key_width: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        scale: float | None = None,
        qkv_bias: bool = False,
    ) -> None:
        if heads < 1 or (head_dim is None and width % heads):
            raise ValueError(f"MultiHeadAttention: width {width} cannot be split into {heads} heads")
        kv_heads, head_dim = kv_heads or heads, head_dim or width // heads
        if heads % kv_heads:
            raise ValueError(f"MultiHeadAttention: {heads} heads cannot share the keys and values of {kv_heads}")
        self.heads, self.kv_heads = heads, kv_heads
        self.W_Q = nn.Linear(width, heads * head_dim, bias or qkv_bias)
        self.W_K = nn.Linear(key_width or width, kv_heads * head_dim, bias or qkv_bias)
        self.W_V = nn.Linear(key_width or width, kv_heads * head_dim, bias or qkv_bias)
        self.W_O = nn.Linear(heads * head_dim, width, bias)
        self.attend = Attend(dropout, scale, heads // kv_heads)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        mask: Any = None,
        rotation: Rotation | None = None,
        cache: KeyValues | None = None,
    ) -> Tensor:
        """(..., queries, width) -> (..., queries, width).

        - `memory`: (..., keys, key_width), the vectors attended to; by default x itself (self-attention).
        - `mask`: bools that broadcast to (..., queries, keys), True where a query may attend; the same for all heads.
          Or floats (..., heads, queries, keys) that are added to the scores, as those of `RelativeBias`.
        - `rotation`: rotary positions of x, from `Rotary`, by which queries and keys are rotated.
        - `cache`: keys and values of earlier calls. Those of x are appended; those of a memory are computed only once.

        Raises ValueError if shapes do not match, or for a rotation of a memory.
        """
        if memory is None:
            q, k, v = linears(x, self.W_Q, self.W_K, self.W_V)  # (..., tokens, heads or kv_heads * head_dim)
        else:
            _check_memory(memory, rotation, cache)
            q = self.W_Q(x)
        q = split_heads(q, self.heads)  # (..., heads, queries, head_dim)
        if memory is not None and cache is not None and cache.length:  # computed in the first call
            k, v = cache.held
        else:
            if memory is not None:
                k, v = linears(memory, self.W_K, self.W_V)
            k, v = split_heads(k, self.kv_heads), split_heads(v, self.kv_heads)  # (..., kv_heads, keys, head_dim)
            if rotation is not None:
                q, k = tl.rotary(q, *rotation), tl.rotary(k, *rotation)
            if cache is not None:
                k, v = cache.append(k, v)
        if mask is not None:
            mask = tl.as_tensor(mask, device=x.device)
            mask = mask if mask.ndim <= 2 or _is_added(mask) else tl.unsqueeze(mask, -3)  # (..., 1, queries, keys)
        out = self.attend(q, k, v, mask)  # (..., heads, queries, head_dim)
        return self.dropout(self.W_O(merge_heads(out)))  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"heads={self.heads}" + f", kv_heads={self.kv_heads}" * (self.kv_heads != self.heads)


def _check_memory(memory: Tensor, rotation: Rotation | None, cache: KeyValues | None) -> None:
    """Raises ValueError for a memory that is no text, comes with a rotation, or is not the one in the cache."""
    if memory.ndim < 2:
        raise ValueError(f"MultiHeadAttention: expected memory (..., tokens, width), got {memory.shape}")
    if rotation is not None:
        raise ValueError(
            "MultiHeadAttention: rotary positions work in self-attention only; leave out memory or rotation"
        )
    if cache is not None and cache.length not in (0, memory.shape[-2]):
        raise ValueError(
            f"MultiHeadAttention: the cache holds a memory of {cache.length} tokens, got one of {memory.shape[-2]}"
        )

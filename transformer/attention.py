"""Attention: each token updates its vector with a weighted sum of values, those of the tokens that it attends to.

The three kinds differ in their arguments only:

    causal           each token attends to itself and the tokens before it    mask = causal_mask(n, n)
    bidirectional    each token attends to all tokens of its text             mask = None
    cross            each token attends to the tokens of another text         k and v come from the other text
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import nn
import tinygrad_lecture as tl
from nn import functional as F
from tinygrad_lecture import Tensor
from tinygrad_lecture.ops.shape import merge_heads, split_heads

from .cache import KeyValues
from .ffn import linears

__all__ = ["MultiHeadAttention", "SingleHeadAttention", "scaled_dot_product_attention"]

Rotation: TypeAlias = tuple[Tensor, Tensor]  # cos and sin of the angles: see `Rotary.forward`


def scaled_dot_product_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Any = None,
    dropout: float = 0.0,
    *,
    bias: Tensor | None = None,
    scale: float | None = None,
    softmax: nn.Module | None = None,
) -> tuple[Tensor, Tensor]:
    """The output and the attention weights (Vaswani et al., arXiv:1706.03762, formula 1).

        weights = softmax(q k^T / sqrt(head_dim))
        output = weights v

    - `q`: (..., queries, head_dim).
    - `k`: (..., keys, head_dim).
    - `v`: (..., keys, value_dim). Leading axes broadcast.
    - `mask`: bools that broadcast to (..., queries, keys), True where the query may attend to the key, as in PyTorch's
      function of this name; a Tensor, array or list. None allows all.
    - `dropout`: probability of dropping a weight. It affects the output, not the returned weights.
    - `bias`: floats that broadcast to (..., queries, keys), added to the scores, as those of `RelativeBias`.
    - `scale`: factor of q k^T, by default 1 / sqrt(head_dim). `softmax`: a module that makes weights of scores.

    Returns (..., queries, value_dim) and (..., queries, keys). If the mask allows a query no key, its output and its
    gradient are zeros.
    Raises ValueError if the shapes do not match, TypeError for a mask that is not of bools.
    """
    scores = q @ k.mT * (scale or 1 / math.sqrt(q.shape[-1]))  # (..., queries, keys)
    if bias is not None:
        scores = scores + bias
    if mask is not None:
        scores = tl.where(checked_mask(mask, q.device), scores, -math.inf)
    weights = tl.softmax(scores, -1) if softmax is None else softmax(scores)  # (..., queries, keys); rows sum to 1
    return F.dropout(weights, dropout) @ v, weights  # (..., queries, keys) @ (..., keys, value_dim)


def checked_mask(mask: Any, device: str) -> Tensor:
    """A mask, given as Tensor, array or list, as a Tensor on the device. Raises TypeError unless it is of bools."""
    made: Tensor = tl.as_tensor(mask, device=device)
    if made.dtype.kind != "b":
        raise TypeError(
            f"attention: the mask must be of bools, True where a query may attend, not {made.dtype}; write mask == 0 "
            "for one of 0 and -inf, mask != 0 for one of 1 and 0, and bias= for numbers to add to the scores"
        )
    return made


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

    Scores and weights exist only where something needs them: somebody who looks at them, dropout, or a bias. Elsewhere
    a kernel computes the same output without keeping them, in less time and memory.

    - `scale`: factor of q k^T, by default 1 / sqrt(head_dim).
    - `sharing`: how many heads, one after another, share keys and values (Ainslie et al., arXiv:2305.13245).
    - `watched`: whether somebody looks at scores or weights: set by inspect/points.py.
    """

    watched = False

    def __init__(self, dropout: float = 0.0, scale: float | None = None, sharing: int = 1) -> None:
        self.dropout, self.scale, self.sharing = dropout, scale, sharing
        self.softmax = nn.Softmax(-1)

    def forward(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """q (..., heads, queries, head_dim) -> (..., heads, queries, value_dim).

        - `k`, `v`: (..., heads / sharing, keys, head_dim), and (..., value_dim).
        - `mask`: bools that broadcast to (..., 1, queries, keys).
        - `bias`: floats (..., heads, queries, keys).
        """
        dropout = self.dropout if self.training else 0.0
        if self.watched or dropout or bias is not None:
            if self.sharing > 1:  # (..., kv_heads, keys, n) -> (..., heads, keys, n)
                k, v = (tl.repeat_interleave(x, self.sharing, -3) for x in (k, v))
            chosen: Any = {"bias": bias, "scale": self.scale, "softmax": self.softmax}
            return scaled_dot_product_attention(q, k, v, mask, dropout, **chosen)[0]
        if self.sharing == 1:
            return tl.attention(q, k, v, mask, scale=self.scale)
        # The queries of heads that share keys, head below head, as if they were the queries of one head.
        *lead, heads, queries, head_dim = q.shape
        stacked = q.reshape(*lead, heads // self.sharing, self.sharing * queries, head_dim)
        if mask is not None and mask.ndim > 1 and mask.shape[-2] > 1:  # a row for each query
            mask = tl.cat([mask] * self.sharing, -2)
        out = tl.attention(stacked, k, v, mask, scale=self.scale)  # (..., kv_heads, sharing * queries, value_dim)
        return out.reshape(*lead, heads, queries, v.shape[-1])


class MultiHeadAttention(nn.Module):
    """Several heads in parallel. Each reads the whole vector, through its own rows of W_Q, W_K and W_V; W_O mixes what
    they send.

    - `width`: size of the input and output vectors.
    - `heads`: how many.
    - `kv_heads`: how many sets of keys and values there are, each for heads / kv_heads heads; by default one a head.
    - `head_dim`: size of a head's queries, keys and values, by default width / heads.
    - `key_width`: size of the vectors attended to, by default `width`.
    - `bias`: whether the four matrices have one.
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
    ) -> None:
        if heads < 1 or (head_dim is None and width % heads):
            raise ValueError(f"MultiHeadAttention: width {width} cannot be split into {heads} heads")
        kv_heads, head_dim = kv_heads or heads, head_dim or width // heads
        if heads % kv_heads:
            raise ValueError(f"MultiHeadAttention: {heads} heads cannot share the keys and values of {kv_heads}")
        self.heads, self.kv_heads = heads, kv_heads
        self.W_Q = nn.Linear(width, heads * head_dim, bias)
        self.W_K = nn.Linear(key_width or width, kv_heads * head_dim, bias)
        self.W_V = nn.Linear(key_width or width, kv_heads * head_dim, bias)
        self.W_O = nn.Linear(heads * head_dim, width, bias)
        self.attend = Attend(dropout, scale, heads // kv_heads)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        mask: Any = None,
        bias: Tensor | None = None,
        rotation: Rotation | None = None,
        cache: KeyValues | None = None,
    ) -> Tensor:
        """(..., queries, width) -> (..., queries, width).

        - `memory`: (..., keys, key_width), the vectors attended to; by default x itself (self-attention).
        - `mask`: bools that broadcast to (..., queries, keys), True where a query may attend; the same for all heads.
        - `bias`: floats (..., heads, queries, keys) that are added to the scores, as those of `RelativeBias`.
        - `rotation`: rotary positions of x, from `Rotary`, by which queries and keys are rotated.
        - `cache`: keys and values of earlier calls. Those of x are appended; those of a memory are computed only once.

        Raises ValueError if shapes do not match, or for a rotation of a memory, TypeError for a mask of other values.
        """
        if memory is None:
            q, k, v = linears(x, self.W_Q, self.W_K, self.W_V)  # (..., tokens, heads or kv_heads * head_dim)
        else:
            _check_memory(memory, rotation, cache)
            q = self.W_Q(x)
        q = split_heads(q, self.heads)  # (..., queries, heads * head_dim) -> (..., heads, queries, head_dim)
        if memory is not None and cache is not None and cache.length:  # computed in the first call
            k, v = cache.held
        else:
            if memory is not None:
                k, v = linears(memory, self.W_K, self.W_V)  # (..., keys, kv_heads * head_dim)
            k, v = split_heads(k, self.kv_heads), split_heads(v, self.kv_heads)  # (..., kv_heads, keys, head_dim)
            if rotation is not None:
                q, k = tl.rotary(q, *rotation), tl.rotary(k, *rotation)
            if cache is not None:
                k, v = cache.append(k, v)
        if mask is not None:
            mask = checked_mask(mask, x.device)
            mask = mask if mask.ndim <= 2 else tl.unsqueeze(mask, -3)  # (..., 1, queries, keys)
        out: Tensor = self.attend(q, k, v, mask, bias)  # (..., heads, queries, head_dim)
        out = self.W_O(merge_heads(out))  # (..., queries, heads * head_dim) -> (..., queries, width)
        return self.dropout(out) if self.dropout.training else out

    def extra_repr(self) -> str:
        return f"heads={self.heads}" + f", kv_heads={self.kv_heads}" * (self.kv_heads != self.heads)


def _check_memory(memory: Tensor, rotation: Rotation | None, cache: KeyValues | None) -> None:
    """Raises ValueError for a memory that comes with a rotation, or is not the one in the cache."""
    if rotation is not None:
        raise ValueError("MultiHeadAttention: rotary positions are for self-attention; leave out memory or rotation")
    if cache is not None and cache.length not in (0, memory.shape[-2]):
        raise ValueError(f"MultiHeadAttention: the cache has a memory of {cache.length} tokens, not {memory.shape[-2]}")

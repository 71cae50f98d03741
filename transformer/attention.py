"""Attention: each token asks the others (query), is found by them (key), and takes over what they have to say (value).

One function serves all three kinds, by what it is given:

    causal           a token looks at itself and what came before it    mask = causal_mask(n, n)
    bidirectional    at all tokens of its own text                      mask = None
    cross            at the tokens of another text                      k and v made from the other text's vectors
"""

from __future__ import annotations

from typing import Any

import numpy as np

import nn
import tinygrad_lecture as tl
from nn import functional as F
from nn.errors.checks import as_tensor
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Shape

from .generation.cache import KeyValues
from .positions import Rotary, positions_of


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Any = None, dropout: float = 0.0) -> tuple[Tensor, Tensor]:
    """softmax(q k^T / sqrt(head_dim)) v, and the weights, that softmax (Vaswani et al., arXiv:1706.03762, formula 1).

    q: (..., queries, head_dim).  k: (..., keys, head_dim).  v: (..., keys, any).
    mask: bools that broadcast to (..., queries, keys), True where the query may look at the key; None: everywhere.
    A Tensor, array or list.
    dropout: with what probability a weight is dropped, in the output, not in the weights returned.
    Returns (..., queries, any) and (..., queries, keys). A query that may look nowhere gets zeros, as do its gradients.
    Raises ValueError for shapes that do not fit, TypeError for a mask that is not of bools.
    """
    if mask is not None:
        mask = as_tensor(mask, q)
    _check(q, k, v, mask)
    weights = tl.attention_weights(q, k, mask)  # softmax(q k^T / sqrt(head_dim)), masked: (..., queries, keys)
    return F.dropout(weights, dropout) @ v, weights


def _check(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> None:
    fits = min(q.ndim, k.ndim, v.ndim) >= 2 and q.shape[-1] == k.shape[-1] > 0 and k.shape[-2] == v.shape[-2]
    if not fits or not _broadcast(q.shape[:-2], k.shape[:-2], v.shape[:-2]):
        raise ValueError(
            "attention: wanted q (..., queries, head_dim), k (..., keys, head_dim) and v (..., keys, any), whose other "
            f"axes broadcast, got q {q.shape}, k {k.shape}, v {v.shape}"
        )
    if mask is None:
        return
    if mask.dtype.kind != "b":
        raise TypeError(f"attention: the mask is of bools, True where a query may look, not of {mask.dtype}")
    wanted = (*q.shape[:-1], k.shape[-2])
    if mask.ndim > len(wanted) or any(n not in (1, m) for n, m in zip(mask.shape[::-1], wanted[::-1], strict=False)):
        raise ValueError(
            f"attention: wanted a mask that broadcasts to (..., queries, keys) = {wanted}, got {mask.shape}"
        )


def _broadcast(*shapes: Shape) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


class SingleHeadAttention(nn.Module):
    """The lecture's head of attention: three matrices, no biases.

    W_Q, W_K: what a token asks, and what it is found by: width -> head_dim.  W_V: what it hands on: width -> head_dim.
    """

    def __init__(self, width: int, head_dim: int) -> None:
        self.W_Q = nn.Linear(width, head_dim, bias=False)
        self.W_K = nn.Linear(width, head_dim, bias=False)
        self.W_V = nn.Linear(width, head_dim, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(..., tokens, width) -> (..., tokens, head_dim), and the weights, (..., tokens, tokens). See `attention`."""
        return attention(self.W_Q(x), self.W_K(x), self.W_V(x), mask)


class Attend(nn.Module):
    """`attention` as a module without parameters, so that a forward hook can see the weights of every head."""

    def __init__(self, dropout: float = 0.0) -> None:
        self.dropout = dropout

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return attention(q, k, v, mask, self.dropout if self.training else 0.0)


class MultiHeadAttention(nn.Module):
    """Several heads side by side, each on its part of the width; W_O mixes what they found.

    W_Q, W_O: width -> width.  W_K, W_V: key_width -> width, where key_width is that of the vectors looked at, by
    default the same. Head h has the rows from h * head_dim on, with head_dim = width / heads.
    dropout: of the weights and, unlike in PyTorch's module, of the output as well, as GPT-2 has it.
    rotary: positions for queries and keys, or None.
    Raises ValueError unless heads divides width.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        key_width: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        rotary: Rotary | None = None,
    ) -> None:
        if heads != int(heads) or heads < 1 or width % heads:
            raise ValueError(f"MultiHeadAttention: width {width} cannot be split among {heads} heads")
        if rotary is not None and rotary.head_dim != width // heads:
            raise ValueError(
                f"MultiHeadAttention: the rotary positions are for heads {rotary.head_dim} wide, and these are "
                f"{width // heads}"
            )
        self.heads = int(heads)
        self.W_Q = nn.Linear(width, width, bias)
        self.W_K = nn.Linear(key_width or width, width, bias)
        self.W_V = nn.Linear(key_width or width, width, bias)
        self.W_O = nn.Linear(width, width, bias)
        self.attend = Attend(dropout)
        self.dropout = nn.Dropout(dropout)
        self.rotary = rotary

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        mask: Any = None,
        positions: Any = None,
        cache: KeyValues | None = None,
    ) -> Tensor:
        """(..., queries, width) -> (..., queries, width).

        memory: (..., keys, key_width), what is looked at; by default x itself.
        mask: bools that broadcast to (..., queries, keys), True where a query may look, the same for all heads.
        positions: of x, (queries,) or (..., queries), for rotary; by default 0, 1, ..., after those in the cache.
        cache: keys and values of earlier calls, which come before those of x and to which these are added; those of a
        memory are computed in the first call alone.
        Raises ValueError for shapes that do not fit, and for a memory with rotary, whose positions are of one text.
        """
        if x.ndim < 2:
            raise ValueError(f"wanted x of shape (..., queries, width), got {x.shape}")
        if self.rotary is not None and memory is not None:
            raise ValueError("rotary positions are of one text, and memory is another; leave out one of the two")
        q = self._split(self.W_Q(x))  # (..., heads, queries, head_dim)
        if memory is not None and cache is not None and cache.length:
            if memory.shape[-2] != cache.length:
                raise ValueError(
                    f"the cache is of a memory of {cache.length} tokens, and this one has {memory.shape[-2]}"
                )
            k, v = cache.keys, cache.values
        else:
            source = x if memory is None else memory
            k, v = self._split(self.W_K(source)), self._split(self.W_V(source))  # (..., heads, keys, head_dim)
            if self.rotary is not None:
                if positions is None:
                    positions = positions_of(x.shape[-2], 0 if cache is None else cache.length, device=x.device)
                positions = as_tensor(positions, x)
                q, k = self.rotary(q, positions), self.rotary(k, positions)
            if cache is not None:
                k, v = cache.append(k, v)
        if mask is not None:
            mask = as_tensor(mask, x)
            mask = mask if mask.ndim <= 2 else tl.unsqueeze(mask, -3)  # (..., 1, queries, keys): for all heads
        found, _ = self.attend(q, k, v, mask)  # (..., heads, queries, head_dim)
        joined = found.swapaxes(-3, -2).reshape(x.shape)  # (..., queries, heads, head_dim) -> (..., queries, width)
        return self.dropout(self.W_O(joined))  # type: ignore[no-any-return]

    def _split(self, x: Tensor) -> Tensor:
        """(..., tokens, width) -> (..., heads, tokens, head_dim)."""
        parts = x.reshape(*x.shape[:-1], self.heads, x.shape[-1] // self.heads)  # (..., tokens, heads, head_dim)
        return parts.swapaxes(-3, -2)

    def extra_repr(self) -> str:
        return f"heads={self.heads}"

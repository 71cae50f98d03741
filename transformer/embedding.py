"""Embedding: one vector per token, a row of W_E, plus its position. Unembedding: from a final vector to the logits.

Attention alone ignores word order. Each kind of positions says it in a way of its own, and all have three methods:

- `added_to`: learned and sinusoidal ones add a vector for each position to those of the tokens.
- `rotation`: rotary ones rotate queries and keys.
- `score_bias`: relative ones add to the scores of attention.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import nn
import tinygrad_lecture as tl
from nn import functional as F
from tinygrad_lecture import Tensor

from .attention import Rotation
from .block import make_norm
from .config import TransformerConfig

__all__ = ["Embedding", "RelativeBias", "Rotary", "Unembedding", "sinusoids"]


class Embedding(nn.Module):
    """W_E[token] + position: (..., tokens) -> (..., tokens, width).

    - `config.positions`: "learned" and "sinusoidal" are added here. What blocks need of "rotary" and "relative" ones,
      `positions` gives: see embedding.py.
    - `W_E`: (vocab_size, width), an nn.Embedding to share, or None for a new one.
    - `segments`: how many kinds of segments have a vector that is added to those of their tokens (Devlin et al.,
      arXiv:1810.04805).
    """

    def __init__(self, config: TransformerConfig, W_E: nn.Embedding | None = None, segments: int = 0) -> None:
        self.context = config.longest
        self.W_E = W_E or nn.Embedding(config.vocab_size, config.width)
        self.positions = make_positions(config)
        self.segments = nn.Embedding(segments, config.width) if segments else None
        self.norm = make_norm(config) if config.embedding_norm else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)

    @property
    def device(self) -> str:
        """Where W_E is."""
        return self.W_E.weight.device

    def forward(self, tokens: Tensor, positions: Tensor, segments: Any = None) -> Tensor:
        """tokens: (..., tokens), integers.  positions: (tokens,) or (..., tokens).  Returns (..., tokens, width).

        - `segments`: (..., tokens), integers; None puts all tokens into segment 0.

        Raises ValueError for segments without vectors for them.
        """
        x = self.positions.added_to(self.W_E(tokens), positions)  # (..., tokens, width)
        if self.segments is not None:
            x = x + (self.segments.weight[0] if segments is None else self.segments(segments))
        elif segments is not None:
            raise ValueError("segments: the model has none; leave them out, or build it with segments=2")
        return self.dropout(self.norm(x))  # type: ignore[no-any-return]


def make_positions(config: TransformerConfig) -> NoPositions:
    """The positions of a config."""
    match config.positions:
        case "learned":
            return LearnedPositions(config.context, config.width)
        case "sinusoidal":
            return Sinusoids(config.context, config.width)
        case "rotary":
            return Rotary(config.context, config.head_width, config.rotary_base)
        case "relative":
            return RelativeBias(config.heads, config.buckets, config.max_distance)
        case "none":
            return NoPositions()


class Unembedding(nn.Module):
    """x W_U^T, one score per token of the vocabulary: (..., width) -> (..., vocab_size).

    - `W_U`: an nn.Linear, whose weight is (vocab_size, width). Its bias, if `config.logits_bias` says so, is not
      trained; with `bias` it is.
    - `W_E`: the embedding that it is tied to if `config.tied`. Both then share one Parameter (Press & Wolf,
      arXiv:1608.05859), which `parameters` yields once and `state_dict` lists under both names, as PyTorch does.
    """

    def __init__(self, config: TransformerConfig, W_E: nn.Embedding, bias: bool = False) -> None:
        self.scale = config.width**-0.5 if config.scaled_logits else 1.0
        self.W_U = nn.Linear(config.width, config.vocab_size, bias or config.logits_bias)
        if config.tied:
            self.W_U.weight = W_E.weight
        if config.logits_bias:
            self.get_parameter("W_U.bias").requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., vocab_size)."""
        return self.W_U(x if self.scale == 1 else x * self.scale)  # type: ignore[no-any-return]


# --- positions ------------------------------------------------------------------------------------------------


class NoPositions(nn.Module):
    """No positions, and the base of all kinds, which differ from it in one method each."""

    def added_to(self, x: Tensor, positions: Any) -> Tensor:
        """The tokens' vectors with their positions, (..., tokens, width). positions: (tokens,) or (..., tokens)."""
        return x

    def rotation(self, positions: Any) -> Rotation | None:
        """cos and sin of the angles by which `tl.rotary` rotates queries and keys; None for no rotation."""
        return None

    def score_bias(self, queries: int, keys: int, bidirectional: bool) -> Tensor | None:
        """What is added to the scores, (heads, queries, keys); None for nothing. Queries are the last keys."""
        return None


class LearnedPositions(NoPositions):
    """A learnt vector for each position, a row of `weight`, (context, width) (GPT-2, BERT)."""

    def __init__(self, context: int, width: int) -> None:
        self.weight = nn.Parameter.empty(context, width)
        nn.init.normal_(self.weight)

    def added_to(self, x: Tensor, positions: Any) -> Tensor:
        return x + F.embedding(positions, self.weight)


class Sinusoids(NoPositions):
    """`sinusoids`, to which sqrt(width) times the token's vector is added (arXiv:1706.03762, section 3.4)."""

    def __init__(self, context: int, width: int) -> None:
        self.register_buffer("waves", sinusoids(context, width), persistent=False)
        self.waves: Tensor

    def added_to(self, x: Tensor, positions: Any) -> Tensor:
        return x * math.sqrt(x.shape[-1]) + self.waves[positions]


def sinusoids(context: int, width: int) -> Tensor:
    """Sinusoidal position vectors: (context, width).

        [p, 2i] = sin(p / 10000^(2i / width)),   [p, 2i + 1] = cos(p / 10000^(2i / width))

    Wavelengths run from 2 pi tokens to 10,000 * 2 pi (Vaswani et al., arXiv:1706.03762, section 3.5).
    """
    angles = _angles(context, width)  # (context, ceil(width / 2))
    waves = np.stack([np.sin(angles), np.cos(angles)], -1)  # (context, ceil(width / 2), 2)
    waves = waves.reshape(context, angles.shape[1] * 2)[:, :width]  # (context, width)
    return tl.tensor(waves, dtype=tl.get_default_dtype())


def _angles(context: int, width: int, base: float = 10000.0) -> np.ndarray:
    """p / base^(2i / width) in float64: (context, ceil(width / 2))."""
    return np.arange(context)[:, None] / base ** (np.arange(0, width, 2) / width)


class Rotary(NoPositions):
    """Rotary positions: queries and keys rotated by their position, so that q k^T depends on the distance alone.

    The pair (x[i], x[i + head_dim / 2]) at position p is rotated by p / base^(2i / head_dim) (Su et al.,
    arXiv:2104.09864, formula 34, which pairs x[2i] with x[2i + 1]: the same up to the order of W_Q's and W_K's rows;
    this order is that of Llama's files). See `tl.rotary`. No parameters.
    """

    def __init__(self, context: int, head_dim: int, base: float = 10000.0) -> None:
        angles, dtype = _angles(context, head_dim, base), tl.get_default_dtype()  # (context, head_dim / 2)
        self.register_buffer("cos", tl.tensor(np.cos(angles), dtype=dtype), persistent=False)
        self.register_buffer("sin", tl.tensor(np.sin(angles), dtype=dtype), persistent=False)
        self.cos: Tensor
        self.sin: Tensor

    def rotation(self, positions: Any) -> Rotation:
        """cos and sin of the angles at positions, (tokens,) or (..., tokens): for all heads of all blocks.

        Returns (tokens, head_dim / 2) or (..., 1, tokens, head_dim / 2) each.
        """
        cos, sin = self.cos[positions], self.sin[positions]  # (..., tokens, head_dim / 2)
        return (cos, sin) if cos.ndim == 2 else (tl.unsqueeze(cos, -3), tl.unsqueeze(sin, -3))


class RelativeBias(NoPositions):
    """Relative positions: a learnt number per head and distance, added to q k^T (Raffel et al., arXiv:1910.10683).

    Distances share `buckets`: one bucket for each short distance, then wider and wider ones, the last for all from
    `max_distance` on. In bidirectional attention half of the buckets are for keys after the query.
    """

    def __init__(self, heads: int, buckets: int = 32, max_distance: int = 128) -> None:
        self.bias = nn.Embedding(buckets, heads)
        self.max_distance = max_distance

    def score_bias(self, queries: int, keys: int, bidirectional: bool) -> Tensor:
        """(heads, queries, keys), of whose `keys` keys the queries are the last."""
        distance = np.arange(keys) - np.arange(keys - queries, keys)[:, None]  # (queries, keys)
        bias = self.bias(tl.tensor(self.bucket(distance, bidirectional), device=self.bias.weight.device))
        return bias.permute(2, 0, 1)  # type: ignore[no-any-return] # (queries, keys, heads) -> (heads, queries, keys)

    def bucket(self, distance: np.ndarray, bidirectional: bool) -> np.ndarray:
        """The bucket of each distance, that from a query to a key: integers of any shape -> integers.

        Of n buckets, distances below n / 2 have one each; distance d has bucket n/2 + floor(n/2 · log(d / (n/2)) /
        log(max_distance / (n/2))), at most n - 1. Bidirectional, n is half of the buckets, and keys after the query
        have the second half; otherwise these count as distance 0.
        """
        n = self.bias.num_embeddings // (1 + bidirectional)
        first = np.where(bidirectional & (distance > 0), n, 0)
        distance = np.abs(distance) if bidirectional else np.maximum(-distance, 0)
        near = n // 2
        ratio = np.log(np.maximum(distance, near).astype(np.float32) / near) / math.log(self.max_distance / near)
        far = near + (ratio * (n - near)).astype(np.int64)
        return first + np.where(distance < near, distance, np.minimum(far, n - 1))

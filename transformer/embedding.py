"""Embedding: one vector per token, a row of W_E, plus its position. Unembedding: from a final vector to the logits."""

from __future__ import annotations

from typing import Any

import nn
from tinygrad_lecture import Tensor

from .block import make_norm
from .config import TransformerConfig
from .positions import LearnedPositions, NoPositions, RelativeBias, Rotary, Sinusoids

__all__ = ["Embedding", "Unembedding"]


class Embedding(nn.Module):
    """W_E[token] + position: (..., tokens) -> (..., tokens, width).

    - `config.positions`: "learned" and "sinusoidal" are added here. What blocks need of "rotary" and "relative" ones,
      `positions` gives: see positions.py.
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
            return Rotary(config.context, config.head_dim, config.rotary_base)
        case "relative":
            return RelativeBias(config.heads, config.buckets, config.max_distance)
        case "none":
            return NoPositions()


def unembedding(config: TransformerConfig, W_E: nn.Embedding) -> Unembedding:
    """The unembedding of a model, tied to its W_E if the config says so."""
    scale = config.width**-0.5 if config.scaled_logits else 1.0
    tied = W_E if config.tied else None
    made = Unembedding(config.vocab_size, config.width, tied, bias=config.logits_bias, scale=scale)
    if config.logits_bias:
        made.get_parameter("W_U.bias").requires_grad_(False)
    return made


class Unembedding(nn.Module):
    """x W_U^T, one score per token of the vocabulary: (..., width) -> (..., vocab_size).

    - `W_U`: an nn.Linear, by default without bias; its weight is (vocab_size, width).
    - `scale`: a factor of x.
    - `W_E`: an embedding to tie to. Both then share one Parameter (Press & Wolf, arXiv:1608.05859), which `parameters`
      yields once and `state_dict` lists under both names, as PyTorch does.
    """

    def __init__(
        self, vocab_size: int, width: int, W_E: nn.Embedding | None = None, *, bias: bool = False, scale: float = 1.0
    ) -> None:
        self.scale = scale
        self.W_U = nn.Linear(width, vocab_size, bias)
        if W_E is not None:
            self.W_U.weight = W_E.weight

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., vocab_size)."""
        return self.W_U(x if self.scale == 1 else x * self.scale)  # type: ignore[no-any-return]

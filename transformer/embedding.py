"""Embedding: one vector per token, a row of W_E, plus its position. Unembedding: from a final vector to the logits."""

from __future__ import annotations

import math
from typing import Any

import nn
from tinygrad_lecture import Tensor

from .block import make_norm
from .config import TransformerConfig
from .positions import RelativeBias, Rotary, Rotation, sinusoids

__all__ = ["Embedding", "Unembedding"]


class Embedding(nn.Module):
    """W_E[token] + position: (..., tokens) -> (..., tokens, width).

    - `config.positions`: "learned" adds a row of a second matrix. "sinusoidal" adds `sinusoids` to W_E[token] *
      sqrt(width), as in Vaswani et al., arXiv:1706.03762, section 3.4. With "rotary", "relative" and "none" nothing is
      added; what their blocks need is kept here.
    - `W_E`: (vocab_size, width), an nn.Embedding to share, or None for a new one.
    - `segments`: how many kinds of segments have a vector that is added to those of their tokens (Devlin et al.,
      arXiv:1810.04805).
    """

    def __init__(self, config: TransformerConfig, W_E: nn.Embedding | None = None, segments: int = 0) -> None:
        self.context = config.longest
        self.kind = config.positions
        self.W_E = W_E or nn.Embedding(config.vocab_size, config.width)
        if self.kind == "learned":
            self.positions: nn.Module = nn.Embedding(config.context, config.width)
        elif self.kind == "sinusoidal":
            self.register_buffer("waves", sinusoids(config.context, config.width), persistent=False)
            self.waves: Tensor
        elif self.kind == "relative":
            self.positions = RelativeBias(config.heads, config.buckets, config.max_distance)
        elif self.kind == "rotary":
            self.positions = Rotary(config.context, config.head_dim, config.rotary_base, config.rotary_factor)
        self.segments = nn.Embedding(segments, config.width) if segments else None
        self.norm = make_norm(config) if config.embedding_norm else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)

    @property
    def device(self) -> str:
        """Where W_E is, be its numbers parameters or quantised."""
        return getattr(self.W_E, "weight" if isinstance(self.W_E, nn.Embedding) else "scale").device  # type: ignore[no-any-return]

    def forward(self, tokens: Tensor, positions: Tensor, segments: Any = None) -> Tensor:
        """tokens: (..., tokens), integers.  positions: (tokens,) or (..., tokens).  Returns (..., tokens, width).

        - `segments`: (..., tokens), integers; None puts all tokens into segment 0.

        Raises ValueError for segments without vectors for them.
        """
        x: Tensor = self.W_E(tokens)  # (..., tokens, width)
        if self.kind == "learned":
            x = x + self.positions(positions)
        elif self.kind == "sinusoidal":
            x = x * math.sqrt(x.shape[-1]) + self.waves[positions]
        if self.segments is not None:
            x = x + (self.segments.weight[0] if segments is None else self.segments(segments))
        elif segments is not None:
            raise ValueError("segments: the model has none; leave them out, or build it with segments=2")
        return self.dropout(self.norm(x))  # type: ignore[no-any-return]

    def rotation(self, positions: Tensor) -> Rotation | None:
        """What the blocks need of rotary positions: see `Rotary.forward`. None with other positions."""
        return self.positions(positions) if self.kind == "rotary" else None


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

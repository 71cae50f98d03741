"""Embedding: one vector per token, a row of W_E, plus its position."""

from __future__ import annotations

import math
from typing import Any

import nn
from tinygrad_lecture import Tensor

from .config import TransformerConfig
from .positions import sinusoids
from .tokens import as_tokens, check_vocabulary


class Embedding(nn.Module):
    """W_E[token] + position: (..., tokens) -> (..., tokens, width).

    - `config.positions`: "learned" adds a row of a second matrix. "sinusoidal" adds `sinusoids` to W_E[token] *
      sqrt(width), as in Vaswani et al., arXiv:1706.03762, section 3.4. With "rotary" and "none" nothing is added.
    - `W_E`: (vocab_size, width), an nn.Embedding to share, or None for a new one.
    """

    def __init__(self, config: TransformerConfig, W_E: nn.Embedding | None = None) -> None:
        self.context = config.context
        self.kind = config.positions
        self.W_E = W_E or nn.Embedding(config.vocab_size, config.width)
        if self.kind == "learned":
            self.positions = nn.Embedding(config.context, config.width)
        elif self.kind == "sinusoidal":
            self.register_buffer("waves", sinusoids(config.context, config.width), persistent=False)
            self.waves: Tensor
        self.norm = nn.LayerNorm(config.width, config.eps, bias=config.bias) if config.embedding_norm else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """tokens: (..., tokens), integers.  positions: (tokens,) or (..., tokens).  Returns (..., tokens, width)."""
        x: Tensor = self.W_E(tokens)  # (..., tokens, width)
        if self.kind == "learned":
            x = x + self.positions(positions)
        elif self.kind == "sinusoidal":
            x = x * math.sqrt(x.shape[-1]) + self.waves[positions]
        return self.dropout(self.norm(x))  # type: ignore[no-any-return]

    def check(self, tokens: Any, seen: int = 0) -> Tensor:
        """Tokens as a Tensor of integers on the device of W_E: (..., tokens).

        - `tokens`: a Tensor, array or list.
        - `seen`: how many tokens are in the cache already.

        Raises as `as_tokens` does; ValueError for more tokens than the context holds; IndexError for a token outside
        the vocabulary, which is not checked when both the tokens and the model are on a GPU.
        """
        given = as_tokens(tokens)
        if seen + given.shape[-1] > self.context:
            after = f" after {seen} others" if seen else ""
            raise ValueError(
                f"tokens: {given.shape[-1]} tokens{after} exceed the context of {self.context}; keep the last "
                f"{self.context}, or build the model with a larger context"
            )
        moved = given.to(device=self.W_E.weight.device)
        on_host = [t for t in (given, moved) if t.device == "cpu"]
        if on_host:
            check_vocabulary(on_host[0].array, self.W_E.num_embeddings)
        return moved

"""Embedding: from tokens to vectors, a row of W_E for each, and where it stands added to it."""

from __future__ import annotations

import math
from typing import Any

import nn
from tinygrad_lecture import Tensor

from .block import layer_norm
from .config import TransformerConfig
from .positions import sinusoids
from .tokens import as_tokens, check_vocabulary


class Embedding(nn.Module):
    """W_E[token], plus the position's vector, learned or sinusoidal; none where attention knows it (rotary) or nobody.

    W_E: (vocab_size, width), an nn.Embedding; one may be given, to be shared. With sinusoids it is multiplied by
    sqrt(width), as in the 2017 paper (section 3.4), which makes words as large as the waves if W_E's standard deviation
    is 1 / sqrt(width), as it begins with by default in an EncoderDecoder.
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
        self.norm = layer_norm(config) if config.embedding_norm else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """tokens: (..., tokens), integers.  positions: (tokens,) or (..., tokens).  Returns (..., tokens, width)."""
        x: Tensor = self.W_E(tokens)
        if self.kind == "learned":
            x = x + self.positions(positions)
        elif self.kind == "sinusoidal":
            x = x * math.sqrt(x.shape[-1]) + self.waves[positions]
        return self.dropout(self.norm(x))  # type: ignore[no-any-return]

    def checked(self, tokens: Any, seen: int = 0) -> Tensor:
        """Tokens from a Tensor, array or list as a Tensor of integers on the device of W_E.

        seen: how many came before them. Raises as `as_tokens` does, IndexError for a token out of the vocabulary (on a
        GPU that is not looked at), ValueError for more tokens than the context holds.
        """
        made = as_tokens(tokens).to(device=self.W_E.weight.device)
        if seen + made.shape[-1] > self.context:
            after = f" after {seen} others" if seen else ""
            raise ValueError(
                f"{made.shape[-1]} tokens{after} are more than the context of {self.context}; keep the last "
                f"{self.context}, or build the model with a larger context"
            )
        if made.device == "cpu":
            check_vocabulary(made.array, self.W_E.num_embeddings)
        return made

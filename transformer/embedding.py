"""Embedding: from tokens to vectors, a row of W_E for each, and where it stands added to it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygrad_lecture as tl
import nn
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import is_array

from .block import layer_norm
from .config import TransformerConfig
from .positions import sinusoids


class Embedding(nn.Module):
    """W_E[token], plus the position's vector, learned or sinusoidal; none where attention knows it (rotary) or nobody.

    W_E: (vocab_size, width), an nn.Embedding; one may be given, to be shared. With sinusoids it is multiplied by
    sqrt(width), as in the 2017 paper (section 3.4), since otherwise the waves would drown it.
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

        seen: how many came before them. Raises TypeError for what are no integers, IndexError for a token that is not
        in the vocabulary (on a GPU that is not looked at), ValueError for more tokens than the context holds, or none.
        """
        device = self.W_E.weight.device
        if isinstance(tokens, Tensor):
            made = tokens.to(device=device)
        else:
            made = tl.tensor(tokens if is_array(tokens) else np.asarray(tokens), device=device)
        if not made.numel() or not made.ndim:
            raise ValueError(f"tokens have shape (batch, tokens), at least one of them, not {made.shape}")
        if made.dtype.kind not in "iu":
            raise TypeError(f"tokens are integers, not {made.dtype}")
        if seen + made.shape[-1] > self.context:
            after = f" after {seen} others" if seen else ""
            raise ValueError(
                f"{made.shape[-1]} tokens{after} are more than the context of {self.context}; keep the last "
                f"{self.context}, or build the model with a larger context"
            )
        if made.device == "cpu":
            check_vocabulary(made.array, self.W_E.num_embeddings)
        return made


def check_vocabulary(tokens: Any, size: int) -> None:
    """Raises IndexError that names the first of the tokens, an array on the host, that is not in the vocabulary."""
    if tokens.min() < 0 or tokens.max() >= size:
        place = tuple(int(i) for i in np.argwhere((tokens < 0) | (tokens >= size))[0])
        raise IndexError(
            f"token {tokens[place]} at {place} is not in the vocabulary, which has the tokens 0 to {size - 1}"
        )

"""What 16_order_and_memory.py compares with its RNN; each maps (batch, words, width) to (batch, width)."""

from __future__ import annotations

import numpy as np

import nn
import tinygrad_lecture as tl
from transformer import SingleHeadAttention


class GRU(nn.Module):
    """The RNN with gates that say how much of the state to keep."""

    def __init__(self, width: int) -> None:
        self.gated = nn.GRU(width, width, batch_first=True)

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """The last state."""
        return self.gated(x)[0][:, -1]


class LSTM(nn.Module):
    """The RNN with gates, and a second state to which steps only add."""

    def __init__(self, width: int) -> None:
        self.gated = nn.LSTM(width, width, batch_first=True)

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """The last state."""
        return self.gated(x)[0][:, -1]


class Convolution(nn.Module):
    """Three convolutions over 3 words each: an output sees 3 words back in each, so 6 in all."""

    def __init__(self, width: int) -> None:
        self.layers = nn.ModuleList([nn.Conv1d(width, width, 3) for _ in range(3)])

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """The output at the last word."""
        x = tl.pad(tl.swapaxes(x, 1, 2), ((0, 0), (0, 0), (6, 0)))  # (batch, width, 6 + words)
        for layer in self.layers:
            x = tl.relu(layer(x))
        return x[:, :, -1]


class Attention(nn.Module):
    """One head: the last word asks, and all words answer, near or far."""

    def __init__(self, width: int) -> None:
        self.head = SingleHeadAttention(width, width)

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """The output at the last word."""
        return self.head(x)[0][:, -1]


class Reader(nn.Module):
    """Words -> vectors -> one of the above -> a score for each word that may have come first."""

    def __init__(self, core: nn.Module, words: int, longest: int, width: int) -> None:
        self.embedding = nn.Embedding(words, width)
        self.positions = nn.Embedding(longest, width)
        self.core = core
        self.out = nn.Linear(width, words)

    def forward(self, tokens: np.ndarray) -> tl.Tensor:
        """(batch, tokens) -> (batch, words)."""
        x = self.embedding(tokens) + self.positions(np.arange(tokens.shape[1]))  # (batch, tokens, width)
        return self.out(self.core(x))

"""For 16_order_and_memory.py: convolutions for comparison, and what stands around each model in the task."""

from __future__ import annotations

import numpy as np

import nn
import tinygrad_lecture as tl


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


class Reader(nn.Module):
    """Words -> vectors -> one of the models -> a score for each word that may have come first."""

    def __init__(self, core: nn.Module, words: int, longest: int, width: int) -> None:
        self.embedding = nn.Embedding(words, width)
        self.positions = nn.Embedding(longest, width)
        self.core = core
        self.out = nn.Linear(width, words)

    def forward(self, tokens: np.ndarray) -> tl.Tensor:
        """(batch, tokens) -> (batch, words)."""
        x = self.embedding(tokens) + self.positions(np.arange(tokens.shape[1]))  # (batch, tokens, width)
        return self.out(self.core(x))

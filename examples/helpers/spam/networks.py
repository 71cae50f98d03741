"""The networks of 11_spam.py, one for each way to turn messages into numbers."""

from __future__ import annotations

import numpy as np

import nn
import tinygrad_lecture as tl


def build(name: str, size: int) -> nn.Module:
    """The network for an input: of `size` numbers, words or characters."""
    if name == "embeddings":
        return nn.Sequential(Pooled(size), nn.Linear(16, 1))
    if name == "characters":
        return nn.Sequential(Patterns(size), nn.Linear(32, 1))
    return nn.MLP([size, 16, 1])  # one input for each word of the vocabulary


class Pooled(nn.Module):
    """The mean of the vectors of a message's words; word 0 fills the row and does not count."""

    def __init__(self, words: int) -> None:
        self.embedding = nn.Embedding(words, 16)

    def forward(self, ids: tl.Tensor) -> tl.Tensor:
        """(batch, longest) -> (batch, 16)."""
        there = (ids.numpy() > 0)[..., None].astype(np.float32)  # (batch, longest, 1)
        return (self.embedding(ids) * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)


class Patterns(nn.Module):
    """The strongest answer of 32 patterns of 5 characters, wherever in the message they match."""

    def __init__(self, characters: int) -> None:
        self.embedding = nn.Embedding(characters, 12)
        self.pattern = nn.Conv1d(12, 32, 5)

    def forward(self, ids: tl.Tensor) -> tl.Tensor:
        """(batch, longest) -> (batch, 32)."""
        x = tl.swapaxes(self.embedding(ids), 1, 2)  # (batch, 12, longest)
        return tl.relu(self.pattern(x)).amax(-1)  # (batch, 32, longest - 4) -> (batch, 32)

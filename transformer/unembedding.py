"""Unembedding: from a vector to a score for every token of the vocabulary, the logits."""

from __future__ import annotations

import nn
from tinygrad_lecture import Tensor


class Unembedding(nn.Module):
    """x W_U^T: how well each token of the vocabulary would fit a vector.

    W_U: (vocab_size, width), a Linear without bias. Given W_E it is tied: both are the same Parameter, counted once,
    though `state_dict` lists it under both names, as PyTorch does (Press & Wolf, arXiv:1608.05859).
    """

    def __init__(self, vocab_size: int, width: int, W_E: nn.Embedding | None = None) -> None:
        self.W_U = nn.Linear(width, vocab_size, bias=False)
        if W_E is not None:
            self.W_U.weight = W_E.weight

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., vocab_size)."""
        return self.W_U(x)  # type: ignore[no-any-return]

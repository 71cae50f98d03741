"""Unembedding: from a token's final vector to the logits, one score per token of the vocabulary."""

from __future__ import annotations

import nn
from tinygrad_lecture import Tensor

__all__ = ["Unembedding"]


class Unembedding(nn.Module):
    """x W_U^T: (..., width) -> (..., vocab_size).

    - `W_U`: an nn.Linear without bias; its weight is (vocab_size, width).
    - `W_E`: an embedding to tie to. Both then share one Parameter (Press & Wolf, arXiv:1608.05859), which `parameters`
      yields once and `state_dict` lists under both names, as PyTorch does.
    """

    def __init__(self, vocab_size: int, width: int, W_E: nn.Embedding | None = None) -> None:
        self.W_U = nn.Linear(width, vocab_size, bias=False)
        if W_E is not None:
            self.W_U.weight = W_E.weight

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., vocab_size)."""
        return self.W_U(x)  # type: ignore[no-any-return]

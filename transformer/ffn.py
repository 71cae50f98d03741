"""The feed-forward network: what each token does with what attention brought it, alone, two layers of neurons deep."""

from __future__ import annotations

from typing import get_args

import nn
import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from .config import Activation


class FeedForward(nn.Module):
    """down(activation(up(x))): width -> hidden -> width.

    "relu": max(x, 0) (Vaswani et al., arXiv:1706.03762, formula 2).  "gelu": x Φ(x) (BERT).  "gelu_tanh": GPT-2's
    approximation of it.  "swiglu": down(silu(gate(x)) * up(x)), a third matrix (Shazeer, arXiv:2002.05202).
    Raises ValueError for another activation.
    """

    def __init__(
        self, width: int, hidden: int, activation: Activation = "gelu_tanh", bias: bool = True, dropout: float = 0.0
    ) -> None:
        if activation not in get_args(Activation):
            raise ValueError(f"FeedForward: activation is one of {', '.join(get_args(Activation))}, not {activation!r}")
        self.activation = activation
        if activation == "swiglu":
            self.gate = nn.Linear(width, hidden, bias)
        self.up = nn.Linear(width, hidden, bias)
        self.down = nn.Linear(hidden, width, bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        return self.dropout(self.down(self._neurons(x)))  # type: ignore[no-any-return]

    def _neurons(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., hidden): what the neurons in the middle say."""
        up: Tensor = self.up(x)
        if self.activation == "swiglu":
            return tl.silu(self.gate(x)) * up  # type: ignore[no-any-return]
        if self.activation == "relu":
            return tl.relu(up)
        return tl.gelu(up, "tanh" if self.activation == "gelu_tanh" else "none")  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"activation={self.activation!r}"

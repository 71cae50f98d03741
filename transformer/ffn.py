"""The feed-forward network (FFN): two layers of neurons, applied to each token on its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import nn
import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from .config import GATED, Activation

__all__ = ["FeedForward"]

ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": tl.relu,
    "gelu": tl.gelu,
    "gelu_tanh": partial(tl.gelu, approximate="tanh"),
    "swiglu": tl.silu,  # of the gate
    "geglu": partial(tl.gelu, approximate="tanh"),  # of the gate
}


def linears(x: Tensor, *layers: nn.Module) -> list[Tensor]:
    """What each layer makes of the same vectors. Layers of a kind that can do it together, as quantised ones, do."""
    together = getattr(type(layers[0]), "together", None)
    return [layer(x) for layer in layers] if together is None else together(x, layers)


class FeedForward(nn.Module):
    """down(activation(up(x))): width -> hidden -> width.

    - "relu": max(x, 0) (Vaswani et al., arXiv:1706.03762, formula 2).
    - "gelu": x Φ(x) (Hendrycks & Gimpel, arXiv:1606.08415), as in BERT.
    - "gelu_tanh": GPT-2's approximation of it.
    - "swiglu": down(silu(gate(x)) * up(x)), with a third matrix (Shazeer, arXiv:2002.05202), as in Llama.
    - "geglu": down(gelu_tanh(gate(x)) * up(x)) (the same paper), as in T5 1.1.

    Raises ValueError for any other activation.
    """

    def __init__(
        self, width: int, hidden: int, activation: Activation = "gelu_tanh", bias: bool = True, dropout: float = 0.0
    ) -> None:
        if activation not in ACTIVATIONS:
            raise ValueError(f"FeedForward: activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        self.activation = activation
        if activation in GATED:
            self.gate = nn.Linear(width, hidden, bias)
        self.up = nn.Linear(width, hidden, bias)
        self.down = nn.Linear(hidden, width, bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        activation = ACTIVATIONS[self.activation]
        gate, up = linears(x, self.gate, self.up) if self.activation in GATED else (None, self.up(x))
        hidden = activation(up) if gate is None else activation(gate) * up  # (..., hidden)
        out: Tensor = self.down(hidden)  # (..., width)
        return self.dropout(out) if self.dropout.training else out

    def extra_repr(self) -> str:
        return f"activation={self.activation!r}"

"""The activations as modules: what makes a layer more than a matrix. The formulas are in the engine's ops."""

from __future__ import annotations

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from .module import Module


class Sigmoid(Module):
    """1 / (1 + exp(-x)): squeezes any number into 0 to 1, the lecture's activation."""

    def forward(self, x: Tensor) -> Tensor:
        return tl.sigmoid(x)


class Tanh(Module):
    """Hyperbolic tangent: squeezes any number into -1 to 1."""

    def forward(self, x: Tensor) -> Tensor:
        return tl.tanh(x)


class ReLU(Module):
    """max(x, 0); its slope at 0 counts as 0."""

    def forward(self, x: Tensor) -> Tensor:
        return tl.relu(x)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope * x."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        return tl.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class SiLU(Module):
    """x * sigmoid(x), also called swish."""

    def forward(self, x: Tensor) -> Tensor:
        return tl.silu(x)


class GELU(Module):
    """x * Φ(x), Φ the normal distribution function; approximate="tanh" is GPT-2's formula.

    Raises ValueError for an `approximate` other than "none" and "tanh".
    """

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueError(f'GELU: approximate must be "none" or "tanh", not {approximate!r}')
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        return tl.gelu(x, self.approximate)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softmax(Module):
    """exp(x) / sum(exp(x)) along an axis: positive numbers that sum to 1."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return tl.softmax(x, self.dim)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """log(softmax(x)) along an axis, computed without overflow."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return tl.log_softmax(x, self.dim)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"dim={self.dim}"

"""The activations as modules: what makes a layer more than a matrix. Formulas: in the engine and functional.py."""

from __future__ import annotations

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from . import functional as F
from .module import Module


class Sigmoid(Module):
    """1 / (1 + exp(-x)): squeezes any number into 0 to 1, the lecture's activation."""

    def forward(self, x: Tensor) -> Tensor:
        return tl.sigmoid(x)


class LogSigmoid(Module):
    """log(sigmoid(x)), finite also where sigmoid(x) rounds to 0."""

    def forward(self, x: Tensor) -> Tensor:
        return F.logsigmoid(x)


class Tanh(Module):
    """Hyperbolic tangent: squeezes any number into -1 to 1."""

    def forward(self, x: Tensor) -> Tensor:
        return tl.tanh(x)


class Hardtanh(Module):
    """x kept within [min_val, max_val]; its slope at both counts as 0. Raises ValueError unless min_val < max_val."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        if not min_val < max_val:
            raise ValueError(f"Hardtanh: min_val must be below max_val, and {min_val} is not below {max_val}")
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, x: Tensor) -> Tensor:
        return F.hardtanh(x, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class ReLU(Module):
    """max(x, 0); its slope at 0 counts as 0."""

    def forward(self, x: Tensor) -> Tensor:
        return tl.relu(x)


class ReLU6(Module):
    """min(max(x, 0), 6); its slope at 0 and 6 counts as 0."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(x)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope * x."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        return tl.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """x where x > 0, else alpha (exp(x) - 1)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        return F.elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class Softplus(Module):
    """log(1 + exp(beta x)) / beta, a smooth relu; x itself where beta x > threshold."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = beta
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        return F.softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


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

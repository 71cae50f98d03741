"""Activation functions as modules: elementwise (softmax: along an axis), the output has the input's shape.

Without an activation between them, two linear layers are one linear layer. With inplace=True an activation replaces its
input, as x.relu_() does and by the same rules; it saves no memory where gradients are recorded.
"""

from __future__ import annotations

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from . import functional as F
from .errors.made_first import MadeFirst
from .module import Module, Parameter


class _InPlace(MadeFirst, Module):
    """An activation with the setting `inplace`, and no other unless its class has them."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""

    def _after(self, settings: str) -> str:
        """The settings, and inplace if it is on."""
        return f"{settings}, inplace=True" if self.inplace else settings


class Sigmoid(MadeFirst, Module):
    """σ(x) = 1 / (1 + exp(-x)), from 0 to 1: the lecture's activation."""

    def forward(self, x: Tensor) -> Tensor:
        return tl.sigmoid(x)


class LogSigmoid(MadeFirst, Module):
    """log(σ(x)), finite even where σ(x) rounds to 0."""

    def forward(self, x: Tensor) -> Tensor:
        return F.logsigmoid(x)


class Tanh(MadeFirst, Module):
    """tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)), from -1 to 1."""

    def forward(self, x: Tensor) -> Tensor:
        return tl.tanh(x)


class Hardtanh(_InPlace):
    """min(max(x, min_val), max_val); the gradient at both bounds is 0. Raises ValueError unless min_val < max_val."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        if not min_val < max_val:
            raise ValueError(f"Hardtanh: min_val must be below max_val, but they are {min_val} and {max_val}")
        super().__init__(inplace)
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, x: Tensor) -> Tensor:
        return F.hardtanh(x, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return self._after(f"min_val={self.min_val}, max_val={self.max_val}")


class ReLU(_InPlace):
    """max(x, 0); the gradient at 0 is 0."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x, self.inplace)


class ReLU6(_InPlace):
    """min(max(x, 0), 6); the gradient at 0 and 6 is 0."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(x, self.inplace)


class LeakyReLU(_InPlace):
    """x where x > 0, else negative_slope · x."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return self._after(f"negative_slope={self.negative_slope}")


class ELU(_InPlace):
    """x where x > 0, else alpha · (exp(x) - 1) (Clevert et al., arXiv:1511.07289)."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        return F.elu(x, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return self._after(f"alpha={self.alpha}")


class Softplus(MadeFirst, Module):
    """log(1 + exp(beta · x)) / beta, a smooth relu; x itself where beta · x > threshold (Dugas et al., NIPS 2000)."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = beta
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        return F.softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class SiLU(_InPlace):
    """x · σ(x), also called swish (Elfwing et al., arXiv:1702.03118)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(x, self.inplace)


class GELU(MadeFirst, Module):
    """x · Φ(x), with Φ the cumulative distribution function of the standard normal.

    approximate="tanh" is the formula that GPT-2 uses: x · (1 + tanh(sqrt(2/π) · (x + 0.044715 x³))) / 2.
    Raises ValueError for another `approximate`. (Hendrycks & Gimpel, arXiv:1606.08415.)
    """

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueError(f'GELU: approximate must be "none" or "tanh", not {approximate!r}')
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        return tl.gelu(x, self.approximate)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softmax(MadeFirst, Module):
    """exp(x) / sum(exp(x)) along axis `dim`: positive numbers that sum to 1."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return tl.softmax(x, self.dim)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(MadeFirst, Module):
    """log(softmax(x)) = x - logsumexp(x) along axis `dim`, computed without overflow."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return tl.log_softmax(x, self.dim)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softsign(MadeFirst, Module):
    """x / (1 + |x|), from -1 to 1."""

    def forward(self, x: Tensor) -> Tensor:
        return F.softsign(x)


class Tanhshrink(MadeFirst, Module):
    """x - tanh(x)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.tanhshrink(x)


class SELU(_InPlace):
    """elu with constants that keep mean 0 and variance 1 (Klambauer et al., arXiv:1706.02515)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.selu(x, self.inplace)


class Mish(_InPlace):
    """x · tanh(softplus(x)) (Misra, arXiv:1908.08681)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.mish(x, self.inplace)


class Hardsigmoid(_InPlace):
    """min(max(x / 6 + 1/2, 0), 1), a sigmoid of straight lines."""

    def forward(self, x: Tensor) -> Tensor:
        return F.hardsigmoid(x, self.inplace)


class Hardswish(_InPlace):
    """x · hardsigmoid(x) (Howard et al., arXiv:1905.02244)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.hardswish(x, self.inplace)


class CELU(_InPlace):
    """x where x > 0, else alpha · (exp(x / alpha) - 1) (Barron, arXiv:1704.07483)."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        return F.celu(x, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return self._after(f"alpha={self.alpha}")


class Hardshrink(MadeFirst, Module):
    """x where |x| > lambd, else 0."""

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, x: Tensor) -> Tensor:
        return F.hardshrink(x, self.lambd)

    def extra_repr(self) -> str:
        return f"lambd={self.lambd}"


class Softshrink(MadeFirst, Module):
    """x moved towards 0 by lambd, and 0 where |x| <= lambd."""

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, x: Tensor) -> Tensor:
        return F.softshrink(x, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Softmin(MadeFirst, Module):
    """softmax(-x) along axis `dim`."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return F.softmin(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class GLU(MadeFirst, Module):
    """a · σ(b), with a and b the halves of x along axis `dim` (Dauphin et al., arXiv:1612.08083)."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return F.glu(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class PReLU(MadeFirst, Module):
    """x where x > 0, else weight · x, with `num_parameters` learnt weights: one for all, or one for each channel."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        self.num_parameters = num_parameters
        self.weight = Parameter(tl.full((num_parameters,), init))

    def forward(self, x: Tensor) -> Tensor:
        return F.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"

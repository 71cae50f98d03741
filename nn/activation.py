"""Activation functions as modules, and dropout: elementwise (softmax: along an axis), the output has the input's shape.

Without an activation between them, two linear layers are one linear layer. With inplace=True an activation replaces its
input, as x.relu_() does and by the same rules; it saves no memory where gradients are recorded.
"""

from __future__ import annotations

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.tensor_base import TENSORS

from . import functional as F
from .errors import check_probability
from .module import FunctionLayer

__all__ = [
    "ELU", "GELU", "Dropout", "Dropout2d", "LeakyReLU", "LogSigmoid", "LogSoftmax",
    "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh",
]  # fmt: skip


class Sigmoid(FunctionLayer, function=F.sigmoid):
    """σ(x) = 1 / (1 + exp(-x)), elementwise, from 0 to 1: the lecture's activation.

    (Rumelhart, Hinton & Williams, Nature 323, 1986.)
    """


class LogSigmoid(FunctionLayer, function=F.logsigmoid):
    """log(σ(x)), elementwise, finite even where σ(x) rounds to 0; as in PyTorch."""


class Tanh(FunctionLayer, function=F.tanh):
    """tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)), elementwise, from -1 to 1.

    (LeCun et al., Efficient BackProp, 1998.)
    """


class ReLU(FunctionLayer, function=F.relu):
    """max(x, 0), elementwise; the gradient at 0 is 0 (Nair & Hinton, ICML 2010)."""


class ReLU6(FunctionLayer, function=F.relu6):
    """min(max(x, 0), 6), elementwise; the gradient at 0 and 6 is 0 (Krizhevsky, 2010)."""


class LeakyReLU(FunctionLayer, function=F.leaky_relu):
    """x where x > 0, else negative_slope · x, elementwise (Maas et al., ICML 2013)."""


class ELU(FunctionLayer, function=F.elu):
    """x where x > 0, else alpha · (exp(x) - 1), elementwise (Clevert et al., arXiv:1511.07289)."""


class Softplus(FunctionLayer, function=F.softplus):
    """log(1 + exp(beta · x)) / beta, elementwise, a smooth relu (Dugas et al., NIPS 2000).

    It is x itself where beta · x > threshold.
    """


class SiLU(FunctionLayer, function=F.silu):
    """x · σ(x), elementwise, also called swish (Elfwing et al., arXiv:1702.03118)."""


class GELU(FunctionLayer, function=F.gelu):
    """x · Φ(x), elementwise, with Φ the cumulative distribution function of the standard normal.

    approximate="tanh" is the formula that GPT-2 uses: x · (1 + tanh(sqrt(2/π) · (x + 0.044715 x³))) / 2.
    (Hendrycks & Gimpel, arXiv:1606.08415.)
    """

    def __post_init__(self) -> None:
        self.call_function(tl.zeros(1))  # the function refuses another approximation


class Softmax(FunctionLayer, function=F.softmax):
    """exp(x) / sum(exp(x)) along axis `dim`, in x's shape: positive numbers that sum to 1 (Bridle, 1990)."""

    order = ("dim",)


class LogSoftmax(FunctionLayer, function=F.log_softmax):
    """log(softmax(x)) = x - logsumexp(x) along axis `dim`, in x's shape, without overflow; as in PyTorch."""

    order = ("dim",)


# --- dropout: random zeros while training, so that no neuron relies on another -------------------------------


class Dropout(FunctionLayer, function=F.dropout):
    """In training, sets each element to 0 with probability p and divides the others by 1 - p, which keeps the mean.

    In evaluation it returns its input. The output has the input's shape. With inplace=True it replaces the input. The
    stream that `tl.manual_seed` seeds is used. Raises ValueError for a p outside [0, 1]. (Srivastava et al., JMLR 15,
    2014.)
    """

    def __post_init__(self) -> None:
        check_probability(type(self).__name__, self.p)

    def forward(self, x: Tensor) -> Tensor:
        """`(...) -> (...)`."""
        idle = type(x) in TENSORS and not (self.training and self.p)
        return x if idle else self.call_function(x)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout2d(Dropout, function=F.dropout2d):
    """`Dropout` of whole channels of images, `(batch, channels, height, width)`."""

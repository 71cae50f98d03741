"""Dropout: random zeros while training, so that no neuron relies on another."""

from __future__ import annotations

from tinygrad_lecture import Tensor

from . import functional as F
from .errors.checks import check_probability
from .errors.made_first import MadeFirst
from .module import Module


class Dropout(MadeFirst, Module):
    """In training, sets each element to 0 with probability p and divides the others by 1 - p, which keeps the mean.

    In evaluation it returns its input. The output has the input's shape. With inplace=True it replaces the input. The
    stream that `tl.manual_seed` seeds is used. Raises ValueError for a p outside [0, 1]. (Srivastava et al., JMLR 15,
    2014.)
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        check_probability(type(self).__name__, p)
        self.p, self.inplace = p, inplace

    def forward(self, x: Tensor) -> Tensor:
        """`(...) -> (...)`."""
        return F.dropout(x, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout):
    """`Dropout` of whole channels of sequences, `(batch, channels, length)`, also without the batch axis."""

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, channels, length)`, and the same."""
        return F.dropout1d(x, self.p, self.training, self.inplace)


class Dropout2d(Dropout):
    """`Dropout` of whole channels of images, `(batch, channels, height, width)`."""

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, channels, height, width)`, and the same."""
        return F.dropout2d(x, self.p, self.training, self.inplace)

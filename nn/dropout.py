"""Dropout: random zeros while training, so that no neuron relies on another."""

from __future__ import annotations

from tinygrad_lecture import Tensor

from . import functional as F
from .errors import check_probability
from .module import FunctionLayer

__all__ = ["Dropout", "Dropout1d", "Dropout2d"]


class Dropout(FunctionLayer, function=F.dropout):
    """In training, sets each element to 0 with probability p and divides the others by 1 - p, which keeps the mean.

    In evaluation it returns its input. The output has the input's shape. With inplace=True it replaces the input. The
    stream that `tl.manual_seed` seeds is used. Raises ValueError for a p outside [0, 1]. (Srivastava et al., JMLR 15,
    2014.)
    """

    p: float = 0.5
    inplace: bool = False

    def __post_init__(self) -> None:
        check_probability(type(self).__name__, self.p)

    def forward(self, x: Tensor) -> Tensor:
        """The input with zeros, of the same shape."""
        return self.function(x, self.p, self.training, self.inplace)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout, function=F.dropout1d):
    """`Dropout` of whole channels of sequences, `(batch, channels, length)`, also without the batch axis."""


class Dropout2d(Dropout, function=F.dropout2d):
    """`Dropout` of whole channels of images, `(batch, channels, height, width)`."""

"""Dropout: while training, some of the neurons are silent, so that no other can rely on them."""

from __future__ import annotations

from tinygrad_lecture import Tensor

from . import functional as F
from .module import Module


class Dropout(Module):
    """In training each element is 0 with probability p, else divided by 1 - p; in evaluation the input itself.

    (Srivastava et al., JMLR 15, 2014.) Chance comes from the stream that `tl.manual_seed` seeds.
    Raises ValueError for a p outside of [0, 1].
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p is a probability, from 0 to 1, not {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"

"""The losses as modules: how wrong outputs are, in one number. The formulas are in functional.py."""

from __future__ import annotations

from tinygrad_lecture import Tensor

from . import functional as F
from .module import Module


class _Loss(Module):
    """reduction: "mean" over what the loss is computed for, "sum", or "none". Raises ValueError for another word."""

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f'{type(self).__name__}: reduction must be "mean", "sum" or "none", not {reduction!r}')
        self.reduction = reduction


class MSELoss(_Loss):
    """Squared error. The mean is over all elements, as in PyTorch: over the rows and over the outputs.

    The lecture's cost sums over the outputs: MSELoss(reduction="sum") divided by the number of rows.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class CrossEntropyLoss(_Loss):
    """-log of the probability that a softmax of the scores gives to the right class.

    Scores are (N, classes) or (N, classes, ...), before any softmax; targets are class numbers (N, ...).
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input, target, self.reduction)

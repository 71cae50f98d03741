"""Losses for numbers."""

from __future__ import annotations

from tinygrad_lecture import Tensor

from .. import functional as F
from .base import Loss


class MSELoss(Loss):
    """Squared error (input - target)²; input and target have one shape.

    The mean is over all elements, rows and outputs, as in PyTorch. The lecture's cost sums over the outputs:
    MSELoss(reduction="sum") divided by the number of rows.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class L1Loss(Loss):
    """Absolute error |input - target|; input and target have one shape."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, self.reduction)


class HuberLoss(Loss):
    """With d = input - target: d² / 2 where |d| < delta, else delta · (|d| - delta / 2) (Huber, 1964)."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


class SmoothL1Loss(Loss):
    """HuberLoss / beta, with d = input - target: d² / (2 beta) where |d| < beta, else |d| - beta / 2."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)

"""Negative log-likelihoods of numbers that the model gives a distribution for."""

from __future__ import annotations

from typing import Any

from tinygrad_lecture import Tensor

from .. import functional as F
from .base import Loss


class PoissonNLLLoss(Loss):
    """exp(x) - y x, for counts y and x the logarithm of their expected value.

    With log_input=False x is the expected value itself; `full` adds an approximation of log(y!).
    """

    def __init__(self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(input, target, self.log_input, self.full, self.eps, self.reduction)


class GaussianNLLLoss(Loss):
    """(log(var) + (x - y)² / var) / 2, for a normal distribution of mean x and variance var, at least eps.

    `full` adds log(2π) / 2.
    """

    called_with = "input, target, var"

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Tensor, target: Tensor, var: Any) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)

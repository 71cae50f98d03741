"""Losses for probabilities from 0 to 1."""

from __future__ import annotations

from tinygrad_lecture import Tensor

from .. import functional as F
from .base import Loss


class BCELoss(Loss):
    """Binary cross-entropy -(y log(p) + (1 - y) log(1 - p)), for probabilities p; `weight` is a factor per element.

    Prefer BCEWithLogitsLoss, which stays exact where p rounds to 0 or 1.
    """

    weights_allowed = 1
    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy -(y log(σ(x)) + (1 - y) log(1 - σ(x))), for logits x of any size.

    `weight` is a factor per element, `pos_weight` a factor of the first term; both broadcast.
    """

    weights_allowed = 1
    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean", pos_weight: Tensor | None = None) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class KLDivLoss(Loss):
    """Kullback-Leibler divergence, target · (log(target) - input), of log-probabilities from target probabilities.

    With log_target=True the target is log-probabilities too. Only reduction="batchmean", the sum over classes and mean
    over rows, is the divergence itself; "mean" divides by the number of classes as well.
    """

    reductions = ("mean", "sum", "none", "batchmean")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, self.reduction, self.log_target)

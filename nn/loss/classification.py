"""Losses for classes."""

from __future__ import annotations

from typing import Any

from tinygrad_lecture import Tensor

from .. import functional as F
from ..functional.loss import mean_divisor
from .base import Loss


class ClassLoss(Loss):
    """Base of losses over classes, with a buffer `weight` of shape `(classes,)` and an `ignore_index`."""

    weights_allowed = 1
    weight: Tensor | None
    class_axis = 1  # for inputs with more than two axes

    def __init__(self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def count(self, target: Tensor) -> Any:
        """The divisor of the mean: the number of targets not ignored, or the sum of their class weights."""
        return mean_divisor(target, self.weight, self.ignore_index)


class CrossEntropyLoss(ClassLoss):
    """-log(softmax(input)[target]): the negative log-likelihood of the right class.

    - `input`: logits of shape `(N, classes)` or `(N, classes, ...)`.
    - `target`: class numbers of shape `(N, ...)`, or a probability per class in the input's shape.
    - `weight`: `(classes,)`, a factor per class.
    - `ignore_index`: targets with this number are left out.
    - `label_smoothing`: the part of each target that is spread evenly over all classes.

    `F.cross_entropy` has the details.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, ignore_index, reduction)
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class NLLLoss(ClassLoss):
    """-input[target], the negative log-likelihood: CrossEntropyLoss for inputs that are log_softmax(logits) already.

    `weight` and `ignore_index` are those of CrossEntropyLoss; targets are class numbers.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)

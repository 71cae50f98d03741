"""The losses as modules: how wrong outputs are, in one number. The formulas are in loss_functions.py."""

from __future__ import annotations

from typing import Any

from tinygrad_lecture import Tensor

from . import functional as F
from .functional.loss import counted
from .module import Module


class _Loss(Module):
    """reduction: "mean" over what the loss is computed for, "sum", or "none". Raises ValueError for another word."""

    reductions: tuple[str, ...] = ("mean", "sum", "none")

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in self.reductions:
            *most, last = (f'"{word}"' for word in self.reductions)
            raise ValueError(f"{type(self).__name__}: reduction must be {', '.join(most)} or {last}, not {reduction!r}")
        self.reduction = reduction

    def count(self, target: Tensor) -> Any:
        """How much a mini-batch counts in the mean over several; a number, or a 0-d Tensor. See nn.Trainer."""
        return len(target)


class MSELoss(_Loss):
    """Squared error. The mean is over all elements, as in PyTorch: over the rows and over the outputs.

    The lecture's cost sums over the outputs: MSELoss(reduction="sum") divided by the number of rows.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """Absolute error, |input - target|."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, self.reduction)


class HuberLoss(_Loss):
    """d² / 2 for a difference |d| up to delta, from there straight on: delta (|d| - delta / 2)."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


class SmoothL1Loss(_Loss):
    """HuberLoss / beta: d² / (2 beta) for a difference |d| up to beta, from there |d| - beta / 2."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class CrossEntropyLoss(_Loss):
    """-log of the probability that a softmax of the scores gives to the right class.

    Scores are (N, classes) or (N, classes, ...), before any softmax; targets are class numbers (N, ...) or a
    probability for each class. weight: (classes,), how much each class counts.  ignore_index: class numbers that count
    for nothing.  label_smoothing: which part of a target is spread over all classes. See F.cross_entropy.
    """

    weight: Tensor | None
    class_axis = 1  # of scores with more axes

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)

    def count(self, target: Tensor) -> Any:
        """The targets that count, each by its class's weight: what the mean is divided by."""
        return counted(target, self.weight, self.ignore_index)


class NLLLoss(_Loss):
    """What is left of the cross-entropy when input is log(softmax(scores)) already: -input[target].

    weight: (classes,), how much each class counts.  ignore_index: class numbers that count for nothing.
    """

    weight: Tensor | None
    class_axis = 1  # of scores with more axes

    def __init__(self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)

    def count(self, target: Tensor) -> Any:
        """The targets that count, each by its class's weight: what the mean is divided by."""
        return counted(target, self.weight, self.ignore_index)


class BCELoss(_Loss):
    """Cross-entropy of yes or no, for probabilities. For scores BCEWithLogitsLoss is exact where this is not.

    weight: how much each element counts, broadcast.
    """

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Cross-entropy of yes or no, for scores of any size before a sigmoid.

    weight: how much each element counts, broadcast.  pos_weight: how much the yes counts, broadcast.
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean", pos_weight: Tensor | None = None) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class KLDivLoss(_Loss):
    """How far the model's distribution, input its logarithm, is from the true one, target (or its logarithm).

    reduction: "batchmean", the sum over the classes and the mean over the rows, is the Kullback-Leibler divergence.
    """

    reductions = ("mean", "sum", "none", "batchmean")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, self.reduction, self.log_target)

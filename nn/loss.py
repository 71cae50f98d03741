"""Losses as modules: how wrong the outputs are, as one number. The formulas are in `nn/functional/loss.py`."""

from __future__ import annotations

from typing import Any

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.users_line import hide_frames
from tinygrad_lecture.errors.words import shown

from . import functional as F
from .errors.made_first import MadeFirst
from .functional.loss import mean_divisor
from .module import Module


class _Loss(MadeFirst, Module):
    """Base of all losses; `reduction` is "mean", "sum" or "none". Raises ValueError for another one."""

    called_with = "input, target"
    reductions: tuple[str, ...] = ("mean", "sum", "none")

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in self.reductions:
            *most, last = (f'"{word}"' for word in self.reductions)
            hide_frames()
            raise ValueError(
                f"{type(self).__name__}: reduction must be {', '.join(most)} or {last}, not {shown(reduction)}"
            )
        self.reduction = reduction

    def count(self, target: Tensor) -> Any:
        """The weight of a mini-batch in a mean over several, a number or a 0-d Tensor; `nn.Trainer` uses it."""
        return len(target)


# --- regression ---------------------------------------------------------------------------------------------


class MSELoss(_Loss):
    """Squared error (input - target)²; input and target have one shape.

    The mean is over all elements, rows and outputs, as in PyTorch. The lecture's cost sums over the outputs:
    MSELoss(reduction="sum") divided by the number of rows.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """Absolute error |input - target|; input and target have one shape."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, self.reduction)


class HuberLoss(_Loss):
    """With d = input - target: d² / 2 where |d| < delta, else delta · (|d| - delta / 2) (Huber, 1964)."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


class SmoothL1Loss(_Loss):
    """HuberLoss / beta, with d = input - target: d² / (2 beta) where |d| < beta, else |d| - beta / 2."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


# --- classification -----------------------------------------------------------------------------------------


class _ClassLoss(_Loss):
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


class CrossEntropyLoss(_ClassLoss):
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


class NLLLoss(_ClassLoss):
    """-input[target], the negative log-likelihood: CrossEntropyLoss for inputs that are log_softmax(logits) already.

    `weight` and `ignore_index` are those of CrossEntropyLoss; targets are class numbers.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


# --- probabilities ------------------------------------------------------------------------------------------


class BCELoss(_Loss):
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


class BCEWithLogitsLoss(_Loss):
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


class KLDivLoss(_Loss):
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

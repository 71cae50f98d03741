"""Losses as modules: how wrong the outputs are, as one number. The formulas are in `nn/functional/loss.py`.

Each takes `reduction`: "mean", "sum", or "none" for the losses themselves.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import brief

from . import functional as F
from .functional.loss import mean_divisor
from .module import FunctionLayer

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "NLLLoss",
    "SmoothL1Loss",
]  # fmt: skip


def _no_formula(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    raise NotImplementedError("this loss has no formula; define forward(self, input, target) in its class")


class Loss(FunctionLayer, function=_no_formula):
    """Base of all losses; `reduction` is "mean", "sum" or "none". Raises ValueError for another one.

    The settings `weight` and `pos_weight` are buffers: they move with the loss to a device, and are saved.
    """

    reductions: ClassVar[tuple[str, ...]] = ("mean", "sum", "none")
    in_repr = ()

    def __post_init__(self) -> None:
        if self.reduction not in self.reductions:
            told = " or ".join(f'"{word}"' for word in self.reductions)
            raise ValueError(f"{type(self).__name__}: reduction must be {told}, not {brief(self.reduction)}")
        for name in ("weight", "pos_weight"):
            if name in self.settings:
                self.register_buffer(name, vars(self).pop(name))

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # type: ignore[override]
        """The loss of an input, the model's output, and a target: a 0-d tensor unless reduction is "none"."""
        return self.call_function(input, target)  # type: ignore[no-any-return]

    def count(self, target: Tensor) -> Any:
        """The weight of a mini-batch in a mean over several, a number or a 0-d Tensor; `nn.Trainer` uses it.

        For losses over classes that is the number of targets not ignored, or the sum of their class weights.
        """
        return mean_divisor(target, self.weight, self.ignore_index) if "ignore_index" in self.settings else len(target)


# --- numbers ------------------------------------------------------------------------------------------------


class MSELoss(Loss, function=F.mse_loss):
    """Squared error (input - target)² (least squares: Legendre, 1805): `(...), (...) -> ()`.

    With reduction="none" the result is `(...)`. The mean is over all elements, rows and outputs, as in PyTorch. The
    lecture's cost sums over the outputs: MSELoss(reduction="sum") divided by the number of rows.
    Raises ValueError for another reduction.
    """


class L1Loss(Loss, function=F.l1_loss):
    """Absolute error |input - target| (Boscovich, 1757): `(...), (...) -> ()`.

    Raises ValueError for another reduction.
    """


class HuberLoss(Loss, function=F.huber_loss):
    """With d = input - target: d² / 2 where |d| < delta, else delta · (|d| - delta / 2): `(...), (...) -> ()`.

    Raises ValueError for another reduction. (Huber, Ann. Math. Statist. 35, 1964.)
    """


class SmoothL1Loss(Loss, function=F.smooth_l1_loss):
    """HuberLoss / beta, with d = input - target: d² / (2 beta) where |d| < beta, else |d| - beta / 2.

    `(...), (...) -> ()`. Raises ValueError for another reduction. (Girshick, arXiv:1504.08083.)
    """


# --- classes ------------------------------------------------------------------------------------------------


class CrossEntropyLoss(Loss, function=F.cross_entropy):
    """-log(softmax(input)[target]): the negative log-likelihood of the right class.

    - `input`: logits of shape `(N, classes)` or `(N, classes, ...)`.
    - `target`: class numbers of shape `(N, ...)`, or a probability per class in the input's shape.
    - `weight`: `(classes,)`, a factor per class.
    - `ignore_index`: targets with this number are left out.
    - `label_smoothing`: the part of each target that is spread evenly over all classes.

    `F.cross_entropy` has the details and errors.
    """


class NLLLoss(Loss, function=F.nll_loss):
    """-input[target], the negative log-likelihood: CrossEntropyLoss for inputs that are log_softmax(logits) already.

    Shapes, `weight` and `ignore_index` are those of `CrossEntropyLoss`; targets are class numbers.
    Raises ValueError for another reduction.
    """


# --- probabilities ------------------------------------------------------------------------------------------


class BCELoss(Loss, function=F.binary_cross_entropy):
    """Binary cross-entropy -(y log(p) + (1 - y) log(1 - p)), for probabilities p; `weight` is a factor per element.

    `(...), (...) -> ()`. Prefer BCEWithLogitsLoss, which stays exact where p rounds to 0 or 1.
    Raises ValueError for another reduction. (Logistic regression: Cox, 1958.)
    """


class BCEWithLogitsLoss(Loss, function=F.binary_cross_entropy_with_logits):
    """Binary cross-entropy -(y log(σ(x)) + (1 - y) log(1 - σ(x))), for logits x of any size.

    `(...), (...) -> ()`. `weight` is a factor per element, `pos_weight` a factor of the first term; both broadcast.
    Raises ValueError for another reduction. (Logistic regression: Cox, 1958.)
    """


class KLDivLoss(Loss, function=F.kl_div):
    """Kullback-Leibler divergence, target · (log(target) - input), of log-probabilities from target probabilities.

    With log_target=True the target is log-probabilities too. Only reduction="batchmean", the sum over classes and mean
    over rows, is the divergence itself; "mean" divides by the number of classes as well. `(...), (...) -> ()`.
    Raises ValueError for another reduction. (Kullback & Leibler, 1951.)
    """

    reductions = ("mean", "sum", "none", "batchmean")

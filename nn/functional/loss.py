"""Losses: how far the outputs of a model are from what they should be. PyTorch's names, and meaning of every argument.

Each takes `reduction`: "mean", "sum", or "none" for the losses themselves. Shapes that do not fit raise ValueError.
`nn/loss.py` has them as modules.
"""

from __future__ import annotations

import math
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError
from tinygrad_lecture.errors import warn
from tinygrad_lecture.ops.composite import named

from ..errors import as_target, check_indices, check_tensor
from .activation import logsigmoid

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "huber_loss", "kl_div", "l1_loss",
    "mse_loss", "nll_loss", "smooth_l1_loss",
]  # fmt: skip


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The mean or sum of the losses, or with "none" the losses themselves. Raises ValueError for another reduction."""
    if reduction == "mean":
        return tl.mean(losses)
    if reduction == "sum":
        return tl.sum(losses)
    if reduction == "none":
        return losses
    raise TensorError(f'reduction must be "mean", "sum" or "none", not {reduction!r}')


# --- numbers -------------------------------------------------------------------------------------------------


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Squared error (input - target)² per element (least squares: Legendre, 1805): `(...), (...) -> ()`.

    With reduction="none" the result is `(...)`. Raises ValueError for shapes that differ.
    """
    target = as_target("mse_loss", input, target)
    if reduction == "mean":
        return tl.squared_error(input, target)
    if reduction == "sum":
        return tl.squared_error(input, target, average=False)
    difference = input - target
    return reduced(difference * difference, reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Absolute error |input - target| per element (Boscovich, 1757): `(...), (...) -> ()`; the gradient at 0 is 0.

    Raises ValueError for shapes that differ.
    """
    target = as_target("l1_loss", input, target)
    return reduced(tl.abs(input - target), reduction)


@named
def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """With d = input - target: d² / 2 where |d| < delta, else delta · (|d| - delta / 2): `(...), (...) -> ()`.

    Raises ValueError for shapes that differ, and unless delta is positive. (Huber, Ann. Math. Statist. 35, 1964.)
    """
    if delta <= 0:
        raise TensorError(f"huber_loss: delta must be positive, not {delta}")
    target = as_target("huber_loss", input, target)
    return reduced(_huber(input - target, delta), reduction)


@named
def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """huber_loss / beta: d² / (2 beta) where |d| < beta, else |d| - beta / 2; with beta = 0 it is `l1_loss`.

    `(...), (...) -> ()`. Raises ValueError for shapes that differ or a negative beta. (Girshick, arXiv:1504.08083.)
    """
    if beta < 0:
        raise TensorError(f"smooth_l1_loss: beta must not be negative, but is {beta}")
    target = as_target("smooth_l1_loss", input, target)
    if beta == 0:
        return l1_loss(input, target, reduction)
    return reduced(_huber(input - target, beta) / beta, reduction)


def _huber(difference: Tensor, delta: float) -> Tensor:
    size = tl.abs(difference)
    return tl.where(size < delta, 0.5 * difference * difference, delta * (size - 0.5 * delta))


# --- classes ------------------------------------------------------------------------------------------------


@named
def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """-log(softmax(input)[target]): the negative log-likelihood of the right class.

    - `input`: logits of shape `(classes,)`, `(N, classes)` or `(N, classes, ...)`.
    - `target`: class numbers, integers of shape `()`, `(N,)` or `(N, ...)`; or floats of the input's shape, a
      probability per class.
    - `weight`: `(classes,)`, a factor per class. The mean then divides by the sum of the targets' weights; for
      probabilities it divides by the number of rows.
    - `ignore_index`: targets with this number are left out; if all are, the mean is NaN and its gradient 0.
    - `label_smoothing`: the part of each target that is spread evenly over all classes (Szegedy et al.,
      arXiv:1512.00567).

    Raises ValueError for shapes that do not fit, another reduction or a label_smoothing outside [0, 1], IndexError for
    a class that does not exist.
    """
    rows, target = _rows("cross_entropy", input, target, weight)
    if not 0 <= label_smoothing <= 1:
        raise TensorError(f"cross_entropy: label_smoothing must be from 0 to 1, not {label_smoothing}")
    if target.shape == input.shape and target.dtype.kind == "f":
        if ignore_index >= 0:
            raise TensorError("cross_entropy: ignore_index needs class numbers as target, not probabilities")
        return reduced(_soft_cross_entropy(rows, _classes_last(target), weight, label_smoothing), reduction)
    _check_target("cross_entropy", input, target, rows, f" or probabilities of shape {input.shape}")
    ignored, target = _split_ignored(target, ignore_index)
    losses, weights = tl.cross_entropy(rows, target), None if weight is None else weight[target]  # (N, ...)
    losses = losses if weights is None else losses * weights
    if label_smoothing:
        logs = tl.log_softmax(rows, -1)
        even = -(logs if weight is None else logs * weight).sum(-1) / rows.shape[-1]
        losses = (1 - label_smoothing) * losses + label_smoothing * even
    return _weighted_reduction(losses, weights, ignored, reduction)


@named
def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """-input[target], the negative log-likelihood: `cross_entropy` for an input that is log_softmax(logits) already.

    Arguments and errors are those of `cross_entropy`; the target must be class numbers. An input with numbers above 0,
    as logits and probabilities are, warns (not on a GPU).
    """
    rows, target = _rows("nll_loss", input, target, weight)
    _check_target("nll_loss", input, target, rows)
    ignored, target = _split_ignored(target, ignore_index)
    check_indices("nll_loss", target, rows.shape[-1], "classes")
    _warn_of_above_0("nll_loss", input)
    losses = -tl.gather(rows, -1, tl.unsqueeze(target, -1))[..., 0]  # (N, ...)
    weights = None if weight is None else weight[target]
    return _weighted_reduction(losses if weights is None else losses * weights, weights, ignored, reduction)


def mean_divisor(target: Any, weight: Tensor | None = None, ignore_index: int = -100) -> Any:
    """The divisor of the mean in `cross_entropy` and `nll_loss`: the number of targets, or the sum of their weights.

    Ignored targets do not count. Returns a Python number, or a 0-d Tensor if it depends on the values in `target`.
    """
    target = tl.as_tensor(target)
    if target.dtype.kind == "f":  # a probability per class
        return target.numel() / target.shape[1 if target.ndim > 1 else 0]
    ignored, target = _split_ignored(target, ignore_index)
    if ignored is None and weight is None:
        return target.numel()
    counts = tl.ones(target.shape, dtype=tl.float64, device=target.device) if weight is None else weight[target]
    return (counts if ignored is None else tl.where(ignored, 0, counts)).sum()


def _classes_last(input: Tensor) -> Tensor:
    """(N, classes, ...) -> (N, ..., classes), the engine's order."""
    return tl.permute(input, (0, *range(2, input.ndim), 1)) if input.ndim > 2 else input


def _rows(name: str, input: Any, target: Any, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """The input as (N, ..., classes), and the target as a Tensor."""
    check_tensor(name, "input", input)
    rows = _classes_last(input)
    if rows.ndim == 0:
        raise TensorError(f"{name}: input must have an axis of classes, not shape ()")
    if weight is not None and weight.shape != rows.shape[-1:]:
        raise TensorError(f"{name}: weight must have one number per class, shape {rows.shape[-1:]}, not {weight.shape}")
    return rows, tl.as_tensor(target, device=input.device)


def _check_target(name: str, input: Tensor, target: Tensor, rows: Tensor, others: str = "") -> None:
    """Raises ValueError unless there is one target for each row. others: what targets may be besides."""
    if target.shape != rows.shape[:-1]:
        raise TensorError(
            f"{name}: for input {input.shape} target must be class numbers of shape {rows.shape[:-1]}{others}, got "
            f"{target.shape} {target.dtype}{_remedy(input, target)}"
        )


def _remedy(input: Tensor, target: Tensor) -> str:
    """What to write instead of an input and a target of classes whose shapes do not fit."""
    if input.dtype.kind in "iu" and target.dtype.kind == "f":
        return "; are they swapped? The input, the logits, comes first"
    if target.shape == input.shape:
        return "; of one-hot rows write target.argmax(1), or target.float() to take them as probabilities"
    if target.shape == (*input.shape[:1], 1, *input.shape[2:]):
        return "; write target.squeeze(1)"
    if target.shape == input.shape[:-1]:
        return "; axis 1 has the classes: if it is the last axis, write input.swapaxes(1, -1)"
    return ""


def _soft_cross_entropy(rows: Tensor, target: Tensor, weight: Tensor | None, label_smoothing: float) -> Tensor:
    """-sum(weight · target · log_softmax(rows)) over the classes, the last axis of both."""
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing / rows.shape[-1]
    if weight is not None:
        target = target * weight
    logs: Tensor = tl.log_softmax(rows, -1)
    return tl.neg(tl.sum(target * logs, -1))


def _split_ignored(target: Tensor, ignore_index: int) -> tuple[Tensor | None, Tensor]:
    """(mask of ignored targets or None, targets with class 0 where ignored).

    The mask is None if no target is ignored. On a GPU it is always returned, because the check would wait for the
    device.
    """
    if target.device == "cpu" and not (target.array == ignore_index).any():
        return None, target
    ignored = target == ignore_index
    return ignored, tl.where(ignored, 0, target)


def _weighted_reduction(losses: Tensor, weights: Tensor | None, ignored: Tensor | None, reduction: str) -> Tensor:
    """`reduced`, with a weighted mean and ignored losses left out. The mean of no losses is NaN."""
    if ignored is not None:
        losses = tl.where(ignored, 0, losses)
    if reduction != "mean" or (ignored is None and weights is None):
        return reduced(losses, reduction)
    if ignored is not None:
        kept = tl.logical_not(ignored).to(dtype=losses.dtype)
        weights = kept if weights is None else weights * kept
    assert weights is not None
    total = tl.sum(weights)
    return tl.sum(losses) / tl.where(total == 0, math.nan, total)


# --- probabilities -------------------------------------------------------------------------------------------


@named
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-(y log(p) + (1 - y) log(1 - p)) per element, for probabilities p (input) and targets y from 0 to 1.

    `weight` is a factor per element and broadcasts; the mean still divides by the number of elements. As in PyTorch,
    logarithms are at least -100, and where p (1 - p) < 1e-12 the gradient is (p - y) / 1e-12. Prefer
    `binary_cross_entropy_with_logits`, which is exact.

    Raises ValueError for different shapes, or a p or target outside [0, 1] (not checked on a GPU).
    """
    target = as_target("binary_cross_entropy", input, target)
    if input.device == "cpu" and bool(((input.array < 0) | (input.array > 1)).any()):
        raise TensorError("binary_cross_entropy: input must be from 0 to 1; use binary_cross_entropy_with_logits")
    if target.device == "cpu" and bool(((target.array < 0) | (target.array > 1)).any()):
        raise TensorError("binary_cross_entropy: target must be probabilities from 0 to 1; scale it, or take mse_loss")
    saturated = input * (1 - input) < _SATURATED
    p = tl.where(saturated, 0.5, input)
    losses = -(target * tl.log(p) + (1 - target) * tl.log(1 - p))
    clamped = -(target * _clamped_log(input.detach()) + (1 - target) * _clamped_log(1 - input.detach()))
    slope = (input - target).detach() / _SATURATED
    losses = tl.where(saturated, clamped + slope * (input - input.detach()), losses)
    return reduced(losses if weight is None else losses * weight, reduction)


_SATURATED = 9.999999960041972e-13  # bound of p (1 - p): 1e-12 rounded to float32, which PyTorch uses for every dtype


def _clamped_log(p: Tensor) -> Tensor:
    """max(log(p), -100)."""
    return tl.where(p > 0, tl.clip(tl.log(tl.where(p > 0, p, 1)), min=-100), -100)


@named
def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """-(y log(σ(x)) + (1 - y) log(1 - σ(x))) per element, for logits x (input) and targets y from 0 to 1.

    `weight` is a factor per element and broadcasts; the mean still divides by the number of elements. `pos_weight` is
    a factor of the first term and broadcasts: above 1 it compensates for few positives.

    `(...), (...) -> ()`. Raises ValueError for shapes that differ. (Logistic regression: Cox, 1958.)
    """
    target = as_target("binary_cross_entropy_with_logits", input, target)
    log_p = logsigmoid(input)
    if pos_weight is None:
        losses = (1 - target) * input - log_p  # since log(1 - σ(x)) = log(σ(x)) - x
    else:
        losses = (1 - target) * input - ((pos_weight - 1) * target + 1) * log_p
    return reduced(losses if weight is None else losses * weight, reduction)


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """target · (log(target) - input) per element, for an input of log-probabilities: `(...), (...) -> ()`.

    The target holds probabilities, or log-probabilities with log_target=True. Only reduction="batchmean", the sum
    divided by the size of the first axis, is the Kullback-Leibler divergence of input from target; "mean" divides by
    the number of classes as well. Warns of an input with numbers above 0, as logits and probabilities are. Raises
    ValueError for a negative target without log_target (neither on a GPU). (Kullback & Leibler, 1951.)
    """
    target = as_target("kl_div", input, target)
    _warn_of_above_0("kl_div", input)
    if not log_target and target.device == "cpu" and bool((target.array < 0).any()):
        raise TensorError("kl_div: target must be probabilities, and some are negative; of logarithms, log_target=True")
    losses = (
        tl.exp(target) * (target - input)
        if log_target
        else target * tl.log(tl.where(target == 0, 1, target)) - target * input
    )
    if reduction == "batchmean":
        return losses.sum() / input.shape[0] if input.ndim else losses
    return reduced(losses, reduction)


def _warn_of_above_0(name: str, input: Tensor) -> None:
    """Warns if an input, which should hold log-probabilities, has numbers above 0 (not on a GPU)."""
    if input.device == "cpu" and input.array.max(initial=0) > 1e-3:  # rounding may give 1e-7
        warn(
            f"{name}: the input should be log-probabilities, which are never above 0: write F.log_softmax(logits, -1), "
            "or input.log() of probabilities"
        )

"""The formulas of the losses, in PyTorch's meaning of every argument. loss.py has them as modules.

reduction, of all: "mean" over what the loss is computed for, "sum", or "none" for the losses themselves.
weight, ignore_index and label_smoothing are said where they are used. Raise ValueError for shapes that do not fit.
"""

from __future__ import annotations

import math
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from ..errors.checks import as_tensor, check_indices, check_same_shape
from .activation import logsigmoid

# --- of numbers ---------------------------------------------------------------------------------------------


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Squared error: (input - target)² of each element."""
    check_same_shape("mse_loss", input, target)
    if reduction in ("mean", "sum"):
        return tl.squared_error(input, target, average=reduction == "mean")  # type: ignore[no-any-return]
    difference = input - target
    return reduced(difference * difference, reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Absolute error: |input - target| of each element; its slope at 0 counts as 0."""
    check_same_shape("l1_loss", input, target)
    return reduced(tl.abs(input - target), reduction)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """d² / 2 for a difference |d| up to delta, from there straight on: delta (|d| - delta / 2) (Huber, 1964).

    Raises ValueError unless delta is positive.
    """
    if delta <= 0:
        raise ValueError(f"huber_loss: delta must be positive, not {delta}")
    check_same_shape("huber_loss", input, target)
    return reduced(_huber(input - target, delta), reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """huber_loss / beta: d² / (2 beta) up to beta, from there |d| - beta / 2. With beta = 0 it is `l1_loss`.

    Raises ValueError for a negative beta.
    """
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, and is {beta}")
    check_same_shape("smooth_l1_loss", input, target)
    if beta == 0:
        return l1_loss(input, target, reduction)
    return reduced(_huber(input - target, beta) / beta, reduction)


def _huber(difference: Tensor, delta: float) -> Tensor:
    size = tl.abs(difference)
    return tl.where(size < delta, 0.5 * difference * difference, delta * (size - 0.5 * delta))


# --- of classes ---------------------------------------------------------------------------------------------


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log(softmax(input)[target]): how surprised the model is by the right class.

    input: (classes,), (N, classes) or (N, classes, ...), scores of any size, before a softmax.
    target: the number of the right class, integers of shape (), (N,) or (N, ...); or floats of input's shape, a
    probability for each class.
    weight: (classes,), how much each class counts. The mean is then by the weights of the targets; with probabilities
    as targets, by their number.
    ignore_index: targets of this number count for nothing; with nothing else there, the mean is nan.
    label_smoothing: which part of the target is spread over all classes (Szegedy et al., arXiv:1512.00567).
    Raises ValueError for shapes that do not fit, IndexError for a class that does not exist.
    """
    target = as_tensor(target, input)
    rows = _classes_last(input)  # (N, ..., classes)
    _check_weight("cross_entropy", weight, rows)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing is a part of 1, from 0 to 1, not {label_smoothing}")
    if target.shape == input.shape and target.dtype.kind == "f":
        if ignore_index >= 0:
            raise ValueError("cross_entropy: ignore_index is for targets that are class numbers, not probabilities")
        return reduced(_of_probabilities(rows, _classes_last(target), weight, label_smoothing), reduction)
    if target.shape != rows.shape[:-1]:
        raise ValueError(
            f"cross_entropy: input {input.shape} wants class numbers of shape {rows.shape[:-1]} or probabilities of "
            f"its own shape as target, got {target.shape} {target.dtype}"
        )
    ignored, target = _set_aside(target, ignore_index)
    losses = tl.cross_entropy(rows, target)
    weights = None if weight is None else weight[target]
    if weights is not None:
        losses = losses * weights
    if label_smoothing:
        logs = tl.log_softmax(rows, -1)
        even = -(logs if weight is None else logs * weight).sum(-1) / rows.shape[-1]
        losses = (1 - label_smoothing) * losses + label_smoothing * even
    return _reduced_by_weight(losses, weights, ignored, reduction)


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """-input[target]: what is left of the cross-entropy when input is log(softmax(scores)) already.

    Arguments and errors are those of `cross_entropy`; target has class numbers.
    """
    target = as_tensor(target, input)
    rows = _classes_last(input)  # (N, ..., classes)
    _check_weight("nll_loss", weight, rows)
    if target.shape != rows.shape[:-1]:
        raise ValueError(
            f"nll_loss: input {input.shape} wants class numbers of shape {rows.shape[:-1]}, got {target.shape}"
        )
    ignored, target = _set_aside(target, ignore_index)
    check_indices("nll_loss", target, rows.shape[-1], "classes")
    losses = -tl.gather(rows, -1, tl.unsqueeze(target, -1))[..., 0]
    weights = None if weight is None else weight[target]
    if weights is not None:
        losses = losses * weights
    return _reduced_by_weight(losses, weights, ignored, reduction)


def counted(target: Any, weight: Tensor | None = None, ignore_index: int = -100) -> Any:
    """What the mean of `cross_entropy` and `nll_loss` is divided by: a number, or a 0-d Tensor if one had to look."""
    target = as_tensor(target)
    if target.dtype.kind == "f":  # probabilities of each class
        return target.numel() / target.shape[1 if target.ndim > 1 else 0]
    ignored, target = _set_aside(target, ignore_index)
    if ignored is None and weight is None:
        return target.numel()
    counts = tl.ones(target.shape, dtype=tl.float64, device=target.device) if weight is None else weight[target]
    return (counts if ignored is None else tl.where(ignored, 0, counts)).sum()


def _classes_last(input: Tensor) -> Tensor:
    """(N, classes, ...) -> (N, ..., classes), which is where the engine has them."""
    return tl.permute(input, (0, *range(2, input.ndim), 1)) if input.ndim > 2 else input


def _check_weight(name: str, weight: Tensor | None, rows: Tensor) -> None:
    if rows.ndim == 0:
        raise ValueError(f"{name}: input must have an axis of classes, not shape ()")
    if weight is not None and weight.shape != rows.shape[-1:]:
        raise ValueError(f"{name}: weight has one number per class, shape {rows.shape[-1:]}, not {weight.shape}")


def _of_probabilities(rows: Tensor, target: Tensor, weight: Tensor | None, label_smoothing: float) -> Tensor:
    """-sum(target * log(softmax(rows))) over the classes, which are last in both, each times its weight."""
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing / rows.shape[-1]
    if weight is not None:
        target = target * weight
    logs: Tensor = tl.log_softmax(rows, -1)
    return -(target * logs).sum(-1)


def _set_aside(target: Tensor, ignore_index: int) -> tuple[Tensor | None, Tensor]:
    """Which targets are to be ignored, None where there are none, and the targets with class 0 in their place.

    Whether there are any is looked at on the CPU alone; a GPU, for which one would have to wait, gets the mask always.
    """
    if target.device == "cpu" and not (target.array == ignore_index).any():
        return None, target
    ignored = target == ignore_index
    return ignored, tl.where(ignored, 0, target)


def _reduced_by_weight(losses: Tensor, weights: Tensor | None, ignored: Tensor | None, reduction: str) -> Tensor:
    """`reduced`, but the mean is by the weights, and what is ignored counts for nothing; of nothing it is nan."""
    if ignored is not None:
        losses = tl.where(ignored, 0, losses)
    if reduction != "mean" or (ignored is None and weights is None):
        return reduced(losses, reduction)
    if ignored is not None:
        counted = tl.logical_not(ignored).to(dtype=losses.dtype)
        weights = counted if weights is None else weights * counted
    assert weights is not None
    total = weights.sum()
    return losses.sum() / tl.where(total == 0, math.nan, total)


# --- of probabilities ---------------------------------------------------------------------------------------


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-(y log(p) + (1 - y) log(1 - p)) for probabilities p, the input, and targets y from 0 to 1.

    weight: how much each element counts, broadcast; the mean is over all elements nevertheless.
    As in PyTorch the logarithms are not below -100, and where p (1 - p) < 1e-12 the slope is (p - y) / 1e-12. Better is
    `binary_cross_entropy_with_logits`. Raises ValueError for a p outside of [0, 1] (on a GPU that is not looked at).
    """
    check_same_shape("binary_cross_entropy", input, target)
    if input.device == "cpu" and bool(((input.array < 0) | (input.array > 1)).any()):
        raise ValueError(
            "binary_cross_entropy: input must be probabilities, from 0 to 1, and is not; put a sigmoid before, or use "
            "binary_cross_entropy_with_logits"
        )
    saturated = input * (1 - input) < _FLATTEST
    p = tl.where(saturated, 0.5, input)
    losses = -(target * tl.log(p) + (1 - target) * tl.log(1 - p))
    at_the_end = -(target * _log_above(input.detach()) + (1 - target) * _log_above(1 - input.detach()))
    slope = (input - target).detach() / _FLATTEST
    losses = tl.where(saturated, at_the_end + slope * (input - input.detach()), losses)
    return reduced(losses if weight is None else losses * weight, reduction)


_FLATTEST = 9.999999960041972e-13  # 1e-12 as a float32, which PyTorch has in every dtype


def _log_above(p: Tensor) -> Tensor:
    """log(p), but at least -100."""
    return tl.where(p > 0, tl.clip(tl.log(tl.where(p > 0, p, 1)), min=-100), -100)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-(y log(σ(x)) + (1 - y) log(1 - σ(x))) for scores x of any size, before a sigmoid, and targets y from 0 to 1.

    weight: how much each element counts, broadcast; the mean is over all elements nevertheless.
    pos_weight: how much the first term counts, broadcast: above 1 it makes up for few positives.
    """
    check_same_shape("binary_cross_entropy_with_logits", input, target)
    log_p = logsigmoid(input)
    if pos_weight is None:
        losses = (1 - target) * input - log_p  # since log(1 - σ(x)) = log(σ(x)) - x
    else:
        losses = (1 - target) * input - ((pos_weight - 1) * target + 1) * log_p
    return reduced(losses if weight is None else losses * weight, reduction)


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """target (log(target) - input): from the model's distribution, input its logarithm, to the true one.

    log_target: the target is a logarithm too.  reduction: also "batchmean", the sum divided by the size of the first
    axis, which alone is the Kullback-Leibler divergence; "mean" divides by the number of classes as well.
    """
    check_same_shape("kl_div", input, target)
    if log_target:
        losses = tl.exp(target) * (target - input)
    else:
        positive = target > 0
        losses = tl.where(positive, target * tl.log(tl.where(positive, target, 1)), 0) - target * input
    if reduction == "batchmean":
        return losses.sum() / input.shape[0] if input.ndim else losses
    return reduced(losses, reduction)


# --- from losses to the loss --------------------------------------------------------------------------------


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The losses' mean, their sum or, with "none", themselves. Raises ValueError for another word."""
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise ValueError(f'reduction must be "mean", "sum" or "none", not {reduction!r}')

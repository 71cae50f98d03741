"""Losses for classes: cross-entropy, by logits or by log-probabilities."""

from __future__ import annotations

import math
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError
from tinygrad_lecture.ops.composite import named

from ...errors.checks import check_indices, check_tensor
from .probabilities import refuse_probabilities
from .reduction import reduced


@named
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log(softmax(input)[target]): the negative log-likelihood of the right class.

    - `input`: logits of shape `(classes,)`, `(N, classes)` or `(N, classes, ...)`.
    - `target`: class numbers, integers of shape `()`, `(N,)` or `(N, ...)`; or floats of the input's shape, a
      probability per class.
    - `weight`: `(classes,)`, a factor per class. The mean then divides by the sum of the targets' weights; for
      probabilities it divides by the number of rows.
    - `ignore_index`: targets with this number are left out; if all are, the mean is NaN and its gradient 0.
    - `label_smoothing`: the part of each target that is spread evenly over all classes (Szegedy et al.,
      arXiv:1512.00567).

    Raises ValueError for shapes that do not fit or a label_smoothing outside [0, 1], IndexError for a class that does
    not exist.
    """
    check_tensor("cross_entropy", "input", input)
    target = tl.as_tensor(target, device=input.device)
    rows = _classes_last(input)  # (N, ..., classes)
    _check_weight("cross_entropy", weight, rows)
    if not 0 <= label_smoothing <= 1:
        raise TensorError(f"cross_entropy: label_smoothing must be from 0 to 1, not {label_smoothing}")
    if target.shape == input.shape and target.dtype.kind == "f":
        if ignore_index >= 0:
            raise TensorError("cross_entropy: ignore_index needs class numbers as target, not probabilities")
        return reduced(_soft_cross_entropy(rows, _classes_last(target), weight, label_smoothing), reduction)
    if target.shape != rows.shape[:-1]:
        wanted = f"class numbers of shape {rows.shape[:-1]} or probabilities of shape {input.shape}"
        got = f"{target.shape} {target.dtype}{_remedy(input, target)}"
        raise TensorError(f"cross_entropy: for input {input.shape} target must be {wanted}, got {got}")
    ignored, target = _split_ignored(target, ignore_index)
    losses = tl.cross_entropy(rows, target)  # (N, ...)
    weights = None if weight is None else weight[target]
    if weights is not None:
        losses = losses * weights
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

    Arguments and errors are those of `cross_entropy`; the target must be class numbers, and rows that sum to 1 as
    probabilities do raise ValueError (not on a GPU).
    """
    check_tensor("nll_loss", "input", input)
    target = tl.as_tensor(target, device=input.device)
    rows = _classes_last(input)  # (N, ..., classes)
    refuse_probabilities("nll_loss", rows)
    _check_weight("nll_loss", weight, rows)
    if target.shape != rows.shape[:-1]:
        raise TensorError(
            f"nll_loss: for input {input.shape} target must be class numbers of shape {rows.shape[:-1]}, "
            f"got {target.shape}{_remedy(input, target)}"
        )
    ignored, target = _split_ignored(target, ignore_index)
    check_indices("nll_loss", target, rows.shape[-1], "classes")
    losses = -tl.gather(rows, -1, tl.unsqueeze(target, -1))[..., 0]  # (N, ...)
    weights = None if weight is None else weight[target]
    if weights is not None:
        losses = losses * weights
    return _weighted_reduction(losses, weights, ignored, reduction)


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


def _check_weight(name: str, weight: Tensor | None, rows: Tensor) -> None:
    if rows.ndim == 0:
        raise TensorError(f"{name}: input must have an axis of classes, not shape ()")
    if weight is not None and weight.shape != rows.shape[-1:]:
        raise TensorError(f"{name}: weight must have one number per class, shape {rows.shape[-1:]}, not {weight.shape}")


def _soft_cross_entropy(rows: Tensor, target: Tensor, weight: Tensor | None, label_smoothing: float) -> Tensor:
    """-sum(weight · target · log_softmax(rows)) over the classes, the last axis of both."""
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing / rows.shape[-1]
    if weight is not None:
        target = target * weight
    logs: Tensor = tl.log_softmax(rows, -1)
    return -(target * logs).sum(-1)


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
    total = weights.sum()
    return losses.sum() / tl.where(total == 0, math.nan, total)

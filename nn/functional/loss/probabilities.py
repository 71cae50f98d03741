"""Losses for probabilities from 0 to 1: binary cross-entropy, and the divergence of two distributions."""

from __future__ import annotations

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError
from tinygrad_lecture.ops.composite import named

from ...errors.checks import as_target
from ..activation import logsigmoid
from .reduction import reduced


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
        raise TensorError(
            "binary_cross_entropy: input must be probabilities from 0 to 1; apply a sigmoid first, or use "
            "binary_cross_entropy_with_logits"
        )
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
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-(y log(σ(x)) + (1 - y) log(1 - σ(x))) per element, for logits x (input) and targets y from 0 to 1.

    `weight` is a factor per element and broadcasts; the mean still divides by the number of elements. `pos_weight` is
    a factor of the first term and broadcasts: above 1 it compensates for few positives. Shapes must be equal.
    """
    target = as_target("binary_cross_entropy_with_logits", input, target)
    log_p = logsigmoid(input)
    if pos_weight is None:
        losses = (1 - target) * input - log_p  # since log(1 - σ(x)) = log(σ(x)) - x
    else:
        losses = (1 - target) * input - ((pos_weight - 1) * target + 1) * log_p
    return reduced(losses if weight is None else losses * weight, reduction)


def refuse_probabilities(name: str, input: Tensor) -> None:
    """Raises ValueError if the last axis of an input, which should hold log-probabilities, sums to 1 (not on a GPU)."""
    if input.ndim and input.shape[-1] > 1 and input.device == "cpu":
        p = input.array
        if p.size and (p >= 0).all() and np.allclose(p.sum(-1), 1, rtol=0, atol=1e-3):
            raise TensorError(
                f"{name}: the input must be log-probabilities, and its rows sum to 1 as probabilities do: write "
                "F.log_softmax(logits, -1), or input.log()"
            )


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """target · (log(target) - input) per element, for an input of log-probabilities. Shapes must be equal.

    The target holds probabilities, or log-probabilities with log_target=True. Only reduction="batchmean", the sum
    divided by the size of the first axis, is the Kullback-Leibler divergence of input from target; "mean" divides by
    the number of classes as well. Raises ValueError for an input of probabilities, rows that sum to 1, and for a
    negative target without log_target (not on a GPU).
    """
    target = as_target("kl_div", input, target)
    refuse_probabilities("kl_div", input)
    if not log_target and target.device == "cpu" and bool((target.array < 0).any()):
        raise TensorError("kl_div: target must be probabilities, and some are negative; of logarithms, log_target=True")
    losses = tl.exp(target) * (target - input) if log_target else tl.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return losses.sum() / input.shape[0] if input.ndim else losses
    return reduced(losses, reduction)

"""Losses: how far the outputs of a model are from what they should be. PyTorch's names, and meaning of every argument.

Each takes `reduction`: "mean", "sum", or "none" for the losses themselves. Shapes that do not fit raise ValueError.
classification.py has those of classes, `nn/loss.py` all as modules.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError
from tinygrad_lecture.ops.composite import named

from ..errors import as_target
from .activation import logsigmoid

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "huber_loss", "kl_div", "l1_loss",
    "mse_loss", "smooth_l1_loss",
]  # fmt: skip


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The mean or sum of the losses, or with "none" the losses themselves. Raises ValueError for another reduction."""
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise TensorError(f'reduction must be "mean", "sum" or "none", not {reduction!r}')


# --- numbers -------------------------------------------------------------------------------------------------


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Squared error (input - target)² per element. Shapes must be equal."""
    target = as_target("mse_loss", input, target)
    if reduction == "mean":
        return tl.squared_error(input, target)  # type: ignore[no-any-return]
    if reduction == "sum":
        return tl.squared_error(input, target, average=False)  # type: ignore[no-any-return]
    difference = input - target
    return reduced(difference * difference, reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Absolute error |input - target| per element; the gradient at 0 is 0. Shapes must be equal."""
    target = as_target("l1_loss", input, target)
    return reduced(tl.abs(input - target), reduction)


@named
def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """With d = input - target: d² / 2 where |d| < delta, else delta · (|d| - delta / 2). Shapes must be equal.

    Raises ValueError unless delta is positive. (Huber, Ann. Math. Statist. 35, 1964.)
    """
    if delta <= 0:
        raise TensorError(f"huber_loss: delta must be positive, not {delta}")
    target = as_target("huber_loss", input, target)
    return reduced(_huber(input - target, delta), reduction)


@named
def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """huber_loss / beta: d² / (2 beta) where |d| < beta, else |d| - beta / 2; with beta = 0 it is `l1_loss`.

    Raises ValueError for a negative beta.
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


# --- probabilities -------------------------------------------------------------------------------------------


@named
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-(y log(p) + (1 - y) log(1 - p)) per element, for probabilities p (input) and targets y from 0 to 1.

    `weight` is a factor per element and broadcasts; the mean still divides by the number of elements. As in PyTorch,
    logarithms are at least -100, and where p (1 - p) < 1e-12 the gradient is (p - y) / 1e-12. Prefer
    `binary_cross_entropy_with_logits`, which is exact.

    Raises ValueError for different shapes, or a p outside [0, 1] (not checked on a GPU).
    """
    target = as_target("binary_cross_entropy", input, target)
    if input.device == "cpu" and bool(((input.array < 0) | (input.array > 1)).any()):
        raise TensorError(
            "binary_cross_entropy: input must be probabilities from 0 to 1; apply a sigmoid first, or use "
            "binary_cross_entropy_with_logits"
        )
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


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """target · (log(target) - input) per element, for an input of log-probabilities. Shapes must be equal.

    The target holds probabilities, or log-probabilities with log_target=True. Only reduction="batchmean", the sum
    divided by the size of the first axis, is the Kullback-Leibler divergence of input from target; "mean" divides by
    the number of classes as well. Raises ValueError for an input of probabilities, rows that sum to 1 (not on a GPU).
    """
    target = as_target("kl_div", input, target)
    if input.ndim and input.shape[-1] > 1 and input.device == "cpu":
        p = input.array
        if p.size and (p >= 0).all() and np.allclose(p.sum(-1), 1, rtol=0, atol=1e-3):
            raise TensorError(
                "kl_div: the input must be log-probabilities, and its rows sum to 1 as probabilities do: write "
                "F.log_softmax(logits, -1), or input.log()"
            )
    losses = tl.exp(target) * (target - input) if log_target else tl.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return losses.sum() / input.shape[0] if input.ndim else losses
    return reduced(losses, reduction)


# --- likelihood ----------------------------------------------------------------------------------


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """(log(var) + (x - y)² / var) / 2 per element, for a normal distribution of mean x and variance var.

    - `input`, `target`: of one shape.  `var`: of the same, or one for each row, with a last axis of 1 or without it, or
      a number. Below eps it counts as eps; its gradient is what it is at eps.
    - `full`: add log(2π) / 2.

    Raises ValueError for other shapes or a negative variance (not checked on a GPU). (Nix & Weigend, 1994.)
    """
    target = as_target("gaussian_nll_loss", input, target)
    if not isinstance(var, Tensor):
        var = tl.full(input.shape, float(var), dtype=input.dtype, device=input.device)
    if var.shape == input.shape[:-1] != input.shape:
        var = var.unsqueeze(-1)
    if var.shape not in (input.shape, (*input.shape[:-1], 1)):
        raise TensorError(
            f"gaussian_nll_loss: var must have the shape of input, {input.shape}, or one number for each row, not "
            f"{var.shape}"
        )
    if var.device == "cpu" and bool((var.array < 0).any()):
        raise TensorError("gaussian_nll_loss: var must not be negative; predict its logarithm, and give exp of that")
    var = tl.where(var < eps, eps + (var - var.detach()), var)
    error = input - target
    losses = 0.5 * (tl.log(var) + error * error / var)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)

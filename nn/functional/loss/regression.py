"""Losses for numbers: how far the input is from the target."""

from __future__ import annotations

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError
from tinygrad_lecture.ops.composite import named

from ...errors.checks import as_target
from .reduction import reduced


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

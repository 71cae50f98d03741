"""Negative log-likelihoods of numbers that the model gives a distribution for: Poisson's, or Gauss's."""

from __future__ import annotations

import math
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError

from ...errors.checks import as_target
from ..normalization import check_eps
from .reduction import reduced


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """exp(x) - y x per element, for counts y and x the logarithm of their expected value. Shapes must be equal.

    - `log_input`: with False x is the expected value itself, and the loss x - y log(x + eps).
    - `full`: add Stirling's approximation of log(y!), y log(y) - y + log(2π y) / 2, where y > 1.
    """
    target = as_target("poisson_nll_loss", input, target)
    losses = tl.exp(input) - target * input if log_input else input - target * tl.log(input + eps)
    if full:
        y = tl.where(target > 1, target, 1)
        losses = losses + tl.where(target > 1, y * tl.log(y) - y + 0.5 * tl.log(2 * math.pi * y), 0)
    return reduced(losses, reduction)


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """(log(var) + (x - y)² / var) / 2 per element, for a normal distribution of mean x and variance var.

    - `input`, `target`: of one shape.  `var`: of the same, or one for each row, with a last axis of 1 or without it, or
      a number. Below eps it counts as eps; its gradient is what it is at eps.
    - `full`: add log(2π) / 2.

    Raises ValueError for other shapes or a negative variance (not checked on a GPU). (Nix & Weigend, 1994.)
    """
    check_eps("gaussian_nll_loss", eps)
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

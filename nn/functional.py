"""Layers and losses as functions: without parameters of their own, under PyTorch's names, usually imported as F."""

from __future__ import annotations

import tinygrad_lecture as tl
from tinygrad_lecture import (
    Tensor,
    gelu,
    leaky_relu,
    linear,
    log_softmax,
    one_hot,
    relu,
    sigmoid,
    silu,
    softmax,
    tanh,
)

__all__ = [
    "cross_entropy",
    "gelu",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mse_loss",
    "one_hot",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "tanh",
]


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Squared error, (input - target)², of each element: then the mean of all, the "sum", or "none" of both.

    Raises ValueError if the shapes differ: broadcasting here has always been an accident.
    """
    if input.shape != target.shape:
        raise ValueError(
            f"mse_loss: input {input.shape} and target {target.shape} must have the same shape; reshape one of them, "
            "or make rows of class numbers with F.one_hot"
        )
    difference = input - target
    return reduced(difference * difference, reduction)


def cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """-log(softmax(input)[target]): how surprised the model is by the right class.

    input: (classes,), (N, classes) or (N, classes, ...), scores of any size, before a softmax.
    target: the number of the right class, integers of shape (), (N,) or (N, ...); or floats of input's shape, a
    probability for each class. reduction: the mean over all targets, their "sum", or "none" for one loss per target.
    Raises ValueError for shapes that do not fit, IndexError for a class that does not exist.
    """
    if input.ndim > 2:  # the engine has classes last: (N, classes, ...) -> (N, ..., classes)
        last = (0, *range(2, input.ndim), 1)
        rows = tl.permute(input, last)
    else:
        last = tuple(range(input.ndim))
        rows = input
    if target.shape == input.shape and target.dtype.kind == "f":
        losses: Tensor = -(tl.permute(target, last) * log_softmax(rows, -1)).sum(-1)
    elif target.shape == rows.shape[:-1]:
        losses = tl.cross_entropy(rows, target)
    else:
        raise ValueError(
            f"cross_entropy: input {input.shape} wants class numbers of shape {rows.shape[:-1]} or probabilities of "
            f"its own shape as target, got {target.shape} {target.dtype}"
        )
    return reduced(losses, reduction)


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The losses' mean, their sum or, with "none", themselves. Raises ValueError for another word."""
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise ValueError(f'reduction must be "mean", "sum" or "none", not {reduction!r}')

"""Coarser pictures, and a training that is compared with the one in 02_digits.py."""

from __future__ import annotations

from collections.abc import Callable

import nn
import tinygrad_lecture as tl


def coarser(images: tl.Tensor, side: int) -> tl.Tensor:
    """Pictures with fewer pixels, each the mean of a square: (n, 784) -> (n, side * side)."""
    square = 28 // side
    return images.reshape(len(images), side, square, side, square).mean(axis=(2, 4)).reshape(len(images), side * side)


def learn(
    model: nn.MLP,
    optimizer: nn.optim.Optimizer,
    cost_of: Callable[[tl.Tensor, tl.Tensor], tl.Tensor],
    batches: nn.DataLoader,
    epochs: int,
) -> None:
    """The learning loop of 02_digits.py, without its reports."""
    for _ in range(epochs):
        for x, y in batches:
            optimizer.zero_grad()
            cost_of(model(x), y).backward()
            optimizer.step()

"""What contestants share: a step of training as in PyTorch, the optimisers in NumPy, and a chain of additions."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import workloads

Contest = tuple[Callable[[], float], Callable[[], float] | None]  # a step, and the norm of the first gradient


def training(
    parameters: Any, optimizer: Any, loss_of: Callable[[], Any], clip: Callable[[Any, float], Any] | None = None
) -> Contest:
    """A contest whose parameters and optimiser are PyTorch's, or like them. clip: scales gradients to a norm of 1."""

    def gradients() -> Any:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        return loss

    def step() -> float:
        loss = gradients()
        if clip is not None:
            clip(parameters, 1.0)
        optimizer.step()
        return loss.item()  # type: ignore[no-any-return]

    def norm() -> float:
        gradients()
        return float(sum(float((p.grad * p.grad).sum()) for p in parameters) ** 0.5)

    return step, norm


def in_numpy(work: workloads.MLP, weights: list[Any]) -> Callable[[Any], None]:
    """The function that updates weights, in place, by their gradients: SGD or Adam."""
    memory = [(np.zeros_like(w), np.zeros_like(w)) for w in weights]
    steps = itertools.count(1)

    def update(gradients: Any) -> None:
        t = next(steps)
        for w, g, (m, v) in zip(weights, gradients, memory, strict=True):
            if work.optimizer == "SGD":
                w -= 0.1 * g
            else:
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                w -= 1e-3 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)

    return update


def chain(zero: Callable[[], Any], work: workloads.Chain) -> Contest:
    """zero: makes a tensor of one 0 that requires grad."""

    def step() -> float:
        x = y = zero()
        for _ in range(work.additions):
            y = y + x
        y.backward()
        return float(x.grad[0])

    return step, None

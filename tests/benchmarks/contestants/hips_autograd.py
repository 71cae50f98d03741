"""HIPS autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import workloads
from autograd import grad, value_and_grad

Contest = tuple[Callable[[], float], Callable[[], float] | None]


def mlp(work: workloads.MLP) -> Contest:
    x, y = workloads.mlp_batch(work)
    weights = [array for layer in workloads.mlp_weights(work) for array in layer]
    sigmoid = work.activation == "sigmoid"

    def loss(weights: list[Any]) -> Any:
        a: Any = x
        for i in range(0, len(weights), 2):
            a = anp.dot(a, weights[i].T) + weights[i + 1]
            if sigmoid:
                a = 1 / (1 + anp.exp(-a))
            elif i < len(weights) - 2:
                a = anp.maximum(a, 0)
        if work.loss == "squared error":
            return anp.mean((a - y) ** 2)
        a = a - anp.max(a, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(a), axis=1)) - a[np.arange(len(y)), y])

    gradients = value_and_grad(loss)
    memory = [(np.zeros_like(w), np.zeros_like(w)) for w in weights]
    steps = [0]

    def step() -> float:
        value, found = gradients(weights)
        steps[0] += 1
        t = steps[0]
        for w, g, (m, v) in zip(weights, found, memory, strict=True):
            if work.optimizer == "SGD":
                w -= 0.1 * g
            else:
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                w -= 1e-3 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return float(value)

    return step, lambda: float(sum(float((g**2).sum()) for g in gradients(weights)[1]) ** 0.5)


def chain(work: workloads.Chain) -> Contest:
    def function(x: Any) -> Any:
        y = x
        for _ in range(work.additions):
            y = y + x
        return y[0]

    return lambda: float(grad(function)(np.zeros(1))[0]), None

"""HIPS autograd."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
import workloads
from autograd import grad, value_and_grad

from .eager import Contest, in_numpy


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
    update = in_numpy(work, weights)

    def step() -> float:
        value, found = gradients(weights)
        update(found)
        return float(value)

    return step, lambda: float(sum(float((g**2).sum()) for g in gradients(weights)[1]) ** 0.5)


def chain(work: workloads.Chain) -> Contest:
    def function(x: Any) -> Any:
        y = x
        for _ in range(work.additions):
            y = y + x
        return y[0]

    return lambda: float(grad(function)(np.zeros(1))[0]), None

"""MyGrad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mygrad as mg
import numpy as np
import workloads

Contest = tuple[Callable[[], float], Callable[[], float] | None]


def mlp(work: workloads.MLP) -> Contest:
    x, y = workloads.mlp_batch(work)
    layers = [(mg.tensor(weight), mg.tensor(bias)) for weight, bias in workloads.mlp_weights(work)]
    parameters = [p for layer in layers for p in layer]
    sigmoid = work.activation == "sigmoid"

    def gradients() -> Any:
        a: Any = x
        for i, (weight, bias) in enumerate(layers):
            a = mg.matmul(a, weight.T) + bias
            if sigmoid or i < len(layers) - 1:
                a = mg.nnet.activations.sigmoid(a) if sigmoid else mg.nnet.activations.relu(a)
        loss = mg.mean((a - y) ** 2) if work.loss == "squared error" else mg.nnet.losses.softmax_crossentropy(a, y)
        loss.backward()
        return loss

    memory = [(np.zeros_like(p.data), np.zeros_like(p.data)) for p in parameters]
    steps = [0]

    def step() -> float:
        loss = gradients()
        steps[0] += 1
        t = steps[0]
        for p, (m, v) in zip(parameters, memory, strict=True):
            if work.optimizer == "SGD":
                p.data -= 0.1 * p.grad
            else:
                m += 0.1 * (p.grad - m)
                v += 0.001 * (p.grad * p.grad - v)
                p.data -= 1e-3 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return float(loss.data)

    return step, lambda: (gradients(), float(sum(float((p.grad**2).sum()) for p in parameters) ** 0.5))[1]


def chain(work: workloads.Chain) -> Contest:
    def step() -> float:
        x = mg.tensor([0.0], constant=False)
        y = x
        for _ in range(work.additions):
            y = y + x
        y.backward()
        return float(x.grad[0])

    return step, None

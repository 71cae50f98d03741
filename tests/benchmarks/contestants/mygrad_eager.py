"""MyGrad."""

from __future__ import annotations

from typing import Any

import mygrad as mg
import workloads

from . import eager
from .eager import Contest


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

    update = eager.in_numpy(work, [p.data for p in parameters])

    def step() -> float:
        loss = gradients()
        update([p.grad for p in parameters])
        return float(loss.data)

    return step, lambda: (gradients(), float(sum(float((p.grad**2).sum()) for p in parameters) ** 0.5))[1]


def chain(work: workloads.Chain) -> Contest:
    return eager.chain(lambda: mg.tensor([0.0], constant=False), work)

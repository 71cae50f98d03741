"""Adagrad against its formula, one number at a time."""

import math

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl


@pytest.mark.parametrize("lr_decay", [0.0, 0.1])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("initial", [0.0, 2.0])
def test_fifty_steps(lr_decay, weight_decay, initial):
    gradients = np.random.default_rng(0).normal(size=50)
    p = nn.Parameter(tl.tensor(np.array([1.5])))
    optimizer = nn.optim.Adagrad([p], 0.1, lr_decay, weight_decay, initial, 1e-6)
    wanted, s = 1.5, initial
    for t, g in enumerate(gradients, start=1):
        p.grad = tl.tensor(np.array([g]))
        optimizer.step()
        d = g + weight_decay * wanted
        s += d * d
        wanted -= 0.1 / (1 + (t - 1) * lr_decay) * d / (math.sqrt(s) + 1e-6)
    assert p.item() == pytest.approx(wanted, rel=1e-10)

"""Adam and AdamW against their formulas, one number at a time."""

import math

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl


def by_hand(p, gradients, lr, beta1, beta2, eps, l2, decoupled):
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        p = p - lr * decoupled * p
        g = g + l2 * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        p = p - lr * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + eps)
    return p


@pytest.mark.parametrize("kind", [nn.optim.Adam, nn.optim.AdamW])
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.5)])
@pytest.mark.parametrize("eps", [1e-8, 0.1])
def test_fifty_steps(kind, decay, betas, eps):
    gradients = np.random.default_rng(0).normal(size=50) * 10.0 ** np.arange(-25, 25)
    p = nn.Parameter(tl.tensor(np.array([1.5])))
    optimizer = kind([p], lr=0.01, betas=betas, eps=eps, weight_decay=decay)
    for g in gradients:
        p.grad = tl.tensor(np.array([g]))
        optimizer.step()
    l2, decoupled = (decay, 0.0) if kind is nn.optim.Adam else (0.0, decay)
    assert p.item() == pytest.approx(by_hand(1.5, gradients, 0.01, *betas, eps, l2, decoupled), rel=1e-10)


def test_defaults_are_pytorchs():
    p = nn.Parameter(tl.ones(1))
    expected = {
        "lr": 1e-3,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0.0,
        "amsgrad": False,
        "maximize": False,
    }
    assert nn.optim.Adam([p]).defaults == expected
    assert nn.optim.AdamW([p]).defaults["weight_decay"] == 1e-2


def test_a_gradient_of_zero_changes_nothing():
    p = nn.Parameter(tl.ones(1))
    p.grad = tl.zeros(1)
    nn.optim.Adam([p]).step()
    assert p.item() == 1

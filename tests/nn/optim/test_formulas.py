"""SGD, Adam, RMSprop and Adagrad against their formulas, one number at a time. The others: see test_parity.py."""

import itertools
import math

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl


def sgd(p, gradients, lr, momentum, dampening, weight_decay, nesterov):
    v = None
    for g in gradients:
        d = g + weight_decay * p
        if momentum:
            v = d if v is None else momentum * v + (1 - dampening) * d
            d = d + momentum * v if nesterov else v
        p = p - lr * d
    return p


def adam(p, gradients, lr, betas, eps, weight_decay, decoupled=False):
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        if decoupled:
            p = p - lr * weight_decay * p
        else:
            g = g + weight_decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        p = p - lr * (m / (1 - betas[0] ** t)) / (math.sqrt(v / (1 - betas[1] ** t)) + eps)
    return p


def adamw(*settings):
    return adam(*settings, decoupled=True)


def rmsprop(p, gradients, lr, alpha, eps, weight_decay, momentum, centered):
    v = mean = u = 0.0
    for g in gradients:
        g = g + weight_decay * p
        v = alpha * v + (1 - alpha) * g * g
        mean = alpha * mean + (1 - alpha) * g
        d = g / (math.sqrt(v - mean * mean if centered else v) + eps)
        u = momentum * u + d
        p = p - lr * u
    return p


def adagrad(p, gradients, lr, lr_decay, weight_decay, initial, eps):
    s = initial
    for t, g in enumerate(gradients, start=1):
        d = g + weight_decay * p
        s += d * d
        p -= lr / (1 + (t - 1) * lr_decay) * d / (math.sqrt(s) + eps)
    return p


BETAS, EPS, DECAYS = [(0.9, 0.999), (0.0, 0.5)], [1e-8, 0.1], [0.0, 0.3]
CASES = {  # the settings after the parameters, in their order
    sgd: [
        *itertools.product([0.1], [0, 0.9], [0, 0.4], [0, 0.1], [False]),
        *itertools.product([0.1], [0.9], [0], [0, 0.1], [True]),
    ],
    adam: itertools.product([0.01], BETAS, EPS, DECAYS),
    adamw: itertools.product([0.01], BETAS, EPS, DECAYS),
    rmsprop: itertools.product([0.01], [0.9], [1e-6], [0.0, 0.1], [0.0, 0.9], [False, True]),
    adagrad: itertools.product([0.1], [0.0, 0.1], DECAYS, [0.0, 2.0], [1e-6]),
}
KINDS = {sgd: nn.optim.SGD, adam: nn.optim.Adam, adamw: nn.optim.AdamW, rmsprop: nn.optim.RMSprop}
KINDS[adagrad] = nn.optim.Adagrad


@pytest.mark.parametrize(
    ("by_hand", "settings"),
    [
        pytest.param(by_hand, settings, id=f"{by_hand.__name__} {settings}")
        for by_hand, each in CASES.items()
        for settings in each
    ],
)
def test_fifty_steps(by_hand, settings):
    gradients = np.random.default_rng(0).normal(size=50)
    if by_hand in (adam, adamw):
        gradients *= 10.0 ** np.arange(-25, 25)
    p = nn.Parameter(tl.tensor(np.array([1.5])))
    optimizer = KINDS[by_hand]([p], *settings)
    for g in gradients:
        p.grad = tl.tensor(np.array([g]))
        optimizer.step()
    assert p.item() == pytest.approx(by_hand(1.5, gradients, *settings), rel=1e-10)


def test_adams_defaults_are_pytorchs():
    p = nn.Parameter(tl.ones(1))
    means = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "amsgrad": False, "maximize": False}
    assert nn.optim.Adam([p]).defaults == {**means, "weight_decay": 0.0}
    assert nn.optim.AdamW([p]).defaults == {**means, "weight_decay": 1e-2}


def test_a_gradient_of_zero_changes_nothing():
    p = nn.Parameter(tl.ones(1))
    p.grad = tl.zeros(1)
    nn.optim.Adam([p]).step()
    assert p.item() == 1


def test_constant_gradients_have_zero_variance_and_no_nan():
    p = nn.Parameter(tl.tensor([1.0, 2.0, 3.0]))
    optimizer = nn.optim.RMSprop([p], alpha=0.5, centered=True)
    for _ in range(100):
        p.grad = tl.tensor([0.1, 0.3, 1e-3])
        optimizer.step()
    assert np.isfinite(p.detach().numpy()).all()


def test_settings_may_change_between_steps():
    p = nn.Parameter(tl.ones(2))
    optimizer = nn.optim.RMSprop([p], momentum=0.9)
    p.grad = tl.ones(2)
    optimizer.step()
    optimizer.param_groups[0].update(momentum=0.0, centered=True)
    optimizer.step()
    assert optimizer.state[p].keys() == {"step", "square_avg", "momentum_buffer", "grad_avg"}

"""RMSprop against its formula, one number at a time."""

import itertools
import math

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl


def by_hand(p, gradients, lr, alpha, eps, weight_decay, momentum, centered):
    v = mean = u = 0.0
    for g in gradients:
        g = g + weight_decay * p
        v = alpha * v + (1 - alpha) * g * g
        mean = alpha * mean + (1 - alpha) * g
        d = g / (math.sqrt(v - mean * mean if centered else v) + eps)
        u = momentum * u + d
        p = p - lr * u
    return p


@pytest.mark.parametrize(
    ("decay", "momentum", "centered"), list(itertools.product((0.0, 0.1), (0.0, 0.9), (False, True)))
)
def test_fifty_steps(decay, momentum, centered):
    gradients = np.random.default_rng(0).normal(size=50)
    p = nn.Parameter(tl.tensor(np.array([1.5])))
    optimizer = nn.optim.RMSprop([p], 0.01, 0.9, 1e-6, decay, momentum, centered)
    for g in gradients:
        p.grad = tl.tensor(np.array([g]))
        optimizer.step()
    assert p.item() == pytest.approx(by_hand(1.5, gradients, 0.01, 0.9, 1e-6, decay, momentum, centered), rel=1e-10)


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

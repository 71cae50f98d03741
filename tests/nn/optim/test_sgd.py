"""SGD against its formula, one number at a time."""

import itertools

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl


def by_hand(p, gradients, lr, momentum, dampening, weight_decay, nesterov):
    v = None
    for g in gradients:
        d = g + weight_decay * p
        if momentum:
            v = d if v is None else momentum * v + (1 - dampening) * d
            d = d + momentum * v if nesterov else v
        p = p - lr * d
    return p


CASES = [
    (momentum, dampening, decay, nesterov)
    for momentum, dampening, decay, nesterov in itertools.product((0, 0.9), (0, 0.4), (0, 0.1), (False, True))
    if not (nesterov and (dampening or not momentum))
]


@pytest.mark.parametrize(("momentum", "dampening", "weight_decay", "nesterov"), CASES)
def test_fifty_steps(momentum, dampening, weight_decay, nesterov):
    gradients = np.random.default_rng(0).normal(size=50)
    p = nn.Parameter(tl.tensor(np.array([1.5])))
    optimizer = nn.optim.SGD([p], 0.1, momentum, dampening, weight_decay, nesterov)
    for g in gradients:
        p.grad = tl.tensor(np.array([g]))
        optimizer.step()
    wanted = by_hand(1.5, gradients, 0.1, momentum, dampening, weight_decay, nesterov)
    assert p.item() == pytest.approx(wanted, rel=1e-12)

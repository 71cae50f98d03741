"""Distributions: draws against probabilities and moments; values, gradients and modes against PyTorch."""

import math

import numpy as np
import pytest

import nn.torch
import tinygrad_lecture as tl
from nn.torch.distributions import Bernoulli, Categorical, Normal, kl_divergence

table = tl.tensor([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]], dtype=tl.float64)


def test_draws_have_the_probabilities_and_moments():
    p, n = table.numpy(), Normal(tl.tensor([0.5, -1.0]), tl.tensor([2.0, 0.5]))
    drawn = Categorical(probs=4 * table).sample((4000,))
    assert drawn.shape == (4000, 2) and drawn.dtype == tl.int64
    assert np.allclose([(drawn.numpy() == i).mean(0) for i in range(3)], p.T, atol=0.03)
    b = Bernoulli(table)
    assert np.allclose(b.sample((4000,)).numpy().mean(0), p, atol=0.03)
    assert np.allclose(b.mean.numpy(), p) and np.allclose(b.variance.numpy(), p * (1 - p))
    numbers = n.sample((4000,)).numpy()
    assert np.allclose(numbers.mean(0), [0.5, -1], atol=0.1) and np.allclose(numbers.std(0), [2, 0.5], atol=0.1)


def test_gradients_flow_through_rsample_and_log_prob_and_not_through_sample():
    loc, scale = tl.tensor([0.5, -1.0], requires_grad=True), tl.tensor(2.0, requires_grad=True)
    n = Normal(loc, scale)
    assert not n.sample().requires_grad and not Bernoulli(tl.sigmoid(loc)).sample().requires_grad
    n.rsample((3,)).sum().backward()
    assert loc.grad.tolist() == [3, 3]
    value = tl.tensor([[0.1, 0.2]], dtype=tl.float64)
    assert tl.gradcheck(lambda m, s: Normal(m, s).log_prob(value), (loc.double(), scale.double()))
    logits = tl.randn(2, 3, dtype=tl.float64, requires_grad=True)
    assert tl.gradcheck(lambda x: Categorical(logits=x).log_prob(tl.tensor([0, 2])), logits)
    policy = Bernoulli(logits=logits)
    with tl.no_grad():
        policy.sample()
    assert policy.probs.requires_grad  # what was computed under no_grad is not kept without its gradient


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(0, -1.0), "Normal: scale must be above 0"),
        (lambda: Normal(0, 1).log_prob(tl.tensor(math.nan)), "Normal: the value is nan"),
        (lambda: Bernoulli(1.5), "Bernoulli: probs must be from 0 to 1"),
        (lambda: Bernoulli(0.5, 0.5), "give either probs or logits"),
        (lambda: Categorical(tl.tensor(1.0)), "has no axis of classes"),
        (lambda: Categorical(tl.tensor([0.0, 0.0])), "above 0 together"),
        (lambda: Categorical(logits=tl.tensor([math.nan, 0.0])), "logits has a nan"),
        (lambda: Categorical(table).log_prob(tl.tensor([3, 0])), "a value is no index from 0 to 2"),
        (lambda: Categorical(table).rsample(), "has no rsample"),
        (lambda: kl_divergence(Normal(0, 1), Categorical(table)), "of a Normal and a Categorical"),
    ],
)
def test_what_does_not_belong_is_refused(make, message):
    with pytest.raises((ValueError, NotImplementedError), match=message):
        make()


@pytest.mark.parity
def test_values_and_gradients_are_pytorchs():
    torch = pytest.importorskip("torch")
    theirs = torch.distributions

    def told(lib, draws):
        p = lib.tensor([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]], requires_grad=True)
        x = lib.tensor([[0.2, -1.3, 0.5], [0.0, 1.0, -math.inf]], requires_grad=True)
        c, d = draws.Categorical(p), draws.Categorical(logits=x)
        b, e = draws.Bernoulli(p), draws.Bernoulli(logits=x[:1])
        n, m = draws.Normal(x[:1], p[:1]), draws.Normal(0.0, p[:1] + 1)
        v, ones = lib.tensor([[1, 0], [1, 2]]), lib.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
        found = [c.log_prob(v), d.log_prob(v), c.entropy(), d.entropy(), b.log_prob(ones), e.log_prob(ones)]
        found += [b.entropy(), e.entropy(), n.log_prob(ones), n.entropy(), n.cdf(ones), n.perplexity()]
        pairs = [(c, draws.Categorical(logits=x[:1])), (draws.Bernoulli(p[:1]), e), (n, m)]
        found += [draws.kl_divergence(one, two) for one, two in pairs]
        for part in found:
            part[lib.isfinite(part)].sum().backward(retain_graph=True)
        return [np.nan_to_num(part.detach().numpy()) for part in (*found, p.grad, x.grad)]

    for own, wanted in zip(told(tl, nn.torch.distributions), told(torch, theirs), strict=True):
        assert np.allclose(own, wanted, rtol=1e-4, atol=1e-5)

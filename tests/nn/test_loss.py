"""Loss modules: shapes, targets and reductions, as in PyTorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl

F = nn.functional


def log_softmax(x, axis):
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


REDUCE = {"mean": np.mean, "sum": np.sum, "none": lambda losses: losses}


@pytest.mark.parametrize("reduction", REDUCE)
def test_mse(reduction):
    x, y = tl.randn(4, 3, dtype=tl.float64, requires_grad=True), tl.randn(4, 3, dtype=tl.float64)
    loss = nn.MSELoss(reduction)(x, y)
    difference = x.detach().numpy() - y.numpy()
    np.testing.assert_allclose(loss.detach().numpy(), REDUCE[reduction](difference**2))
    loss.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * difference / (12 if reduction == "mean" else 1))


def test_mse_does_not_broadcast():
    with pytest.raises(ValueError, match=r"mse_loss: input \(4, 1\) and target \(4,\) must have the same shape"):
        nn.MSELoss()(tl.zeros(4, 1), tl.zeros(4))


@given(st.sampled_from([(), (4,), (4, 2), (4, 2, 3)]), st.sampled_from(sorted(REDUCE)), st.booleans())
def test_cross_entropy(shape, reduction, probabilities):
    """Classes are axis 1, or the only axis; targets are class numbers or probabilities."""
    rng = np.random.default_rng(1)
    axis = min(len(shape), 1)
    full = (*shape[:1], 5, *shape[1:])
    x = rng.normal(size=full) * 3
    labels = rng.integers(0, 5, shape)
    one_hot = np.moveaxis(np.eye(5)[labels], -1, axis)
    p = log_softmax(rng.normal(size=full), axis) if probabilities else one_hot
    p = np.exp(p) if probabilities else p

    logits = tl.tensor(x, requires_grad=True)
    loss = nn.CrossEntropyLoss(reduction=reduction)(logits, tl.tensor(p if probabilities else labels))
    losses = -(p * log_softmax(x, axis)).sum(axis)
    np.testing.assert_allclose(loss.detach().numpy(), REDUCE[reduction](losses), rtol=1e-10)

    loss.sum().backward()
    wanted = np.exp(log_softmax(x, axis)) - p
    rows = losses.size if reduction == "mean" else 1
    np.testing.assert_allclose(logits.grad.numpy(), wanted / rows, rtol=1e-9, atol=1e-12)


def test_unknown_reductions_are_refused():
    with pytest.raises(ValueError, match=r"MSELoss: reduction.*'average'"):
        nn.MSELoss("average")
    with pytest.raises(ValueError, match="CrossEntropyLoss: reduction"):
        nn.CrossEntropyLoss(reduction="avg")
    with pytest.raises(ValueError, match="'avg'"):
        F.mse_loss(tl.zeros(1), tl.zeros(1), "avg")


# --- weights and ignored targets ----------------------------------------------------------------------------


def test_bce_is_at_most_100():
    p = tl.tensor([0.0, 1.0], requires_grad=True)
    assert nn.BCELoss()(p, tl.tensor([1.0, 0.0])).item() == 100
    assert nn.BCELoss()(p, tl.tensor([0.0, 1.0])).item() == 0
    tiny = tl.tensor([1e-44], dtype=tl.float64)  # its logarithm is -101.3
    assert nn.BCELoss()(tiny, tl.ones(1, dtype=tl.float64)).item() == pytest.approx(100, rel=1e-12)
    nn.BCELoss(reduction="sum")(p, tl.tensor([1.0, 0.0])).backward()
    np.testing.assert_allclose(p.grad.numpy(), [-1e12, 1e12], rtol=1e-6)

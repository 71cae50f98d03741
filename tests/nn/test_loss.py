"""Losses: cross-entropy by its formula, and bad input. All their settings are held in test_parity_layers.py."""

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


def test_bad_arguments_are_refused():
    x, p, labels = tl.zeros(2, 3), tl.full((2, 3), 0.5), tl.tensor([0, 1])
    scores = tl.zeros(4, 5, 2)
    classes = r"for input \(4, 5, 2\) target must be class numbers of shape \(4, 2\) .* got "
    for call, error, message in (
        (lambda: F.cross_entropy(scores, tl.zeros(4, 5, dtype=tl.int64)), ValueError, rf"{classes}\(4, 5\) int64"),
        (lambda: F.cross_entropy(scores, tl.zeros(4)), ValueError, rf"{classes}\(4,\) float32"),
        (lambda: F.cross_entropy(x, labels, tl.ones(2)), ValueError, r"must have one number per class, shape \(3,\)"),
        (lambda: F.cross_entropy(x, labels, label_smoothing=1.1), ValueError, "label_smoothing must be .* not 1.1"),
        (lambda: F.cross_entropy(x, p, ignore_index=0), ValueError, "ignore_index needs class numbers as target"),
        (lambda: F.cross_entropy(tl.tensor(1.0), labels), ValueError, "must have an axis of classes"),
        (lambda: F.nll_loss(x, tl.tensor([0, -1])), IndexError, r"indices run from -1 to 0, but classes are 0 to 2"),
        (lambda: F.nll_loss(x, tl.zeros(2)), TypeError, "classes must be given as integers, not float32"),
        (lambda: F.nll_loss(x, tl.tensor(0)), ValueError, r"must be class numbers of shape \(2,\), got \(\)"),
        (lambda: F.binary_cross_entropy(x - 1, x), ValueError, "must be probabilities.*with_logits"),
        (lambda: F.huber_loss(x, x, delta=0), ValueError, "delta must be positive"),
        (lambda: F.smooth_l1_loss(x, x, beta=-1), ValueError, "beta must not be negative"),
        (lambda: nn.MSELoss("batchmean"), ValueError, '"mean" or "sum" or "none", not'),
        (lambda: nn.KLDivLoss("none of these"), ValueError, 'or "none" or "batchmean", not'),
        (lambda: F.mse_loss(x, x, "avg"), ValueError, "reduction must be .* not 'avg'"),
        (lambda: nn.CrossEntropyLoss(reduction="avg"), ValueError, "CrossEntropyLoss: reduction"),
    ):
        with pytest.raises(error, match=message):
            call()
    for loss in (F.l1_loss, F.huber_loss, F.smooth_l1_loss, F.kl_div, F.binary_cross_entropy):
        with pytest.raises(ValueError, match=rf"{loss.__name__}: input \(2, 3\) and target \(3,\) must have the same"):
            loss(x, tl.zeros(3))


def test_class_numbers_may_come_as_an_array_or_a_list():
    scores, classes = tl.randn(3, 4), [1, 0, 3]
    wanted = F.cross_entropy(scores, tl.tensor(classes)).item()
    for target in (classes, np.array(classes)):
        assert F.cross_entropy(scores, target).item() == wanted
        assert F.nll_loss(tl.log_softmax(scores, -1), target).item() == pytest.approx(wanted, rel=1e-6)

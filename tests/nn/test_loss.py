"""Losses: values, reductions, weights, ignored targets, bounds, and bad input."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl

F = nn.functional


# --- weights and ignored targets ----------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, tl.tensor([1.0, 2.0, 3.0])])
@pytest.mark.parametrize("label_smoothing", [0, 0.1])
def test_the_mean_of_nothing_is_nan_and_its_gradient_0(weight, label_smoothing):
    x = tl.randn(2, 3, requires_grad=True)
    loss = F.cross_entropy(x, tl.tensor([1, 1]), weight, ignore_index=1, label_smoothing=label_smoothing)
    assert np.isnan(loss.detach().item())
    loss.backward()
    assert not x.grad.numpy().any()
    assert F.cross_entropy(x, tl.tensor([1, 1]), weight, ignore_index=1, reduction="sum").item() == 0


def test_bad_arguments_are_refused():
    x, p, labels = tl.zeros(2, 3), tl.full((2, 3), 0.5), tl.tensor([0, 1])
    for call, error, message in (
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

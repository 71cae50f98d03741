"""Losses: values, reductions, weights, ignored targets, bounds, and bad input."""

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


def test_cross_entropy_of_large_scores_is_finite():
    loss = F.cross_entropy(tl.tensor([[1e4, -1e4], [0.0, 1e30]]), tl.tensor([1, 1]), reduction="none")
    assert loss.tolist() == [2e4, 0]


def test_cross_entropy_keeps_float32():
    x = tl.randn(4, 5, requires_grad=True)
    loss = F.cross_entropy(x, tl.tensor([0, 1, 2, 3]))
    loss.backward()
    assert (loss.dtype, x.grad.dtype) == (tl.float32, tl.float32)


def test_wrong_targets_are_explained():
    x = tl.zeros(4, 5, 2)
    message = r"for input \(4, 5, 2\) target must be class numbers of shape \(4, 2\) .* got \(4, 5\) int64"
    with pytest.raises(ValueError, match=message):
        F.cross_entropy(x, tl.zeros(4, 5, dtype=tl.int64))
    with pytest.raises(ValueError, match=r"got \(4,\) float32"):
        F.cross_entropy(x, tl.zeros(4))
    with pytest.raises(IndexError, match="targets range from 0 to 5, but the classes are 0 to 4"):
        F.cross_entropy(tl.zeros(2, 5), tl.tensor([0, 5]))


def test_ignored_targets_count_for_nothing():
    x = tl.randn(4, 3, dtype=tl.float64)
    target = tl.tensor([2, -100, 0, -100])
    kept, labels = x[[0, 2]], tl.tensor([2, 0])
    for loss, inputs in ((F.cross_entropy, (x, kept)), (F.nll_loss, (tl.log_softmax(x), tl.log_softmax(kept)))):
        some, all_of_them = (given.clone().requires_grad_() for given in inputs)
        assert loss(some, target).item() == pytest.approx(loss(all_of_them, labels).item())
        assert loss(some, target, reduction="none").tolist()[1::2] == [0, 0]
        loss(some, target).backward()
        loss(all_of_them, labels).backward()
        np.testing.assert_allclose(some.grad.numpy()[[0, 2]], all_of_them.grad.numpy())
        assert not some.grad.numpy()[[1, 3]].any()


@pytest.mark.parametrize("weight", [None, tl.tensor([1.0, 2.0, 3.0])])
@pytest.mark.parametrize("label_smoothing", [0, 0.1])
def test_the_mean_of_nothing_is_nan_and_its_gradient_0(weight, label_smoothing):
    x = tl.randn(2, 3, requires_grad=True)
    loss = F.cross_entropy(x, tl.tensor([1, 1]), weight, ignore_index=1, label_smoothing=label_smoothing)
    assert np.isnan(loss.detach().item())
    loss.backward()
    assert not x.grad.numpy().any()
    assert F.cross_entropy(x, tl.tensor([1, 1]), weight, ignore_index=1, reduction="sum").item() == 0


def test_weights_make_a_weighted_mean():
    x, labels, weight = tl.randn(5, 3, dtype=tl.float64), tl.tensor([0, 1, 2, 1, 0]), tl.tensor([1.0, 5.0, 0.5])
    losses = F.cross_entropy(x, labels, reduction="none").numpy()
    w = weight.numpy()[labels.numpy()]
    assert F.cross_entropy(x, labels, weight).item() == pytest.approx((w * losses).sum() / w.sum())
    same = F.nll_loss(tl.log_softmax(x), labels, weight)
    assert same.item() == pytest.approx(F.cross_entropy(x, labels, weight).item())


def test_smoothed_labels_are_probabilities():
    x, labels = tl.randn(5, 3, dtype=tl.float64), tl.tensor([0, 1, 2, 1, 0])
    smooth = F.one_hot(labels, 3).double() * 0.7 + 0.1
    wanted = F.cross_entropy(x, smooth).item()
    assert F.cross_entropy(x, labels, label_smoothing=0.3).item() == pytest.approx(wanted)
    assert F.cross_entropy(x, F.one_hot(labels, 3).double(), label_smoothing=0.3).item() == pytest.approx(wanted)


def test_smoothed_labels_are_weighted_per_class():
    x, labels, weight = tl.randn(5, 3, dtype=tl.float64), tl.tensor([0, 1, 2, 1, 0]), tl.tensor([1.0, 5.0, 0.5])
    smooth = F.one_hot(labels, 3).double() * 0.7 + 0.1
    wanted = F.cross_entropy(x, smooth, weight, reduction="sum").item()
    assert F.cross_entropy(x, labels, weight, reduction="sum", label_smoothing=0.3).item() == pytest.approx(wanted)


def test_pos_weight_scales_the_positive_term():
    x, y = tl.randn(20, dtype=tl.float64), tl.rand(20, dtype=tl.float64)
    p = tl.sigmoid(x)
    wanted = -(3 * y * tl.log(p) + (1 - y) * tl.log(1 - p)).mean()
    loss = F.binary_cross_entropy_with_logits(x, y, pos_weight=tl.tensor(3.0, dtype=tl.float64))
    assert loss.item() == pytest.approx(wanted.item())


def test_bce_with_logits_equals_bce_and_is_always_finite():
    x, y = tl.randn(20, dtype=tl.float64), tl.rand(20, dtype=tl.float64)
    wanted = F.binary_cross_entropy(tl.sigmoid(x), y).item()
    assert F.binary_cross_entropy_with_logits(x, y).item() == pytest.approx(wanted)
    x = tl.tensor([1e4, -1e4, 0.0], requires_grad=True)
    losses = F.binary_cross_entropy_with_logits(x, tl.tensor([0.0, 1.0, 1.0]), reduction="none")
    np.testing.assert_allclose(losses.detach().numpy(), [1e4, 1e4, np.log(2)], rtol=1e-6)
    (slope,) = tl.grad(losses.sum(), x, create_graph=True)
    assert slope.tolist() == [1, -1, -0.5]
    (curvature,) = tl.grad(slope.sum(), x)
    assert curvature.tolist() == [0, 0, 0.25]


def test_values_on_both_sides_of_the_bound():
    d = tl.tensor([-3.0, -1.0, 0.5, 2.0])
    zero = tl.zeros(4)
    assert F.l1_loss(d, zero, "none").tolist() == [3, 1, 0.5, 2]
    assert F.huber_loss(d, zero, "none", delta=2.0).tolist() == [4, 0.5, 0.125, 2]
    assert F.smooth_l1_loss(d, zero, "none", beta=2.0).tolist() == [2, 0.25, 0.0625, 1]
    assert F.smooth_l1_loss(d, zero, "none", beta=0.0).tolist() == [3, 1, 0.5, 2]


@pytest.mark.parametrize("bound", [0.5, 1.0, 2.0])
def test_the_bound_is_where_it_should_be(bound):
    d = np.linspace(-3, 3, 1201)
    x, zero = tl.tensor(d, requires_grad=True), tl.zeros(1201, dtype=tl.float64)
    wanted = np.where(abs(d) < bound, d * d / 2, bound * (abs(d) - bound / 2))
    np.testing.assert_allclose(F.huber_loss(x, zero, "none", bound).detach().numpy(), wanted, atol=1e-15)
    np.testing.assert_allclose(F.smooth_l1_loss(x, zero, "none", bound).detach().numpy(), wanted / bound, atol=1e-15)
    (slope,) = tl.grad(F.huber_loss(x, zero, "sum", bound), x)
    np.testing.assert_allclose(slope.numpy(), np.clip(d, -bound, bound), atol=1e-12)


def test_kl_divergence():
    p, q = tl.softmax(tl.randn(4, 3, dtype=tl.float64)), tl.softmax(tl.randn(4, 3, dtype=tl.float64))
    wanted = (p.numpy() * np.log(p.numpy() / q.numpy())).sum(1)
    assert F.kl_div(tl.log(q), p, "batchmean").item() == pytest.approx(wanted.mean())
    assert F.kl_div(tl.log(q), tl.log(p), "batchmean", log_target=True).item() == pytest.approx(wanted.mean())
    assert F.kl_div(tl.log(p), p, "sum").item() == pytest.approx(0, abs=1e-12)
    never = tl.tensor([0.0, 1.0], requires_grad=True)
    F.kl_div(tl.tensor([-1.0, -2.0]), never, "sum").backward()
    assert np.isfinite(never.grad.numpy()).all()


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

"""What is said of arguments that do not fit a loss with a margin or a likelihood."""

import re

import pytest

import nn
import tinygrad_lecture as tl

F = nn.functional
x, y, row = tl.ones(3, 2), tl.tensor([0, 1, 1]), tl.ones(3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.MarginRankingLoss()(x, x, row), ValueError, "must have as many axes, not shapes (3, 2), (3, 2) a"),
        (lambda: nn.CosineEmbeddingLoss()(x, x, x), ValueError, "one shape, (N, features), and target (N,), not (3,"),
        (lambda: nn.TripletMarginLoss()(x, x, row), ValueError, "must have one shape, (N, features), not (3, 2), (3,"),
        (lambda: nn.HingeEmbeddingLoss()(x, row), ValueError, "hinge_embedding_loss: input (3, 2) and target (3,) mu"),
        (lambda: nn.MultiMarginLoss()(x, x), ValueError, "input must be (N, classes) and target (N,), not (3, 2) and"),
        (lambda: nn.MultiMarginLoss(p=3)(x, y), ValueError, "multi_margin_loss: p must be 1 or 2, not 3"),
        (lambda: nn.MultiMarginLoss(weight=row)(x, y), ValueError, "weight must have shape (2,), not (3,)"),
        (lambda: nn.MultiMarginLoss()(x, y + 1), IndexError, "indices run from 1 to 2, but classes are 0 to 1"),
        (lambda: nn.GaussianNLLLoss()(x, x, tl.ones(2)), ValueError, "var must have the shape of input, (3, 2), or o"),
        (lambda: nn.GaussianNLLLoss()(x, x, -x), ValueError, "var must not be negative; predict its logarithm, and g"),
        (lambda: nn.TripletMarginLoss(x, x), TypeError, "write nn.TripletMarginLoss()(anchor, positive, negative)"),
        (lambda: nn.SoftMarginLoss("mena"), ValueError, 'SoftMarginLoss: reduction must be "mean", "sum" or "none"'),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_a_soft_margin_of_a_large_score_is_finite():
    scores = tl.tensor([-1000.0, 1000.0], requires_grad=True)
    loss = F.soft_margin_loss(scores, tl.tensor([1.0, 1.0]), reduction="none")
    assert loss.tolist() == [1000, 0]
    loss.sum().backward()
    assert scores.grad.tolist() == [-1, 0]


def test_a_variance_below_eps_counts_as_eps():
    var = tl.tensor([0.0], requires_grad=True)
    loss = F.gaussian_nll_loss(tl.ones(1), tl.zeros(1), var, eps=0.5)
    assert loss.item() == pytest.approx(0.5 * (tl.log(tl.tensor(0.5)).item() + 2))
    loss.backward()
    assert var.grad.item() == pytest.approx(0.5 * (1 / 0.5 - 1 / 0.25))

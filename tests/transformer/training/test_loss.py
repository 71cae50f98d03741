"""The loss of a language model, as a function and for a Trainer."""

import pytest

import nn
import tinygrad_lecture as tl
from transformer import TokenCrossEntropy, token_cross_entropy


def test_ignored_targets_are_not_counted():
    logits = tl.randn(2, 3, 5)
    targets = tl.tensor([[1, 2, -100], [4, -100, -100]])
    loss = TokenCrossEntropy()
    assert loss.count(targets).item() == 3
    assert loss.count(tl.tensor([[1, 2], [3, 4]])) == 4
    rows, wanted = logits.reshape(6, 5)[[0, 1, 3]], tl.tensor([1, 2, 4])
    assert loss(logits, targets).item() == pytest.approx(nn.functional.cross_entropy(rows, wanted).item(), rel=1e-6)
    assert token_cross_entropy(logits, targets.tolist()).item() == loss(logits, targets).item()


def test_scores_over_batches_are_means_over_tokens():
    long, short = tl.tensor([[1, 2, 3]]), tl.tensor([[4, -100, -100]])
    model = nn.Embedding(6, 5)
    both = [(tl.cat([long, short]), tl.cat([long, short]))]
    each = [(long, long), (short, short)]
    inputs = [[(tl.clip(x, min=0), y) for x, y in batches] for batches in (both, each)]
    one, other = (nn.evaluate(model, batches, TokenCrossEntropy()) for batches in inputs)
    assert one.loss == pytest.approx(other.loss, rel=1e-6)


def test_targets_of_another_shape_raise():
    with pytest.raises(ValueError, match=r"logits \(2, 3, 5\) need one target per token, shape \(2, 3\), got \(2,\)"):
        token_cross_entropy(tl.ones(2, 3, 5), [1, 2])

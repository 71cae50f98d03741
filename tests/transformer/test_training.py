"""Training: windows of a text, masked tokens, which parameters decay, the loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from transformer import GPT, GPTConfig, TokenCrossEntropy, Windows, decay_groups, mask_tokens, token_cross_entropy

# --- windows ------------------------------------------------------------------------------------------------


@given(length=st.integers(2, 40), context=st.integers(1, 12), stride=st.integers(1, 13), data=st.data())
def test_targets_are_the_next_tokens_of_each_window(length, context, stride, data):
    if length <= context:
        return
    windows = Windows(list(range(length)), context, stride)
    i = data.draw(st.integers(0, len(windows) - 1))
    tokens, targets = windows[i]
    assert tokens.tolist() == list(range(i * stride, i * stride + context))
    assert targets.tolist() == [token + 1 for token in tokens.tolist()]
    assert (len(windows) - 1) * stride + context + 1 <= length < len(windows) * stride + context + 1


def test_a_stride_of_context_predicts_each_token_once():
    windows = Windows(np.arange(20), 6, stride=6)
    _, targets = windows[:]
    assert targets.reshape(-1).tolist() == list(range(1, 19))


@pytest.mark.parametrize(
    ("tokens", "context", "error", "message"),
    [
        ([1, 2, 3], 3, ValueError, r"more than context = 3 tokens, got shape \(3,\)"),
        ([[1, 2, 3]], 1, ValueError, r"one row of more than context = 1 tokens"),
        ([1.0, 2.0], 1, TypeError, "integers, got float"),
        ([1, 2], 0, ValueError, "at least 1, got 0 and 1"),
    ],
)
def test_invalid_texts_raise(tokens, context, error, message):
    with pytest.raises(error, match=message):
        Windows(tokens, context)


# --- masked tokens ------------------------------------------------------------------------------------------


def test_80_percent_of_the_chosen_are_masked_10_random_10_unchanged():
    tokens = np.full((400, 500), 3)
    inputs, targets = (x.numpy() for x in mask_tokens(tokens, mask_token=0, vocab_size=101, seed=0))
    chosen = targets != -100
    assert chosen.mean() == pytest.approx(0.15, abs=0.005)
    assert (targets[chosen] == 3).all() and (inputs[~chosen] == 3).all()
    others = 0.1 * 99 / 101  # a random token may be the mask, or the true one
    shown = inputs[chosen]
    assert (shown == 0).mean() == pytest.approx(0.8 + 0.1 / 101, abs=0.01)
    assert (shown == 3).mean() == pytest.approx(0.1 + 0.1 / 101, abs=0.01)
    assert ((shown != 0) & (shown != 3)).mean() == pytest.approx(others, abs=0.01)
    assert set(np.unique(shown)) == set(range(101))


def test_kept_tokens_are_never_chosen():
    tokens = tl.tensor(np.arange(20).reshape(2, 10))
    keep = tokens < 10
    inputs, targets = mask_tokens(tokens, 0, 20, share=1.0, keep=keep, seed=0)
    assert inputs[0].tolist() == tokens[0].tolist() and (targets[0].numpy() == -100).all()
    assert targets[1].tolist() == tokens[1].tolist()
    assert (mask_tokens(tokens, 0, 20, share=0.0)[1].numpy() == -100).all()


def test_a_seed_repeats_the_mask_and_leaves_the_global_stream_alone():
    tokens = np.ones((10, 10), int)
    before = tl.get_rng_state()
    a, b = (mask_tokens(tokens, 0, 5, seed=3)[0].numpy() for _ in range(2))
    assert (a == b).all() and tl.get_rng_state() == before
    mask_tokens(tokens, 0, 5)
    assert tl.get_rng_state() != before


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"mask_token": 5, "vocab_size": 5}, "mask_token must be 0 to 4 and share 0 to 1, got mask_token 5"),
        ({"mask_token": 0, "vocab_size": 5, "share": 1.5}, "share 1.5"),
        ({"mask_token": 0, "vocab_size": 5, "keep": np.ones(2, bool)}, r"the shape of tokens, \(3,\), got \(2,\)"),
    ],
)
def test_invalid_arguments_raise(chosen, message):
    with pytest.raises(ValueError, match=message):
        mask_tokens([1, 2, 3], **chosen)
    with pytest.raises(IndexError, match="token 7 at"):
        mask_tokens([1, 7], 0, 5)


# --- parameters ---------------------------------------------------------------------------------------------


def test_matrices_decay_and_the_rest_does_not():
    model = GPT(GPTConfig(vocab_size=5, context=4, layers=1, heads=1, width=4))
    matrices, rest = decay_groups(model, 0.1)
    assert (matrices["weight_decay"], rest["weight_decay"]) == (0.1, 0.0)
    assert {p.ndim for p in matrices["params"]} == {2}
    assert {p.ndim for p in rest["params"]} == {1}
    assert len(matrices["params"]) + len(rest["params"]) == len(list(model.parameters()))
    nn.optim.AdamW(decay_groups(model, 0.1), lr=1e-3)


def test_without_vectors_or_with_frozen_matrices_there_is_one_group():
    model = nn.Linear(2, 3, bias=False)
    assert [group["weight_decay"] for group in decay_groups(model, 0.1)] == [0.1]
    model = nn.Linear(2, 3)
    model.weight.requires_grad_(False)
    assert [group["weight_decay"] for group in decay_groups(model, 0.1)] == [0.0]


# --- the loss -----------------------------------------------------------------------------------------------


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

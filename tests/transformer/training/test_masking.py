"""Masked language modelling: how many tokens are hidden and how, `keep`, seeds, and errors."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from transformer import mask_tokens


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


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_short_integers_give_the_same_targets(dtype):
    tokens = np.arange(100)
    wanted = mask_tokens(tokens, 0, 100, seed=0)
    for found, right in zip(mask_tokens(tokens.astype(dtype), 0, 100, seed=0), wanted, strict=True):
        assert found.dtype == tl.int64 and found.tolist() == right.tolist()


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

"""GPT: causality, padding, the cache, errors; its training: windows of a text, masked tokens, what decays, the loss."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nn
import small_transformers
import tinygrad_lecture as tl
from numeric import assert_close
from small_transformers import GPTS, some_tokens
from transformer import (
    GPT,
    Bert,
    BertConfig,
    Cache,
    EncoderDecoder,
    GPTConfig,
    TokenCrossEntropy,
    Windows,
    causal_mask,
    decay_groups,
    mask_tokens,
    token_cross_entropy,
)

each_kind = pytest.mark.parametrize("kind", GPTS)
small = partial(small_transformers.small, GPT)


@each_kind
@settings(max_examples=8)
@given(st.data())
def test_changing_a_later_token_never_changes_an_earlier_logit(kind, data):
    model = small(kind)
    tokens = some_tokens(2, 6).numpy().copy()
    place = data.draw(st.integers(0, 5))
    before = model(tokens).detach().numpy()
    tokens[0, place] = (tokens[0, place] + data.draw(st.integers(1, 6))) % 7
    after = model(tokens).detach().numpy()
    assert (before[0, :place] == after[0, :place]).all() and (before[1] == after[1]).all()
    assert np.abs(before[0, place] - after[0, place]).max() > 1e-6


@each_kind
@settings(max_examples=8)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.booleans(), st.booleans())
def test_logits_with_a_cache_equal_those_without(kind, pieces, padded, told):
    """told: whether the padding, which the cache remembers, is passed in each call."""
    pieces = pieces if sum(pieces) <= 6 else [6]
    model = small(kind)
    tokens = some_tokens(2, sum(pieces))
    mask = None
    if padded:
        mask = np.ones(tokens.shape, bool)
        mask[0, 0] = False
    wanted = model(tokens, mask).detach().numpy()
    cache = model.new_cache()
    start = 0
    with tl.no_grad():
        for n in pieces:
            seen = mask[:, : start + n] if padded and (told or start == 0) else None
            found = model(tokens[:, start : start + n], seen, cache).numpy()
            assert_close(found, wanted[:, start : start + n], "with a cache", 1e-10)
            start += n
            assert cache.length == start


def test_dropout_is_off_in_evaluation_and_on_in_training():
    model = small("GPT-2", dropout=0.5)
    tokens = some_tokens(1, 5)
    a, b = (model(tokens).detach().numpy() for _ in range(2))
    assert np.abs(a - b).max() > 1e-3
    model.eval()
    assert (model(tokens).detach().numpy() == model(tokens).detach().numpy()).all()


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        ([[0, 1], [2, 7]], IndexError, r"token 7 at \(1, 1\) is not in the vocabulary of 0 to 6"),
        ([[-1]], IndexError, r"token -1 at \(0, 0\)"),
        ([[0] * 7], ValueError, "7 tokens exceed the context of 6"),
    ],
)
def test_invalid_tokens_raise(tokens, error, message):
    with pytest.raises(error, match=message):
        small("GPT-2")(tokens)


def test_an_interrupted_call_adds_nothing_to_the_cache(monkeypatch):
    model = small("GPT-2").eval()
    tokens = some_tokens(2, 5).numpy()
    with tl.no_grad():
        wanted = model(tokens).numpy()
        for done in (0, 2):
            cache = model.new_cache()
            if done:
                model(tokens[:, :done], cache=cache)
            with monkeypatch.context() as during:
                during.setattr(model.blocks[1], "forward", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    model(tokens[:, done : done + 2], [[False] + [True] * (done + 1)] * 2, cache=cache)
            assert cache.length == done
            found = model(tokens[:, done:], cache=cache).numpy()
            assert_close(found, wanted[:, done:], "after an interruption", 1e-10)


def interrupted(*args, **kwargs):
    raise KeyboardInterrupt


def test_a_cache_of_other_texts_raises():
    model = small("GPT-2").eval()
    with tl.no_grad():
        cache = model.new_cache()
        model([[1], [2]], cache=cache)
        with pytest.raises(ValueError, match=r"holds a batch of shape \(2,\), got \(1,\); start a new one"):
            model([[1]], cache=cache)
        with pytest.raises(TypeError, match=r"cache: must come from new_cache\(\), got True"):
            model([[1]], cache=True)
        with pytest.raises(TypeError, match=r"cache: .*; give it by name, cache=cache"):
            model([[1], [2]], cache)
        for other in (cache, Cache(3)):
            with pytest.raises(ValueError, match=r"Cache: of \d layers, or in use by another model; start a new one"):
                small("GPT-2")([[1], [2]], cache=other)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32"])
def test_tokens_are_integers_of_any_dtype(dtype):
    model, tokens = Bert(BertConfig(vocab_size=7, context=6, layers=1, heads=2, width=4)), some_tokens(1, 6).numpy() % 2
    given = tokens.astype(dtype)  # as many as the context: a uint8 tensor as an index would be a mask
    assert (model.logits(given, segments=given).detach() == model.logits(tokens, segments=tokens).detach()).all()
    model = small("GPT-2")
    assert (model(given).detach() == model(tokens).detach()).all()
    window, target = Windows(given[0], 5)[0]
    assert model.loss(window, target).item() == model.loss(tokens[:, :5], tokens[:, 1:]).item()


@pytest.mark.parametrize("kind", ["rotary", "relative"])
def test_a_block_without_its_positions_is_refused(kind):
    block, x = small(kind).blocks[0], tl.ones(1, 3, 4, dtype=tl.float64)
    for mask in (None, causal_mask(3, 3)):
        with pytest.raises(ValueError, match=f"{kind} positions are missing; model.embedding gives"):
            block(x, mask)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.ones((2, 3)), TypeError, "True for tokens, not float64"),
        (np.ones((3, 2), bool), ValueError, r"shape \(2, 3\), got \(3, 2\)"),
    ],
)
def test_invalid_padding_masks_raise(mask, error, message):
    with pytest.raises(error, match=message):
        small("GPT-2")(some_tokens(2, 3), padding_mask=mask)


def test_generation_on_a_gpus_arrays():
    settings = {"max_new_tokens": 8, "seed": 3, "top_k": 4, "top_p": 0.9}
    here, there = small("GPT-2"), small("GPT-2", device="strict")
    assert there.generate_batch([[1, 2, 3], [4]], **settings) == here.generate_batch([[1, 2, 3], [4]], **settings)
    here, there = (small_transformers.small(EncoderDecoder, "T5", device=device) for device in ("cpu", "strict"))
    settings |= {"start": 1}
    assert there.generate_batch([[1, 2, 3], [4]], **settings) == here.generate_batch([[1, 2, 3], [4]], **settings)


# --- training -------------------------------------------------------------------------------------------------


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
        ({"mask_token": 5, "vocab_size": 5}, "mask_token is 0 to 4, share 0 to 1, not 5"),
        ({"mask_token": 0, "vocab_size": 5, "share": 1.5}, "0, 1.5"),
    ],
)
def test_masks_that_cannot_be_made_are_refused(chosen, message):
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

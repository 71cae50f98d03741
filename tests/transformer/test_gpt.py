"""GPT: causality, padding, the cache, gradients, initial weights, and errors."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import small_transformers
import tinygrad_lecture as tl
from modules import bytes_kept
from numeric import assert_close
from small_transformers import GPTS, some_tokens
from transformer import GPT, Bert, BertConfig, Cache, EncoderDecoder, GPTConfig, Windows, causal_mask

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


def test_a_checkpointed_model_has_the_same_gradients_and_keeps_less():
    config = GPTConfig(vocab_size=7, context=5, layers=3, heads=2, width=8, dropout=0.3)
    found = []
    for checkpoint in (False, True):
        tl.manual_seed(1)
        model = GPT(config, checkpoint=checkpoint)
        loss = model.loss(some_tokens(2, 5), some_tokens(2, 5, seed=1))
        kept = bytes_kept(loss)
        loss.backward()
        found.append((kept, loss.item(), [p.grad.numpy() for p in model.parameters()]))
    (kept, loss, grads), (kept_then, loss_then, grads_then) = found
    assert loss == loss_then
    for a, b in zip(grads, grads_then, strict=True):
        assert_close(a, b, "gradient", 1e-6)
    assert kept_then < kept / 2


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
        ([[0, 1], [2, 7]], IndexError, r"token 7 at \(1, 1\) is not in the vocabulary, whose tokens are 0 to 6"),
        ([[-1]], IndexError, r"token -1 at \(0, 0\)"),
        ([[0] * 7], ValueError, "7 tokens exceed the context of 6"),
    ],
)
def test_invalid_tokens_raise(tokens, error, message):
    with pytest.raises(error, match=message):
        small("GPT-2")(tokens)


def test_tokens_on_the_host_are_checked_for_a_model_on_a_gpu():
    with pytest.raises(IndexError, match=r"token 7 at \(0, 1\) is not in the vocabulary"):
        small("GPT-2", device="strict")([[0, 7]])


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


def test_targets_move_to_the_device_of_the_logits():
    model, x = small("GPT-2", device="strict"), some_tokens(2, 3)
    assert model.loss(x, x).device == "strict"


def test_a_full_cache_raises():
    model = small("GPT-2")
    cache = model.new_cache()
    with tl.no_grad():
        model([[0] * 5], cache=cache)
        with pytest.raises(ValueError, match="2 tokens after 5 others exceed the context of 6"):
            model([[0, 0]], cache=cache)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.ones((2, 3)), TypeError, "True for tokens, False for padding, got float64"),
        (np.ones((3, 2), bool), ValueError, r"shape \(2, 3\), got \(3, 2\)"),
    ],
)
def test_invalid_padding_masks_raise(mask, error, message):
    with pytest.raises(error, match=message):
        small("GPT-2")(some_tokens(2, 3), padding_mask=mask)


def test_generation_on_a_gpus_arrays():
    settings = {"max_new_tokens": 8, "seed": 3, "top_k": 4, "top_p": 0.9, "repetition_penalty": 1.3, "forced_eos": 2}
    here, there = small("GPT-2"), small("GPT-2", device="strict")
    assert there.generate_batch([[1, 2, 3], [4]], **settings) == here.generate_batch([[1, 2, 3], [4]], **settings)
    here, there = (small_transformers.small(EncoderDecoder, "T5", device=device) for device in ("cpu", "strict"))
    settings |= {"start": 1}
    assert there.generate_batch([[1, 2, 3], [4]], **settings) == here.generate_batch([[1, 2, 3], [4]], **settings)

"""The encoder-decoder: attention of each side, padding, the cache, and generation."""

import copy
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import small_transformers
import tinygrad_lecture as tl
from modules import shuffled
from numeric import assert_close
from small_transformers import BOTH, some_tokens
from transformer import Bart, BartConfig, EncoderDecoder, EncoderDecoderConfig

each_kind = pytest.mark.parametrize("kind", BOTH)
small = partial(small_transformers.small, EncoderDecoder)


def test_the_paper_counts_65_million_for_its_base_model():
    """Vaswani et al., table 3, with about 37,000 tokens in one vocabulary (section 5.1)."""
    assert EncoderDecoderConfig().parameter_count() == pytest.approx(65e6, rel=0.05)


@each_kind
@settings(max_examples=8)
@given(st.data())
def test_the_target_attends_back_and_to_the_whole_source(kind, data):
    model = small(kind)
    source, target = some_tokens(1, 5).numpy().copy(), some_tokens(1, 6, seed=1).numpy().copy()
    place = data.draw(st.integers(0, 5))
    before = model(source, target).detach().numpy()
    target[0, place] = (target[0, place] + data.draw(st.integers(1, 6))) % 7
    after = model(source, target).detach().numpy()
    assert (before[0, :place] == after[0, :place]).all()
    assert np.abs(before[0, place] - after[0, place]).max() > 1e-6
    source[0, place % 5] = (source[0, place % 5] + 1) % 7
    assert (np.abs(model(source, target).detach().numpy() - after).max(-1) > 1e-9).all()


model = small("2017", scale=1.0, dropout=0.2).eval()
texts = st.lists(st.integers(0, 6), min_size=1, max_size=6)


@settings(max_examples=8)
@given(texts, st.booleans())
def test_greedy_takes_the_largest_logit(source, cached):
    """Also beyond the context, where the target's window slides."""
    wanted = [1]
    for _ in range(8):
        wanted.append(int(model([source], [wanted[-6:]]).detach().numpy()[0, -1].argmax()))
    found = model.generate(source, start=1, max_new_tokens=8, temperature=0, cached=cached)
    assert list(found) == wanted[1:]


@settings(max_examples=8)
@given(st.lists(texts, min_size=1, max_size=4), st.booleans())
def test_a_batch_of_sources_gives_what_each_gives_alone(sources, cached):
    chosen = {"start": 1, "max_new_tokens": 7, "temperature": 0, "stop": 3, "cached": cached}
    assert model.generate_batch(sources, **chosen) == [list(model.generate(s, **chosen)) for s in sources]


def test_the_config_knows_the_first_and_the_last_token():
    chosen = {"max_new_tokens": 7, "temperature": 0}
    wanted = list(model.generate([1, 2, 3], start=1, stop=3, **chosen))
    known = small("2017", scale=1.0, start=1, stop=3).eval()
    assert list(known.generate([1, 2, 3], **chosen)) == wanted
    assert known.generate_batch([[1, 2, 3]], **chosen) == [wanted]
    assert list(known.generate([1, 2, 3], start=0, stop=None, **chosen)) == list(
        model.generate([1, 2, 3], start=0, **chosen)
    )
    with pytest.raises(TypeError, match="give start, the token that every target begins with"):
        model.generate([1, 2, 3])
    with pytest.raises(ValueError, match="EncoderDecoderConfig: stop must be a token, 0 to 6, or None, got 7"):
        small("2017", stop=7)


def test_bart_begins_and_ends_with_its_forced_tokens():
    sizes = {"vocab_size": 7, "context": 6, "layers": 1, "heads": 2, "width": 4, "start": 2, "stop": None}
    bart = shuffled(Bart(BartConfig(forced=5, **sizes)), tl.float64, scale=1.0).eval()
    text = [2, 5]
    for _ in range(4):
        text.append(int(bart([3, 1], text).detach().numpy()[-1].argmax()))
    chosen = {"max_new_tokens": 5, "temperature": 0}
    assert list(bart.generate([3, 1], **chosen)) == [*text[2:], 2]
    assert list(bart.generate([3, 1], **chosen, forced_eos=None))[:4] == list(bart.generate([3, 1], **chosen, stop=2))


def test_relative_positions_have_no_limit():
    source, chosen = [1, 2, 3, 4, 5], {"start": 1, "max_new_tokens": 9, "temperature": 0}
    short, long = (small("T5", context=context).eval() for context in (2, 50))
    assert_close(short([source], [source]).detach().numpy(), long([source], [source]).detach().numpy(), "logits", 0)
    assert list(short.generate(source, **chosen)) == list(long.generate(source, **chosen))


def test_the_source_is_encoded_once():
    calls = []
    with model.encoder_norm.register_forward_hook(lambda *_: calls.append(1)):
        list(model.generate([1, 2, 3], start=0, max_new_tokens=4))
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("source", "target", "masks", "message"),
    [
        ([[0] * 7], [[0]], {}, "7 tokens exceed the context of 6"),
        ([[0]], [[0] * 8], {}, "8 tokens exceed the context of 6"),
        ([[0, 1]], [[0]], {"source_padding": [[True]]}, r"shape \(1, 2\), got \(1, 1\)"),
        ([[0]], [[0, 1]], {"target_padding": [[True]]}, r"shape \(1, 2\), got \(1, 1\)"),
    ],
)
def test_invalid_arguments_raise(source, target, masks, message):
    with pytest.raises(ValueError, match=message):
        model(source, target, **masks)


def test_an_invalid_source_raises_at_once():
    model = EncoderDecoder(EncoderDecoderConfig(vocab_size=7, context=4, layers=1, heads=1, width=2))
    for source, error, message in (([9], IndexError, "token 9 at"), ([1] * 5, ValueError, "exceed the context of 4")):
        with pytest.raises(error, match=message):
            model.generate(source, start=1)
        with pytest.raises(error, match=message):
            model.generate_batch([[1], source], start=1)
    with pytest.raises(IndexError, match="token 8 at"):
        model.generate([1], start=8)


def test_a_cache_of_another_source_raises():
    model = shuffled(EncoderDecoder(EncoderDecoderConfig(vocab_size=7, context=8, layers=1, heads=2, width=4))).eval()
    with tl.no_grad():
        one, other, cache = model.encode([[1, 2]]), model.encode([[3, 4]]), model.new_cache()
        model.decode([[1]], one, cache=cache)
        with pytest.raises(ValueError, match=r"Cache: holds another memory.*start a new one with new_cache\(\)"):
            model.decode([[2]], other, cache=cache)
        model.decode([[2]], model.encode([[1, 2]]), cache=copy.deepcopy(cache))  # equal, but another array


@pytest.mark.parametrize("padded", ["source", "target"])
def test_a_cache_remembers_the_padding(padded):
    model = shuffled(EncoderDecoder(EncoderDecoderConfig(vocab_size=7, context=8, layers=2, heads=2, width=4))).eval()
    source, target = some_tokens(1, 4), some_tokens(1, 4, seed=1).numpy()
    padding = np.array([[False, False, True, True]])
    target_padding, source_padding = (None, padding) if padded == "source" else (padding, None)
    with tl.no_grad():
        memory = model.encode(source, source_padding)
        wanted = model.decode(target, memory, target_padding, source_padding).numpy()[:, 2:]
        cache = model.new_cache()
        seen = target_padding if target_padding is None else target_padding[:, :2]
        model.decode(target[:, :2], memory, seen, source_padding, cache=cache)
        found = [model.decode(target[:, [place]], memory, cache=cache).numpy() for place in (2, 3)]
    assert_close(np.concatenate(found, 1), wanted, "with a cache", 1e-11)

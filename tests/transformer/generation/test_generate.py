"""Generation: greedy decoding, seeds, stop tokens, the sliding window, batches, and restored modes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lecture as tl
from modules import shuffled
from small_transformers import small_settings, some_tokens
from transformer import GPT, EncoderDecoder, EncoderDecoderConfig, GPTConfig

model = shuffled(
    GPT(GPTConfig(vocab_size=7, context=6, layers=2, heads=2, width=4, dropout=0.2)), tl.float64, scale=1.0
).eval()
prompts = st.lists(st.integers(0, 6), min_size=1, max_size=9)


def by_hand(prompt, n):
    """Greedy decoding without a cache: one forward pass over the window per token."""
    text = list(prompt)
    for _ in range(n):
        text.append(int(model([text[-6:]]).detach().numpy()[0, -1].argmax()))
    return text[len(prompt) :]


@settings(max_examples=30)
@given(prompts, st.booleans())
def test_greedy_takes_the_largest_logit_and_the_window_slides(prompt, cached):
    found = list(model.generate(prompt, max_new_tokens=8, temperature=0, cached=cached))
    assert found == by_hand(prompt, 8)


@settings(max_examples=30)
@given(prompts, st.integers(0, 100))
def test_the_cache_changes_no_token(prompt, seed):
    a, b = (list(model.generate(prompt, max_new_tokens=8, seed=seed, cached=cached)) for cached in (True, False))
    assert a == b


@settings(max_examples=30)
@given(st.lists(prompts, min_size=1, max_size=4), st.booleans(), st.sampled_from([None, 3, [1, 5]]))
def test_a_batch_of_prompts_gives_what_each_gives_alone(many, cached, stop):
    chosen = {"max_new_tokens": 7, "temperature": 0, "stop": stop, "cached": cached}
    assert model.generate_batch(many, **chosen) == [list(model.generate(p, **chosen)) for p in many]


@settings(max_examples=40)
@given(small_settings(), st.lists(st.integers(1, 5), min_size=1, max_size=3), st.sampled_from([None, 3]))
def test_the_cache_changes_no_token_for_any_config(chosen, lengths, stop):
    """Of a batch of different lengths, also beyond the context, and of texts that stop."""
    chosen = {**chosen, "vocab_size": 7, "context": 8, "dropout": 0.3}
    texts = [some_tokens(n, seed=n).tolist() for n in lengths]
    cached, uncached = ({"max_new_tokens": 9, "stop": stop, "seed": 0, "cached": cached} for cached in (True, False))
    decoder, both = shuffled(GPT(GPTConfig(**chosen))), shuffled(EncoderDecoder(EncoderDecoderConfig(**chosen)))
    assert decoder.generate_batch(texts, **cached) == decoder.generate_batch(texts, **uncached)
    assert both.generate_batch(texts, start=1, **cached) == both.generate_batch(texts, start=1, **uncached)


@given(st.integers(0, 100))
def test_a_stop_token_ends_the_text_and_is_not_part_of_it(seed):
    free = list(model.generate([1, 2], max_new_tokens=12, seed=seed))
    stopped = list(model.generate([1, 2], max_new_tokens=12, seed=seed, stop=3))
    assert stopped == (free[: free.index(3)] if 3 in free else free)


def test_the_seed_determines_the_text():
    texts = [list(model.generate([1], max_new_tokens=30, seed=seed)) for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_only_without_a_seed_the_global_stream_is_used():
    before = tl.get_rng_state()
    list(model.generate([1], max_new_tokens=5, seed=0))
    assert tl.get_rng_state() == before
    texts = []
    for _ in range(2):
        tl.manual_seed(7)
        texts.append(list(model.generate([1], max_new_tokens=30)))
    assert texts[0] == texts[1]
    assert tl.get_rng_state() != before


def test_tokens_are_yielded_as_they_are_drawn():
    calls = []
    handle = model.register_forward_hook(lambda *_: calls.append(1))
    counted = model.unembedding.register_forward_hook(lambda *_: calls.append(1))
    with handle, counted:
        tokens = model.generate([1, 2], max_new_tokens=5, seed=0)
        assert not calls
        next(tokens)
        assert len(calls) == 1
        next(tokens)
        assert len(calls) == 2


def test_modes_are_restored_between_two_tokens():
    model.train()
    try:
        tokens = model.generate([1, 2], max_new_tokens=3, temperature=0)
        first = next(tokens)
        assert tl.is_grad_enabled() and model.training and model.blocks[0].ffn.dropout.training
        assert [first, *tokens] == by_hand_in_evaluation([1, 2], 3)
    finally:
        model.eval()


def by_hand_in_evaluation(prompt, n):
    model.eval()
    return by_hand(prompt, n)


def test_top_k_1_is_greedy_and_settings_reach_the_draw():
    greedy = list(model.generate([2], max_new_tokens=6, temperature=0))
    assert list(model.generate([2], max_new_tokens=6, top_k=1, seed=5)) == greedy
    assert list(model.generate([2], max_new_tokens=6, top_p=1e-6, seed=5)) == greedy
    assert list(model.generate([2], max_new_tokens=6, temperature=1e-6, seed=5)) == greedy


def test_max_new_tokens_limits_the_text():
    assert list(model.generate([2], max_new_tokens=0)) == []
    assert len(list(model.generate([2], max_new_tokens=11))) == 11
    assert len(list(model.generate([2]))) == 100


@pytest.mark.parametrize(
    ("prompt", "chosen", "error", "message"),
    [
        ([], {}, ValueError, "at least one token"),
        ([[1]], {}, ValueError, r"one row of tokens, got shape \(1, 1\); generate_batch takes several"),
        ([[1, 2], [3]], {}, ValueError, "texts of different lengths"),
        ("hi", {}, TypeError, "got text; encode the text with the tokenizer"),
        (["a"], {}, TypeError, "encode the text"),
        ([0.5], {}, TypeError, "encode the text"),
        ([1], {"max_new_tokens": -1}, ValueError, "max_new_tokens must be an integer of at least 0, got -1"),
        ([1], {"temperature": -1}, ValueError, "temperature"),
        ([1], {"top_k": 0}, ValueError, "top_k"),
        ([1], {"top_p": 2}, ValueError, "top_p"),
        ([1], {"max_new_tokens": 1.5}, TypeError, "max_new_tokens must be an integer of at least 0, got 1.5"),
        ([1], {"temperature": "a"}, TypeError, "temperature must be a number, at least 0 .greedy. and finite, got 'a'"),
        ([1], {"temperature": None}, TypeError, "temperature must be a number, .*, got None"),
        ([1], {"top_k": 1.5}, TypeError, "top_k must be an integer of at least 1, or None, got 1.5"),
        ([1], {"top_p": "1"}, TypeError, "top_p must be a number above 0 and at most 1, or None, got '1'"),
        ([1], {"seed": -1}, ValueError, "seed must be an integer of at least 0, or None, got -1"),
        ([1], {"seed": "x"}, TypeError, "seed must be an integer of at least 0, or None, got 'x'"),
        ([1], {"stop": "12"}, TypeError, "stop must be a token id or several, got '12'"),
        ([1], {"stop": [2, 0.5]}, TypeError, "stop must be a token id"),
        ([1], {"stop": 7}, IndexError, "stop: token 7 is not in the vocabulary, whose tokens are 0 to 6"),
        ([1], {"stop": [3, -1]}, IndexError, "stop: token -1"),
        ([9], {}, IndexError, "token 9 at"),
    ],
)
def test_invalid_arguments_raise_at_once(prompt, chosen, error, message):
    """When generate is called, not when the first token is asked for."""
    with pytest.raises(error, match=message):
        model.generate(prompt, **chosen)
    with pytest.raises(error, match=message):
        model.generate_batch([prompt], **chosen)


def test_an_unknown_setting_raises():
    with pytest.raises(
        TypeError, match="generation has no setting 'temp'; the settings are max_new_tokens, temperature, "
    ):
        model.generate_batch([[1]], temp=0.5)


def test_stop_accepts_all_kinds_of_integers():
    free = list(model.generate([1, 2], max_new_tokens=40, seed=0))
    wanted = free[: free.index(3)]
    kinds = (np.int64(3), [3], np.array([3]), np.array(3), tl.tensor(3), tl.tensor([3]), {3}, range(3, 4), iter([3]))
    for stop in kinds:
        assert list(model.generate([1, 2], max_new_tokens=np.int64(40), seed=0, stop=stop)) == wanted


def test_arrays_and_tensors_are_prompts_too():
    wanted = list(model.generate([1, 2], max_new_tokens=3, seed=0))
    for prompt in (np.array([1, 2]), tl.tensor([1, 2]), (1, 2)):
        assert list(model.generate(prompt, max_new_tokens=3, seed=0)) == wanted

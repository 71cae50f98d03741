"""Generation: which tokens are drawn, settings, the cache, batches; probabilities of tokens."""

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import tinygrad_lecture as tl
from modules import shuffled
from numeric import assert_close
from small_transformers import small_settings, some_tokens
from transformer import GPT, EncoderDecoder, EncoderDecoderConfig, GPTConfig, probabilities
from transformer.generation import DEFAULTS, choose, draw

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


@settings(max_examples=8)
@given(prompts, st.booleans())
def test_greedy_takes_the_largest_logit_and_the_window_slides(prompt, cached):
    found = list(model.generate(prompt, max_new_tokens=8, temperature=0, cached=cached))
    assert found == by_hand(prompt, 8)


@settings(max_examples=8)
@given(st.lists(prompts, min_size=1, max_size=4), st.booleans(), st.sampled_from([None, 3, [1, 5]]))
def test_a_batch_of_prompts_gives_what_each_gives_alone(many, cached, stop):
    chosen = {"max_new_tokens": 7, "temperature": 0, "stop": stop, "cached": cached}
    assert model.generate_batch(many, **chosen) == [list(model.generate(p, **chosen)) for p in many]


@settings(max_examples=8)
@given(small_settings(), st.lists(st.integers(1, 5), min_size=1, max_size=3), st.sampled_from([None, 3]))
def test_the_cache_changes_no_token_for_any_config(chosen, lengths, stop):
    """Of a batch of different lengths, also beyond the context, and of texts that stop."""
    chosen = {**chosen, "vocab_size": 7, "context": 8, "dropout": 0.3}
    texts = [some_tokens(n, seed=n).tolist() for n in lengths]
    decoder, both = shuffled(GPT(GPTConfig(**chosen))), shuffled(EncoderDecoder(EncoderDecoderConfig(**chosen)))
    given = {"max_new_tokens": 9, "stop": stop, "seed": 0}
    assert decoder.generate_batch(texts, **given) == decoder.generate_batch(texts, **given, cached=False)
    given["start"] = 1
    assert both.generate_batch(texts, **given) == both.generate_batch(texts, **given, cached=False)


@settings(max_examples=8)
@given(st.integers(0, 100))
def test_a_stop_token_ends_the_text_and_is_not_part_of_it(seed):
    free = list(model.generate([1, 2], max_new_tokens=12, seed=seed))
    stopped = list(model.generate([1, 2], max_new_tokens=12, seed=seed, stop=3))
    assert stopped == (free[: free.index(3)] if 3 in free else free)


def test_a_seed_determines_the_text_and_only_without_one_the_global_stream_is_used():
    before = tl.get_rng_state()
    texts = [list(model.generate([1], max_new_tokens=30, seed=seed)) for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2] and tl.get_rng_state() == before
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
        found = [first, *tokens]
    finally:
        model.eval()
    assert found == by_hand([1, 2], 3)


@pytest.mark.parametrize(
    ("prompt", "chosen", "error", "message"),
    [
        ([], {}, ValueError, "at least one token"),
        ([[1]], {}, ValueError, r"one row of tokens, got shape \(1, 1\); generate_batch takes several"),
        ("hi", {}, TypeError, "got text; encode the text with the tokenizer"),
        ([1], {"max_new_tokens": -1}, ValueError, "max_new_tokens must be an integer of at least 0, got -1"),
        ([1], {"temperature": -1}, ValueError, "temperature"),
        ([1], {"top_k": 0}, ValueError, "top_k"),
        ([1], {"top_p": 2}, ValueError, "top_p"),
        ([1], {"seed": -1}, ValueError, "seed must be an integer of at least 0, or None, got -1"),
        ([1], {"stop": 0.5}, TypeError, "stop: give ids, such as model.tokenizer.special_tokens.*, got 0.5"),
        ([1], {"stop": "12"}, TypeError, "stop: give ids, .* got '12'"),
        ([1], {"stop": 7}, IndexError, "stop: token 7 is not in the vocabulary, whose tokens are 0 to 6"),
        ([9], {}, IndexError, "token 9 at"),
        ([1], {"num_beams": 2}, TypeError, "no setting 'num_beams'; .*; the likeliest text is temperature=0"),
    ],
)
def test_invalid_arguments_raise_at_once(prompt, chosen, error, message):
    """When generate is called, not when the first token is asked for."""
    with pytest.raises(error, match=message):
        model.generate(prompt, **chosen)
    with pytest.raises(error, match=message):
        model.generate_batch([prompt], **chosen)


def test_stop_accepts_all_kinds_of_integers():
    free = list(model.generate([1, 2], max_new_tokens=40, seed=0))
    wanted = free[: free.index(3)]
    kinds = (np.int64(3), [3], np.array([3]), np.array(3), tl.tensor(3), tl.tensor([3]), {3}, range(3, 4), iter([3]))
    for stop in kinds:
        assert list(model.generate([1, 2], max_new_tokens=np.int64(40), seed=0, stop=stop)) == wanted


LECTURE = [2.0, 1.8, 1.2, 0.8, 0.6]  # "The weather today is ..."
logit_lists = st.lists(st.integers(-40, 40).map(lambda n: n / 8), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("temperature", "table"),
    [
        (0.5, [0.4941, 0.3312, 0.0998, 0.0448, 0.0300]),
        (1.0, [0.3551, 0.2908, 0.1596, 0.1070, 0.0876]),
        (2.0, [0.2762, 0.2499, 0.1851, 0.1516, 0.1372]),
    ],
)
def test_the_lectures_exercise_gives_its_table(temperature, table):
    """By hand: exp(2.0 / 0.5) = 54.60, divided by the sum 110.5, is 0.494, and so on."""
    found = probabilities(LECTURE, temperature).numpy()
    assert_close(found, table, f"T = {temperature}", 0, 1e-4)
    by_hand = np.exp(np.array(LECTURE) / temperature)
    assert_close(found, by_hand / by_hand.sum(), "by the formula", 1e-6)


@given(logit_lists)
def test_temperature_0_is_greedy_and_near_0_almost(logits):
    found = probabilities(logits, 0).numpy()
    assert found.argmax() == np.argmax(logits) and found.sum() == 1
    assume(logits.count(max(logits)) == 1)
    assert_close(probabilities(logits, 1e-30).numpy(), found, "T near 0", 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("settings", [{}, {"top_k": 2}, {"top_p": 0.9}])
@pytest.mark.parametrize("temperature", [1e-320, 1e-300, 1e-46, 1e-44, 1e-40, 1e-30])
def test_tiny_temperatures_are_greedy_without_a_warning(temperature, settings, dtype):
    logits = np.array([[1, -3e30, 2, -np.inf], [5, 0, 4.5, 1e5]], dtype)
    assert probabilities(logits, temperature, **settings).tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize("settings", [{}, {"temperature": 0}, {"temperature": 0.3, "top_k": 1}, {"top_p": 0.5}])
@pytest.mark.parametrize("broken", [[0.0, np.nan, 1.0], [0.0, np.inf, 1.0], [-np.inf] * 3])
def test_nan_and_inf_logits_raise_when_drawn(broken, settings):
    p = probabilities([[0.0, 1.0, -np.inf], broken], **settings)
    assert np.isnan(p.numpy()[1]).all() and p.numpy()[0].sum() == pytest.approx(1)
    draw(p[:1], np.random.default_rng(0))
    with pytest.raises(ValueError, match="logits are nan or inf"):
        draw(p, np.random.default_rng(0))


@given(logit_lists, st.integers(1, 10))
def test_top_k_keeps_the_k_largest_and_their_proportions(logits, k):
    found, all_of_them = probabilities(np.array(logits), top_k=k).numpy(), probabilities(np.array(logits)).numpy()
    best = np.argsort(-np.array(logits), kind="stable")[:k]
    assert set(np.flatnonzero(found)) == set(best)
    assert_close(found[best], all_of_them[best] / all_of_them[best].sum(), "p", 1e-9)


@given(logit_lists, st.floats(0.01, 1))
def test_top_p_keeps_the_smallest_set_that_reaches_it(logits, top_p):
    found, p = probabilities(np.array(logits), top_p=top_p).numpy(), probabilities(np.array(logits)).numpy()
    order = np.argsort(-np.array(logits), kind="stable")
    sums = np.cumsum(p[order])
    assume(np.abs(sums - top_p).min() > 1e-9)
    kept = order[: int((sums < top_p).sum()) + 1]
    assert set(np.flatnonzero(found)) == set(kept)
    assert found.sum() == pytest.approx(1)


def test_top_p_is_exact_for_a_large_vocabulary_in_any_dtype():
    """float16 is too coarse for sums of many small probabilities."""
    logits = np.random.default_rng(0).normal(size=50257) * 4
    p = np.sort(np.exp(logits.astype(np.float16).astype(float)))[::-1]
    fewest = 1 + int(np.searchsorted(np.cumsum(p) / p.sum(), 0.9))
    for dtype in (np.float16, np.float32):
        kept = probabilities(logits.astype(np.float16).astype(dtype), top_p=0.9).numpy() > 0
        assert abs(int(kept.sum()) - fewest) <= fewest // 100, f"{dtype.__name__} keeps {kept.sum()}, not {fewest}"


def test_top_p_applies_within_top_k():
    """The best two of 0.4, 0.3, 0.2, 0.1 become 0.57 and 0.43, so the first alone reaches 0.5."""
    logits = np.log([0.4, 0.3, 0.2, 0.1])
    assert probabilities(logits, top_k=2, top_p=0.5).tolist() == [1, 0, 0, 0]
    assert np.count_nonzero(probabilities(logits, top_p=0.5).numpy()) == 2


def test_draws_have_the_frequencies_of_the_probabilities():
    p = tl.tensor(np.tile([0.5, 0.0, 0.3, 0.2, 0.0], (20_000, 1)))
    counts = np.bincount(draw(p, np.random.default_rng(0)), minlength=5) / 20_000
    assert_close(counts, [0.5, 0, 0.3, 0.2, 0], "frequency", 0, 0.015)
    assert counts[1] == counts[4] == 0


@pytest.mark.parametrize("settings", [{}, {"top_k": 2}, {"top_p": 0.8}])
def test_gradients_flow_through_the_probabilities(settings):
    logits = tl.tensor(np.log([[0.4, 0.3, 0.2, 0.1]]))
    assert tl.gradcheck(lambda x: probabilities(x, 0.7, **settings), logits)


GREEDY = DEFAULTS | {"temperature": 0}


def test_a_greedy_choice_is_the_largest_logit_and_takes_no_random_number():
    chosen = choose(tl.tensor([[0.5, 2.0, 1.0], [3.0, -np.inf, 3.0]]), GREEDY, Always(None))
    assert chosen.tolist() == [1, 0]
    for broken in ([0.0, np.nan], [np.inf, 0.0], [-np.inf, -np.inf]):
        with pytest.raises(ValueError, match="logits are nan or inf"):
            choose(tl.tensor([broken]), GREEDY, Always(None))


class Always:
    """A random stream of one constant."""

    def __init__(self, value):
        self.value = value

    def random(self, shape):
        return np.full(shape, self.value)


def test_extreme_random_numbers_never_draw_probability_0():
    p = tl.tensor([[0.0, 0.1, 0.2, 0.7 - 1e-9, 0.0]])
    assert draw(p, Always(0.0)).tolist() == [1]
    assert draw(p, Always(np.nextafter(1, 0))).tolist() == [3]

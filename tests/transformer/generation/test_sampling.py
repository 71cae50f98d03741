"""Sampling: the lecture's table, temperature, top-k, top-p, and draws."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from numeric import assert_close
from transformer import probabilities
from transformer.generation.sampling import choose, draw

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


@given(logit_lists, st.floats(0.1, 5))
def test_temperature_is_softmax_of_the_quotient(logits, temperature):
    found = probabilities(np.array(logits), temperature).numpy()
    assert_close(found, tl.softmax(tl.tensor(np.array(logits) / temperature)).numpy(), "p", 1e-9)


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


def test_huge_temperatures_are_uniform_except_for_minus_inf():
    assert probabilities([1.0, 2.0, -np.inf], 1e300).tolist() == [0.5, 0.5, 0]


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


def test_top_p_of_1_keeps_all():
    assert (probabilities(np.zeros(50257, np.float32), top_p=1.0).numpy() > 0).all()


def test_top_p_applies_within_top_k():
    """The best two of 0.4, 0.3, 0.2, 0.1 become 0.57 and 0.43, so the first alone reaches 0.5."""
    logits = np.log([0.4, 0.3, 0.2, 0.1])
    assert probabilities(logits, top_k=2, top_p=0.5).tolist() == [1, 0, 0, 0]
    assert np.count_nonzero(probabilities(logits, top_p=0.5).numpy()) == 2


def test_rows_are_independent_and_dtypes_stay():
    logits = np.random.default_rng(0).normal(size=(2, 3, 7)).astype(np.float32)
    found = probabilities(tl.tensor(logits), 0.7, top_k=5, top_p=0.8)
    assert found.dtype == np.float32 and found.shape == logits.shape
    for place in np.ndindex(2, 3):
        assert_close(found.numpy()[place], probabilities(logits[place], 0.7, 5, 0.8).numpy(), "row", 1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -0.1}, "temperature must be a number, at least 0"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_k": 0}, "top_k must be an integer of at least 1"),
        ({"top_p": 0.0}, "top_p must be a number above 0"),
        ({"top_p": 1.1}, "top_p must be a number above 0"),
    ],
)
def test_invalid_settings_raise(settings, message):
    with pytest.raises(ValueError, match=message):
        probabilities(LECTURE, **settings)


def test_draws_have_the_frequencies_of_the_probabilities():
    p = tl.tensor(np.tile([0.5, 0.0, 0.3, 0.2, 0.0], (20_000, 1)))
    counts = np.bincount(draw(p, np.random.default_rng(0)), minlength=5) / 20_000
    assert_close(counts, [0.5, 0, 0.3, 0.2, 0], "frequency", 0, 0.015)
    assert counts[1] == counts[4] == 0


@pytest.mark.parametrize("settings", [{}, {"top_k": 2}, {"top_p": 0.8}])
def test_gradients_flow_through_the_probabilities(settings):
    logits = tl.tensor(np.log([[0.4, 0.3, 0.2, 0.1]]))
    assert tl.gradcheck(lambda x: probabilities(x, 0.7, **settings), logits)


def test_a_greedy_choice_is_the_largest_logit_and_takes_no_random_number():
    chosen = choose(tl.tensor([[0.5, 2.0, 1.0], [3.0, -np.inf, 3.0]]), 0, None, None, Always(None))
    assert chosen.tolist() == [1, 0]
    for broken in ([0.0, np.nan], [np.inf, 0.0], [-np.inf, -np.inf]):
        with pytest.raises(ValueError, match="logits are nan or inf"):
            choose(tl.tensor([broken]), 0, None, None, Always(None))


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

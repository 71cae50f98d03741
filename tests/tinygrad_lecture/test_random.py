"""Random numbers: reproducible, resumable and correctly distributed, on the host and counter-based on a device."""

import json
import math

import numpy as np
import pytest

import tinygrad_lecture as tl
from tinygrad_lecture import random as rng
from tinygrad_lecture.backend import NUMPY

FLOATS = [tl.float16, tl.float32, tl.float64, np.longdouble]
DRAWS = {
    "rand": lambda: tl.rand(5),
    "randn": lambda: tl.randn(5),
    "randint": lambda: tl.randint(0, 100, size=5),
    "randperm": lambda: tl.randperm(5),
}


# --- seeds and states ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", DRAWS)
def test_the_same_seed_gives_the_same_numbers_and_another_others(draw):
    def drawn(seed):
        tl.manual_seed(seed)
        return [DRAWS[draw]().tolist() for _ in range(4)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


@pytest.mark.parametrize("draw", DRAWS)
def test_a_state_taken_in_midstream_is_resumed_from_bit_for_bit(draw):
    tl.rand(3, dtype=tl.float32)  # an odd number of 32-bit draws, so the state holds one in reserve
    state = tl.get_rng_state()
    expected = [DRAWS[draw]().tolist() for _ in range(3)]
    tl.manual_seed(99)
    tl.set_rng_state(json.loads(json.dumps(state)))
    assert [DRAWS[draw]().tolist() for _ in range(3)] == expected


def test_replay_draws_again_and_leaves_the_stream_where_it_is():
    state = tl.get_rng_state()
    first = tl.rand(4).tolist()
    second = tl.rand(4).tolist()
    now = tl.get_rng_state()
    with rng.replay(state):
        assert tl.rand(4).tolist() == first
        with rng.replay(state):
            assert tl.rand(4).tolist() == first
        assert tl.rand(4).tolist() == second
    assert tl.get_rng_state() == now


# --- distributions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
def test_uniform_numbers_are_of_0_to_1_without_1(dtype):
    x = tl.rand(100_000, dtype=dtype).numpy()
    assert x.dtype == dtype
    assert x.min() >= 0
    assert x.max() < 1, "1.0 was drawn: a number was rounded up"
    assert abs(x.mean(dtype=float) - 1 / 2) < 0.01
    assert abs(x.var(dtype=float) - 1 / 12) < 0.01


@pytest.mark.parametrize("dtype", FLOATS)
def test_normal_numbers_have_the_moments_of_the_normal_distribution(dtype):
    x = tl.randn(100_000, dtype=dtype).numpy()
    assert x.dtype == dtype
    x = x.astype(float)
    moments = [np.mean(x**k) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.1)
    assert abs(np.mean(np.abs(x) < 1) - math.erf(math.sqrt(0.5))) < 0.01


# --- counter-based, as on a GPU -----------------------------------------------------------------------------


@pytest.fixture
def _counting(monkeypatch):
    """A device whose arrays are NumPy's, so that the counter-based generator runs on the host."""
    monkeypatch.setattr(rng, "resolve", lambda device: (object() if device == "device" else NUMPY, None))
    monkeypatch.setattr(rng, "move", lambda array, device: array)


N = 200_000


@pytest.mark.usefixtures("_counting")
@pytest.mark.parametrize("dtype", [tl.float16, tl.float32, tl.float64])
def test_counted_uniform_numbers_are_uniform(dtype):
    x = rng.uniform((N,), np.dtype(dtype), "device")
    assert x.dtype == dtype
    assert x.min() >= 0
    assert x.max() < 1
    assert (np.ldexp(x.astype(float), np.finfo(dtype).nmant + 1) % 1 == 0).all(), "rounded, and 0.9999 would become 1"
    counts, _ = np.histogram(x.astype(float), bins=64, range=(0, 1))
    chi_square = ((counts - N / 64) ** 2 / (N / 64)).sum()
    assert 30 < chi_square < 110  # 63 degrees of freedom


@pytest.mark.usefixtures("_counting")
def test_counted_normal_numbers_are_normal():
    x = rng.normal((N // 4, 4), np.dtype(np.float32), "device")
    assert (x.shape, x.dtype) == ((N // 4, 4), np.float32)
    assert np.isfinite(x).all()
    flat = x.ravel().astype(float)
    np.testing.assert_allclose([np.mean(flat**k) for k in (1, 2, 3, 4)], [0, 1, 0, 3], atol=0.06)
    for bound in (0.5, 1, 2, 3):
        assert abs(np.mean(np.abs(flat) < bound) - math.erf(bound / math.sqrt(2))) < 0.005
    assert abs(np.corrcoef(flat[:-1], flat[1:])[0, 1]) < 0.01


def test_counting_is_splitmix64(monkeypatch):
    """The first numbers of the reference implementation seeded with 1234567, truncated to 53 bits."""
    reference = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    golden = 0x9E3779B97F4A7C15
    start = (1234567 + golden) * pow(golden, -1, 2**64) % 2**64  # the reference adds, ours multiplies
    monkeypatch.setattr(rng, "resolve", lambda device: (object(), None))
    monkeypatch.setattr(rng, "move", lambda array, device: np.array([start], dtype=np.uint64))
    drawn = rng.uniform((5,), np.dtype(float), "device")
    assert drawn.tolist() == [(z >> 11) * 2.0**-53 for z in reference]


# --- with given probabilities, and from a generator ---------------------------------------------------------


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_draws_each_index_in_proportion_to_its_weight(replacement):
    tl.manual_seed(0)
    weights = tl.tensor([1.0, 0.0, 3.0, 4.0]).expand(4000, 4)
    first = tl.multinomial(weights, 2, replacement)[:, 0]
    assert first.dtype == tl.int64
    shares = np.bincount(first.numpy(), minlength=4) / 4000
    np.testing.assert_allclose(shares, [1 / 8, 0, 3 / 8, 1 / 2], atol=0.03)


def test_without_replacement_no_index_is_drawn_twice():
    drawn = tl.multinomial(tl.tensor([[0.1, 0.0, 0.2, 0.7]] * 50), 3)
    assert sorted(map(tuple, np.sort(drawn.numpy(), axis=1))) == [(0, 2, 3)] * 50
    assert tl.multinomial(tl.tensor([0.0, 1.0, 0.0]), 5, replacement=True).tolist() == [1] * 5


def test_a_generator_is_a_stream_of_its_own():
    draws = [
        lambda g: tl.rand(3, generator=g),
        lambda g: tl.randn(3, generator=g),
        lambda g: tl.randint(0, 9, (3,), generator=g),
        lambda g: tl.randperm(5, generator=g),
        lambda g: tl.multinomial(tl.ones(5), 3, generator=g),
        lambda g: tl.zeros(3).uniform_(-1, 1, generator=g),
        lambda g: tl.zeros(3).normal_(generator=g),
    ]
    g = tl.Generator()
    for draw in draws:
        tl.manual_seed(7)
        state = tl.get_rng_state()
        mine = draw(g.manual_seed(7))
        assert tl.get_rng_state() == state
        assert mine.equal(draw(None))
        assert mine.equal(draw(g.manual_seed(7)))
    state = g.get_state()
    x = tl.rand(3, generator=g)
    assert tl.rand(3, generator=g.set_state(state)).equal(x)
    assert g.manual_seed(3).initial_seed() == 3

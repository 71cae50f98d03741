"""Draws with given probabilities: values, shapes, what is refused."""

import numpy as np
import pytest

import tinygrad_lecture as tl


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
    assert tl.tensor([0.5, 0.5]).multinomial(num_samples=1).shape == (1,)
    assert tl.multinomial(tl.tensor([0.0, 1.0, 0.0]), 5, replacement=True).tolist() == [1] * 5


@pytest.mark.parametrize(
    ("weights", "n", "message"),
    [
        ([0.5, -0.1], 1, "negative, inf or nan"),
        ([0.5, np.nan], 1, "negative, inf or nan"),
        ([0.5, np.inf], 1, "negative, inf or nan"),
        ([0.0, 0.0], 1, "all 0"),
        ([[1.0, 1.0], [0.0, 0.0]], 1, "all 0"),
        ([0.5, 0.0], 2, "only 1 weights are above 0"),
        ([0.5], 0, "num_samples must be 1 or more"),
        ([1, 2], 1, "vector or matrix of floats"),
        ([[[1.0]]], 1, "vector or matrix of floats"),
    ],
)
def test_weights_that_are_no_probabilities_are_refused(weights, n, message):
    for kind in (RuntimeError, ValueError):
        with pytest.raises(kind, match=message):
            tl.multinomial(tl.tensor(weights), n)


def test_bernoulli_is_1_with_the_probability_given():
    tl.manual_seed(0)
    p = tl.tensor([0.0, 0.25, 1.0]).expand(4000, 3)
    np.testing.assert_allclose(tl.bernoulli(p).numpy().mean(0), [0, 0.25, 1], atol=0.03)
    assert 0.7 < tl.bernoulli(p, 0.75).mean().item() < 0.8
    assert 0.7 < tl.bernoulli(p, tl.tensor(0.75)).numpy().mean() < 0.8
    assert 0.2 < tl.zeros(1000).bernoulli_(0.25).mean().item() < 0.3
    with pytest.raises(ValueError, match="from 0 to 1"):
        tl.bernoulli(tl.tensor([1.5]))


def test_a_draw_without_axes_is_an_array():
    assert isinstance(tl.bernoulli(tl.tensor(0.5)).array, np.ndarray)


def test_a_generator_is_a_stream_of_its_own():
    draws = [
        lambda g: tl.rand(3, generator=g),
        lambda g: tl.randn(3, generator=g),
        lambda g: tl.randint(0, 9, (3,), generator=g),
        lambda g: tl.randperm(5, generator=g),
        lambda g: tl.normal(1.0, 2.0, (3,), generator=g),
        lambda g: tl.normal(tl.zeros(3), 2.0, generator=g),
        lambda g: tl.bernoulli(tl.full((9,), 0.5), generator=g),
        lambda g: tl.multinomial(tl.ones(5), 3, generator=g),
        lambda g: tl.zeros(3).uniform_(-1, 1, generator=g),
        lambda g: tl.zeros(3).normal_(generator=g),
        lambda g: tl.zeros(3).random_(10, generator=g),
        lambda g: tl.zeros(3).exponential_(generator=g),
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
    assert g.seed() == g.initial_seed()
    with pytest.raises(TypeError, match=r"a tl.Generator, not int"):
        tl.rand(2, generator=3)


def test_normal_takes_numbers_or_tensors():
    tl.manual_seed(0)
    x = tl.normal(tl.tensor([0.0, 10.0]), tl.tensor([[1.0]] * 2000))
    assert x.shape == (2000, 2)
    np.testing.assert_allclose(x.mean(0).numpy(), [0, 10], atol=0.1)
    np.testing.assert_allclose(tl.normal(0, 3, (5000,)).std().item(), 3, atol=0.2)
    with pytest.raises(RuntimeError, match="std must be 0 or more"):
        tl.normal(0.0, -1.0, (2,))

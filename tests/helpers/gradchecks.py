"""Helpers of the gradcheck tests: inputs, ops as a student writes them, and the error that a check raises."""

import numpy as np
import pytest

import tinygrad_lecture as tl

_rng = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def same_draws():
    """Reset the random numbers of `draw` before each test."""
    global _rng
    _rng = np.random.default_rng(8)


def tensor(data, **options):
    """A float64 Tensor."""
    return tl.tensor(data, dtype=tl.float64, **options)


def draw(*shape):
    """A float64 Tensor of random numbers of both signs, between 0.3 and 1.5 in absolute value."""
    return tensor(_rng.uniform(0.3, 1.5, shape) * _rng.choice([-1, 1], shape))


def make(forward, name="student_op", **rules):
    """An op with the given backward rules, one for each input named."""
    forward.__name__ = name
    made = tl.op(forward)
    for who, rule in rules.items():
        made.backward(who)(rule)
    return made


def failure(fn, inputs, check=tl.gradcheck, **options):
    """The GradcheckError that a check raises."""
    with pytest.raises(tl.GradcheckError) as caught:
        check(fn, inputs, **options)
    assert isinstance(caught.value, AssertionError)
    return caught.value

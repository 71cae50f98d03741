"""The words of causes: formulas are recognised from numbers, the simplest one first, and places have names."""

from fractions import Fraction

import numpy as np
import pytest

from tinygrad_lecture.gradient_checking.hints.factors import constant, over, recognise, times
from tinygrad_lecture.gradient_checking.hints.places import places

KNOWN = {"x": np.array([0.3, -0.8, 1.7, 2.2]), "out": np.array([0.4, 1.3, -0.6, 0.9])}
X, OUT = KNOWN.values()


@pytest.mark.parametrize(
    ("array", "formula"),
    [
        (3 + 0 * X, "3"),
        (X, "x"),
        (-X / 2, "-x / 2"),
        (2 / X, "2 / x"),
        (1 - OUT**2, "(1 - out * out)"),
        (OUT * (1 - OUT), "out * (1 - out)"),
        (X / (2 * OUT), "x / (2 * out)"),
        (3 / (X * (1 - X)), "3 / (x * (1 - x))"),
        (np.cos(X) * OUT, "out * cos(x)"),
        (0.123 * X, None),
        (X + OUT, None),
        (np.array([1.0, 2, 3, 5]), None),
    ],
)
def test_an_array_is_recognised(array, formula):
    with np.errstate(all="ignore"):
        found = recognise(array, KNOWN, np.ones(4, dtype=bool), words=2)
    assert (found and found[0]) == formula


def test_two_different_points_are_too_few():
    known = {"x": np.array([1.0, 2.0, 1.0, 2.0])}
    assert recognise(known["x"] ** 2, known, np.ones(4, dtype=bool), words=2) is None


def test_numbers_are_written_as_in_a_rule():
    assert times(Fraction(-3, 2), "x") == "-3 * x / 2"
    assert over(Fraction(1, 2), "", "out") == "1 / (2 * out)"
    assert constant(1 / np.log(10)) == "1 / log(10)"
    assert constant(0.123) is None


# --- places ----------------------------------------------------------------------------------------------------

LINE, SQUARE = np.arange(6), np.arange(9).reshape(3, 3)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (LINE == 5, "index 5 of axis 0 (the last)"),
        (LINE == 0, "index 0 of axis 0 (the first)"),
        (LINE % 5 == 0, "index 0, 5 of axis 0 (first and last)"),
        (SQUARE % 3 == 1, "index 1 of axis 1"),
        (np.eye(3) > 0, "the diagonal"),
        (np.tri(3, k=-1) > 0, "the elements below the diagonal"),
        ((SQUARE == 1) | (SQUARE == 5), "elements (0, 1), (1, 2)"),
        (SQUARE > 2, "index 1, 2 of axis 0"),
        (SQUARE > 3, "5 of 9 elements"),
    ],
)
def test_elements_are_named_by_their_place(mask, words):
    assert places(mask) == words


@pytest.mark.parametrize(
    ("x", "mask", "words"),
    [
        ([-1, 2, -3, 4, 5, -6], lambda x: x < 0, "the elements where the input is negative"),
        ([1, 2, 3, 4, 5, 6, 7], lambda x: x > 4, "the elements with the largest inputs, 5 and above"),
        ([-1, 2, 3, -4, 5, -6, 7], lambda x: abs(x) > 4, "the elements with the largest absolute inputs, 5 and above"),
        ([1, 2, 3], lambda x: x > 2, "index 2 of axis 0 (the last)"),
    ],
)
def test_elements_are_named_by_their_values_unless_that_may_be_chance(x, mask, words):
    x = np.array(x, dtype=float)
    assert places(mask(x), x) == words

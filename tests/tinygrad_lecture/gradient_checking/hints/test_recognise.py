"""Formulas are recognised from numbers, with the simplest one first."""

from fractions import Fraction

import numpy as np
import pytest

from tinygrad_lecture.gradient_checking.hints.factors import constant, over, recognise, times

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

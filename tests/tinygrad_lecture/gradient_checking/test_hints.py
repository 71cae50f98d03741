"""Hints: each planted mistake gets its cause, near misses get none, and what a cause says is true.

A sixth of the planted mistakes is checked by default, the others by `-m slow`.
"""

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gradchecks import MISTAKES, draw, failure, make, same_draws, softmax as softmax_of, tensor  # noqa: F401 - a fixture
from tinygrad_lecture.gradient_checking.hints import CAUSES, Likely, of_several
from tinygrad_lecture.gradient_checking.hints.formulas import constant, over, recognise, times
from tinygrad_lecture.gradient_checking.hints.places import places

ERRORS = {}


def softmax(x, /):
    return softmax_of(x)


def error_of(mistake):
    """The error of a planted mistake, which is checked once for all tests."""
    if mistake not in ERRORS:
        ERRORS[mistake] = mistake.error()
    return ERRORS[mistake]


SOME = [m if k % 6 == 0 else pytest.param(m, marks=pytest.mark.slow) for k, m in enumerate(MISTAKES)]


@pytest.mark.parametrize("mistake", SOME, ids=str)
def test_a_planted_mistake_is_found_and_explained(mistake):
    error = error_of(mistake)
    assert error.culprit == error.fn_name == "student_op"
    if mistake.words == "nothing":
        assert error.hint in (None, "constant-factor")
    else:
        assert re.search(mistake.says, str(error))


@pytest.mark.slow
def test_95_percent_of_the_planted_mistakes_have_a_hint_and_each_hint_a_mistake():
    assert len({(str(mistake), str(mistake.given)) for mistake in MISTAKES}) == len(MISTAKES)
    assert sum(mistake.words != "nothing" for mistake in MISTAKES) >= 0.95 * len(MISTAKES)
    missing = set(CAUSES) - {"no-gradient", "outside-the-tape"}  # which functions have
    for mistake in {mistake.words[:12]: mistake for mistake in reversed(MISTAKES)}.values():  # one of those told alike
        if missing:
            missing.discard(error_of(mistake).hint)
    assert not missing


@pytest.mark.parametrize("mistake", MISTAKES[::96], ids=str)
def test_inside_a_function_the_op_at_fault_is_named_with_its_own_hint(mistake):
    op, inputs = mistake.op_and_inputs()
    error = failure(lambda *xs: (op(*xs) * 0.3).sin().sum(), inputs)
    assert (error.fn_name, error.culprit) == ("the function", "student_op")
    assert "the op at fault: student_op" in str(error)


@pytest.mark.parametrize(
    ("forward", "rule"),
    [
        (lambda x, /: x * np.sin(x), lambda g, x: g * 0.7 * np.sin(x)),
        (lambda x, /: x * x, lambda g, x: g + 3 * x),
        (lambda x, /: x @ x, lambda g, x: 0.9 * (g @ x.T)),
        (lambda x, /: (x * x).sum(0), lambda g, x: g[:, None] * 2.3 * x),
        (lambda x, /: x - x.mean(0), lambda g: g - 0.5 * g.mean(1) + g[0]),
    ],
)
def test_near_misses_of_a_pattern_get_no_such_hint(forward, rule):
    error = failure(make(forward, x=rule), draw(3, 3))
    assert error.hint not in ("upstream-added", "wrong-axis", "dropped-term")


@pytest.mark.parametrize(
    ("forward", "rule"),
    [
        (softmax, lambda g, out: -out * (g - (g * out).sum(0))),
        (lambda x, /: np.sqrt((x * x).sum()), lambda g, x, out: g * np.sign(x) * out),
        (lambda x, /: x.T + x[0].mean(), lambda g: 0.5 * g + g[1]),
    ],
)
def test_two_mistakes_at_once_are_not_explained_by_one(forward, rule):
    assert failure(make(forward, x=rule), draw(3, 3)).hint in (None, "contributions")


def off_at(extreme):
    """A rule of x * x that is wrong at extreme inputs alone."""
    return lambda g, x: np.where(extreme(x), 1.5, 2) * x * g


@pytest.mark.parametrize(
    ("forward", "rule", "x", "suggested"),
    [
        (np.sin, lambda g: g * np.array([0.3, -0.8, 1.7, 2.2]), [0.3, -0.8, 1.7, 2.2], "by x"),
        (lambda x, /: np.where(x > 0, x, np.exp(x) - 1), lambda g, x: g * np.exp(x), [-1.0, -0.6, 0.8, -0.3], "index"),
        (lambda x, /: 4 * x, lambda g, x: g * x * x * (x > 1), [2.0, -2.0, 2.0, -2.0], "mask"),
        (lambda x, /: x * x, off_at(lambda x: abs(x) < 1e-4), [1e-5, 1.0, 2.0, -0.5], "order"),
        (lambda x, /: x * x, off_at(lambda x: abs(x) < 1e-4), [1e-8, 1.0, 2.0, -0.5], "places"),
        (lambda x, /: x * x, off_at(lambda x: abs(x) > 1e4), [1e9, 1.0, 2.0, 3.0], "factor"),
        (lambda x, /: x * x, off_at(lambda x: abs(x) > 1e4), [1e9, 1.0, 2.0, 3.0], "term"),
    ],
)
def test_a_cause_that_only_this_input_suggests_is_not_said(forward, rule, x, suggested):
    error = failure(make(lambda x, /: forward(x), x=rule), tensor(x))
    assert suggested not in (error.hint_text or "")


@pytest.mark.parametrize("seed", range(5))
def test_a_window_left_out_is_not_called_a_mask_of_g(seed):
    (windows,) = (m for m in MISTAKES if m.op.startswith("np.array([x[i:i + 3].sum()"))
    op, _ = windows.op_and_inputs()
    assert failure(op, draw(6), seed=seed).hint == "outputs-left-out"


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("forward", "rule", "x"),
    [
        (lambda x, /: np.where(x > 0, x, 0.1 * x), lambda g, x: np.where(x > 0, g, 0), [0.5, -2.0, 0.0]),
        (lambda x, /: np.where(x > 0, x, 0.1 * x), lambda g, x: np.where(x > 0, g, 0), [0.5, -2.0]),
        (lambda x, /: x.max(-1), lambda g, x: (x == x.max()) * g[..., None], [[1.0, 5.0, 2.0], [3.0, 2.0, 4.0]]),
    ],
)
def test_a_mask_of_few_elements_is_neither_a_slice_nor_the_signs_of_g(forward, rule, x, seed):
    assert failure(make(forward, x=rule), tensor(x), seed=seed).hint == "partly-zero"


@pytest.mark.parametrize("inputs", [[1.0, 2.0], [1.0, 1.0, 1.0], [[2.0, 2.0], [2.0, 2.0]]])
def test_too_few_different_numbers_are_no_evidence_for_a_formula(inputs):
    op = make(lambda x, /: x**4 - 2 * x, x=lambda g, x: g * (x + 0.3))
    error = failure(op, tensor(inputs))
    assert error.hint in (None, "constant-factor")


def test_a_mask_of_few_elements_is_not_named_by_chance():
    op = make(lambda a, b, /: np.maximum(a, b), a=lambda g: g / 2, b=lambda g, a, b: g * (b > a))
    error = failure(op, [tensor([1.0, -1, 2, -2, 3, -3]), tensor([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])])
    assert "(a > 0)" not in error.hint_text
    assert "is 1 at some elements, and 0 elsewhere, but the rule multiplies g by 1/2" in error.hint_text


def test_overflowing_numbers_match_no_pattern():
    op = make(lambda x, /: x + 5, x=lambda g: g * np.array([2.0, 3.0]))
    assert failure(op, tensor([1e-320, 1.0])).hint is None


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(2,), (5,), (2, 3), (3, 3), (2, 1, 4)]))
def test_a_random_derivative_gets_no_hint_but_what_is_true_of_the_op(seed, shape):
    rng = np.random.default_rng(seed)
    x, wrong = tensor(rng.normal(size=shape)), rng.normal(size=shape).tolist()
    forward = [
        *(softmax, lambda x, /: np.exp(x), lambda x, /: x.sum(-1, keepdims=True), lambda x, /: x * 3),
        *(lambda x, /: x * np.sin(x), lambda x, /: x - x.mean(-1, keepdims=True)),
    ][seed % 6]
    error = failure(make(forward, x=lambda g: g * np.array(wrong)), x)
    assert error.hint is None or re.match("contributions are missing|the derivative of the op, by", error.hint_text)
    assert (error.hint is None) == ("likely cause" not in str(error))


# --- words: formulas are recognised from numbers, the simplest one first, and places have names ---------------

KNOWN = {"x": np.array([0.3, -0.8, 1.7, 2.2]), "out": np.array([0.4, 1.3, -0.6, 0.9])}
X, OUT = KNOWN.values()


@pytest.mark.parametrize(
    ("array", "formula"),
    [
        (3 + 0 * X, "3"),
        (X, "x"),
        (2 / X, "2 / x"),
        (1 - OUT**2, "(1 - out * out)"),
        (OUT * (1 - OUT), "out * (1 - out)"),
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
        (LINE % 5 == 0, "index 0, 5 of axis 0 (first and last)"),
        (SQUARE % 3 == 1, "index 1 of axis 1"),
        (np.eye(3) > 0, "the diagonal"),
        (np.tri(3, k=-1) > 0, "the elements below the diagonal"),
        ((SQUARE == 1) | (SQUARE == 5), "elements (0, 1), (1, 2)"),
        (SQUARE > 3, "5 of 9 elements"),
    ],
)
def test_elements_are_named_by_their_place(mask, words):
    assert places(mask) == words


@pytest.mark.parametrize(
    ("x", "mask", "words"),
    [
        ([-1, 2, -3, 4, 5, -6], lambda x: x < 0, "the elements where the input is negative"),
        ([1, 2, 3], lambda x: x > 2, "index 2 of axis 0 (the last)"),
    ],
)
def test_elements_are_named_by_their_values_unless_that_may_be_chance(x, mask, words):
    x = np.array(x, dtype=float)
    assert places(mask(x), x) == words


def test_a_factor_that_is_not_simple_is_not_told_of_an_input_that_has_another_cause():
    odd = Likely("constant-factor.any", {"factor": "2.1", "inverse": "0.47619", "here": ""})
    assert of_several([odd, odd], None) is None
    assert str(of_several([odd, odd], odd)) == str(odd)

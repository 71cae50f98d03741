"""gradcheck does not guess: what rounding hides cannot be told, and rounding inside a function is no kink and no 0."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from gradchecks import failure, make, tensor


def zero(g, x):
    return 0 * g * x


def verdict(fn, x):
    """Right, wrong, or cannot tell: "cannot tell" if there is one such element."""
    report = tl.gradcheck(fn, tensor(x), raise_exception=False)
    if report.cannot_tell or (report.error is not None and report.error.hint == "cannot-tell"):
        return "cannot tell"
    return "right" if report and not report.kinks else "wrong"


# --- a gradient of 0 is right only where nothing moves ------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "slope"), [(1e6, 1e-4), (1e6, 1e-10), (1e6, 1e-12), (1e3, 1e-16), (1.0, 1e-15), (1.0, 1e-17), (1e16, 1)]
)
def test_a_zero_is_not_right_where_rounding_hides_the_slope(offset, slope):
    assert verdict(make(lambda x, /: offset + slope * x, x=zero), [1.0, 2.0]) != "right"


@pytest.mark.parametrize("x", [[1e8, 1e-3], [1e8, 1e-8], [1e10, 1.0], [1e6, 1e-6]])
def test_a_zero_for_a_small_element_beside_a_large_one_is_not_right(x):
    bad = make(lambda x, /: (x * x).sum(), x=lambda g, x: g * 2 * x * (x == x.max()))
    assert verdict(bad, x) != "right"


def test_a_zero_for_a_small_term_of_a_sum_is_not_right():
    assert verdict(make(lambda x, /: x.sum(), x=lambda g, x: g * (x > 1)), [1e17, 1.0]) != "right"


@pytest.mark.parametrize(
    ("fn", "x"),
    [
        (tl.relu, [-1e-3, -1e-6, -50.0]),
        (tl.floor, [1.5, 2.2, 1.00001]),
        (lambda x: tl.clip(x, -1, 1), [-3.0, 0.2, 1.1, 20.0]),
        (lambda x: x[:1] * 2, [1e8, 2.3]),
        (tl.max, [1e5, 3.0, 2.0]),
        (lambda x: tl.sign(x) * tl.relu(abs(x) - 0.01), [0.2, 0.003]),
    ],
)
def test_a_zero_is_right_on_a_plateau(fn, x):
    assert verdict(fn, x) == "right"


# --- rounding inside the function ---------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1e4, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12])
def test_an_offset_that_is_taken_back_leaves_the_gradient_right(offset):
    assert verdict(lambda x: (x + offset) - offset, [1.0, 2.0]) == "right"
    assert verdict(make(lambda x, /: (x + offset) - offset, x=zero), [1.0, 2.0]) != "right"


@pytest.mark.parametrize(
    "fn", [lambda x: ((x + 1.7e9) - 1.7e9) ** 2, lambda x: tl.softmax(x + tensor([-1e9, -1e9, -1e9]), -1)]
)
def test_time_stamps_and_masked_attention_rows_are_right(fn):
    assert verdict(fn, [0.3, 0.1, 0.5]) == "right"


def test_an_op_that_computes_in_float32_inside_may_have_a_right_rule():
    def forward(x, /):
        return np.exp(x.astype(np.float32)).astype(float)

    assert verdict(make(forward, x=lambda g, out: g * out), [1.0, 2.0]) == "right"
    assert verdict(make(forward, x=lambda g, out: g * 2 * out), [1.0, 2.0]) == "wrong"
    assert verdict(make(forward, x=zero), [1.0, 2.0]) == "cannot tell"


def test_a_jump_that_rounding_makes_is_no_kink():
    assert verdict(lambda x: tl.sqrt(x * x + 1) - x, [1e5]) == "right"


def test_the_rounding_error_of_a_rule_is_not_a_wrong_gradient():
    assert verdict(lambda x: (1 - tl.cos(x)) / x**2, [1e-4, 1e-2, 1.0]) != "wrong"


# --- one upstream gradient is not enough --------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [abs, lambda g: np.maximum(g, 0), lambda g: np.clip(g, -2.2, 2.2), lambda g: np.where(abs(g) > 2.2, 0, g)]
)
def test_a_rule_that_is_not_linear_in_g_is_found_for_a_single_output(change):
    bad = make(lambda x, /: (x * x).sum(), "squares", x=lambda g, x: change(g) * 2 * x)
    error = failure(bad, tensor([0.5, 2.0]))
    assert (error.hint, error.culprit) == ("not-linear", "squares")
    assert "the backward rule of squares is not linear in the upstream gradient g" in str(error)
    assert failure(lambda x: bad(x.exp()), tensor([0.5, 2.0])).culprit == "squares"


# --- memory -------------------------------------------------------------------------------------------------


def test_an_op_that_returns_an_array_that_it_keeps_is_found():
    buffer = np.zeros(3)
    twice = make(lambda x, /: np.multiply(x, 2, out=buffer), "twice", x=lambda g: 2 * g)
    for fn in (twice, lambda x: twice(x.exp()) + 1):
        error = failure(fn, tensor([1.0, 2.0, 3.0]))
        assert (error.hint, error.culprit) == ("output-kept", "twice")
    weight = tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    assert tl.gradcheck(lambda x: weight.T * x, tensor([1.0, 2.0, 3.0]))  # a view of a constant


# --- hints --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forward", "rule"),
    [(np.floor, lambda g, out: g), (lambda x: np.maximum(x, 0), lambda g, out: g * (out >= 0))],
)
def test_where_the_derivative_is_0_everywhere_no_other_cause_is_named(forward, rule):
    error = failure(make(lambda x, /: forward(x), x=rule), tensor([-0.5, -0.3, -1.1]))
    assert error.hint == "mask-missing"
    assert "should be 0 everywhere" in error.hint_text


def test_a_small_output_that_is_left_out_is_named_and_the_numbers_differ():
    bad = make(lambda x, /: np.stack([x * 1e8, np.sin(x)]), x=lambda g: g[0] * 1e8)
    error = failure(bad, tensor([1.0, 2.0]))
    assert error.hint == "outputs-left-out"
    for line in str(error).split("\n")[3:5]:
        _, _, expected, got, _ = line.split()
        assert expected != got


def test_two_elements_are_enough_for_a_simple_formula():
    error = failure(make(lambda x, /: np.tanh(x), x=lambda g, out: g * (1 - out)), tensor([0.5, -0.3]))
    assert error.hint == "formula"
    assert "(1 + out)" in error.hint_text or "(1 - out * out)" in error.hint_text

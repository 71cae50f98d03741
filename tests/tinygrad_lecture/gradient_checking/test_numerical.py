"""Numerical gradients: central differences find kinks, and take steep functions for what they are."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_lecture as tl
from gradchecks import draw, failure, make, same_draws, tensor  # noqa: F401 - same_draws is a fixture


@pytest.mark.parametrize(
    ("fn", "x", "kinks"),
    [
        (tl.relu, [0.0, 1.0, -2.0], 1),
        (tl.abs, [0.0, 0.0, 1e-3], 2),
        (lambda x: x.max(), [2.0, 2.0, 1.0], 2),
        (lambda x: tl.clip(x, -1, 1), [-1.0, 0.0, 1.0], 2),
        (lambda x: x.norm(), [0.0, 0.0], 2),
        (tl.sqrt, [0.0, 1.0], 1),
        (tl.floor, [1.0, 1.5, -3.0], 2),
        (lambda x: tl.where(x > 1, x * 2, x), [1.0, 2.0, 0.0], 1),
        (lambda x: x.std(), [1.0, 1.0], 2),
    ],
)
def test_kinks_are_left_out_and_counted(fn, x, kinks):
    if kinks == len(x):
        with pytest.warns(UserWarning, match="no derivative at any element"):
            report = tl.gradcheck(fn, tensor(x))
    else:
        report = tl.gradcheck(fn, tensor(x))
    assert (report.kinks, report.checked) == (kinks, len(x) - kinks)


@pytest.mark.parametrize(
    ("fn", "x"),
    [
        (lambda x: x * x.abs(), [0.0, 1e-7, 1e-3]),
        (tl.relu, [1e-3, 1e-6, -1e-7, 1e-9]),
        (lambda x: x.max(), [1.0, 1.0 + 1e-7]),
        (lambda x: tl.maximum(x, 1.0) + 1e3, [1 + 1e-6, 1 - 1e-6]),
        (tl.sqrt, [1e-3, 1e-6, 1e-9]),
        (lambda x: x * x, [0.0, 1e-9]),
        (lambda x: x**3, [0.0, 1e5]),
    ],
)
def test_gradients_near_a_kink_are_checked(fn, x):
    report = tl.gradcheck(fn, tensor(x), eps=6e-6)
    assert (report.kinks, report.checked) == (0, len(x))


def test_kinks_are_marked_in_an_error():
    error = failure(make(lambda x, /: np.abs(x), "size", x=lambda g, x: 2 * g * np.sign(x)), tensor([0.0, 1.0, -1.0]))
    assert (error.wrong, error.total, error.hint) == (2, 2, "constant-factor")
    np.testing.assert_array_equal(error.kinks, [True, False, False])
    assert str(error).split("\n")[3].endswith("kink")
    assert "1 at kinks left out" in str(error)


def upward(low, high):
    """Numbers between 10**low and 10**high."""
    return st.floats(low, high).map(lambda e: 10**e)


SMOOTH = {
    "cubic": (lambda x: x**3, lambda x: 3 * x**2, st.floats(0.01, 1e3)),
    "sin(1e4 x)": (lambda x: np.sin(1e4 * x), lambda x: 1e4 * np.cos(1e4 * x), st.floats(-3, 3)),
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2, upward(-6, -1)),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x), upward(-8, -1)),
    "tanh(1e4 x)": (lambda x: np.tanh(1e4 * x), lambda x: 1e4 / np.cosh(1e4 * x) ** 2, st.floats(-2e-4, 2e-4)),
    "softplus": (lambda x: np.logaddexp(0, 1e4 * x), lambda x: 1e4 / (1 + np.exp(-1e4 * x)), st.floats(-5e-4, 5e-4)),
}


@pytest.mark.parametrize("name", SMOOTH)
@settings(max_examples=8)
@given(data=st.data())
def test_steep_or_strongly_curved_functions_have_no_kinks(name, data):
    function, derivative, numbers = SMOOTH[name]
    x = tensor([data.draw(numbers)])
    right = make(lambda x, /: function(x), x=lambda g, x: g * derivative(x))
    report = tl.gradcheck(right, x)
    assert (report.checked, report.kinks) == (1, 0)
    slope = abs(float(derivative(x.numpy())[0]))
    if slope > 1e-3:  # a zero crossing of the slope has little to be wrong about
        off = data.draw(st.sampled_from([1.001, 0.99, 2.0, -1.0, 0.0]))
        wrong = make(lambda x, /: function(x), x=lambda g, x: off * g * derivative(x))
        assert failure(wrong, x).total == 1


@pytest.mark.parametrize(
    ("forward", "rule", "most"),
    [
        (np.tanh, lambda g, out: g * (1 - out * out), 4),
        (lambda x: np.max(x), lambda g, x, out: g * (x == out), 8),
        (lambda x: 1 / x**3, lambda g, x: -3 * g / x**4, 5),
    ],
)
def test_how_often_a_function_is_computed_for_each_element(forward, rule, most):
    computed, called = [], []
    op = make(lambda x, /: computed.append(1) or forward(x), x=rule)
    assert tl.gradcheck(lambda x: called.append(1) or op(x), draw(10, 10)).checked == 100
    assert len(computed) <= most * 100 + 20
    assert len(called) <= 20


# --- the complex step ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fn", "x", "method"),
    [
        (lambda x: x[x.argmax()] * x, [1.0, -2.0], "complex step"),
        (tl.softmax, [1.0, -2.0], "complex step"),
        (lambda x: tl.cross_entropy(x, tl.tensor(0)), [1.0, -2.0], "complex step"),
        (tl.abs, [1.0, -2.0], "central differences"),
        (make(lambda x, /: x * x, x=lambda g, x: 2 * g * x), [1.0, -2.0], "central differences"),
        (tl.sqrt, [0.0, 2.0], "central differences"),  # at a kink
    ],
)
def test_functions_of_analytic_ops_are_checked_by_the_complex_step(fn, x, method):
    report = tl.gradcheck(fn, tensor(x))
    assert report.method == method
    assert report.largest_error < (1e-13 if method == "complex step" else 1e-8)
    assert tl.gradcheck(fn, tensor(x), eps=1e-5).method == "central differences"


@pytest.mark.parametrize("lossy", [np.real, np.abs, np.conj])
def test_imaginary_parts_that_an_op_loses_or_distorts_are_noticed(lossy):
    liar = make(lambda x, /: x * lossy(x), x=lambda g, x: g * lossy(x))  # this is what the complex step sees
    liar.analytic = True
    assert failure(liar, tensor([1.0, -2.0])).method == "central differences"

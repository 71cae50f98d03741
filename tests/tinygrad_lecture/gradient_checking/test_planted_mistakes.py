"""Mistakes that are easy to overlook: small ones, small gradients beside large numbers, and rules that are not pure."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from gradchecks import draw, failure, make, same_draws, tensor  # noqa: F401 - same_draws is a fixture

# --- small numbers ------------------------------------------------------------------------------------------


def in_float32(rule):
    """The rule, computed in float32 and returned as float64."""

    def lossy(g, x):
        narrow = rule(g.astype(np.float32), x.astype(np.float32))
        assert narrow.dtype == np.float32
        return narrow.astype(np.float64)

    return lossy


SMALL = {
    "0 for 1e-4 beside 1e6": (lambda x: 1e6 + 1e-4 * x, lambda g: 0 * g, [1.0, 2.0, 3.0]),
    "2e-4 for 1e-4 beside 1e6": (lambda x: 1e6 + 1e-4 * x, lambda g: 2e-4 * g, [1.0, 2.0, 3.0]),
    "0 for 1e-7 beside 1e3": (lambda x: 1e3 + 1e-7 * x, lambda g: 0 * g, [1.0, 2.0, 3.0]),
    "0 for 1e-8": (lambda x: 1e-8 * x, lambda g: 0 * g, [1.0, -2.0]),
    "2e-12 for 1e-12": (lambda x: 1e-12 * x, lambda g: 2e-12 * g, [1.0, -2.0]),
    "0 for a small element": (
        lambda x: np.sum(x**2),
        lambda g, x: np.where(abs(x) < 1, 0, 2 * x * g),
        [1e4, 1e-3, 2.0],
    ),
    "a small element off by 1 %": (
        lambda x: np.sum(x**2),
        lambda g, x: np.where(abs(x) < 1, 1.01, 1) * 2 * x * g,
        [1e3, 1e-3, 2.0],
    ),
    "0 where saturated": (lambda x: 1 - np.tanh(x), lambda g, x: np.where(x > 9, 0, -g / np.cosh(x) ** 2), [1.0, 10.0]),
    "sin in float32": (np.sin, in_float32(lambda g, x: g * np.cos(x)), [1.0, 2.0, 3.0]),
    "exp in float32": (np.exp, in_float32(lambda g, x: g * np.exp(x)), [-0.3, 0.7, 2.1]),
    "log in float32": (np.log, in_float32(lambda g, x: g / x), [0.3, 7.0, 90.0]),
    "tanh in float32": (np.tanh, in_float32(lambda g, x: g / np.cosh(x) ** 2), [-0.3, 0.2, 1.1]),
    "large numbers in float32": (lambda x: x * x, in_float32(lambda g, x: 2 * g * x), [1234.5, -77777.7]),
    "small numbers in float32": (lambda x: x * x, in_float32(lambda g, x: 2 * g * x), [1.1e-5, 7.7e-4]),
    "too few digits of pi": (lambda x: np.sin(np.pi * x), lambda g, x: g * 3.1415926 * np.cos(np.pi * x), [0.1, 0.7]),
    "off by 1e-8": (lambda x: x**3, lambda g, x: (1 + 1e-8) * 3 * g * x * x, [0.5, -2.0]),
    "0 at a minimum beside others": (lambda x: x * x, lambda g, x: np.where(x == 0, 1e-9, 2 * x) * g, [0.0, 1.0]),
    "a gradient where there is none": (
        lambda x: np.maximum(x, 0),
        lambda g, x: np.where(x > 0, 1, 1e-9) * g,
        [-1.0, 1.0],
    ),
}


@pytest.mark.parametrize("name", SMALL)
def test_small_mistakes_are_found(name):
    forward, rule, x = SMALL[name]
    assert failure(make(lambda x, /: forward(x), x=rule), tensor(x)).hint != "cannot-tell"


def test_where_nothing_can_be_told_no_success_is_claimed():
    op = make(lambda x, /: 1 - np.tanh(x), x=lambda g: 0 * g)
    error = failure(op, tensor([20.0]))
    assert error.hint == "cannot-tell"
    assert not tl.gradcheck(op, tensor([20.0]), raise_exception=False)
    lines = str(error).split("\n")
    assert lines[0] == "gradcheck: it cannot be told for any element whether the gradient of student_op is right"
    assert lines[1].startswith(
        "  cannot tell for 1 of 1 element of x (input 0): the derivative there is 0, or so small"
    )
    assert lines[2].startswith("  element 0, at 20: ")
    assert "from values, uncertain by" in lines[2]
    assert "0 from the rule, uncertain by" in lines[2]
    assert "another scale" in lines[3]


def test_where_some_can_be_told_the_report_says_where_it_cannot():
    op = make(lambda x, /: 1 - np.tanh(x), x=lambda g, x: g * (np.tanh(x) ** 2 - 1))
    report = tl.gradcheck(op, tensor([0.5, 18.5]))
    assert report
    assert (report.checked, report.cannot_tell, report.kinks) == (1, 1, 0)
    assert str(report).startswith("student_op: 1 element right, by central differences, largest error ")
    assert "\n  cannot tell for 1 of 2 elements of x (input 0)" in str(report)
    assert "element 1, at 18.5: " in report.doubt


def test_an_output_that_does_not_move_has_gradient_0():
    for fn, x in (
        (tl.relu, [-3.0, -0.01, 2.0]),
        (lambda x: x.max(), [1.0, 0.99, -50.0]),
        (lambda x: x * 0 + 7.0, [1.0]),
    ):
        assert tl.gradcheck(fn, tensor(x)).cannot_tell == 0


def test_a_mistake_before_an_op_with_several_outputs_is_explained():
    halved = make(lambda x, /: x * 1.0, "halved", x=lambda g: 1.01 * g)
    error = failure(lambda x: tl.unbind(halved(x)), draw(2, 2))
    assert (error.hint, error.culprit) == ("constant-factor", "halved")


# --- rules that are not pure --------------------------------------------------------------------------------


def test_a_rule_that_uses_what_the_latest_call_left_in_a_global():
    kept = {}

    def forward(x, /):
        kept["mask"] = x > 0
        return np.where(x > 0, x, 0)

    op = make(forward, "masked", x=lambda g: g * kept["mask"])
    assert failure(op, tensor(2.0)).hint == "state-outside"
    error = failure(op, tensor([1.0, -2.0, -3.0]))
    assert (error.hint, error.culprit) == ("state-outside", "masked")
    assert "the backward rule of masked returns a different gradient after another call of masked" in str(error)


def test_a_rule_that_returns_an_array_it_keeps():
    ones = np.ones(3)
    error = failure(make(lambda x, /: x.sum(), "total", x=lambda g: np.multiply(g, 1.0, out=ones)), draw(3))
    assert (error.hint, error.culprit) == ("array-kept", "total")
    assert tl.gradcheck(make(lambda x, /: x.copy(), x=lambda g: g), draw(3))  # its upstream gradient it may return


def test_a_kernel_that_is_wrong_when_only_one_input_needs_a_gradient():
    @tl.fused
    def product(x, y, /):
        return x * y

    product.kernel(lambda x, y: x * y, lambda g, needs, x, y: (g * y if all(needs) else g * x, g * x))
    error = failure(product, [draw(3), draw(3)])
    assert (error.hint, error.input_index, error.culprit) == ("needs", 0, "product")
    assert "when no other input requires grad" in str(error)


@pytest.mark.parametrize(
    ("rule", "hint", "what"),
    [
        (lambda g, out: np.multiply(out, g, out=out), "output-modified", "output out"),
        (lambda g, x: np.exp(x, out=x) * g, "input-modified", "input x"),
    ],
)
@pytest.mark.parametrize("within", [lambda f: f, lambda f: lambda x: f(x * 2).sum()], ids=["alone", "within"])
def test_a_rule_that_writes_to_what_it_was_given(rule, hint, what, within):
    op = make(lambda x, /: np.exp(x), "growth", x=rule)
    error = failure(within(op), draw(3))
    assert (error.hint, error.culprit) == (hint, "growth")
    assert f"the backward rule of growth changes an array that it was given, in place: its {what}, shape (3,)" in str(
        error
    )


# --- strict shapes ------------------------------------------------------------------------------------------


def test_strict_shapes_demands_that_a_rule_undoes_broadcasting_itself():
    times = make(lambda x, w, /: x * w, "times", x=lambda g, w: g * w, w=lambda g, x: g * x)
    assert tl.gradcheck(times, (draw(2, 3), draw(3)))
    assert tl.gradcheck(times, (draw(2, 3), draw(2, 3)), strict_shapes=True)
    error = failure(times, (draw(2, 3), draw(3)), strict_shapes=True)
    assert (error.hint, error.culprit, error.shape) == ("broadcast-axes", "times", (3,))
    assert str(error) == (
        "gradcheck: the backward rule of times returned a gradient of shape (2, 3) for its input w of shape (3,); with "
        "strict_shapes=True it must have the shape (3,)\n"
        "  likely cause: w was broadcast from (3,) to (2, 3); sum over the broadcast axes"
    )
    strict = make(lambda x, w, /: x * w, x=lambda g, w: g * w, w=lambda g, x: (g * x).sum(axis=0))
    assert tl.gradcheck(strict, (draw(2, 3), draw(3)), strict_shapes=True)


def test_strict_shapes_does_not_ask_the_engines_own_ops():
    assert tl.gradcheck(lambda x, b: (x + b).exp(), (draw(2, 3), draw(3)), strict_shapes=True)

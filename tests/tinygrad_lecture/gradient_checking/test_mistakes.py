"""Mistakes in rules are found and named: small ones, rules that are not pure, that raise, or return no gradient."""

import traceback

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
    "large numbers in float32": (lambda x: x * x, in_float32(lambda g, x: 2 * g * x), [1234.5, -77777.7]),
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


def test_an_input_of_which_nothing_can_be_told_passes_for_none_beside_it():
    product = make(lambda a, b, /: a * b, a=lambda g, b: -g * b, b=lambda g, a: g * a)
    error = failure(product, (tensor([0.5, 1.0]), tensor([1e-17, 1e-17])))
    assert (error.hint, "student_op with respect to a (input 0) is right" in str(error)) == ("cannot-tell", True)


def test_where_some_can_be_told_the_report_says_where_it_cannot():
    op = make(lambda x, /: 1 - np.tanh(x), x=lambda g, x: g * (np.tanh(x) ** 2 - 1))
    report = tl.gradcheck(op, tensor([0.5, 18.5]))
    assert report
    assert (report.checked, report.cannot_tell, report.kinks) == (1, 1, 0)
    assert str(report).startswith("student_op: 1 element right, by central differences, largest error ")
    assert "\n  cannot tell for 1 of 2 elements of x (input 0)" in str(report)
    assert "element 1, at 18.5: " in report.doubt


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


# --- hints --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forward", "rule"), [(np.floor, lambda g, out: g), (lambda x: np.maximum(x, 0), lambda g, out: g * (out >= 0))]
)
def test_where_the_derivative_is_0_everywhere_no_other_cause_is_named(forward, rule):
    error = failure(make(lambda x, /: forward(x), x=rule), tensor([-0.5, -0.3, -1.1]))
    assert error.hint == "mask-missing"
    assert "should be 0 everywhere" in error.hint_text


def test_two_elements_are_enough_for_a_simple_formula():
    error = failure(make(lambda x, /: np.tanh(x), x=lambda g, out: g * (1 - out)), tensor([0.5, -0.3]))
    assert error.hint == "formula"
    assert "(1 + out)" in error.hint_text or "(1 - out * out)" in error.hint_text


# --- rules that raise, or return something else than a gradient ---------------------------------------------


def test_an_exception_in_a_rule_names_op_and_arguments_and_keeps_its_traceback():
    op = make(lambda a, b, /: a @ b, "product", a=lambda g, b: g @ b, b=lambda g, a: a.T @ g)
    error = failure(lambda a, b: op(a, b).exp(), [draw(2, 3), draw(3, 4)])
    assert "the backward rule of product raised ValueError" in str(error)
    assert "it was given g (2, 4), b (3, 4)" in str(error)
    assert (error.hint, error.culprit) == ("transposed", "product")
    assert "transpose b: then the rule runs, and returns the shape of the input, (2, 3)" in str(error)
    assert "a=lambda g, b: g @ b" in "".join(traceback.format_exception(error))


CALLS: list[int] = []


@pytest.mark.parametrize(
    ("rule", "hint", "said"),
    [
        (lambda g: g * undefined, "rule-raised", "raised NameError: name 'undefined' is not defined"),  # noqa: F821
        (lambda g, x: CALLS.append(0) or g * 2 * x * len(CALLS), "not-repeatable", "when it runs a second time"),
        (lambda g: None, "returned-none", "is a return missing?"),
        (lambda g: 2.0, "no-array", "returned 2.0"),
        (lambda g: g.T, "transposed", "returned a gradient of shape (3, 2) for an input of shape (2, 3)"),
        (lambda g: g[0, :2], "wrong-shape", "returned a gradient of shape (2,) for an input of shape (2, 3)"),
        (lambda g, x: (2 * g * x).astype(np.float32), "dtype", "returns float32 for a float64 input"),
        (lambda g, x: np.multiply(g, 2 * x, out=g), "upstream-modified", "changes its upstream gradient g in place"),
        (lambda g, x: g * np.multiply(x, 2, out=x), "input-modified", "changes an array that it was given, in place"),
    ],
)
def test_rules_that_misbehave(rule, hint, said):
    error = failure(make(lambda x, /: x * x, x=rule), draw(2, 3))
    assert error.hint == hint
    assert said in str(error)
    assert "student_op" in str(error)


def test_a_gradient_left_in_the_shape_of_the_output():
    assert failure(make(lambda x, /: x.sum(1), x=lambda g: g), draw(2, 3)).hint == "not-spread"


def test_a_kernel_that_raises_is_named():
    @tl.fused
    def doubled(x, /):
        return x * 2.0

    doubled.kernel(lambda x: x * 2, lambda g, needs, x: (g @ x,))
    error = failure(doubled, draw(2, 3))
    assert "the backward rule of doubled raised ValueError" in str(error)
    assert "it was given g (2, 3)" in str(error)
    assert (error.hint, error.culprit) == ("rule-raised", "doubled")


def test_an_exception_that_is_not_a_rules_is_passed_on():
    def changed(x):
        y = x * 2.0
        z = y * y
        with tl.no_grad():
            y += 1
        return z

    error = failure(changed, draw(3))
    assert "the backward pass through changed raised RuntimeError: a tensor of shape (3,)" in str(error)
    assert (error.hint, error.culprit) == ("rule-raised", None)

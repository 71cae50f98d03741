"""Rules that raise or return something else than a gradient: the error names the op and the likely cause."""

import traceback

import numpy as np
import pytest

import tinygrad_lecture as tl
from gradchecks import draw, failure, make, same_draws, tensor  # noqa: F401 - same_draws is a fixture


def test_an_exception_in_a_rule_names_op_and_arguments_and_keeps_its_traceback():
    op = make(lambda a, b, /: a @ b, "product", a=lambda g, b: g @ b, b=lambda g, a: a.T @ g)
    error = failure(lambda a, b: op(a, b).exp(), [draw(2, 3), draw(3, 4)])
    assert "the backward rule of product raised ValueError" in str(error)
    assert "it was given g (2, 4), b (3, 4)" in str(error)
    assert (error.hint, error.culprit) == ("transposed", "product")
    assert "transpose b: then the rule runs, and returns the shape of the input, (2, 3)" in str(error)
    assert "a=lambda g, b: g @ b" in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("rule", "hint", "said"),
    [
        (lambda g: g * undefined, "rule-raised", "raised NameError: name 'undefined' is not defined"),  # noqa: F821
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
    error = failure(make(lambda x, /: x.sum(1), x=lambda g: g), draw(2, 3))
    assert error.hint == "not-spread"


def test_a_rule_that_is_not_repeatable():
    calls = []
    error = failure(make(lambda x, /: x**3, x=lambda g, x: calls.append(0) or g * 3 * x * x * len(calls)), draw(2))
    assert error.hint == "not-repeatable"


def test_a_kernel_that_raises_is_named():
    @tl.fused
    def doubled(x, /):
        return x * 2.0

    doubled.kernel(lambda x: x * 2, lambda g, needs, x: (g @ x,))
    error = failure(doubled, draw(2, 3))
    assert "the backward rule of doubled raised ValueError" in str(error)
    assert "it was given g (2, 3)" in str(error)
    assert (error.hint, error.culprit) == ("rule-raised", "doubled")


def test_the_rule_of_the_wrong_input_is_tried_with_its_own_shape():
    op = make(lambda a, b, /: a @ b, "product", a=lambda g, b: g @ b.T, b=lambda g, a: a @ g)
    error = failure(op, [draw(2, 3), draw(3, 4)])
    assert error.hint_text == "transpose a: then the rule runs, and returns the shape of the input, (3, 4)"
    assert "it was given g (2, 4), a (2, 3)" in str(error)


def test_under_create_graph_a_rule_must_return_tensors():
    op = make(lambda x, /: x * x, x=lambda g, x: np.ones(3))
    error = failure(op, draw(3), tl.gradgradcheck)
    assert str(error).startswith(
        "gradgradcheck: the backward rule of student_op returned an array, though it was given Tensors"
    )
    assert error.hint == "numpy-in-rule"


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

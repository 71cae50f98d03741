"""Hints: each bug gets the hint made for it, and no other."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradchecks import draw, failure, make, same_draws, tensor  # noqa: F401 - same_draws is a fixture
from planted import MISTAKES, held_out_fourth
from planted.held_out_third import dk, dq
from tinygrad_lecture.gradient_checking import hints


def softmax(x, /):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def overwriting(g, x):
    full = np.zeros_like(x)
    full[[0, 2, 0, 1]] = g
    return full


def normalized_rows(x, /):
    return x / np.sqrt((x * x).sum(1, keepdims=True))


def masked(g, x):
    return np.where(x > 0.8, 0, g * 2 * x)


windows = make(held_out_fourth.windows, "windows", x=held_out_fourth.without_last_window)


def plain_attention(q, k, v, /):
    return softmax(q @ k.T / 2) @ v


BUGS = {
    "not-finite": (make(lambda x, /: x * x, x=lambda g, x: g * x / (x - x)), [draw(3)]),
    "nearly-right": (make(lambda x, /: x / 3, x=lambda g: g * 0.33333), [draw(3)]),
    "zero": (make(lambda x, /: x * x, x=lambda g: 0 * g), [draw(3)]),
    "mask-missing": (make(lambda x, /: np.maximum(x, 0), x=lambda g: g), [tensor([-1.0, 0.5, 2.0])]),
    "partly-zero": (make(lambda x, /: x * x, x=masked), [tensor([-1.0, 0.5, 2.0, -3.0])]),
    "wrong-sign": (make(lambda a, b, /: a - b, a=lambda g: g, b=lambda g: g), [draw(3), draw(3)]),
    "upstream-ignored": (make(lambda x, /: np.exp(x), x=lambda g, out: out), [draw(2, 3)]),
    "upstream-twice": (make(lambda x, /: np.exp(x), x=lambda g, out: g * g * out), [draw(2, 3)]),
    "upstream-added": (make(lambda x, /: x * x, x=lambda g, x: g + 2 * x), [draw(2, 3)]),
    "constant-factor": (make(lambda x, /: x * x, x=lambda g, x: g * x), [draw(2, 3)]),
    "wrong-axis": (
        make(lambda x, bias, /: x * bias, x=lambda g, bias: g * bias, bias=lambda g, x: (g * x).sum(1)),
        [draw(3, 3), draw(3)],
    ),
    "transposed": (make(lambda a, b, /: a @ b, a=lambda g, b: b @ g.T, b=lambda g, a: a.T @ g), [draw(3, 3)] * 2),
    "wrong-argument": (make(lambda x, /: np.tanh(x), x=lambda g, x: g * (1 - x * x)), [draw(4)]),
    "missing-factor": (make(lambda x, /: x * x * x, x=lambda g, x: g * 3 * x), [draw(2, 3)]),
    "upstream-alone": (make(lambda x, /: np.sin(x), x=lambda g: g), [draw(4)]),
    "dropped-term": (make(lambda x, /: x * np.sin(x), x=lambda g, x: g * np.sin(x)), [draw(4)]),
    "diagonal": (make(softmax, x=lambda g, out: g * out * (1 - out)), [draw(2, 3)]),
    "jacobian-transposed": (make(lambda x, /: x.cumsum(-1), x=lambda g: g.cumsum(-1)), [draw(2, 3)]),
    "other-input": (
        make(lambda a, b, /: a * b * b, a=lambda g, a, b: 2 * g * a * b, b=lambda g, b: g * b * b),
        [draw(3), draw(3)],
    ),
    "one-slice": (
        make(lambda x, bias, /: x * bias, x=lambda g, bias: g * bias, bias=lambda g, x: (g * x)[0]),
        [draw(2, 3), draw(3)],
    ),
    "no-sum": (make(lambda x, bias, /: x + bias, x=lambda g: g, bias=lambda g: g.max(0)), [draw(4, 3), draw(3)]),
    "overwritten": (make(lambda x, /: x[[0, 2, 0, 1]], x=overwriting), [draw(3)]),
    "misplaced": (make(lambda x, /: x.reshape(-1, 2).mean(1), x=lambda g: np.tile(g, 2) / 2), [draw(6)]),
    "region": (make(lambda x, /: np.abs(x), x=lambda g, x: g * np.where(x < 0, 7 * x, 1)), [tensor([-2, -1, 1, 2.0])]),
    "missing-term": (make(normalized_rows, x=lambda g, x: g / np.sqrt((x * x).sum(1, keepdims=True))), [draw(2, 3)]),
    "factor-per-slice": (
        make(
            normalized_rows,
            x=lambda g, x, out: g - out * (g * out).sum(1, keepdims=True),
        ),
        [draw(2, 3)],
    ),
}


PLANTED = {
    "whole-numbers": "rounded",
    "upstream-changed": "the size of g",
    "summed-too-far": "bias: one axis too many",
    "product-of-sums": "scale: summed before it is multiplied",
    "upstream-reduced": "the mean of g",
    "not-linear": "sin(x): g inside cos",
    "inverted-mask": "relu: the opposite mask",
    "moved": "roll: one too far",
    "formula": "tanh: 1 - out",
    "upstream-factor": "layer norm: weight left out of dx",
    "wrong-product": "dA: factors swapped",
    "target-missing": "cross-entropy: without the target's -1",
    "outputs-left-out": "convolution: the last window left out",
    "upstream-misplaced": "repeat: summed as if tiled",
    "wrong-mask": "triu: tril",
    "wrong-term": "log_softmax: out for exp(out)",
    "wrong-outputs": "convolution: the last window counted twice",
    "contributions-misplaced": "convolution with stride 2: stride forgotten in dx",
    "contributions": "mlp: relu mask forgotten in dw",
    "attention": "attention dq: the diagonal alone",
    "other-coefficients": "layer norm: sums for means",
    "wrong-probabilities": "cross-entropy: softmax twice",
}


def test_each_hint_has_a_bug():
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(hints.__file__).parent.glob("*.py"))
    assert set(re.findall(r'yield "([a-z-]+)"', sources)) <= BUGS.keys() | PLANTED.keys()


@pytest.mark.parametrize("hint", PLANTED)
def test_each_planted_mistake_gets_its_hint(hint):
    (mistake,) = (mistake for mistake in MISTAKES if mistake.what == PLANTED[hint])
    assert mistake.error().hint == hint


@pytest.mark.parametrize("name", BUGS)
def test_each_bug_gets_its_hint(name):
    fn, inputs = BUGS[name]
    error = failure(fn, inputs)
    assert error.hint == name
    assert error.hint_text in str(error)
    assert error.culprit == error.fn_name == "student_op"


@pytest.mark.parametrize("name", [name for name in BUGS if name not in ("not-finite", "constant-factor")])
def test_inside_a_function_the_op_at_fault_is_named_with_its_own_hint(name):
    op, inputs = BUGS[name]
    error = failure(lambda *xs: (op(*xs) * 0.3).sin().sum(), inputs)
    assert (error.fn_name, error.culprit) == ("the function", "student_op")
    assert "the op at fault: student_op" in str(error)
    assert error.hint is not None


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (2, "2 times the expected value: there is a constant factor too many; multiply by 1/2"),
        (1 / 3, "1/3 of the expected value: a constant factor is missing; multiply by 3"),
        (3 / 4, "3/4 of the expected value"),
        (2.5, "5/2 times"),
        (np.pi, "3.14159 times"),
    ],
)
def test_constant_factors_are_simple_fractions_if_possible(factor, said):
    error = failure(make(lambda x, /: np.exp(x), x=lambda g, out: factor * g * out), draw(5))
    assert error.hint == "constant-factor"
    assert said in error.hint_text
    assert "axis" not in error.hint_text


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 1, 3)])
@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (0.7071, "0.7071 times the expected value; multiply by 1.41423"),
        (-2, "-2 times the expected value: .* and the sign is wrong; multiply by -1/2"),
        (-1 / 3, "-1/3 times the expected value: a constant factor is missing, .*; multiply by -3"),
        (-np.pi, "-3.14159 times the expected value; multiply by -0.31831"),
    ],
)
def test_a_constant_factor_is_named_with_its_remedy_for_any_shape(shape, factor, said):
    error = failure(make(lambda x, /: np.tanh(x), x=lambda g, out: factor * g * (1 - out * out)), draw(*shape))
    assert error.hint == "constant-factor"
    assert re.search(said, error.hint_text), error.hint_text


@pytest.mark.parametrize(
    ("shape", "bias", "rule", "said"),
    [
        (
            (2, 4, 3),
            (3,),
            lambda g: g[0, 0],
            r"only slice (0, 0) of axes (0, 1) of the output .* sum over its 8 slices",
        ),
        ((2, 4, 3), (3,), lambda g: g[1, 2], r"only slice (1, 2) of axes (0, 1)"),
        ((4, 3), (), lambda g: g[0, 0], r"only slice (0, 0) of axes (0, 1) of the output .* sum over its 12 slices"),
        ((4, 3), (3,), lambda g: g.max(0), "the maximum over axis 0 of the output; take the sum"),
        ((2, 4, 3), (3,), lambda g: g.min((0, 1)), "the minimum over axis (0, 1) of the output"),
        ((4, 3), (4, 1), lambda g: g.max(1, keepdims=True), "the maximum over axis 1 of the output"),
    ],
)
def test_a_missing_sum_over_broadcast_axes_is_not_called_overwriting(shape, bias, rule, said):
    op = make(lambda x, bias, /: x + bias, x=lambda g: g, bias=lambda g: np.array(rule(g)))
    error = failure(op, [draw(*shape), draw(*bias)])
    assert re.search(said.replace("(", r"\(").replace(")", r"\)"), error.hint_text), error.hint_text


@pytest.mark.parametrize(
    ("forward", "rule", "said"),
    [
        (
            lambda x, /: x.mean(1),
            lambda g, x: g[:, None] + 0 * x,
            "the rule is that of a sum, but the op is a mean (3 is the size of an axis)",
        ),
        (
            lambda x, /: x.sum(1),
            lambda g, x: g[:, None] / 3 + 0 * x,
            "the rule is that of a mean, but the op is a sum (3 is the size of an axis)",
        ),
        (
            lambda x, /: x.var(1, ddof=1),
            lambda g, x: g[:, None] * 2 * (x - x.mean(1, keepdims=True)) / 3,
            "n and n - 1 are mixed up (3 is the size of an axis)",
        ),
    ],
    ids=["mean", "sum", "var"],
)
def test_a_factor_that_is_the_size_of_an_axis_says_so(forward, rule, said):
    assert said in failure(make(forward, x=rule), draw(4, 3)).hint_text


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda g, a: g * a, "with b instead of a"),
        (lambda g, out: g * out, "with b instead of out"),
    ],
)
def test_the_right_argument_is_named(rule, said):
    error = failure(make(lambda a, b, /: a * b, a=rule, b=lambda g, a: g * a), [draw(3), draw(3)])
    assert said in error.hint_text


def test_a_missing_transpose_in_a_square_product_is_named():
    error = failure(make(lambda a, b, /: a @ b, a=lambda g, b: g @ b, b=lambda g, a: a.T @ g), [draw(3, 3)] * 2)
    assert "with b transposed" in error.hint_text


def test_axes_in_the_wrong_order():
    op = make(lambda x, /: x.transpose(2, 0, 1), x=lambda g: g.transpose(2, 0, 1))
    assert "permuted by" in failure(op, draw(2, 2, 2)).hint_text
    op = make(lambda x, /: x.T.copy(), x=lambda g: g.reshape(2, 3))
    assert failure(op, draw(2, 3)).hint == "transposed"


def test_a_region_may_be_slices():
    def rule(g, x):
        gradient = 2 * g * x
        gradient[:, -1] = g[:, -1] * 5
        return gradient

    error = failure(make(lambda x, /: x * x, x=rule), draw(3, 4))
    assert error.hint == "region"
    assert "the gradient is wrong exactly at index 3 of axis 1 (the last)" in error.hint_text


@pytest.mark.parametrize(
    ("forward", "rule", "said"),
    [
        (
            lambda x, /: x * np.sin(x),
            lambda g, x: g * np.sin(x),
            "this is g * out / x, as if out / x did not depend on the input; it does, so by "
            "the product rule its own term must be added",
        ),
        (lambda x, /: x * np.sin(x), lambda g, x: g * x * np.cos(x), "a term is missing; add g * out / x"),
        (lambda x, /: np.exp(x) * np.sin(x), lambda g, x: g * np.exp(x) * np.cos(x), "a term is missing; add g * out"),
        (lambda x, /: x * x + x, lambda g, x: g * 2 * x, "a term is missing; add g"),
        (lambda x, /: x**3 + x * x, lambda g, x: g * 3 * x * x, "a term is missing; add 2 * g * x"),
        (lambda x, /: x / 2 + x * x, lambda g, x, out: g * (out + 0.5 + 2 * x), "a term too many; subtract g * out"),
        (lambda x, /: (x * x + x).sum(1), lambda g, x: g[:, None] * 2 * x, "a term is missing; add g"),
        (lambda x, /: x @ x, lambda g, x: g @ x.T, "a term is missing; add x.T @ g"),
        (lambda x, /: x @ x, lambda g, x: x.T @ g, "a term is missing; add g @ x.T"),
        (lambda x, /: x @ x.T, lambda g, x: g @ x, "a term is missing; add g.T @ x"),
    ],
)
def test_the_missing_term_is_named(forward, rule, said):
    error = failure(make(forward, x=rule), draw(3, 3))
    assert error.hint == "dropped-term"
    assert error.hint_text.endswith(said)


@pytest.mark.parametrize(
    ("forward", "rule"),
    [
        (lambda x, /: x * np.sin(x), lambda g, x: g * 0.7 * np.sin(x)),
        (lambda x, /: np.cos(x) * np.sin(x), lambda g, x: 0.7 * g * np.cos(x) ** 2),
        (lambda x, /: x * x, lambda g, x: g + 3 * x),
        (lambda x, /: x * x, lambda g, x: g - 2 * x),
        (lambda x, /: x @ x, lambda g, x: 0.9 * (g @ x.T)),
        (lambda x, /: x @ x.T, lambda g, x: 0.9 * (g @ x)),
        (lambda x, /: (x * x).sum(0), lambda g, x: g[:, None] * 2.3 * x),
        (lambda x, /: x - x.mean(0), lambda g: g - 0.5 * g.mean(1) + g[0]),
    ],
)
def test_near_misses_of_a_pattern_get_no_such_hint(forward, rule):
    error = failure(make(forward, x=rule), draw(3, 3))
    assert error.hint not in ("upstream-added", "wrong-axis", "dropped-term")


@pytest.mark.parametrize(
    ("forward", "rule", "said"),
    [
        (
            lambda x, /: x.sum(0),
            lambda g, x: g[:, None] + 0 * x,
            "along axis 1 of the input, but must be repeated along 0",
        ),
        (lambda x, /: (x * x).mean(1, keepdims=True), lambda g, x: g.T * 2 * x / 3, "along axis 0 of the input, but"),
        (
            softmax,
            lambda g, out: out * (g - (g * out).sum(0)),
            "the rule goes over axis 0, but must go over 1",
        ),
        (lambda x, /: x - x.mean(1, keepdims=True), lambda g: g - g.mean(0), "goes over axis 0, but must go over 1"),
    ],
    ids=["sum", "mean", "softmax", "centred"],
)
def test_a_sum_over_the_wrong_axis_is_named_with_the_right_one(forward, rule, said):
    error = failure(make(forward, x=rule), draw(3, 3))
    assert error.hint == "wrong-axis"
    assert said in error.hint_text


def test_a_sum_over_the_wrong_axes_of_three():
    rules = {"x": lambda g, bias: g * bias, "bias": lambda g, x: (g * x).sum((0, 2))}
    error = failure(make(lambda x, bias, /: x * bias, **rules), [draw(2, 3, 3), draw(3)])
    assert "the sum goes over axis (0, 2) of the output, but must go over (0, 1)" in error.hint_text


@pytest.mark.parametrize(
    ("forward", "rule"),
    [
        (softmax, lambda g, out: -out * (g - (g * out).sum(0))),
        (softmax, lambda g, out: g - (g * out).sum(1)),
        (softmax, lambda g, out: 2 * out * (g - (g * out).sum(0))),
        (lambda x, /: np.sqrt((x * x).sum()), lambda g, x, out: g * np.sign(x) * out),
        (lambda x, /: x.T + x[0].mean(), lambda g: 0.5 * g + g[1]),
    ],
)
def test_two_mistakes_at_once_are_not_explained_by_one(forward, rule):
    assert failure(make(forward, x=rule), draw(3, 3)).hint in (None, "contributions")


@pytest.mark.parametrize("seed", range(30))
def test_a_window_left_out_is_not_called_a_mask_of_g(seed):
    error = failure(windows, draw(6), seed=seed)
    assert error.hint == "outputs-left-out"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda p, dp: 2 * dp * p * (1 - p),
        lambda p, dp: dp - p * (p * dp).sum(-1, keepdims=True),
        lambda p, dp: p * p * dp,
    ],
)
@pytest.mark.parametrize("rule", [dq, dk])
def test_other_mistakes_in_attention_get_no_cause_of_its_table(rule, wrong):
    name = "q" if rule is dq else "k"
    inputs = [draw(3, 4).requires_grad_(name == "q"), draw(5, 4).requires_grad_(name == "k"), draw(5, 2)]
    error = failure(make(plain_attention, **{name: rule(wrong)}), inputs)
    assert error.hint not in ("attention", "other-coefficients", "wrong-probabilities")


@pytest.mark.parametrize("inputs", [[1.0, 2.0], [1.0, 1.0, 1.0], [[2.0, 2.0], [2.0, 2.0]]])
def test_too_few_different_numbers_are_no_evidence_for_a_formula(inputs):
    op = make(lambda x, /: x**4 - 2 * x, x=lambda g, x: g * (x + 0.3))
    error = failure(op, tensor(inputs))
    assert error.hint in (None, "constant-factor")


def test_a_mask_of_few_elements_is_not_named_by_chance():
    op = make(lambda a, b, /: np.maximum(a, b), a=lambda g: g / 2, b=lambda g, a, b: g * (b > a))
    error = failure(op, [tensor([1.0, -1, 2, -2, 3, -3]), tensor([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])])
    assert "(a > 0)" not in error.hint_text
    assert "multiplies g by 1/2, which is not the derivative" in error.hint_text


def test_an_added_upstream_is_recognised_in_a_sum_and_at_derivative_0():
    for forward, rule, x in (
        (lambda x, /: (x * x).sum(1), lambda g, x: g[:, None] + 2 * x, draw(2, 3)),
        (lambda x, /: x * x, lambda g, x: g + 2 * x, tensor([0.0, 1.0, -2.0])),
    ):
        assert failure(make(forward, x=rule), x).hint == "upstream-added"


def test_overflowing_numbers_match_no_pattern():
    op = make(lambda x, /: x + 5, x=lambda g: g * np.array([2.0, 3.0]))
    assert failure(op, tensor([1e-320, 1.0])).hint is None


def test_half_the_gradient_may_be_one_of_two_equal_terms():
    error = failure(make(lambda x, /: x * x, x=lambda g, x: g * x), draw(3))
    assert "a constant factor is missing, or one of two equal terms; multiply by 2" in error.hint_text


@settings(max_examples=60)
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

"""Hints: each planted mistake gets its cause, near misses get none, and what a cause says is true."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradchecks import draw, failure, make, same_draws, tensor  # noqa: F401 - same_draws is a fixture
from planted import MISTAKES, Mistake
from planted import softmax as softmax_of
from tinygrad_lecture.gradient_checking.hints.diagnosis import CAUSES

ERRORS = {}


def softmax(x, /):
    return softmax_of(x)


def error_of(mistake):
    """The error of a planted mistake, which is checked once for all tests."""
    if mistake not in ERRORS:
        ERRORS[mistake] = mistake.error()
    return ERRORS[mistake]


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_planted_mistake_is_found_and_explained(mistake):
    error = error_of(mistake)
    assert error.culprit == error.fn_name == "student_op"
    if mistake.words == "nothing":
        assert error.hint in (None, "constant-factor")
    else:
        assert re.search(mistake.says, str(error))


def test_95_percent_of_the_planted_mistakes_have_a_hint_and_each_hint_a_mistake():
    assert len({(str(mistake), str(mistake.given)) for mistake in MISTAKES}) == len(MISTAKES)
    assert sum(mistake.words != "nothing" for mistake in MISTAKES) >= 0.95 * len(MISTAKES)
    assert set(CAUSES) <= {error_of(mistake).hint for mistake in MISTAKES}


@pytest.mark.parametrize("mistake", MISTAKES[::8], ids=str)
def test_inside_a_function_the_op_at_fault_is_named_with_its_own_hint(mistake):
    op, inputs = mistake.op_and_inputs()
    if error_of(mistake).got_array is None:
        pytest.skip("the rule is refused")
    error = failure(lambda *xs: (op(*xs) * 0.3).sin().sum(), inputs)
    assert (error.fn_name, error.culprit) == ("the function", "student_op")
    assert "the op at fault: student_op" in str(error)


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
    (windows,) = (m for m in MISTAKES if m.op.startswith("np.array([x[i:i + 3].sum()"))
    op, _ = windows.op_and_inputs()
    assert failure(op, draw(6), seed=seed).hint == "outputs-left-out"


@pytest.mark.parametrize("ds", ["2 * dp * p * (1 - p)", "dp - p * rows(p * dp)", "p * p * dp"])
@pytest.mark.parametrize("rule", ["dq = ({}) @ k / 2", "dk = t({}) @ q / 2"])
def test_other_mistakes_in_attention_get_no_cause_of_its_table(rule, ds):
    given = {"q": (3, 4), "k": (5, 4), "v": (5, 2)}
    text = f"p = softmax(q @ t(k) / 2); dp = g @ t(v); {rule.format(ds)}"
    error = Mistake("softmax(q @ t(k) / 2) @ v", given, text, "nothing").error()
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

"""gradcheck does not guess: right rules are never called wrong, and what rounding hides cannot be told."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_lecture as tl
from fair_verdicts import FUNCTIONS, ROWS, SCALES_OF_OPS, as_one_op, called_wrong, is_false, verdict as verdict_at
from gradchecks import failure, make, tensor


def zero(g, x):
    return 0 * g * x


def verdict(fn, x):
    """Right, wrong, kink or cannot tell: "cannot tell" if there is one such element."""
    report = tl.gradcheck(fn, tensor(x), raise_exception=False)
    if report.cannot_tell or (report.error is not None and report.error.hint == "cannot-tell"):
        return "cannot tell"
    return "wrong" if not report else "kink" if report.kinks else "right"


def line(offset, slope, rule=zero):
    """offset + slope * x, with a rule of its own; by default it says 0."""
    return make(lambda x, /: offset + slope * x, x=rule)


def there_and_back(offset, x=None):
    """x + offset - offset: by the engine's rules or, as one op, by a rule that says 0."""
    forward = lambda x, /: (x + offset) - offset  # noqa: E731
    return forward if x is None else make(forward, x=x)


def in_float32(rule):
    return make(lambda x, /: np.exp(x.astype(np.float32)).astype(float), x=rule)


def square(factor):
    """x * x, whose rule has another factor than 2 where x is not 1."""
    return make(lambda x, /: x * x, x=lambda g, x: np.where(x == 1, 2, factor) * x * g)


SUM_OF_SQUARES = make(lambda x, /: (x * x).sum(), x=lambda g, x: g * 2 * x * (x == x.max()))
ROOT_OF_SIZE = make(lambda x, /: np.sqrt(np.abs(x)), x=lambda g, x, out: g * np.sign(x) / (2 * out))
LONG = np.finfo(np.longdouble).eps < np.finfo(np.float64).eps  # longdouble has more digits on this machine
SHIFTS = (1e4, 1e7, 1e9, 1e12)
VERDICTS = {
    "a zero where rounding hides the slope: not right": [
        *[(line(*numbers), [1.0, 2.0]) for numbers in ((1e6, 1e-4), (1e6, 1e-12), (1.0, 1e-17), (1e16, 1))],
        *[(there_and_back(offset, zero), [1.0, 2.0]) for offset in SHIFTS],
    ],
    "a zero for a small element beside a large one: not right": [
        *[(SUM_OF_SQUARES, x) for x in ([1e8, 1e-3], [1e8, 1e-8], [1e10, 1.0], [1e6, 1e-6])],
        (make(lambda x, /: x.sum(), x=lambda g, x: g * (x > 1)), [1e17, 1.0]),
    ],
    "a zero on a plateau: right": [
        (tl.relu, [-1e-3, -1e-6, -50.0, -0.01, 2.0]),
        (tl.max, [1.0, 0.99, -50.0]),
        (lambda x: x * 0 + 7.0, [1.0]),
        (tl.floor, [1.5, 2.2, 1.00001]),
        (lambda x: tl.clip(x, -1, 1), [-3.0, 0.2, 1.1, 20.0]),
        (lambda x: x[:1] * 2, [1e8, 2.3]),
        (tl.max, [1e5, 3.0, 2.0]),
        (lambda x: tl.sign(x) * tl.relu(abs(x) - 0.01), [0.2, 0.003]),
    ],
    "an offset that is taken back: right": [(there_and_back(offset), [1.0, 2.0]) for offset in SHIFTS],
    "time stamps and masked attention rows: right": [
        (lambda x: ((x + 1.7e9) - 1.7e9) ** 2, [0.3, 0.1, 0.5]),
        (lambda x: tl.softmax(x + tensor([-1e9, -1e9, -1e9]), -1), [0.3, 0.1, 0.5]),
    ],
    "float32 inside an op: right": [(in_float32(lambda g, out: g * out), [1.0, 2.0])],
    "float32 inside an op and a mistake: wrong": [(in_float32(lambda g, out: g * 2 * out), [1.0, 2.0])],
    "float32 inside an op and a zero: cannot tell": [(in_float32(zero), [1.0, 2.0])],
    "a zero for a slope that is steep near x only: wrong": [(make(lambda x, /: 1 / x, x=zero), [1.3e-3])],
    "a jump that rounding makes: right": [(lambda x: tl.sqrt(x * x + 1) - x, [1e5])],
    "fine stairs and teeth: not wrong": [
        *[(lambda x, s=s: tl.floor(x * s), [0.5, 0.3]) for s in (1e7, 1e8)],
        (lambda x: tl.round(x) + x, [9790926590.4513]),
        (lambda x: x % 1.0, [1e16]),
        (lambda x: tl.remainder(x, 1e-9), [0.9, 1e7]),
        (lambda x: (x * 1e6) % 1.0, [0.7, 1e30]),
        (lambda x: x - tl.floor(x * 1e8) * 1e-8, [0.9, 1e-7, -1e7]),
        (lambda x: x - tl.floor(x), [1e17]),
    ],
    "a wrong rule for fine stairs: not right": [
        (make(lambda x, /, s=s: np.floor(x * s) / s, x=lambda g: g * 1.0), [0.31234567, 0.7123456])
        for s in (1e4, 1e5, 3e5, 1e7)
    ],
    "tiny beside ordinary: right": [
        *[(ROOT_OF_SIZE, [tiny, 1.0]) for tiny in (1e-31, 1e-60, 1e-140)],
        *[(lambda x: tl.sqrt(tl.abs(x)), [tiny, 1.0]) for tiny in (1e-31, 1e-140)],
        *[(lambda x: 1 / x, [tiny, 1.0, -2.5]) for tiny in (4e-20, 4e-86, 4e-140)],
        (lambda x: x[:1] * x[1:], [1e-100, 1e100]),
        (tl.norm, [1e-140, 2e-141]),
    ],
    "a mistake at a tiny element beside an ordinary one: not right": [
        (square(factor), [tiny, 1.0]) for tiny in (1e-20, 1e-140) for factor in (-2, 0)
    ],
    "squares too small for a float: cannot tell": [
        (fn, [1e-160, 1e-170]) for fn in (tl.norm, lambda x: x / tl.norm(x))
    ],
    "a step far larger than the input, as one op: not wrong": [
        (as_one_op(FUNCTIONS[name]), [scale, 0.7 * scale])
        for name, scale in (
            *[("x sin(1 / x)", scale) for scale in (1e-160, 1e-30, 1e-18)],
            *[("x² sin(1 / x)", scale) for scale in (1e-100, 1e-18, 5e-13)],
            *[("sin(x) / x", scale) for scale in (1e-4, 1e12) if LONG or scale > 1],
            *[(name, scale) for name in ("std", "norm", "x / norm") for scale in (1e-161, 1e-160)],
        )
    ],
    "the rounding error of a rule: not wrong": [(lambda x: (1 - tl.cos(x)) / x**2, [1e-4, 1e-2, 1.0])],
}


@pytest.mark.filterwarnings("ignore:.*has no derivative at any element")
@pytest.mark.parametrize(("name", "fn", "x"), [(name, fn, x) for name, rows in VERDICTS.items() for fn, x in rows])
def test_verdicts(name, fn, x):
    wanted = name.split(": ")[-1]
    assert (verdict(fn, x) == wanted.removeprefix("not ")) == (not wanted.startswith("not "))


# --- at any scale -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*has no derivative at any element")  # floor of a whole number
@pytest.mark.parametrize("scale", SCALES_OF_OPS)
@settings(max_examples=25)
@given(data=st.data())
def test_no_right_rule_is_called_wrong(scale, data):
    row = data.draw(st.sampled_from(ROWS))
    assert not called_wrong(row, data.draw(row.samples), scale)


@pytest.mark.parametrize("check", ["gradcheck", "zero", pytest.param("gradgradcheck", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("function", "scale"),
    [
        *[(function, 5e-13) for function in ("x / norm", "x / sum", "layer norm", "reciprocal", "std")],
        *[(function, 1e-30) for function in ("x / norm", "x / sum", "layer norm", "reciprocal")],
        *[("sin(1 / x)", scale) for scale in (1e-6, 1e-9, 5e-13, 1e-30)],
        *[("sin", scale) for scale in (1e12, 1e100, 1e300)],
        *[("x sin(1 / x)", scale) for scale in (1e-18, 5e-13)],
        *[(function, 2.1e5) for function in ("sin(x) / x", "sin(πx) / πx")],
        *[(function, 7e-31) for function in ("expm1(x) / x", "x to the x")],
        ("log", 1e-300), ("square", 1e-161), ("layer norm", 1e-161), ("x² sin(1 / x)", 1e-161), ("cos(1 / x²)", 1e-4),
        ("(x + 1e9) - 1e9", 1e-4), ("1e6 + sin", 1e12), ("cube", 5e-13),
    ],
)  # fmt: skip
def test_a_step_far_larger_than_the_input_says_nothing(function, scale, check):
    assert not is_false(function, scale, check)


SMOOTH = {  # functions, and the scales at which value and derivative are normal numbers
    **dict.fromkeys(["square", "reciprocal", "sqrt", "log", "x @ w", "norm", "x / norm"], (1e-140, 1e-60, 1e-20, 1e60)),
    "cube": (1e-60, 1e-20, 1e60),
    **dict.fromkeys(["exp", "sin", "tanh", "layer norm"], (1e-140, 1e-60, 1e-20)),
}


@pytest.mark.parametrize(("function", "scale"), [(name, scale) for name in SMOOTH for scale in SMOOTH[name]])
def test_the_verdict_on_a_smooth_function_does_not_hang_on_the_scale(function, scale):
    assert verdict_at(function, scale, "gradcheck") == verdict_at(function, scale, "of one op") == "right"
    unseen = scale > 1 or function in ("cube", "reciprocal")
    assert verdict_at(function, scale, "off by 1 %") in ("wrong", "cannot tell" if unseen else "wrong")


@pytest.mark.parametrize("mistake", ["off by 1 %", pytest.param("a part off the tape", marks=pytest.mark.slow)])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_mistakes_at_an_ordinary_scale_are_called_wrong(function, mistake):
    assert verdict_at(function, 1.0, mistake) in ("wrong", "outside")


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: x / (1e-30 + tl.norm(x)), [2e-160, -1e-160, 1.5e-160]),
        (lambda x: tl.layer_norm(x, eps=1e-30), [1.0000000006935106, 1.000000000578973, 1.0000000001166016]),
    ],
)
def test_rounding_alone_is_no_fault_of_a_second_derivative(function, x):
    report = tl.gradgradcheck(function, tensor(x), raise_exception=False)
    assert report or report.error.hint == "cannot-tell"


def test_a_cause_names_no_division_that_is_not_there():
    error = failure(lambda x: tl.exp(-1 / (x * x)), tensor([1e-200]))
    assert "divides by out" not in str(error)


def test_what_cannot_be_told_passes_below_the_absolute_tolerance():
    square = make(lambda x, /: x * x, x=lambda g, x: 2.1 * g * x)
    x = tensor([1e-161])
    assert not tl.gradcheck(square, x, raise_exception=False)
    assert tl.gradcheck(square, x, atol=1e-6).checked == 1
    assert tl.gradcheck(lambda x: 1 - x.tanh(), tensor([20.0, 0.1]), atol=1e-6).checked == 2
    assert failure(square, tensor([1.0]), atol=1e-6).hint == "constant-factor"


SATURATED = {
    "cross entropy": (lambda x: tl.cross_entropy(x, tl.tensor(0)), [25.0, 0.0, 0.0]),
    "gelu": (tl.gelu, [-7.6, -7.0, -6.5, -6.0, -5.5, -5.2]),
    "tanh": (tl.tanh, [9.0, 11.0, -13.0, 15.0]),
}


@pytest.mark.parametrize("check", [tl.gradcheck, tl.gradgradcheck])
@pytest.mark.parametrize("eps", [None, 1e-5])
@pytest.mark.parametrize("name", SATURATED)
def test_saturated_functions_are_right_by_the_complex_step_and_never_wrong(name, eps, check):
    fn, x = SATURATED[name]
    report = check(fn, tensor(x), eps=eps, raise_exception=False)
    assert report.error is None or report.error.hint == "cannot-tell"
    if report.method == "complex step":
        assert (report.checked, report.cannot_tell) == (len(x), 0)


@pytest.mark.parametrize("tiny", [1e-20, 1e-161])  # the square of the second is gone, its derivative is not
@pytest.mark.parametrize("factor", [2.02, -2, 0, 1])
def test_a_mistake_at_a_tiny_element_of_an_analytic_op_is_wrong(factor, tiny):
    assert tl.gradcheck(lambda x: x * x, tensor([tiny])).checked == 1
    op = make(lambda x, /: x * x, x=lambda g, x: np.where(abs(x) < 0.5, factor, 2) * x * g)
    op.analytic = True
    error = failure(op, tensor([tiny, 1.0]))
    assert (error.wrong, error.method) == (1, "complex step")

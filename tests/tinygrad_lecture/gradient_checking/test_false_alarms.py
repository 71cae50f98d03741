"""gradcheck calls no right gradient wrong, however saturated or large: a sample; `false_alarms.py` runs the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scales
import tinygrad_lecture as tl
from false_alarms import ROWS, SCALES, judged
from gradchecks import failure, make, tensor


@pytest.mark.filterwarnings("ignore:.*has no derivative at any element")  # floor of a whole number
@pytest.mark.parametrize("scale", SCALES)
@settings(max_examples=100)
@given(data=st.data())
def test_no_right_rule_is_called_wrong(scale, data):
    row = data.draw(st.sampled_from(ROWS))
    assert judged(row, data.draw(row.samples), scale)["wrong"] == 0


@pytest.mark.parametrize("check", scales.CHECKS)
@pytest.mark.parametrize(
    ("function", "scale"),
    [
        *[(function, 5e-13) for function in ("x / norm", "x / sum", "layer norm", "reciprocal", "std")],
        *[(function, 1e-30) for function in ("x / norm", "x / sum", "layer norm", "reciprocal")],
        *[("sin(1 / x)", scale) for scale in (1e-6, 1e-9, 5e-13, 1e-30)],
        *[("sin", scale) for scale in (1e12, 1e100, 1e300)],
        *[("x sin(1 / x)", scale) for scale in (1e-18, 5e-13)],
        *[(function, 2.1e5) for function in ("sin(x) / x", "sin(πx) / πx")],
        *[(function, 7e-31) for function in ("acosh(1 + x)", "expm1(x) / x", "x to the x")],
        ("log", 1e-300), ("square", 1e-161), ("layer norm", 1e-161), ("x² sin(1 / x)", 1e-161), ("cos(1 / x²)", 1e-4),
        ("digamma", 1e-300), ("(x + 1e9) - 1e9", 1e-4), ("1e6 + sin", 1e12), ("cube", 5e-13),
    ],
)  # fmt: skip
def test_a_step_far_larger_than_the_input_says_nothing(function, scale, check):
    assert not scales.is_false(function, scale, check)


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
    "expm1": (tl.expm1, [-9.0, -15.0, -25.0, -30.0]),
    "sigmoid": (tl.sigmoid, [-30.0, 20.0, 25.0]),
    "logsumexp": (lambda x: tl.logsumexp(x, 0), [20.0, 0.0, -5.0]),
}
has_longdouble = np.finfo(np.longdouble).eps < np.finfo(np.float64).eps


@pytest.mark.parametrize("check", [tl.gradcheck, tl.gradgradcheck])
@pytest.mark.parametrize("eps", [None, 1e-5])
@pytest.mark.parametrize("name", SATURATED)
def test_saturated_functions_are_right_where_longdouble_can_tell(name, eps, check):
    fn, x = SATURATED[name]
    report = check(fn, tensor(x), eps=eps, raise_exception=False)
    assert report.error is None or report.error.hint == "cannot-tell"
    if has_longdouble:
        assert report.checked >= len(x)
        assert report.cannot_tell == 0

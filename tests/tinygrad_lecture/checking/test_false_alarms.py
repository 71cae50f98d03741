"""gradcheck calls no right gradient wrong, however saturated or large: a sample; `false_alarms.py` runs the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lecture as tl
from false_alarms import ROWS, SCALES, judged
from gradchecks import tensor


@pytest.mark.filterwarnings("ignore:.*has no derivative at any element")  # floor of a whole number
@pytest.mark.parametrize("scale", SCALES)
@settings(max_examples=100)
@given(data=st.data())
def test_no_right_rule_is_called_wrong(scale, data):
    row = data.draw(st.sampled_from(ROWS))
    assert judged(row, data.draw(row.samples), scale)["wrong"] == 0


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

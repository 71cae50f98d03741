"""tl.detect_anomaly: names the op that makes the first nan or inf, and the user's line that called it."""

import inspect
import math
from contextlib import nullcontext

import numpy as np
import pytest

import tinygrad_lecture as tl
from process import at_once
from tinygrad_lecture.autograd import modes

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy warns of these values too


def leaf(*values):
    return tl.tensor(list(values), requires_grad=True)


def here():
    """This file and the line before the caller's."""
    caller = inspect.currentframe().f_back
    return f"{__file__}:{caller.f_lineno - 1}"


FOUND = {  # what is called -> what is said
    lambda: tl.tensor([1.0, -1.0]).sqrt(): "sqrt made the first nan, called at",
    lambda: tl.softmax(tl.tensor([0.0, math.inf])): "softmax made the first nan",  # of a kernel
    lambda: leaf(0.0).sqrt().sum().backward(create_graph=True): "made the first inf",
    lambda: tl.log(tl.tensor([-1.0])) * tl.tensor([math.nan]): "log made the first nan",
    lambda: tl.var(tl.tensor([2.0])): "var made the first nan",
    # a function made of ops is named by its own name, and a rule within it with both
    lambda: tl.full((2,), 1e30).norm(): "norm made the first inf",
    lambda: tl.einsum("i,i->", tl.full((2,), 3e38), tl.full((2,), 3e38)): "einsum made the first inf",
    lambda: leaf(1e30, 1e-30).prod().backward(tl.tensor(1e20)): (
        "rule of mul, in prod, made the first inf in a gradient; prod was"
    ),
}


@pytest.mark.parametrize("call", FOUND)
def test_what_makes_a_nan_or_inf_is_named(call):
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError, match=FOUND[call]) as caught:
        call()
    assert caught.value.op in FOUND[call] or "made the first inf" == FOUND[call]
    assert caught.value.backward == ("rule" in str(caught.value))
    assert modes.modes.called is None


def test_the_users_line_is_named():
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError) as caught:
        tl.sqrt(tl.tensor([1.0, -1.0]))
    line = here()
    assert caught.value.where == line in str(caught.value)
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError) as caught:
        tl.tensor([math.inf, 0.0]).prod(dim=0)  # through functions made of ops
    assert caught.value.where == here()
    with tl.detect_anomaly():
        y = leaf(0.0, 1.0).sqrt()
        line = here()
        with pytest.raises(tl.AnomalyError, match="backward rule of sqrt made the first inf in a gradient") as caught:
            y.sum().backward()
    assert (caught.value.op, caught.value.where, caught.value.backward) == ("sqrt", line, True)


def test_a_forward_outside_is_said_to_be_outside():
    y = leaf(0.0).sqrt()
    with tl.detect_anomaly(), pytest.raises(tl.AnomalyError, match="a line outside of detect_anomaly"):
        y.sum().backward()


def test_a_deliberate_minus_inf_passes_and_so_do_its_gradients():
    scores = leaf(1.0, 2.0, 3.0)
    with tl.detect_anomaly():
        masked = scores.masked_fill(tl.tensor([False, True, False]), -math.inf)
        masked = masked + tl.tensor([0.0, 0.0, -math.inf])
        (tl.softmax(masked) * tl.tensor([1.0, 2.0, 3.0])).sum().backward()
        tl.logsumexp(masked).exp()
        masked.max()
    assert scores.grad.tolist() == [0, 0, 0]


def test_what_came_in_is_not_blamed_on_the_op_that_it_came_into():
    x = tl.tensor([math.nan, 1.0])
    with tl.detect_anomaly():
        (x * 2).exp()
        tl.tensor([1.0]).clip(max=math.inf)
        tl.tensor([1.0]) * math.inf
        tl.pad(tl.ones(1), 1, value=-math.inf)
        1 / tl.tensor([math.nan, 0.0])  # the nan was first
        (leaf(1.0) * 2).backward(tl.tensor([math.inf]))


def test_it_nests_and_decorates_with_and_without_parentheses():
    def log():
        return tl.log(tl.tensor([-1.0]))

    with tl.detect_anomaly():
        with tl.detect_anomaly():
            pass
        with pytest.raises(tl.AnomalyError):
            log()
    log()
    for function in (tl.detect_anomaly(log), tl.detect_anomaly()(log)) * 2:
        with pytest.raises(tl.AnomalyError):
            function()
        assert modes.modes.observer is None
    assert modes.observers == 0


def test_it_holds_in_its_own_thread_only():
    def work(i):
        with tl.detect_anomaly() if i else nullcontext():
            try:
                return np.isnan(tl.log(tl.tensor([-1.0])).item())
            except tl.AnomalyError:
                return "found"

    assert at_once(4, work) == [True, "found", "found", "found"]
    assert modes.observers == 0

"""What a learner sees: each usual mistake is named, with what was given and what to write instead."""

import copy
import inspect
import io
import json
import operator
import pickle
import re
import traceback
import weakref
from pathlib import Path

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
import transformer
from process import no_collector
from tinygrad_lecture import backend
from tinygrad_lecture.errors import PlaceError

t, w = tl.tensor([1.0, 2.0, 3.0]), tl.tensor([1.0, 2.0, 3.0], requires_grad=True)
x, x2, x3, x23, x43 = tl.ones(2, requires_grad=True), tl.ones(2), tl.ones(3), tl.ones(2, 3), tl.ones(4, 3)
scalar, integers, mask = tl.ones(()), tl.tensor([0, 1]), tl.tensor([True, False, True])
F, USED_BY_MISTAKES = nn.functional, (backend, copy, io, json, operator, pickle, transformer)
image, d2 = tl.arange(24.0).reshape(1, 2, 3, 4), tl.ones(2, dtype=tl.float64)


@tl.op
def square(x, /, times=2):
    return x * x


class Twice(tl.func.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2


def mistakes(heading=""):
    """The mistakes of mistakes.txt under a heading, each with the name of its error and what is said."""
    rows, above = [], ""
    for line in Path(__file__).with_name("mistakes.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            above = line[2:]
        elif line.startswith("    ") and above.startswith(heading):
            rows[-1][1] = f"{rows[-1][1]} {line.strip()}".strip()
        elif line and above.startswith(heading):
            mistake, _, told = line.partition("  ->  ")
            rows.append([mistake, told])
    return rows


def for_gradgradcheck():
    """What gradcheck says of its arguments, gradgradcheck says, too."""
    return [[text.replace("gradcheck", "gradgradcheck") for text in row] for row in mistakes("gradcheck")]


@pytest.mark.parametrize(("mistake", "told"), [*mistakes(), *for_gradgradcheck()])
def test_a_mistake_is_named_with_what_to_write(mistake, told):
    kind, _, message = told.partition(": ")
    pattern = ".*".join(map(re.escape, message.split(" … ")))
    with pytest.raises(Exception, match=f"(?s){pattern}") as caught:
        exec(mistake, dict(globals()))
    assert type(caught.value).__name__ == kind
    name, reason, *_ = f"{caught.value}: ".split(": ")
    assert name != reason, "the name stands there twice"
    shown = [chained for chained in (caught.value.__cause__, caught.value.__context__) if chained is not None]
    assert caught.value.__suppress_context__ or not shown, "NumPy's own error stands above"
    assert caught.value.__cause__ is None or "forward" in message
    assert "Did you mean" not in "".join(traceback.format_exception_only(caught.value)), "it is said better"


@pytest.mark.parametrize(("mistake", "told"), mistakes("what Python says"))
def test_a_page_explains_what_python_says(mistake, told):
    page = Path(tl.__file__).with_name("README.md").read_text(encoding="utf-8")
    assert f"`{told.partition(': ')[2]}`" in page


def test_errors_of_the_engine_are_those_of_python_and_of_pytorch():
    for kind, pythons in ((tl.TensorError, ValueError), (tl.DtypeError, TypeError)):
        assert issubclass(kind, pythons) and issubclass(kind, RuntimeError)
        assert kind.__module__ == "tinygrad_lecture"
    assert issubclass(PlaceError, IndexError) and issubclass(PlaceError, RuntimeError)


@pytest.mark.parametrize(
    "call", [lambda: x43 @ x43, lambda: x43.std(7), lambda: t[7], lambda: tl.zeros(2, dtype="real")]
)
def test_a_notebook_shows_the_users_line_and_the_one_that_raised(call):
    with pytest.raises((ValueError, IndexError, TypeError)) as caught:
        call()
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    shown = [frame for frame in frames[:-1] if not frame.f_locals.get("__tracebackhide__")]
    assert {frame.f_code.co_filename for frame in shown} == {__file__}


@pytest.mark.parametrize("fail", [lambda x: x @ x, lambda x: x.std(7), lambda x: tl.tensor([x, None])])
def test_an_error_that_was_handled_keeps_no_tensor_alive(fail):
    def failed():
        x = tl.ones(4, 3)
        try:
            fail(x)
        except (ValueError, IndexError, TypeError):
            return weakref.ref(x)

    with no_collector():
        assert failed()() is None


def test_the_grad_of_a_result_is_warned_of_at_the_users_line():
    v = tl.tensor(1.0, requires_grad=True)
    for step in range(2):
        ((v - 3) ** 2).backward()
        if step:
            with pytest.warns(UserWarning, match=r"the result of sub, not a leaf.*with tl.no_grad\(\): w -=") as caught:
                assert v.grad is None
            assert caught[0].filename == __file__
            assert caught[0].lineno == inspect.currentframe().f_lineno - 2
        else:
            v = v - 0.1 * v.grad
    kept = w.sum() * 2
    kept.retain_grad()
    assert kept.grad is None  # no warning before backward: it will have one
    kept.backward()
    assert kept.grad.item() == 1
    w.grad = None


def test_a_loss_that_is_nan_is_warned_of_at_the_users_line():
    model, x = nn.Linear(2, 1), tl.ones(4, 2)
    optimizer = nn.optim.SGD(model.parameters(), lr=1e20)
    with np.errstate(all="ignore"):
        for _ in range(9):
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
    with pytest.warns(UserWarning, match=r"learning rate that is too large.*tl.detect_anomaly") as caught:
        loss.item()
    assert (caught[0].filename, caught[0].lineno) == (__file__, inspect.currentframe().f_lineno - 1)
    assert np.isnan(tl.tensor(np.nan).item())  # what has no graph is no loss


NUMPYS = [
    *(np.sum, np.any, np.shape, np.nonzero),
    lambda x: np.concatenate([x, x]),
    lambda x: np.array_equal(x, x43.numpy()),
    lambda x: np.where(x > 0, x, 0.0),
]


@pytest.mark.parametrize("call", NUMPYS)
def test_numpys_functions_take_constants_as_arrays(call):
    ours, numpys = call(x43), call(x43.numpy())
    assert type(ours) is type(numpys)
    np.testing.assert_array_equal(ours, numpys)


@pytest.mark.filterwarnings("ignore:float")  # matplotlib asks for numbers first
def test_a_constant_is_plotted():
    pyplot = pytest.importorskip("matplotlib.figure")
    axes = pyplot.Figure().subplots()
    (line,) = axes.plot(t, t * 2)
    assert line.get_ydata().tolist() == [2, 4, 6]
    axes.imshow(x43)
    with pytest.raises(RuntimeError, match=r"to plot, x.detach\(\)"):
        axes.plot(w)

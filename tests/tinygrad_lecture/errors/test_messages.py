"""Errors speak the user's language: each usual mistake is named, with what was given and what to write instead."""

import copy
import importlib
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
from hypothesis import given, strategies as st

import nn
import tinygrad_lecture as tl
import transformer
from gradchecks import make
from process import no_collector
from tinygrad_lecture import backend
from tinygrad_lecture.errors import PlaceError, broadcast_message, remedies

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


# --- errors of one's own op, and names -----------------------------------------------------------------------


def test_an_error_inside_the_users_own_op_is_shown_since_it_has_the_line():
    mine = make(lambda x, /: x + np.ones(7), "mine")
    with pytest.raises(ValueError, match="mine: operands could not be broadcast") as caught:
        mine(x2)
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_message_that_fails_itself_gives_way_to_the_librarys_error():
    @tl.op
    def picky(x, /):
        raise ValueError("the real reason")

    @picky.explains
    def _(x):
        raise ZeroDivisionError

    with pytest.raises(ValueError, match=r"picky: the real reason \(called with \(2,\) float32\)"):
        picky(x2)


def test_the_graph_and_its_errors_know_functions_by_the_names_that_users_call():
    x = tl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    for name, y in (
        ("x[index]", x[1:]),
        ("cat", tl.cat([x, x])),
        ("stack", tl.stack([x, x])),
        ("einsum", tl.einsum("i,i->", x, x)),
        ("var", x.var()),
        ("std", x.std()),
        ("split", x.split(2)[1]),
        ("sort", x.sort().values),
        ("softmax", tl.softmax(x)),
        ("exp", x.exp()),
    ):
        assert y.grad_fn.node.name == name
        y.sum().backward()
        if name in ("einsum", "var", "std", "softmax", "exp"):  # the others save no arrays
            with pytest.raises(RuntimeError, match=f"freed what {name} saved"):
                y.backward(tl.ones_like(y))
    with tl.reference():
        assert tl.layer_norm(x).grad_fn.node.name == "layer_norm"


# --- broadcasting -------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 3), max_size=3).map(tuple), max_size=3))
def test_broadcasting_is_complained_of_exactly_where_numpy_refuses(shapes):
    message = broadcast_message(shapes)
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        assert message is not None
        axis = int(re.search(r"axis (-\d)", message)[1])
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis}
        assert len(sizes - {1}) > 1, f"axis {axis} is not at fault"
    else:
        assert message is None


# --- rules that return what is no gradient --------------------------------------------------------------------------


def student_op(rule):
    return make(lambda x, /: x * x, "student", x=rule)


SEVERAL = "returned a tuple of 2: a rule returns one gradient, for the input it is called for; write one rule for each"
BAD_RULES = [
    (lambda g: None, False, "returned None: is a return missing?"),
    (lambda g: 2.0, False, "returned a float; a gradient is an array of its input's shape"),
    (lambda g: [1, 2, 3], False, "returned a list of 3: a rule returns one gradient"),
    (lambda g: (g, g), False, SEVERAL),
    (lambda g: tl.tensor(g) * 2, False, "returned a Tensor, but it was given arrays"),
    (lambda g: np.ones(3, np.float32), True, "returned an array under create_graph=True"),
    (lambda g: None, True, "returned None: is a return missing?"),
]


@pytest.mark.parametrize("wrapped", [lambda y: y, lambda y: y.exp() * 2], ids=["at the leaf", "further up"])
@pytest.mark.parametrize(("rule", "create_graph", "message"), BAD_RULES, ids=[said[:22] for *_, said in BAD_RULES])
def test_what_is_no_gradient_is_refused_with_the_name_of_the_op(rule, create_graph, message, wrapped):
    for x in (tl.ones(3, requires_grad=True), tl.ones(3, requires_grad=True) * 1):
        y = wrapped(student_op(rule)(x)).sum()
        with pytest.raises(TypeError, match=re.escape(f"the backward rule of student {message}")):
            y.backward(create_graph=create_graph)


@pytest.mark.parametrize("function", [np.exp, lambda x: np.where(x > 0, 2 * x, x)])
def test_a_rule_of_numpy_functions_gets_a_note_under_create_graph(function):
    op = student_op(lambda g: g * function(g))
    x = tl.ones(3, requires_grad=True)
    op(x).sum().backward()
    upstream = tl.ones(3, requires_grad=True)
    with pytest.raises((TypeError, RuntimeError)) as caught:
        op(x).backward(upstream, create_graph=True)
    (note,) = caught.value.__notes__
    assert "raised by the backward rule of student; for higher derivatives" in note
    assert "write it with operators and tl functions, such as tl.exp(x) for np.exp(x)" in note


# --- names that a module does not have ----------------------------------------------------------------------


def test_a_package_that_was_not_imported_is_to_be_imported(monkeypatch):
    monkeypatch.delattr(nn, "torch", raising=False)
    with pytest.raises(AttributeError, match=r"^nn has no attribute 'torch'; write import nn\.torch$"):
        _ = nn.torch


def test_what_is_named_instead_exists():
    importlib.import_module("nn.torch.layers")
    for text in (text for table in remedies().values() for text in table.values()):
        for path in re.findall(r"\b(?:tl|nn|F)(?:\.\w+)+", text):
            assert eval(path, {"tl": tl, "nn": nn, "F": nn.functional}) is not None
    assert all(name == name.lower().replace("_", "") for name in remedies()["written_out"])


def test_a_tensors_missing_method_suggests_only_what_is_alike():
    with pytest.raises(AttributeError) as caught:
        tl.ones(3).foo_bar()
    assert "floor" not in "".join(traceback.format_exception_only(caught.value))

"""Errors speak the user's language: for each kind of bad input, the op, the shapes, and what to do."""

import importlib
import re
import traceback

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nn
import tinygrad_lecture as tl
from gradchecks import make
from tinygrad_lecture.errors import messages as errors, remedies

x23, x3, x2, scalar = tl.ones(2, 3), tl.ones(3), tl.ones(2), tl.ones(())
integers = tl.tensor([0, 1])


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
    message = errors.broadcast_message(shapes)
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

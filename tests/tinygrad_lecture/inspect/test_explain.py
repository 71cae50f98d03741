"""tl.explain: backpropagation as a worked example, whose formulas and numbers are the engine's own."""

import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import drive
import nn
import tinygrad_lecture as tl
from nn.functional import channels
from op_table import TABLE
from tinygrad_lecture import ops
from tinygrad_lecture.inspect.explain.elements import ELEMENTS, SLOPES
from tinygrad_lecture.inspect.explain.expression import dot, equation, expression
from tinygrad_lecture.inspect.explain.formulas import (
    DEFINITIONS,
    DERIVATIVES,
    ELEMENTWISE,
    FORMULAS,
    computed,
    definition_of,
    derivative,
    written,
)
from tinygrad_lecture.inspect.explain.walkthrough import walkthrough_of
from tinygrad_lecture.inspect.page.page import PageData
from tinygrad_lecture.inspect.vertex import Vertex


@tl.op
def halved(x, /):
    return x * 0.5


@halved.backward
def _(g):
    return np.multiply(g, 0.5)  # of arrays alone


class Two(tl.func.Function):
    """Its second output may be of no use."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b, (a + b).sum()

    @staticmethod
    def backward(ctx, g, h):
        a, b = ctx.saved_tensors
        return g * b + h, g * a + h


def leaf(values):
    return tl.tensor(values, requires_grad=True)


def told(program):
    """The text that a program, given as its lines, leaves in `text`."""
    names = {"tl": tl, "nn": nn, "leaf": leaf, "halved": halved, "Two": Two}
    exec(program, names)
    return names["text"]


NETWORK = """
x, y = tl.tensor([1.0, 0.5]), tl.tensor([1.0])
W1, b1, W2, b2 = leaf([[0.5, -1.0], [1.0, 2.0]]), leaf([0.1, -0.3]), leaf([[1.5, -0.5]]), leaf([0.2])
with tl.Graph():
    h = tl.sigmoid(W1 @ x + b1)
    a = tl.sigmoid(W2 @ h + b2)
    C = ((a - y) ** 2).sum()
    C.backward()
    text = tl.explain(C)
"""
PROGRAMS = {  # a program, and what its explanation says
    NETWORK: [
        "\n  #3 = W1 @ x\n",
        "\n      #3[0] = 0.5 · 1 + (-1) · 0.5 = 0\n",
        "\n  h = sigmoid(#5)\n",
        "\n  1.  C = sum(#14)\n      Backward starts here, with dC/dC = 1\n",
        "\n      ∂#14/∂#13 = 2 · #13 = 2 · (-0.3625) = [-0.7249]\n",
        "\n      ∂a/∂#10 = a · (1 - a) = 0.6375 · (1 - 0.6375) = [0.2311]\n",
        "\n      dC/d#10 = dC/da · ∂a/∂#10 = (-0.7249) · 0.2311 = -0.1675\n",
        "\n      dC/dW1 = dC/d#3 @ xᵀ\n",
        "\n          dC/dW1[0, 1] = (-0.06266) · 0.5 = -0.03133\n",
        "\n  dC/dW1  = [[-0.06266, -0.03133], [0.01094, 0.00547]]\n",
    ],
    "x = leaf(-2.0)\nwith tl.Graph(): text = tl.explain(tl.sigmoid(x - 3.0))": [
        "     = (-2) - 3\n",  # negative numbers are in parentheses only between signs
        "    = sigmoid(-5)\n",
    ],
    "x = leaf(3.0); y = x * 2; z = y * y + y; text = tl.explain(z)": [
        "dz/dy = 1  so far, use 1 of 3",
        "dz/dy = 1 + 6 = 7  (use 2 of 3; they add up)",
        "dz/dy = 7 + 6 = 13  (use 3 of 3; they add up)",
    ],
    "b = leaf([2.0]); text = tl.explain((tl.tensor([[3.0], [4.0]]) + b).sum())": [
        ", summed over the copies that broadcasting made\n",
        "          dC/db[0] = 1 + 1 = 2\n",
    ],
    "b = leaf([2.0]); text = tl.explain((tl.tensor([[3.0], [4.0]]) * b).sum())": ["dC/db[0] = 1 · 3 + 1 · 4 = 7\n"],
    """
z, y = leaf([0.5, -1.0]), tl.tensor([1.0, 0.0])
with tl.Graph():
    h = tl.sigmoid(z)
    C = tl.squared_error(h, y)
    text = tl.explain(C)""": [
        "\n      h[1] = sigmoid(-1) = 1 / (1 + exp(1)) = 0.2689\n",
        "\n          dC/dh[0] = 1 · 2 · (0.6225 - 1) / 2 = -0.3775\n",
        "\n          ∂h[0]/∂z[0] = 0.6225 · (1 - 0.6225) = 0.235\n",
        "\n          dC/dz[1] = 0.2689 · 0.1966 = 0.05288\n",
    ],
    # a line has the digits that its arithmetic needs, and says nothing twice
    "x = leaf([1.00001])\nwith tl.Graph(): text = tl.explain(x[0] - 1.0)": ["= 1.00001 - 1"],
    "x = leaf([1000.01, -1000.0, 3.0])\nwith tl.Graph(): text = tl.explain(x.sum())": ["1000.01 + (-1000) + 3 = 3.01"],
    "x = leaf([3.0])\nwith tl.Graph(): text = tl.explain(tl.sigmoid(x[0] * 3.0))": ["0.999877 · (1 - 0.999877)"],
    """
a = leaf([0.5, -0.25])
with tl.Graph():
    z = a.cumsum(axis=0)
    text = tl.explain((tl.gelu(z)[:1] * 2.0).mean())""": ["      z[0] = 0.5\n      z[1] = 0.5 + (-0.25) = 0.25\n"],
    "v = leaf(3.0); w = v * v + v; text = tl.explain(w)": [
        "∂ is the derivative of one step alone",
        "∂w/∂v = 1\n",
        "dw/d#2 = dw/dw · ∂w/∂#2 = 1 · 1 = 1",
        "∂#2/∂v (the second v) = v = 3\n",
        "dw/dv = 4 + 3 = 7",
    ],
    "x, w = leaf(3.0), leaf(3.0); text = tl.explain(x * w, {'d': x, '2.weight': w})": [
        "dC/d(d) = dC/dC · ∂C/∂(d)",  # a name that d would change is in parentheses
        "∂C/∂(2.weight) = d = 3",
    ],
    "x = leaf(3.0); y = x * x; text = tl.explain(y, {'weight': x, 'cost': y})": ["dcost/dweight"],
    "x = leaf(3.0); y = x * x; text = tl.explain(y)": ["dy/dx"],
    "x = leaf([1.0, 2.0]); y = tl.exp(x) * tl.tensor([3.0, 4.0]); text = tl.explain(y.sum())": [
        "exp(x)",
        "[2.718, 7.389] * [3, 4]",
        "[8.155, 29.56]",  # the product, which nothing kept, computed again
    ],
    "x = leaf([1.0, 2.0]); text = tl.explain((x + tl.tensor([3.0, 4.0])).sum())": ["? (the tape did not keep it)"],
    "x = leaf([1.0, 4.0]); text = tl.explain((x * x).mean())": [  # no mean is kept, but this tensor is at hand
        "C = mean(#2)\n    = mean([1, 16])\n    = 8.5\n"
    ],
    """
x = leaf(3.0)
with tl.Graph() as graph:
    s = x * x
    y, z = s * 2, s * 5
    tl.grad([y, z], [x], [tl.tensor(1.0), tl.tensor(-4.0)])
    text = tl.explain(graph)""": [
        "d((-4) · z + y)/dx  = -108",
        "with the upstream -4 that it was given",
        "Backward starts here, with d((-4) · z + y)/dy = 1",
    ],
    """
x = leaf(3.0)
with tl.Graph():
    y = x * x
    y.backward(tl.tensor(5.0))
    text = tl.explain(y)""": [
        "Backward starts here, with the upstream 5 that it was given: d(5 · y)/dy = 5",
        "d(5 · y)/dx  = 30",
    ],
    """
v = leaf([1.0, 2.0])
with tl.Graph():
    z = v * v
    z.backward(tl.tensor([1.0, 10.0]))
    text = tl.explain(z)""": [
        "with the upstream g = [1, 10] that it was given; g · z is the sum",
        "d(g · z)/dv  = [2, 40]",
    ],
    """
x = leaf(3.0); (x * 5).backward()
with tl.Graph():
    y = x * x
    y.backward()
    text = tl.explain(y)""": [
        "dy/dx  = 6",
        "x.grad now holds 11: other passes have added to it, or it was changed since.",
    ],
    """
x = leaf(3.0)
with tl.Graph():
    y = x * x
    y.backward()
    x.grad = tl.tensor(0.0)
    text = tl.explain(y)""": ["x.grad now holds 0: other passes have added to it, or it was changed since."],
    """
x = leaf(3.0)
with tl.Graph():
    y = x * 2
    y.register_hook(lambda g: g * 10)
    z = y * 3
    z.backward()
    text = tl.explain(z)""": ["as a hook has changed it", "dz/dx  = 60"],
    "x = leaf(3.0)\nwith tl.Graph() as graph:\n    y = x * x\n    y.backward()\ntext = tl.explain(y)": ["dy/dx  = 6"],
    """
z = leaf([-0.5])
with tl.Graph():
    a = tl.sigmoid(z)
    text = tl.explain(tl.squared_error(a, tl.tensor([1.0])))""": [
        "= 1 / (1 + exp(-z))\n    = [0.3775]\n      a[0] = sigmoid(-0.5) = 1 / (1 + exp(0.5)) = 0.3775",
        "= mean((0.3775 - 1)²)",
    ],
    # of a large array, one element
    """
x, W = tl.ones(3, 4), tl.full((4, 5), 0.5, requires_grad=True)
with tl.Graph():
    z = x @ W
    text = tl.explain(z.sum())""": [
        "\n      one element of it: z[0, 0] = 1 · 0.5 + 1 · 0.5 + 1 · 0.5 + 1 · 0.5 = 2\n",
        "\n      C = 2 + 2 + 2 + 2 + ... 11 more = 30\n",
        "\n          one element of it: dC/dz[0, 0] = 1 · 1 = 1\n",
        "\n          one element of it: dC/dW[0, 0] = 1 · 1 + 1 · 1 + 1 · 1 = 3\n",
    ],
    "x = leaf([-1.0] * 9 + [2.0])\nwith tl.Graph(): text = tl.explain(tl.relu(x).sum())": [
        "one element of it: dC/dx[9] = 1 · 1 = 1"  # one whose gradient is not 0
    ],
    """
x = leaf([-1.0] * 9 + [2.0])
with tl.Graph():
    y = tl.relu(x) + x
    text = tl.explain(y.sum())""": [
        "one element of it: dC/dx[9] = 1 + 1 = 2  (use 2 of 2"  # one that all uses hand something to
    ],
    "x = leaf([2.0] * 10)\nwith tl.Graph(): text = tl.explain((x * x).sum())": [
        "one element of it: dC/dx[0] = 2 + 2 = 4  (use 2 of 2; they add up)",
        "(use 1) dC/dx[0] = ",
        "(use 2) dC/dx[0] = ",
    ],
    "x = leaf([1.0, 2.0])\nwith tl.Graph(): text = tl.explain((halved(x) * 3.0).sum())": [
        "what the rule of halved makes of dC/d#2 = [1.5, 1.5]"  # it cannot be differentiated
    ],
    # several outputs of one record: their gradients are told in a row
    "p, q = Two.apply(leaf([1.0, 2.0]), leaf([3.0, 4.0])); text = tl.explain((p * q).sum())": [
        "dC/d#3 = [0, 0, 11] + [10, 10, 0] = [10, 10, 11]  (use 2 of 2; they add up)",
        "= [41, 51]\n",
    ],
    """
with tl.Graph():
    p, q = Two.apply(leaf([1.0, 2.0]), leaf([3.0, 4.0]))
    C = p.sum()
    C.backward()
    text = tl.explain(C)""": ["dC/d#3 = [1, 1, 0]\n"],
    # a checkpoint's second run is no pass of its own, and parameters have their names in the program's network
    """
net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
C = tl.checkpoint(net, tl.ones(1, 2, requires_grad=True)).sum()
text = tl.explain(C)""": ["dC/d(net.0.weight)", "Backward starts here, with dC/dC = 1\n    to #4:\n"],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_reads_as_on_a_board(program):
    text = told(program)
    missing = [line for line in PROGRAMS[program] if line not in text]
    assert not missing, text
    assert repr(text) == str(text)  # at the prompt it shows as it is
    assert "dC/dC / 1" not in text and text.count("where phi is the bell curve") < 2


def test_a_pass_of_its_own_leaves_no_trace():
    x = leaf(3.0)
    with tl.Graph() as graph:
        y = x * x
        tl.explain(y)
        assert (x.grad, graph[x].grad, graph.visited, graph.steps) == (None, None, [], [])
        y.backward()
        assert "dy/dx = 3 + 3 = 6" in tl.explain(y)
    assert graph[x].grad == x.grad == 6


def test_of_several_passes_the_last_is_told_and_said_to_be():
    x = leaf(3.0)
    with tl.Graph() as graph:
        y = x * x
        y.backward(retain_graph=True)
        y.backward()
        for text in (tl.explain(y), tl.explain(graph)):
            assert "Backward ran 2 times; this is the last pass" in text
            assert "dy/dx  = 6" in text
            assert "x.grad now holds 12: other passes have added to it, or it was changed since." in text
    assert [term.after for step in walkthrough_of(y).steps for term in step.terms] == [3, 6]


@pytest.mark.parametrize("first", ["a", "b"])
def test_two_results_of_a_graph_are_never_mixed(first):
    x = leaf(3.0)
    with tl.Graph() as graph:
        losses = {"a": x * 2, "b": x * 7}
        (second,) = set(losses) - {first}
        losses[first].backward()
        losses[second].backward()
        walk = walkthrough_of(graph, losses | {"x": x})
    assert (str(walk.result), walk.passes) == (second, 2)
    assert walk.gradients[graph[x]] == {"a": 2, "b": 7}[second]
    assert walkthrough_of(losses[first]).gradients[graph[x]] == {"a": 2, "b": 7}[first]
    assert f"{second} = " not in tl.explain(losses[first], losses)  # only what leads to the result is told


def test_a_value_on_the_way_is_told_with_its_own_pass_or_refused():
    x = leaf(2.0)
    with tl.Graph():
        h = x * x
        L = h * 3
        L.backward(retain_graph=True)
        text = tl.explain(h)
        assert "dh/dx  = 4" in text
        assert "x.grad now holds 12: that is from other passes; this one has left it alone." in text
        L.backward()
        with pytest.raises(RuntimeError, match="explain: backward did not start from this tensor"):
            tl.explain(h)
        assert "dL/dx  = 12" in tl.explain(L)


def freed():
    loss = leaf([1.0, 2.0]).sum() * 2.0
    loss.backward()
    return loss


@pytest.mark.parametrize(
    ("what", "error", "match"),
    [
        (lambda: 3.0, TypeError, "explain: give the tensor that backward starts from, or a Graph, not"),
        (tl.Graph, ValueError, "explain: the graph is empty"),
        (lambda: leaf([1.0, 2.0]) * 2.0, RuntimeError, "needs an upstream gradient"),
        (freed, RuntimeError, "backward has freed this graph"),
        (lambda: tl.ones(2).sum(), RuntimeError, "does not require grad"),
    ],
)
def test_what_cannot_be_told_is_refused(what, error, match):
    with pytest.raises(error, match=match):
        tl.explain(what())


def test_names_that_are_gone_with_their_graph_are_told_how_to_keep():
    program = (
        "x, w = tl.tensor([1.0]), leaf([2.0])\nwith tl.Graph() as graph: y = (w * x).sum()\n{}text = tl.explain(y)"
    )
    gone, kept = told(program.format("del graph\n")), told(program.format(""))
    assert "= w * constant" in gone and "= w * x" in kept
    assert "(Names of parameters and constants are there while their graph is kept" in gone
    assert "Names of" not in kept


def test_the_numbers_stay_those_of_the_pass_when_the_program_goes_on():
    W, x = leaf([[0.5, -1.0]]), leaf([3.0, 2.0])
    with tl.Graph():
        C = (W @ x).sum()
        C.backward()
        before = tl.explain(C, {"W": W, "x": x})
        with tl.no_grad():
            W -= 10.0
            x *= 0.0
        assert tl.explain(C, {"W": W, "x": x}) == before
    assert "          dC/dW[0, 0] = 1 · 3 = 3" in before


@pytest.mark.parametrize("watched", [True, False])
def test_a_call_is_explained_by_its_settings(watched):
    x = leaf([0.3, -2.0])
    with tl.Graph() if watched else tl.enable_grad():
        smooth = tl.gelu(x, approximate="tanh").sum()
        normal = tl.layer_norm(x, None, None, axes=1)
        scaled = tl.layer_norm(x, tl.ones(2), None, axes=1)
        error = tl.squared_error(x, tl.ones(2), average=False)
        assert "t = tanh(sqrt(2 / pi)" in tl.explain(smooth)
        assert "where g' = dC/dnormal and x' is" in tl.explain(normal.sum(), {"normal": normal})
        assert "where g' = dC/dscaled · " in tl.explain(scaled.sum(), {"scaled": scaled})
        assert "/ 2" not in tl.explain(error)


# --- formulas ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "text", "value"),
    [
        ("a * (1 - a)", "0.5 · (1 - 0.5)", 0.25),
        ("-b / a**2", "2 / 0.5²", 8.0),
        ("(a + b) - (a - b)", "0.5 + (-2) - (0.5 - (-2))", -4.0),
        ("a / (a * b)", "0.5 / (0.5 · (-2))", -0.5),
        ("1 / (1 + exp(-a))", "1 / (1 + exp(-0.5))", 1 / (1 + np.exp(-0.5))),
        ("a * b + -1", "0.5 · (-2) + (-1)", -2.0),
        ("(a - 1)**2", "(0.5 - 1)²", 0.25),
        ("a**b + a**-1 + a**20", "0.5^(-2) + 0.5^(-1) + 0.5^20", 6.0),
        ("t * 2, where t = tanh(a)", "t · 2, where t = tanh(0.5)", 2 * np.tanh(0.5)),
        (lambda: dot([1.0, 2.0], [3.0, -1.0]), "1 · 3 + 2 · (-1)", 1.0),
        (lambda: dot(np.ones(9)) / 9, "(1 + 1 + 1 + 1 + ... 5 more) / 9", 1.0),
    ],
)
def test_a_formula_has_the_value_that_it_says(formula, text, value):
    found = formula() if callable(formula) else written(formula, {"a": 0.5, "b": -2.0})
    assert found.text == text
    assert found.value == found.rounded == pytest.approx(value)


def test_a_name_may_hold_any_sign():
    assert written("a**2 * b", {"a": "half * b", "b": "a ** 2"}).text == "half * b² · a ** 2"
    assert np.isnan(written("a * b", {"a": "x", "b": 2.0}).value)


@pytest.mark.parametrize(
    ("work", "result", "line"),
    [
        ("a - 1", 1e-5, "x = 1.00001 - 1 = 1e-05"),
        ("b + c + -0.3", 5.551e-17, "x = 0.1 + 0.2 + (-0.3) = 5.551e-17, which is rounding"),
        ("c * 20", 13.0, "x = 0.2 · 20 = 13, which is rounding"),
        ("b", 0.1, "x = 0.1"),
    ],
)
def test_the_numbers_of_a_line_give_its_result_or_it_says_why_not(work, result, line):
    assert equation("x", lambda: [written(work, {"a": 1.00001, "b": 0.1, "c": 0.2})], result) == line


IN_WORDS = {name for name, formulas in DERIVATIVES.items() if "where {" in formulas[-1]}
WITH_NUMBERS = ELEMENTWISE - IN_WORDS - {"to_device", "alias", "astype", "clone", "root"}


@pytest.mark.parametrize("name", sorted(WITH_NUMBERS))
@given(a=st.floats(0.2, 0.9), b=st.floats(0.2, 0.9))
def test_each_formula_is_what_the_op_and_its_rule_compute(name, a, b):
    op, *setting = name.split()
    given = [a, b][: len(getattr(tl, op).inputs)] if name != "acosh" else [a + 1]
    inputs = [tl.tensor(v, dtype=tl.float64, requires_grad=True) for v in given]
    y = getattr(tl, op)(*inputs, **({"approximate": setting[0]} if setting else {}))
    vertex = Vertex(1, (), op=op, inputs=[Vertex(0, ()) for _ in inputs], maker=getattr(tl, op))
    vertex.settings = {"approximate": setting[0]} if setting else {}
    letters = {letter: expression(v) for letter, v in zip("ab", given, strict=False)} | {"y": expression(y.item())}
    for i, gradient in enumerate(tl.grad(y, inputs)):
        np.testing.assert_allclose(derivative(vertex, i, letters).value, gradient.item(), rtol=1e-6)
    np.testing.assert_allclose(computed(vertex, letters).value, y.item(), rtol=1e-6)


def test_derivatives_are_read_off_the_rules():
    texts = {"tanh": "1 - y · y", "div": "1 / b", "log": "1 / a", "cos": "-sin(a)", "acos": "-1 / sqrt(1 - a · a)"}
    texts |= {"sub": "1", "neg": "-1", "exp": "y", "pow": "b · a^(b - 1)"}
    for op, text in texts.items():
        vertex = Vertex(1, (), op=op, inputs=[Vertex(0, ())] * len(getattr(tl, op).inputs), maker=getattr(tl, op))
        assert derivative(vertex, 0, {"a": "a", "b": "b", "y": "y"}).text == text


@pytest.mark.parametrize("rule", [lambda g, out: g * (2 - out), lambda g, out: np.where(out > 0, g, g) * (2 - out)])
def test_of_ones_own_op_the_own_rule_is_told(rule):
    @tl.op
    def tanh(x, /):
        return np.tanh(x)

    tanh.backward(rule)
    z = leaf([0.5, 1.0])
    with tl.Graph():
        h = tanh(z)
        text = tl.explain((h * 2.0).sum(), {"z": z, "h": h})
    assert ("∂h/∂z = 2 - h = [1.538, 1.238]" in text) == (rule.__code__.co_names == ())
    assert "∂h/∂z = " in text and "1 - h · h" not in text


@pytest.mark.parametrize("watched", [True, False])
def test_a_setting_is_never_taken_for_its_default(watched):
    @tl.op
    def tanh(x, /, width=1.0, shift=0.0):  # the rule asks for width alone, so the tape does not keep shift
        return np.tanh(x / width) + shift

    @tanh.backward
    def _(g, x, width):
        return g / np.cosh(x / width) ** 2 / width

    x = leaf(0.5)
    with tl.Graph() if watched else tl.enable_grad():
        text = tl.explain(tanh(x, 2.0, shift=3.0))
    assert "∂C/∂x = 1 / cosh(x / 2)² / 2 = 1 / cosh(0.5 / 2)² / 2 = 0.47" in text
    assert "rounding" not in text


def test_every_formula_names_an_op_of_the_engine():
    rooms = [ops.copying, ops.elementwise, ops.reduction, ops.shape, ops.indexing, ops.arrangement]
    rooms += [ops.products, ops.linalg]
    known = {name for room in rooms for name in dir(room)} | {*dir(tl), "batch_norm"}  # nn's own op
    assert {name.split()[0] for name in FORMULAS} <= known


# --- what is written beside a fused op is what it computes -----------------------------------------------------

f = {"dtype": tl.float64, "requires_grad": True}
FUSED = {
    "softmax": lambda x, v: tl.softmax(v),
    "log_softmax": lambda x, v: tl.log_softmax(v),
    "long softmax": lambda x, v: tl.softmax(x.reshape(-1)),
    "cross_entropy": lambda x, v: tl.cross_entropy(v, tl.tensor(1)),
    "long cross_entropy": lambda x, v: tl.cross_entropy(x.reshape(-1), tl.tensor(1)),
    "squared_error": lambda x, v: tl.squared_error(v, v * 2),
    "sum of squared_error": lambda x, v: tl.squared_error(v, v * 2, average=False),
    "one squared_error": lambda x, v: tl.squared_error(v[:1], v[1:2]),
    "long squared_error": lambda x, v: tl.squared_error(x, x * 2),
    "linear": lambda x, v: tl.linear(x, x),
    "linear and bias": lambda x, v: tl.linear(x, x, v[:2]),
    "layer_norm": lambda x, v: tl.layer_norm(v),
    "batch_norm": lambda x, v: channels.batch_norm(v.reshape(3, 1)),
    "rms_norm": lambda x, v: tl.rms_norm(v, v),
    "layer_norm and weight": lambda x, v: tl.layer_norm(v, v, v),
    "attention": lambda x, v: tl.attention(x, x, x),
    "scaled attention": lambda x, v: tl.attention(x, x, x, scale=0.3),
    "attention_weights": lambda x, v: tl.attention_weights(x, x),
    "attention_weights and mask": lambda x, v: tl.attention_weights(x, x, tl.tensor([0.5, 1.0], dtype=tl.float64)),
}
MEANINGS = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "mean": np.mean, "var": np.var, "sum": np.sum,
    "softmax": lambda x: np.asarray(tl.softmax(tl.tensor(x)).numpy()), "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUSED)
def test_the_definition_of_an_op_is_what_it_computes(name):
    x, v = tl.randn(2, 3, **f), tl.randn(3, **f)
    with tl.Graph() as graph:
        y = FUSED[name](x, v)
    vertex = graph[y]
    for letter, source in zip("pqrs", vertex.inputs, strict=False):
        source.name = "None" if source.value is None else letter
    values = {str(s): np.array(s.value) for s in vertex.inputs if s.value is not None}
    text = definition_of(vertex).partition(", over")[0].partition(";")[0].partition(", where")[0]
    for sign, python in (("ᵀ", ".T"), ("²", "**2"), ("·", "*")):
        text = text.replace(sign, python)
    np.testing.assert_allclose(eval(text, {"np": np, **MEANINGS, **values}), vertex.value, rtol=3e-3, atol=3e-3)


def test_what_an_op_leaves_out_is_said():
    x = tl.randn(2, 2, **f)
    with tl.Graph() as graph:
        causal = tl.attention(x, x, x, causal=True)
        masked = tl.attention_weights(x, x, tl.tensor([True, False]))
        rows = tl.softmax(x, 0)
    graph.name({"x": x})
    assert "@ x, over the keys up to the query's own place; query x, key x, value x" in definition_of(graph[causal])
    assert definition_of(graph[masked]).endswith("allows; query x, key x")
    assert definition_of(graph[rows]) == "exp(x) / sum(exp(x)), over axis 0"


# --- one element, with its numbers ------------------------------------------------------------------------------


def rows(*shape):
    return tl.randn(*shape, **f)


ELEMENT = {  # a function that computes a result from fresh inputs, the first of them x
    "sum": lambda: (x := rows(3, 5), x.sum()),
    "sum over an axis": lambda: (x := rows(3, 5), x.sum(axis=0)),
    "sum that keeps an axis": lambda: (x := rows(3, 5), x.sum(axis=1, keepdims=True)),
    "mean": lambda: (x := rows(3, 5), x.mean()),
    "mean over axes": lambda: (x := rows(2, 3, 4), x.mean(axis=(0, 2))),
    "matmul": lambda: (x := rows(3, 5), x @ rows(5, 4)),
    "matmul by a matrix on the left": lambda: (x := rows(5, 4), tl.randn(3, 5, dtype=tl.float64) @ x),
    "matmul with a vector": lambda: (x := rows(4, 5), x @ tl.randn(5, dtype=tl.float64)),
    "matmul with a vector on the left": lambda: (x := rows(5, 4), tl.randn(5, dtype=tl.float64) @ x),
    "matmul of a vector": lambda: (x := rows(10), x @ rows(10, 4)),
    "matmul of two vectors": lambda: (x := rows(10), rows(10) @ x),
    "matmul of stacks": lambda: (x := rows(2, 3, 4), x @ rows(2, 4, 3)),
    "matmul of a stack on the left": lambda: (x := rows(2, 4, 3), tl.randn(2, 3, 4, dtype=tl.float64) @ x),
    "matmul of a stack by a matrix": lambda: (x := rows(4, 3), tl.randn(2, 3, 4, dtype=tl.float64) @ x),
    "linear": lambda: (x := rows(3, 4), tl.linear(x, rows(5, 4), rows(5))),
    "linear, its weight": lambda: (x := rows(5, 4), tl.linear(rows(2, 3, 4), x)),
    "linear, its bias": lambda: (x := rows(5), tl.linear(rows(3, 4), rows(5, 4), x)),
    "small matmul": lambda: (x := rows(2, 2), x @ rows(2, 2)),
    "small matmul with a vector": lambda: (x := rows(3, 2), x @ rows(2)),
    "small matmul of a vector": lambda: (x := rows(2), x @ rows(2, 3)),
    "small matmul of a matrix on the right": lambda: (x := rows(2, 3), rows(2) @ x),
    "small linear": lambda: (x := rows(1, 2), tl.linear(x, rows(2, 2), rows(2))),
    "small linear, its weight": lambda: (x := rows(2, 2), tl.linear(rows(2, 2), x, rows(2))),
    "softmax": lambda: (x := rows(3, 4), tl.softmax(x)),
    "softmax over the first axis": lambda: (x := rows(3, 4), tl.softmax(x, axis=0)),
    "log_softmax": lambda: (x := rows(3, 4), tl.log_softmax(x)),
    "cross_entropy": lambda: (x := rows(3, 4), tl.cross_entropy(x, tl.tensor([1, 0, 3]))),
    "squared_error": lambda: (x := rows(3, 4), tl.squared_error(x, tl.randn(3, 4, dtype=tl.float64))),
    "layer_norm": lambda: (x := rows(3, 4), tl.layer_norm(x, rows(4), rows(4))),
    "batch_norm": lambda: (x := rows(4, 3), channels.batch_norm(x)),
    "batch_norm, its weight": lambda: (x := rows(3), channels.batch_norm(rows(4, 3), x)),
    "layer_norm, its weight": lambda: (x := rows(12), tl.layer_norm(rows(3, 12), x, rows(12))),
    "layer_norm, its bias": lambda: (x := rows(12), tl.layer_norm(rows(3, 12), rows(12), x)),
    "rms_norm": lambda: (x := rows(3, 4), tl.rms_norm(x, rows(4))),
    "attention": lambda: (x := rows(3, 4), tl.attention(rows(3, 4), rows(3, 4), x, causal=True)),
    "attention of heads": lambda: (x := rows(2, 3, 4), tl.attention(rows(2, 3, 4), rows(2, 3, 4), x)),
    "attention, its queries": lambda: (x := rows(3, 4), tl.attention(x, rows(3, 4), rows(3, 4), causal=True)),
    "attention, its keys": lambda: (x := rows(2, 3, 4), tl.attention(rows(2, 3, 4), x, rows(2, 3, 4), scale=0.3)),
    "attention_weights, its queries": lambda: (x := rows(3, 4), tl.attention_weights(x, rows(3, 4))),
    "attention_weights, its keys": lambda: (x := rows(3, 4), tl.attention_weights(rows(3, 4), x)),
    "attention_weights with a mask": lambda: (
        x := rows(3, 4), tl.attention_weights(x, rows(3, 4), tl.tensor([True, False, True]))
    ),
    "cumsum": lambda: (x := rows(3, 5), x.cumsum(axis=1)),
    "index_get": lambda: (x := rows(5, 4), x[tl.tensor([2, 0, 2])]),
    "sigmoid": lambda: (x := rows(3, 4), tl.sigmoid(x)),
    "mul by a row": lambda: (x := rows(4), x * tl.randn(3, 4, dtype=tl.float64)),
    "add of a row": lambda: (x := rows(4), rows(3, 4) + x),
    "add of a column": lambda: (x := rows(3, 1), rows(3, 4) + x),
}  # fmt: skip


def place_of(text):
    """The place that is named by "[1, 2]", () for no text."""
    return tuple(map(int, text.strip("[]").split(","))) if text else ()


@pytest.mark.parametrize("name", ELEMENT)
def test_the_element_is_the_engines_and_follows_from_its_numbers(name):
    with tl.Graph():
        x, y = ELEMENT[name]()
        C = (y * (tl.randn(*y.shape, dtype=tl.float64) if y.ndim else 1.5)).sum()
        C.backward()
        text = tl.explain(C, {"x": x, "y": y, "C": C})
    for what, array in {"y": y.detach().numpy(), "dC/dx": x.grad.numpy()}.items():
        found = re.findall(rf"^ +(?:one element of it: )?{what}(\[[\d, ]+\])? = (.*) = (\S+)$", text, flags=re.M)
        found = [line for line in found if re.search(r"\d", line[1]) and "[[" not in line[1]]
        assert len(found) >= (array.size if name.startswith("small") else 1)
        for place, worked, result in found[-array.size :]:
            assert result == f"{array[place_of(place)]:.4g}"
            if "more" not in worked and "x[" not in worked:
                worked = worked.split(" = ")[-1].replace("·", "*")
                assert eval(worked, dict(MEANINGS)) == pytest.approx(array[place_of(place)], rel=2e-2, abs=5e-3)


@pytest.mark.parametrize("name", [name for name in ELEMENT if re.match("(small )?(matmul|linear)", name)])
def test_the_derivative_of_a_product_is_what_a_small_change_gives(name):
    with tl.Graph() as graph:
        x, y = ELEMENT[name]()
        text = tl.explain((y * 2.0).sum(), {"x": x, "y": y})
    op, other = graph[y].op, {str(v): v.value for v in graph}
    found = re.search(r"∂y(\[[\d, ]+\])?/∂x(\[[\d, ]+\])? = (?:(\S+?)(\[[\d, ]+\]) = )?(\S+)\n", text)
    place, source, factor, at, value = found.groups()
    if factor is None:
        assert (op, value) == ("linear", "1")
        return
    one = np.zeros(x.shape)
    one[place_of(source)] = 1
    values = [one if v is graph[x] else v.value for v in graph[y].inputs if v.value is not None and v.value.ndim]
    moved = (values[0] @ (values[1].T if op == "linear" else values[1]))[place_of(place)]
    assert other[factor][place_of(at)] == moved
    assert float(value) == pytest.approx(moved, rel=1e-3)


def test_every_entry_of_the_tables_is_tried():
    assert {*ELEMENTS, *SLOPES} <= {name.split(",")[0].split(" ")[0] for name in ELEMENT}
    in_words = {name for name, text in DEFINITIONS.items() if "{" in text.partition(", where")[0]}
    assert in_words <= {word for name in FUSED for word in name.split()}


def test_what_is_worked_out_of_much_is_large():
    x = tl.tensor([*[0.0] * 20, 3.0, 0.0, 2.0], requires_grad=True)
    W = tl.tensor(np.vstack([np.full(23, 0.1), np.full(23, 0.5)]))
    with tl.Graph():
        y = W @ x
        told = tl.explain((y * tl.tensor([1.0, 7.0])).sum())
    assert "one element of it: y[1] = 0.5 · 0 + 0.5 · 0 + 0.5 · 3 + 0.5 · 2 + ... 19 more = 2.5\n" in told
    assert "one element of it: dC/dx[0] = 1 · 0.1 + 7 · 0.5 = 3.6\n" in told


def test_what_the_engine_does_not_confirm_is_not_shown():
    x = tl.randn(3, 5, requires_grad=True)
    y = x.sum(axis=1)  # nobody watched, so the axis is not known
    assert "one element of it: y[" not in tl.explain((y * 2.0).sum())


DIFFERENTIABLE = [row for row in TABLE.values() if row.differentiable]


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=[row.name for row in DIFFERENTIABLE])
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_op_is_explained_and_shown(row, data):
    sample = data.draw(row.samples)
    inputs = drive.tensors(sample.inputs)
    with tl.Graph() as graph:
        outs = drive.differentiable(row.run(inputs, sample.settings))
        loss = sum((o.sum() for o in outs), tl.tensor(0.0, dtype=tl.float64))
    if not loss.requires_grad:
        return
    assert tl.explain(loss).startswith("Forward")
    walk = walkthrough_of(loss)
    json.dumps(PageData(walk, ()).as_data(), allow_nan=False)
    loss.backward()
    for x in drive.variables(inputs):
        if x.grad is not None and (vertex := graph.find(x)) is not None:
            np.testing.assert_array_equal(walk.gradients[vertex], x.grad.numpy())

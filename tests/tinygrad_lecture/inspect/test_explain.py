"""tl.explain: backpropagation as a worked example, whose formulas and numbers are the engine's own."""

import json
import re
from html import escape
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from op_table import TABLE

import nn
import run_op
import tinygrad_lecture as tl
from gradchecks import make
from nn.functional.normalization import normalised_channels
from tinygrad_lecture import ops
from tinygrad_lecture.inspect.explain.elements import ELEMENTS
from tinygrad_lecture.inspect.explain.formulas import (
    DEFINITIONS,
    DERIVATIVES,
    FORMULAS,
    MOVES,
    definition_of,
    derivative,
    dot,
    elementwise,
    expression,
    written,
)
from tinygrad_lecture.inspect.explain.walkthrough import walkthrough_of
from tinygrad_lecture.inspect.page import PageData
from tinygrad_lecture.inspect.vertex import Vertex

halved = make(lambda x, /: x * 0.5, "halved", x=lambda g: np.multiply(g, 0.5))  # a rule of arrays alone


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


def explained():
    """The programs of explained.txt, each with what its explanation says."""
    text = Path(__file__).with_name("explained.txt").read_text(encoding="utf-8")
    blocks = (block.strip("\n").split("\n> ") for block in text.split("\n\n")[1:])
    return [(program, [line.replace(r"\n", "\n") for line in says]) for program, *says in blocks]


@pytest.mark.parametrize(("program", "says"), explained())
def test_it_reads_as_on_a_board(program, says):
    text = told(program)
    missing = [line for line in says if line not in text]
    assert not missing, text
    assert repr(text) == str(text)  # at the prompt it shows as it is
    html = text._repr_html_()  # in a notebook it folds
    assert html.count("<details open") == 1 < html.count("<details")
    assert all(escape(line.strip()) in html for line in text.splitlines())
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
        walk = walkthrough_of(graph.name(losses | {"x": x}))
    assert (str(walk.result), walk.passes) == (second, 2)
    assert walk.gradients[graph[x]] == {"a": 2, "b": 7}[second]
    assert walkthrough_of(losses[first]).gradients[graph[x]] == {"a": 2, "b": 7}[first]
    assert f"{second} = " not in tl.explain(losses[first])  # only what leads to the result is told


# --- formulas ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "text", "value"),
    [
        ("a * (1 - a)", "0.5 · (1 - 0.5)", 0.25),
        ("(a + b) - (a - b)", "0.5 + (-2) - (0.5 - (-2))", -4.0),
        ("a / (a * b)", "0.5 / (0.5 · (-2))", -0.5),
        ("a**b + a**-1 + a**20", "0.5^(-2) + 0.5^(-1) + 0.5^20", 6.0),
        ("t * 2, where t = tanh(a)", "t · 2, where t = tanh(0.5)", 2 * np.tanh(0.5)),
        (lambda: dot([1.0, 2.0], [3.0, -1.0]), "1 · 3 + 2 · (-1)", 1.0),
        (lambda: dot(np.ones(9)) / 9, "(1 + 1 + 1 + 1 + ... 5 more) / 9", 1.0),
    ],
)
def test_a_formula_has_the_value_that_it_says(formula, text, value):
    found = formula() if callable(formula) else written(formula, {"a": expression(0.5), "b": expression(-2.0)})
    assert found.text == text
    assert found.value == pytest.approx(value)


IN_WORDS = {name for name, formulas in DERIVATIVES.items() if "where {" in formulas[-1]}
WITH_NUMBERS = {*DERIVATIVES} - IN_WORDS - {"root"}


@pytest.mark.parametrize("name", sorted(WITH_NUMBERS))
@settings(max_examples=5)
@given(a=st.floats(0.2, 0.9), b=st.floats(0.2, 0.9))
def test_each_formula_is_what_the_op_and_its_rule_compute(name, a, b):
    op, *setting = name.split()
    given = [a, b][: len(getattr(tl, op).inputs)]
    inputs = [tl.tensor(v, dtype=tl.float64, requires_grad=True) for v in given]
    y = getattr(tl, op)(*inputs, **({"approximate": setting[0]} if setting else {}))
    vertex = Vertex(1, (), op=op, inputs=[Vertex(0, ()) for _ in inputs], maker=getattr(tl, op))
    vertex.settings = {"approximate": setting[0]} if setting else {}
    letters = {letter: expression(v) for letter, v in zip("ab", given, strict=False)} | {"y": expression(y.item())}
    for i, gradient in enumerate(tl.grad(y, inputs)):
        np.testing.assert_allclose(derivative(vertex, i, letters).value, gradient.item(), rtol=1e-6)
    if definition := elementwise(vertex):
        np.testing.assert_allclose(written(definition, letters).value, y.item(), rtol=1e-6)


def test_of_ones_own_op_no_formula_of_ours_is_told():
    tanh = make(lambda x, /: np.tanh(x), "tanh", x=lambda g, out: g * (2 - out))
    z = leaf([0.5, 1.0])
    with tl.Graph():
        h = tanh(z)
        text = tl.explain((h * 2.0).sum())
    assert "∂h/∂z = [1.538, 1.238]" in text and "1 - h · h" not in text


def test_every_formula_names_an_op_of_the_engine():
    rooms = [ops.composite, ops.elementwise, ops.reduction, ops.shape, ops.indexing, ops.linalg]
    known = {name for room in rooms for name in vars(room)} | {*dir(tl), "batch_norm"}  # nn's own op
    assert {name.split()[0] for name in [*FORMULAS, *MOVES]} <= known


# --- what is written beside a fused op is what it computes -----------------------------------------------------

f = {"dtype": tl.float64, "requires_grad": True}
FUSED = {
    "softmax": lambda x, v: tl.softmax(v),
    "log_softmax": lambda x, v: tl.log_softmax(v),
    "cross_entropy": lambda x, v: tl.cross_entropy(v, tl.tensor(1)),
    "squared_error": lambda x, v: tl.squared_error(v, v * 2),
    "long squared_error": lambda x, v: tl.squared_error(x, x * 2),
    "linear": lambda x, v: tl.linear(x, x),
    "linear and bias": lambda x, v: tl.linear(x, x, v[:2]),
    "layer_norm": lambda x, v: tl.layer_norm(v),
    "batch_norm": lambda x, v: normalised_channels(v.reshape(3, 1)),
    "rms_norm": lambda x, v: tl.rms_norm(v, v),
    "layer_norm and weight": lambda x, v: tl.layer_norm(v, v, v),
    "convolution": lambda x, v: tl.convolution(x[None], x[None] * 2),  # of a single window
    "attention": lambda x, v: tl.attention(x, x, x),
    "scaled attention": lambda x, v: tl.attention(x, x, x, scale=0.3),
    "attention_weights": lambda x, v: tl.attention_weights(x, x),
    "attention_weights and mask": lambda x, v: tl.attention_weights(x, x, tl.tensor([0.5, 1.0], dtype=tl.float64)),
}
MEANINGS = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "mean": np.mean, "var": np.var, "sum": np.sum,
    "softmax": lambda x: np.asarray(tl.softmax(tl.tensor(x)).numpy()), "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "window": np.asarray,
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
    text = definition_of(vertex).partition(", over")[0].partition(";")[0].partition(", where")[0].partition(", for")[0]
    for sign, python in (("ᵀ", ".T"), ("²", "**2"), ("·", "*")):
        text = text.replace(sign, python)
    np.testing.assert_allclose(eval(text, {"np": np, **MEANINGS, **values}), vertex.value, rtol=3e-3, atol=3e-3)


# --- one element, with its numbers ------------------------------------------------------------------------------


def rows(*shape):
    return tl.randn(*shape, **f)


ELEMENT = {  # a function that computes a result from fresh inputs, the first of them x
    "sum": lambda: (x := rows(3, 5), x.sum()),
    "mean": lambda: (x := rows(3, 5), x.mean()),
    "matmul": lambda: (x := rows(3, 5), x @ rows(5, 4)),
    "matmul with a vector": lambda: (x := rows(4, 5), x @ tl.randn(5, dtype=tl.float64)),
    "matmul of a vector": lambda: (x := rows(10), x @ rows(10, 4)),
    "matmul of stacks": lambda: (x := rows(2, 3, 4), x @ rows(2, 4, 3)),
    "contract": lambda: (x := rows(3, 4, 2), tl.einsum("ijk,kj->ki", x, rows(2, 4))),
    "convolution": lambda: (x := rows(2, 4, 5, 5), tl.convolution(x, rows(4, 2, 3, 3), rows(4), 2, 1, groups=2)),
    "transposed_convolution": lambda: (x := rows(2, 3, 4), tl.transposed_convolution(x, rows(3, 2, 2), rows(2))),
    "linear": lambda: (x := rows(3, 4), tl.linear(x, rows(5, 4), rows(5))),
    "linear, its weight": lambda: (x := rows(5, 4), tl.linear(rows(2, 3, 4), x)),
    "linear, its bias": lambda: (x := rows(5), tl.linear(rows(3, 4), rows(5, 4), x)),
    "small matmul": lambda: (x := rows(2, 2), x @ rows(2, 2)),
    "small linear": lambda: (x := rows(1, 2), tl.linear(x, rows(2, 2), rows(2))),
    "softmax": lambda: (x := rows(3, 4), tl.softmax(x)),
    "log_softmax": lambda: (x := rows(3, 4), tl.log_softmax(x)),
    "cross_entropy": lambda: (x := rows(3, 4), tl.cross_entropy(x, tl.tensor([1, 0, 3]))),
    "squared_error": lambda: (x := rows(3, 4), tl.squared_error(x, tl.randn(3, 4, dtype=tl.float64))),
    "layer_norm": lambda: (x := rows(3, 4), tl.layer_norm(x, rows(4), rows(4))),
    "batch_norm": lambda: (x := rows(4, 3), normalised_channels(x)),
    "layer_norm, its weight": lambda: (x := rows(12), tl.layer_norm(rows(3, 12), x, rows(12))),
    "rms_norm": lambda: (x := rows(3, 4), tl.rms_norm(x, rows(4))),
    "attention": lambda: (x := rows(3, 4), tl.attention(rows(3, 4), rows(3, 4), x, causal=True)),
    "attention, its queries": lambda: (x := rows(3, 4), tl.attention(x, rows(3, 4), rows(3, 4), causal=True)),
    "attention, its keys": lambda: (x := rows(2, 3, 4), tl.attention(rows(2, 3, 4), x, rows(2, 3, 4), scale=0.3)),
    "attention_weights, its queries": lambda: (x := rows(3, 4), tl.attention_weights(x, rows(3, 4))),
    "attention_weights with a mask": lambda: (
        x := rows(3, 4), tl.attention_weights(x, rows(3, 4), tl.tensor([True, False, True]))
    ),
    "cumsum": lambda: (x := rows(3, 5), x.cumsum(axis=1)),
    "index_get": lambda: (x := rows(5, 4), x[tl.tensor([2, 0, 2])]),
    "sigmoid": lambda: (x := rows(3, 4), tl.sigmoid(x)),
    "add of a row": lambda: (x := rows(4), rows(3, 4) + x),
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
        text = tl.explain(C)
    for what, array in {"y": y.detach().numpy(), "dC/dx": x.grad.numpy()}.items():
        found = re.findall(rf"^ +(?:one element of it: )?{what}(\[[\d, ]+\])? = (.*) = (\S+)$", text, flags=re.M)
        found = [line for line in found if re.search(r"\d", line[1]) and "[[" not in line[1]]
        assert len(found) >= (array.size if name.startswith("small") else 1)
        for place, worked, result in found[-array.size :]:
            assert result == f"{array[place_of(place)]:.4g}"
            if "more" not in worked and "x[" not in worked:
                worked = worked.split(" = ")[-1].replace("·", "*")
                assert eval(worked, dict(MEANINGS)) == pytest.approx(array[place_of(place)], rel=2e-2, abs=5e-3)


def test_every_entry_of_the_tables_is_tried():
    assert {*ELEMENTS} <= {name.split(",")[0].split(" ")[0] for name in ELEMENT}
    in_words = {name for name, text in DEFINITIONS.items() if "{" in text.partition(", where")[0]}
    assert in_words <= {word for name in FUSED for word in name.split()}


def test_what_the_engine_does_not_confirm_is_not_shown():
    x = tl.randn(3, 5, requires_grad=True)
    y = x.sum(axis=1)  # nobody watched, so the axis is not known
    with tl.Graph():
        assert "one element of it: y[" not in tl.explain((y * 2.0).sum())


DIFFERENTIABLE = [row for row in TABLE.values() if row.differentiable]


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=[row.name for row in DIFFERENTIABLE])
@settings(max_examples=1, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_op_is_explained_and_shown(row, data):
    sample = data.draw(row.samples)
    inputs = run_op.tensors(sample.inputs)
    with tl.Graph() as graph:
        outs = run_op.differentiable(row.run(inputs, sample.settings))
        loss = sum((o.sum() for o in outs), tl.tensor(0.0, dtype=tl.float64))
    if not loss.requires_grad:
        return
    assert tl.explain(loss).startswith("Forward")
    walk = walkthrough_of(loss)
    json.dumps(PageData(walk).as_data(), allow_nan=False)
    loss.backward()
    for x in run_op.variables(inputs):
        if x.grad is not None and (vertex := graph.find(x)) is not None:
            np.testing.assert_array_equal(walk.gradients[vertex], x.grad.numpy())

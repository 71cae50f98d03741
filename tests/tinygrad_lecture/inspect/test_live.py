"""A number that one changes on a page: what the browser computes of it, beside the engine."""

import json
from contextlib import suppress
from functools import partial

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from gradchecks import make
from nn.functional import channels
from tinygrad_lecture.inspect.explain.formulas import weights_of
from tinygrad_lecture.inspect.explain.walkthrough import walkthrough_of
from tinygrad_lecture.inspect.page import PageData, read

pytestmark = pytest.mark.browser
f = {"dtype": tl.float64}


def rows(*shape):
    return tl.tensor(np.random.default_rng(sum(shape)).normal(size=shape), **f)


POSITIVE = ("log", "log1p", "sqrt", "rsqrt")
PLAIN = ("neg", "exp", "abs", "sin", "cos", "tanh", "sigmoid", "relu", "silu", "gelu")
PROGRAMS = {  # functions of a parameter of shape (3, 4)
    **{name: partial(lambda op, x: (op(x) * rows(3, 4)).sum(), getattr(tl, name)) for name in PLAIN},
    **{name: partial(lambda op, x: (op(x * x + 0.5) * rows(3, 4)).sum(), getattr(tl, name)) for name in POSITIVE},
    "gelu by tanh": lambda x: (tl.gelu(x, approximate="tanh") * rows(3, 4)).sum(),
    "leaky_relu": lambda x: (tl.leaky_relu(x, 0.2) * rows(3, 4)).sum(),
    "clip": lambda x: (tl.clip(x, -0.5, 0.5) * rows(3, 4)).sum(),
    "arithmetic": lambda x: (x + 2 * x / (x * x + 1) - x**3 + rows(4)).sum(),
    "a power": lambda x: (tl.sigmoid(x) ** x).sum(),
    "the larger": lambda x: (tl.maximum(x, rows(4)) - tl.minimum(x, 0.3 * x)).sum(),
    "the largest": lambda x: x.max() + (x.amax(1) * rows(3)).sum() + (x * x).amin(),
    "sums": lambda x: (x.sum(0) * x.mean(1, keepdims=True) * x.mean()).sum(),
    "a standard deviation": lambda x: x.std(axis=1).sum(),
    "a sum over a broadcast axis": lambda x: (x[None] * rows(5, 1, 4)).sum(),
    "products": lambda x: ((x @ rows(4, 2)) * (rows(3, 3) @ x)[:, :2]).sum(),
    "products of vectors": lambda x: (x @ rows(4)) @ (rows(3) @ x)[:3],
    "products of stacks": lambda x: (rows(5, 2, 3) @ x @ tl.swapaxes(rows(5, 2, 4), 1, 2)).mean(),
    "moves": lambda x: (tl.cat([x.T, x[:, [0, 2, 0]].reshape(3, 3)]) * rows(7, 3)).sum(),
    "softmax": lambda x: (tl.softmax(x, 0) * rows(3, 4)).sum() + (tl.log_softmax(x) * rows(3, 4)).sum(),
    "cross-entropy": lambda x: tl.cross_entropy(x, tl.tensor([1, 0, 3])).mean(),
    "squared error": lambda x: nn.MSELoss()(x, rows(3, 4)) + tl.squared_error(x, rows(3, 4), average=False),
    "absolute error": lambda x: nn.L1Loss()(x, rows(3, 4)),
    "layer norm": lambda x: (tl.layer_norm(x, rows(4), rows(4)) * rows(3, 4)).sum(),
    "norm of two axes": lambda x: (tl.layer_norm(x, axes=2, eps=1e-3) * rows(3, 4)).sum(),
    "rms norm": lambda x: (tl.rms_norm(x, rows(4), eps=0.1) * rows(3, 4)).sum(),
    "batch norm": lambda x: (channels.batch_norm(x, rows(4), rows(4)) * rows(3, 4)).sum(),
    "attention": lambda x: (tl.attention(x, x, x, causal=True) * rows(3, 4)).sum(),
    "masked attention": lambda x: (tl.attention(x, x, x, tl.tensor([True, False, True]), scale=0.7) * rows(3, 4)).sum(),
    "attention weights": lambda x: (tl.attention_weights(x, x, rows(3, 3)) * rows(3, 3)).sum(),
    "rotary": lambda x: (tl.rotary(x, tl.cos(rows(3, 2)), tl.sin(rows(3, 2))) * rows(3, 4)).sum(),
    "a single number": lambda x: tl.silu(x[1, 2]) * 3 + tl.gelu(x[1, 2], approximate="tanh") ** 2,
    "masks": lambda x: (tl.softmax(tl.masked_fill(x, tl.tensor(np.eye(3, 4) > 0), -np.inf)) * rows(3, 4)).sum(),
    "conditions": lambda x: (tl.where((x > 0) & (x * 2 < 1), x * x, -x) * rows(3, 4)).sum(),
    "binary cross-entropy": lambda x: nn.BCEWithLogitsLoss()(x, tl.tensor(np.eye(3, 4))),
    "huber": lambda x: nn.HuberLoss(delta=0.5)(x, rows(3, 4)),
    "a detached value": lambda x: ((h := tl.tanh(x)) * h.detach()).sum(),
    "dropout": lambda x: (tl.manual_seed(0), nn.functional.dropout(x * x, 0.5).sum())[1],
    "logsumexp": lambda x: tl.logsumexp(x, axis=1).sum(),
    "a used-twice sum": lambda x: ((h := tl.tanh(x)) * h + h).sum(),
}  # fmt: skip


def of_the_engine(program, x):
    with tl.Graph() as graph:
        C = program(x)
        C.backward()
    return graph, C


def computed_in(page, data, value, index, to):
    """Why the page cannot; and the values, the gradients of the value, and the lines about both that it computes."""
    scripts = "\n".join(read(name) for name in ("numbers.js", "arrays.js", "tape.js", "live.js", "worked.js"))
    return page.evaluate(f"""([data, value, index, to]) => {{
        {scripts}
        const live = new Live(data);
        if (live.hindrance) return {{ hindrance: live.hindrance }};
        live.set(value, index, to);
        const numbers = (k) => [...elementsOf(data.arrays[k])];
        const terms = data.steps.flatMap((step) => step.terms).filter((term) => term.to === value);
        const [values, gradient] = [data.values.map((v) => numbers(v.value)), numbers(terms.at(-1).after)];
        const worked = new Worked(live);
        const forward = data.values.flatMap((v, i) => (v.kind === "result" ? [worked.forward(i).sums] : []));
        const told = data.steps.flatMap((step) => step.terms.map((term) => worked.term(step, term)));
        const maps = data.values.map((v) => (v.weights < 0 ? null : numbers(v.weights)));
        return {{ hindrance: "", values, gradient, forward, terms: told, maps }};
    }}""", [data, value, index, to])  # fmt: skip


def lines_of(forward, terms):
    """Lists of lines: of each value, and of each term of the steps backward."""
    of_terms = (
        [[f"{t['derivative']} = {t['local']}"], t["slopes"], [f"{t['rule']} = {t['result']}"], t["lines"], [total]]
        for t in terms
        for total in [t["total"].partition("  ")[0]]
    )
    return [*forward, *(lines for parts in of_terms for lines in parts)]


def comes_to(line):
    """The number at the end of a line, None for an array."""
    with suppress(ValueError):
        return float(line.rpartition(" = ")[2])


def data_of(graph):
    return json.loads(json.dumps(PageData(walkthrough_of(graph)).as_data(), allow_nan=False))


@pytest.fixture(scope="module")
def blank(chromium):
    page = chromium.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_follows_from_another_number_is_what_the_engine_computes(blank, name):
    numbers = np.random.default_rng(0).normal(size=(3, 4))
    x = tl.tensor(numbers, requires_grad=True)
    graph, _ = of_the_engine(PROGRAMS[name], x)
    data = data_of(graph)
    numbers[1, 2] = 0.7
    other = tl.tensor(numbers, requires_grad=True)
    wanted, _ = of_the_engine(PROGRAMS[name], other)
    found = computed_in(blank, data, graph.vertices.index(graph[x]), 6, 0.7)
    assert found["hindrance"] == ""
    for vertex, values in zip(wanted.vertices, found["values"], strict=True):
        np.testing.assert_allclose(values, vertex.value.ravel(), rtol=1e-6, atol=1e-6, err_msg=str(vertex))
    np.testing.assert_allclose(found["gradient"], other.grad.numpy().ravel(), rtol=1e-6, atol=1e-6)
    for vertex, weights in zip(wanted.vertices, found["maps"], strict=True):
        if weights is not None:
            np.testing.assert_allclose(weights, weights_of(vertex).ravel(), rtol=1e-6, atol=1e-6)
    other = data_of(wanted)
    sums = [value["sums"] for value in other["values"] if value["kind"] == "result"]
    right = lines_of(sums, [term for step in other["steps"] for term in step["terms"]])
    for lines, of_the_engine_now in zip(lines_of(found["forward"], found["terms"]), right, strict=True):
        if lines[:1] == ["With the numbers before the change:"]:
            continue
        for line, as_it_is in zip(lines, of_the_engine_now, strict=True):
            if line.partition(" = ")[0] == as_it_is.partition(" = ")[0] and comes_to(as_it_is) is not None:
                assert comes_to(line) == pytest.approx(comes_to(as_it_is), rel=2e-3, abs=1e-9), (line, as_it_is)


tripled = make(lambda x, /: x * 3, "tripled", x=lambda g: g * 3)
REFUSED = {
    "it has no rule for tripled": lambda x: tripled(x).sum(),
    "picks by value": lambda x: x.max(axis=1).values.sum(),
    "a condition depends on what it does not know": lambda x: tl.where(x > tl.rand(3, 4), x, 0.0).sum(),
    "there are too many numbers": lambda x: (x[:, :, None] + tl.zeros(2000)).sum(),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_where_the_page_cannot_compute_anew_it_says_why(blank, reason):
    x = tl.tensor(np.ones((3, 4)), requires_grad=True)
    graph, _ = of_the_engine(REFUSED[reason], x)
    assert reason in computed_in(blank, data_of(graph), 0, 0, 2.0)["hindrance"]


def test_a_condition_on_what_the_page_does_not_have_is_no_ground_to_compute_on(blank):
    x = tl.tensor(np.ones((3, 4)), requires_grad=True)
    graph, C = of_the_engine(lambda x: tl.where(x * 2 < 1, x * x, -x).sum(), x)
    assert "depends on what it does not know" in computed_in(blank, data_of(C), 0, 0, 2.0)["hindrance"]
    assert computed_in(blank, data_of(graph), 0, 0, 2.0)["hindrance"] == ""


def test_numbers_other_than_the_engines_are_no_ground_to_compute_on(blank):
    x = tl.tensor(np.ones((3, 4)), requires_grad=True)
    graph, _ = of_the_engine(lambda x: (tl.exp(x) * 2).sum(), x)
    graph.vertices[1].value += 1
    assert "of #2 it finds other numbers than the engine" in computed_in(blank, data_of(graph), 0, 0, 2.0)["hindrance"]

"""A function that is one op is shown as it was written; of several ops each says which function it is part of."""

import re

import pytest

import tinygrad_lecture as tl

CALLS = {
    "max": (lambda x: tl.max(x, axis=1).values, "max(x, axis=1)"),
    "a method": (lambda x: x.min(0).values, "min(x, 0)"),
    "dim": (lambda x: x.median(dim=1).values, "median(x, axis=1)"),
    "sort": (lambda x: tl.sort(x, descending=True).values, "sort(x, descending=True)"),
    "topk": (lambda x: tl.topk(x, 2).values, "topk(x, 2)"),
    "gather": (lambda x: tl.gather(x, 1, tl.tensor([[2], [0]])), "gather(x, 1, [[2], [0]])"),
    "cat": (lambda x: tl.cat([x, x], axis=1), "cat([x, x], axis=1)"),
    "square": (tl.square, "square(x)"),
    "clip": (lambda x: tl.clip(x, 0, 2), "clip(x, 0, 2)"),
    "index": (lambda x: x[0, 1:], "x[0, 1:]"),
    "an op": (lambda x: tl.sum(x, axis=0), "sum(x, axis=0)"),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_op_is_named_as_the_user_wrote_it(name):
    call, written = CALLS[name]
    x = tl.tensor([[1.0, 5.0, 2.0], [6.0, 4.0, 3.0]], requires_grad=True)
    with tl.Graph() as graph:
        y = call(x)
        text = tl.explain(y.sum(), {"x": x, "y": y})
    assert (graph[y].formula, graph[y].part_of) == (written, "")
    assert f"y = {written}" in text


def test_each_op_of_a_function_of_several_says_so():
    x = tl.tensor([0.5, -1.0], requires_grad=True)
    with tl.Graph() as graph:
        y = tl.outer(x, x)
        z = y.sum()
    graph.name({"x": x, "y": y, "z": z})
    assert {v.part_of for v in graph if v.op and v is not graph[z]} == {"outer"}
    assert graph[z].part_of == ""
    assert "(part of outer)" in tl.explain(z)


def test_a_constant_that_a_function_computes_is_part_of_it():
    x, y = tl.tensor([1.0, 2.0], requires_grad=True), tl.tensor([0.5, 1.0])
    with tl.Graph() as graph:
        text = tl.explain(tl.logsumexp(x * y))
    assert re.search(r"= \[2\] +constant, which logsumexp computes\n", text)
    assert graph[y].part_of == ""


def test_two_calls_of_a_function_are_two():
    x = tl.tensor([[1.0, 5.0], [6.0, 4.0]], requires_grad=True)
    with tl.Graph() as graph:
        first, second = tl.max(x, axis=1).values, tl.max(x, axis=0).values
    assert [graph[y].formula for y in (first, second)] == ["max(#1, axis=1)", "max(#1, axis=0)"]


def test_without_a_graph_that_watches_its_name_at_least_is_known():
    x = tl.tensor([[1.0, 5.0], [6.0, 4.0]], requires_grad=True)
    y = tl.max(x, axis=1).values
    assert tl.Graph(y).name({"x": x, "y": y})[y].formula == "max(x)"


def test_the_numbers_of_a_call_stand_in_it():
    x = tl.tensor([[1.0, 5.0], [6.0, 4.0]], requires_grad=True)
    with tl.Graph():
        y = tl.max(x, axis=1).values
        text = tl.explain(y.sum())
    assert "y = max(x, axis=1)\n    = max([[1, 5], [6, 4]], axis=1)\n    = [5, 6]" in text


def test_braces_in_an_argument_stay_what_they_are():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    with tl.Graph() as graph:
        y = tl.cat([x, x])
    graph.name({"{0}": x, "y": y})
    assert graph[y].formula == "cat([{0}, {0}])"

"""What a graph reads from the program: modules that run and lines that call, calls as they were written, variables."""

import gc
import re
import weakref
from types import SimpleNamespace

import pytest

import nn
import tinygrad_lecture as tl

# --- modules and lines -----------------------------------------------------------------------------------------


def test_a_graph_keeps_no_variable_of_the_calls_alive():
    class Remembers(nn.Module):
        def forward(self, x):
            self.seen = tl.ones(3)
            held.append(weakref.ref(self.seen))
            local = tl.ones(2)
            held.append(weakref.ref(local))
            return (x * local).sum()

    held = []
    model = Remembers()
    with tl.Graph() as graph:
        model(tl.ones(2, requires_grad=True))
    del model
    gc.collect()
    assert [reference() for reference in held] == [None, None]
    assert len(graph) == 4


def names_of_parameters(program):
    """What the parameters are called that a program computes with."""
    with tl.Graph() as graph:
        program()
    return [v.name for v in graph if v.requires_grad and v.op is None]


def two_modules():
    a, b = nn.Linear(2, 2), nn.Linear(2, 1)
    C = b(tl.sigmoid(a(tl.ones(1, 2)))).sum()
    a(tl.ones(1, 2))
    assert "dC/d(a.weight)" in tl.explain(C)


def modules_of_a_list():
    layers = [nn.Linear(2, 2, bias=False) for _ in range(3)]
    x = tl.ones(1, 2)
    for layer in layers:
        x = layer(x)


def one_module():
    model, loss = nn.Sequential(nn.Linear(2, 1)), nn.MSELoss()
    loss(model(tl.ones(1, 2)), tl.ones(1, 1))


@pytest.mark.parametrize(
    ("program", "names"),
    [
        (two_modules, "a.weight a.bias b.weight b.bias"),
        (modules_of_a_list, "layer.weight layers[1].weight layers[2].weight"),
        (one_module, "0.weight 0.bias"),
    ],
)
def test_parameters_have_their_modules_names_behind_variables_if_several(program, names):
    assert names_of_parameters(program) == names.split()


# --- a function that is one op is shown as it was written -----------------------------------------------------


@pytest.mark.parametrize(
    ("call", "written"),
    {
        "tl.max(x, axis=1).values": "max(x, axis=1)",
        "x.min(0).values": "min(x, 0)",
        "x.median(dim=1).values": "median(x, axis=1)",
        "tl.sort(x, descending=True).values": "sort(x, descending=True)",
        "tl.topk(x, 2).values": "topk(x, 2)",
        "tl.gather(x, 1, tl.tensor([[2], [0]]))": "gather(x, 1, [[2], [0]])",
        "tl.cat([x, x], axis=1)": "cat([x, x], axis=1)",
        "tl.square(x)": "square(x)",
        "tl.clip(x, 0, 2)": "clip(x, 0, 2)",
        "x[0, 1:]": "x[0, 1:]",
        "tl.sum(x, axis=0)": "sum(x, axis=0)",
    }.items(),
)
def test_an_op_is_named_as_the_user_wrote_it(call, written):
    x = tl.tensor([[1.0, 5.0, 2.0], [6.0, 4.0, 3.0]], requires_grad=True)
    with tl.Graph() as graph:
        other = tl.max(x, axis=1).values  # another call is another
        y = eval(call, {"x": x, "tl": tl})
        text = tl.explain(y.sum(), {"x": x, "y": y})
    assert (graph[y].formula, graph[y].part_of, graph[other].formula) == (written, "", "max(x, axis=1)")
    assert f"y = {written}" in text


def test_each_op_of_a_function_of_several_says_so_and_so_does_a_constant_in_it():
    x, y = tl.tensor([0.5, -1.0], requires_grad=True), tl.tensor([0.5, 1.0])
    with tl.Graph() as graph:
        z = tl.outer(x, x)
        total = z.sum()
        text = tl.explain(tl.logsumexp(x * y))
    graph.name({"x": x, "z": z, "total": total})
    assert {v.part_of for v in graph.vertices[: graph.vertices.index(graph[total])] if v.op} == {"outer"}
    assert graph[total].part_of == graph[y].part_of == ""
    assert "(part of outer)" in tl.explain(total)
    assert re.search(r"= \[\S+\] +constant, which logsumexp computes\n", text)


# --- names of variables ---------------------------------------------------------------------------------------

V1 = tl.tensor([[0.5, -1.0], [1.0, 2.0]], requires_grad=True)  # a global


class Net:
    def __init__(self):
        self.W = tl.tensor([[1.0, 2.0]], requires_grad=True)

    def told(self, x):
        return tl.explain((self.W @ x).sum())


def test_variables_and_what_they_hold_have_the_name_one_would_type():
    x, net = tl.tensor([1.0, 0.5]), Net()
    assert "dC/dV1" in tl.explain((V1 @ x).sum())
    assert "dC/d(self.W)" in net.told(x)
    assert "dC/d(net.W)" in tl.explain((net.W @ x).sum())
    held = SimpleNamespace(scale=tl.tensor(2.0, requires_grad=True), _hidden=tl.tensor(3.0, requires_grad=True))
    text = tl.explain(held.scale * held._hidden)
    assert "dC/d(held.scale)" in text and "_hidden" not in text


def test_a_variable_of_the_function_comes_before_a_global_of_the_same_value():
    own, x = V1, tl.tensor([1.0, 0.5])
    assert "dC/down" in tl.explain((own @ x).sum())

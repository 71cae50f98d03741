"""Scopes and lines: which module runs, and which line of the program calls, read from the call stack."""

import gc
import weakref

import nn
import tinygrad_lecture as tl
from tinygrad_lecture.inspect.program import Scopes, lines_of_call


class Asking(nn.Module):
    """A module that asks for the scope, once before its child and once after it."""

    def __init__(self, child=None):
        self.child = child

    def forward(self, scopes, seen):
        seen.append(scopes.now())
        if self.child is not None:
            self.child(scopes, seen)
            seen.append(scopes.now())


def test_modules_are_named_by_their_path_in_the_outermost():
    scopes, seen = Scopes(), []
    assert scopes.now() is None
    Asking(Asking(Asking()))(scopes, seen)
    assert [str(scope) for scope in seen] == [
        "Asking",
        "child (Asking)",
        "child.child (Asking)",
        "child (Asking)",
        "Asking",
    ]
    assert seen[0] is seen[4]
    assert seen[1] is seen[3]
    assert list(seen[2].above()) == [seen[2], seen[1], seen[0]]
    assert scopes.now() is None


def test_two_calls_are_two_scopes():
    scopes, seen, module = Scopes(), [], Asking()
    module(scopes, seen)
    module(scopes, seen)
    assert seen[0] is not seen[1]
    assert len(scopes.roots) == 2


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


def test_the_line_of_a_call_is_the_users():
    ((file, number),) = lines_of_call()
    assert file == __file__
    assert number > 1


def test_parameters_of_modules_called_on_their_own_have_the_variables_names():
    a, b = nn.Linear(2, 2), nn.Linear(2, 1)
    with tl.Graph() as graph:
        C = b(tl.sigmoid(a(tl.ones(1, 2)))).sum()
        a(tl.ones(1, 2))
    assert [v.name for v in graph if v.requires_grad and v.op is None] == ["a.weight", "a.bias", "b.weight", "b.bias"]
    assert "dC/d(a.weight)" in tl.explain(C)


def test_modules_of_a_list_are_named_by_their_place():
    def program():
        layers = [nn.Linear(2, 2, bias=False) for _ in range(3)]
        x = tl.ones(1, 2)
        for layer in layers:
            x = layer(x)

    with tl.Graph() as graph:
        program()
    assert [v.name for v in graph if v.requires_grad and v.op is None] == [
        "layer.weight", "layers[1].weight", "layers[2].weight"]  # fmt: skip


def test_the_parameters_of_one_module_have_its_own_names():
    model, loss = nn.Sequential(nn.Linear(2, 1)), nn.MSELoss()
    with tl.Graph() as graph:
        loss(model(tl.ones(1, 2)), tl.ones(1, 1))
    assert [v.name for v in graph if v.requires_grad and v.op is None] == ["0.weight", "0.bias"]

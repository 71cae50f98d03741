"""Scopes and lines: which module runs, and which line of the program calls, read from the call stack."""

import gc
import weakref

import nn
import tinygrad_lecture as tl
from tinygrad_lecture.inspect.scopes import Scopes, lines_of_call


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

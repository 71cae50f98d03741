"""A pass of backward that runs for a story alone."""

from __future__ import annotations

from typing import Any

from ...autograd.backward import backward_pass, seed_for
from ...autograd.core import Leaf, Record
from ...autograd.modes import modes
from ..graph import Graph
from ..observe import Observing
from ..vertex import Step, Vertex


def pass_from(loss: Any, graph: Graph, wanted: set[Vertex], caller: str) -> list[Step]:
    """The steps of a backward pass that leaves every `.grad`, the tape and the Graph as they are.

    Raises RuntimeError where backward has freed the record of one of the wanted vertices.
    """
    if isinstance(loss._node, Leaf):
        return []
    if any(isinstance(n, Record) and n.saved is None and graph.vertex_of(n) in wanted for n in graph.nodes):
        raise RuntimeError(
            f"{caller}: backward did not start from this tensor, and it has freed this graph; give the tensor that it "
            "started from, or call backward(retain_graph=True)"
        )
    seed = seed_for(loss, None, False)
    leaves = [node for node in graph.nodes if isinstance(node, Leaf)]
    before = [(vertex, vertex.grad, vertex.handed) for vertex in graph.vertices]
    seen, steps = len(graph.visited), len(graph.steps)
    outer, modes.observer = modes.observer, None  # only the graph is told of this pass, and then forgets it
    try:
        with Observing(graph):
            backward_pass([(loss._node, seed)], wanted=leaves, retain_graph=True)
        return graph.steps[steps:]
    finally:
        modes.observer = outer
        del graph.visited[seen:], graph.steps[steps:]
        for vertex, grad, handed in before:
            vertex.grad, vertex.handed = grad, handed

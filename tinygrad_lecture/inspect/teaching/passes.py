"""Which steps of backward belong to one pass, and a pass that runs for a story alone."""

from __future__ import annotations

from typing import Any

from ...autograd.modes import modes
from ...autograd.seeds import seed_for
from ...autograd.tape import Leaf, Record, backward_pass
from ..graph import Graph
from ..observe import Observing
from ..vertex import Step, Vertex


def passes_of(steps: list[Step]) -> list[list[Step]]:
    """The steps of each backward pass.

    A pass goes from younger to older records, so a younger one starts another pass. So does one that follows when
    every result that was handed a gradient has had its step.
    """
    passes: list[list[Step]] = []
    due = set[Vertex]()  # handed a gradient, and not yet visited
    for step in steps:
        if not passes or not due or step.age >= passes[-1][-1].age:
            passes.append([])
            due = set()
        passes[-1].append(step)
        due.discard(step.vertex)
        given = zip(step.vertex.inputs, step.handed, strict=True)
        due |= {to for to, handed in given if handed is not None and to.op is not None}
    return passes


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

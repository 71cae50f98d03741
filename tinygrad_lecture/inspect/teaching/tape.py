"""What a graph that nobody watched still tells: the values that the tape kept, and a pass of backward of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.backward import backward_pass, seed_for
from ...autograd.core import Leaf, Record
from ...autograd.op import Op
from ...backend import is_array, to_host
from ..graph import Graph
from ..observe import Observing, Unwatched
from ..vertex import Step, Vertex


def recover_values(graph: Graph) -> None:
    """Set values of a `tl.Graph(result)` that it does not know yet, in place.

    A saved array is the value of an input or of the result; an op without settings whose inputs are all known is
    computed again. The rest, such as a number that was added and that no rule needs, stays unknown.
    """
    records = {node: graph.vertex_of(node) for node in graph.nodes if isinstance(node, Record)}
    for record, vertex in records.items():
        vertex.inputs = [Vertex(0, (), name="constant") if x.number == 0 else x for x in vertex.inputs]
        for of, value in _saved(record, vertex):
            if of.value is None and value is not None:
                of.value = np.array(to_host(value)) if is_array(value) else np.asarray(value)
                if of.number == 0:
                    of.shape, of.name = of.value.shape, of.name if is_array(value) else str(value)
            elif of.value is None and of.number == 0:
                of.name = "None"
    for record, vertex in records.items():
        op, values = record.op, [x.value for x in vertex.inputs]
        if vertex.value is not None or not isinstance(op, Op) or any(value is None for value in values):
            continue
        if set(op.settings) <= set(op.options):  # an option calls other ops, so it was not given
            out = np.asarray(op.forward(*values))
            vertex.value = out.astype(record.dtype) if out.shape == record.shape else None


def _saved(record: Record, vertex: Vertex) -> list[tuple[Vertex, Any]]:
    """The vertices whose values a record keeps, with these.

    An op's saver, given vertices for arrays, returns each vertex in the place of its array.
    """
    op: Any = record.op
    if hasattr(op, "kernel_backward"):
        arrays, (vertex.settings,), *rest = record.saved or ((), ({},))
        return [*zip(vertex.inputs, arrays, strict=True), *((vertex, out) for out in (rest[0] if rest else ()))]
    if getattr(op, "saver", None) is None:
        return []
    places = op.saver(vertex.inputs, vertex, {}, record.nodes)
    both = zip(places, record.saved or (), strict=False)
    return [pair for asked in both for pair in zip(*asked, strict=True) if isinstance(pair[0], Vertex)]


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
    before = [(vertex, vertex.grad, vertex.input_gradients) for vertex in graph.vertices]
    seen, steps = len(graph.visited), len(graph.steps)
    try:
        with Unwatched(), Observing(graph):  # only the graph is told of this pass, and then forgets it
            backward_pass([(loss._node, seed)], wanted=leaves, retain_graph=True)
        return graph.steps[steps:]
    finally:
        del graph.visited[seen:], graph.steps[steps:]
        for vertex, grad, gradients in before:
            vertex.grad, vertex.input_gradients = grad, gradients

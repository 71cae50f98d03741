"""What a graph that nobody watched still tells: the values that the tape kept, and a pass of backward of its own."""

from __future__ import annotations

import re
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
    records = [node for node in graph.nodes if isinstance(node, Record)]
    for record in records:
        vertex = graph.vertex_of(record)
        vertex.inputs = [Vertex(0, (), name="constant") if x.number == 0 else x for x in vertex.inputs]
        if hasattr(record.op, "kernel_backward") and record.saved:
            vertex.settings = dict(record.saved[1][0])
        for place, value in _saved(record):
            of = vertex if place is None else vertex.inputs[place] if place < len(vertex.inputs) else None
            if of is not None and of.value is None and value is not None:
                of.value = np.array(to_host(value)) if is_array(value) else np.asarray(value)
                if of.number == 0:
                    of.shape = of.value.shape
                    of.name = str(value) if not is_array(value) else "constant"
            elif of is not None and of.number == 0 and value is None and of.value is None:
                of.name = "None"
    for record in records:
        vertex = graph.vertex_of(record)
        forward = getattr(record.op, "forward", None)
        if vertex.value is not None or forward is None or not isinstance(record.op, Op):
            continue
        if not set(record.op.settings) <= set(record.op.options):  # an option calls other ops, so it was not given
            continue
        values = [x.value for x in vertex.inputs]
        if all(value is not None for value in values):
            out = np.asarray(forward(*values))
            if out.shape == record.shape:
                vertex.value = out.astype(record.dtype)


def _saved(record: Record) -> list[tuple[int | None, Any]]:
    """What a record keeps: (position of the input, its value), or (None, the result's)."""
    op: Any = record.op
    if hasattr(op, "kernel_backward"):
        arrays, _, *rest = record.saved or ((), ())
        return [*enumerate(arrays), *((None, out) for out in rest[0] if op.keeps_out and rest)]
    found: list[tuple[int | None, Any]] = []
    for asked, saved in zip(getattr(op, "asked", ()), record.saved or (), strict=False):
        for expression, value in zip(asked or (), saved, strict=False):
            if expression == "out":
                found.append((None, value))
            elif match := re.fullmatch(r"arrays\[(\d+)\]", expression):
                found.append((int(match[1]), value))
    return found


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
        with Unwatched(None), Observing(graph):  # only the graph is told of this pass, and then forgets it
            backward_pass([(loss._node, seed)], wanted=leaves, retain_graph=True)
        return graph.steps[steps:]
    finally:
        del graph.visited[seen:], graph.steps[steps:]
        for vertex, grad, gradients in before:
            vertex.grad, vertex.input_gradients = grad, gradients

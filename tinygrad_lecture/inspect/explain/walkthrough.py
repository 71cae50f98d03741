"""A computation step by step: its values in the order of computing, then one pass of backward.

    walk = walkthrough_of(loss)                 # within `with tl.Graph()`, or while the graph of the loss stands
    walk.steps[1].terms[0].after                # the gradient of an input so far, after this step

`explain` prints it, `page` shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...autograd.backward import backward_pass, seed_for
from ...autograd.core import Leaf, Record
from ...autograd.op import Op
from ...backend import Array, is_array, to_host
from ...errors import kind_of
from ...tensor_base import TensorBase
from ..graph import Graph, watched
from ..observe import Observer, Observing, Unwatched, observers
from ..printing import in_words
from ..vertex import Place, Step, Term, Vertex, passes_of
from .elements import first_place
from .formulas import ELEMENTWISE, RULES, differential, expression


@dataclass(eq=False)
class Walkthrough:
    """A computation that led to a result, and backward through it.

    vertices: in the order of computing.  result: what backward starts from, as the cost.  steps: those of one pass of
    backward, the last.  gradients: of each value at its end, by vertex.  stored: what is in `.grad` of leaves
    that still exist.  passes: how often backward ran.  own: whether it ran for this alone, which leaves `.grad` as it
    is.  unnamed: whether nobody kept the graph that knew the names of parameters and constants, and the modules.
    """

    vertices: list[Vertex]
    result: Vertex
    steps: list[Step]
    gradients: dict[Vertex, Array]
    stored: dict[Vertex, Array] = field(default_factory=dict)
    passes: int = 0
    own: bool = False
    unnamed: bool = False

    @cached_property
    def differentiated(self) -> str:
        """What the gradients are derivatives of: "C"; "5 · C" with an upstream; "y + z" if two had one."""
        terms = [_seeded(step) for step in self.steps if step.starts] or [str(self.result)]
        return " + ".join(terms)

    def gradient_of(self, vertex: Vertex) -> str:
        """How the gradient of a value is written: "dC/dw", "d(5 · C)/dw", "dC/d(0.weight)"."""
        return f"{differential(self.differentiated)}/{differential(str(vertex))}"

    def note(self) -> str:
        """What to know: that it is the last pass of several, or why names are missing; "" for nothing."""
        if self.passes > 1:
            return (
                f"Backward ran {self.passes} times; this is the last pass, and the gradients are its alone. "
                "For another result use tl.page(result, ...) or tl.explain(result)."
            )
        kept = "Compute within `with tl.Graph():`. Then all names are known, and a page has a box for each module."
        return kept if self.unnamed else ""


def started(step: Step) -> str:
    """What backward starts with, where it is not 1: "with the upstream 5 that it was given"; else ""."""
    upstream, name = step.upstream, str(step.vertex)
    if not step.starts or _seeded(step) == name:
        return ""
    if upstream.size == 1:
        return f"with the upstream {in_words(upstream)} that it was given"
    sums = f"g · {name} is the sum of the products of their elements"
    return f"with the upstream g = {in_words(upstream)} that it was given; {sums}"


def _seeded(step: Step) -> str:
    """A result with the upstream that it was given: "C", "5 · C", "g · C"."""
    if step.upstream.size != 1:
        return f"g · {step.vertex}"
    upstream = step.upstream.item()
    return str(step.vertex) if upstream == 1 else (expression(upstream) * str(step.vertex)).text


def walkthrough_of(what: Any, names: Mapping[str, Any] | None = None, caller: str = "explain") -> Walkthrough:
    """The steps of a result, or of all that a Graph saw.

    what: a Tensor that the running `with tl.Graph()` watches, or whose graph stands; or a Graph. Where backward has not
    run yet, it runs here, without a change to any `.grad`.
    names: of tensors; by default, values without a name get those of the variables of the caller.
    Raises TypeError for anything else, RuntimeError for a tensor without a graph or whose graph backward has freed,
    ValueError for an empty graph, or for a result of several elements that backward did not start from.
    """
    if names is not None and not isinstance(names, Mapping):
        raise TypeError(f'{caller}: names is a dict from names to tensors, as {{"x": x}}, not {kind_of(names)}')
    if isinstance(what, Graph):
        graph, result = what, None
        if not graph.vertices:
            raise ValueError(f"{caller}: the graph is empty; compute with tensors that require grad while it watches")
    elif isinstance(what, TensorBase):
        graph, result = _graph_of(what)
    else:
        raise TypeError(f"{caller}: give the tensor that backward starts from, or a Graph, not {kind_of(what)}")
    graph.name_by_variables() if names is None else graph.name(names)
    vertices = graph.vertices if result is None else _before(result, graph)
    wanted, own = set(vertices), False
    passes = passes_of(graph.steps)
    if result is not None:
        passes = [p for p in passes if p[0].vertex is result and all(step.vertex in wanted for step in p)]
        if own := not passes:
            passes = passes_of(_pass_from(what, graph, wanted, caller))
    steps = passes[-1] if passes else []
    if result is None:
        result = steps[0].vertex if steps else next((v for v in reversed(vertices) if v.op), vertices[-1])
    if not result.name and "C" not in {v.name for v in vertices}:
        result.name = "C"  # for cost
    told, gradients = _backward(steps)
    walk = Walkthrough(vertices, result, told, gradients, passes=len(passes), own=own)
    leaves = ((v, node.tensor) for node, v in graph.at.items() if isinstance(node, Leaf) and v in wanted)
    held = ((v, None if tensor is None else tensor()) for v, tensor in leaves)
    walk.stored = {v: np.array(to_host(x._grad._array)) for v, x in held if x is not None and x._grad is not None}
    given = (x for v in vertices for x in v.inputs if x.op is None)
    hidden = (x.name in ("", "constant") or (x.requires_grad and "." in x.name) for x in given)
    walk.unnamed = graph not in watched() and any(hidden)
    return walk


def _graph_of(loss: Any) -> tuple[Graph, Vertex]:
    """The graph that a tensor is in, and the tensor's vertex."""
    for graph in [*(seen for seen in observers() if isinstance(seen, Graph)), *watched()]:
        vertex = graph.find(loss)
        if vertex is not None:
            return graph, vertex
    graph = Graph(loss)
    vertex = graph[loss]
    vertex.value = np.array(to_host(loss._array))
    _recover_values(graph)
    return graph, vertex


def _before(result: Vertex, graph: Graph) -> list[Vertex]:
    """The vertices that a result was computed from, and itself, in order."""
    needed = {result}
    for vertex in reversed(graph.vertices):
        if vertex in needed:
            needed.update(vertex.inputs)
    return [vertex for vertex in graph.vertices if vertex in needed]


def _backward(steps: list[Step]) -> tuple[list[Step], dict[Vertex, Array]]:
    """The steps of a pass, each with its terms; and the sum of each gradient at its end.

    The sums are those of the tape: in the order of the terms.
    """
    told: list[Step] = []
    sums: dict[Vertex, Array] = {}
    terms: dict[Vertex, list[Term]] = {}
    for step in steps:
        so_far = sums.get(step.vertex)
        changed = so_far is not None and not np.array_equal(so_far, step.upstream, equal_nan=True)
        told.append(replace(step, starts=so_far is None, changed=changed, terms=[]))
        sums[step.vertex] = step.upstream
        for position, (to, gradient) in enumerate(zip(step.vertex.inputs, step.input_gradients, strict=True)):
            if gradient is not None:
                before = sums.get(to)
                after = sums[to] = gradient if before is None else np.asarray(before + gradient)
                term = Term(to, position, gradient, _local(step, position), before, after)
                told[-1].terms.append(term)
                terms.setdefault(to, []).append(term)
    for of_one in terms.values():
        place = _place([term.gradient for term in of_one])
        for count, term in enumerate(of_one, start=1):
            term.count, term.of, term.place = count, len(of_one), place
    for step in told:
        for term in step.terms:
            if step.vertex.op == "index_get" and term.of == 1:
                term.place = _most_picked(step, term)
    return told, sums


def _local(step: Step, position: int) -> Array | None:
    """The derivative element by element, where there is one for each element."""
    op = step.vertex.op or ""
    single = step.upstream.size == 1 and op not in RULES
    return step.local.elementwise(position) if single or op in ELEMENTWISE else None


def _place(terms: list[Array]) -> Place:
    """The element to work out: one with large terms and, if there is such an element, without a term that is 0.

    A term counts as 0 if it is so small beside the largest that it may be rounding.
    """
    sizes = [np.nan_to_num(np.abs(term)) for term in terms]
    each = np.logical_and.reduce([size > 1e-6 * size.max(initial=0) for size in sizes])
    sums = np.asarray(sum(sizes)) * (each if each.any() else 1)
    return first_place(sums == sums.max(initial=0))


def _most_picked(step: Step, term: Term) -> Place:
    """The element of a value that was picked most often, if one was picked more than once; else the term's place."""
    times = step.local.elementwise(term.position)
    return first_place(times == times.max()) if times is not None and (times > 1).any() else term.place


# --- what a graph that nobody watched still tells --------------------------------------------------------------


def _recover_values(graph: Graph) -> None:
    """Set values of a `tl.Graph(result)` that it does not know yet, in place.

    A saved array is the value of an input or of the result. An op without settings is computed again if all its inputs
    are known. The rest stays unknown, such as a number that was added, which no rule needs.
    """
    records = {node: vertex for node, vertex in graph.at.items() if isinstance(node, Record)}
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
    """The vertices whose values a record keeps, each with its value. The settings that it keeps are set."""
    op: Any = record.op
    if hasattr(op, "kernel_backward"):
        arrays, (vertex.settings,), *rest = record.saved or ((), ({},))
        return [*zip(vertex.inputs, arrays, strict=True), *((vertex, out) for out in (rest[0] if rest else ()))]
    if not isinstance(op, Op) or op.variadic:
        return []
    kept = [
        pair
        for names, values in zip(op.asked, record.saved or (), strict=False)
        for pair in zip(names or (), values, strict=False)
    ]
    vertex.settings = {name: x for name, x in kept if name in op.settings and x is not op.settings[name]}
    vertices = {**dict(zip(op.inputs, vertex.inputs, strict=False)), "out": vertex}
    return [(vertices[name], x) for name, x in kept if name in vertices]


def _pass_from(loss: Any, graph: Graph, wanted: set[Vertex], caller: str) -> list[Step]:
    """The steps of a backward pass that leaves every `.grad`, the tape and the Graph as they are.

    Raises RuntimeError where backward has freed the record of one of the wanted vertices.
    """
    if isinstance(loss._node, Leaf):
        return []
    if any(isinstance(n, Record) and n.saved is None and v in wanted for n, v in graph.at.items()):
        raise RuntimeError(
            f"{caller}: backward did not start from this tensor, and it has freed this graph; give the tensor that it "
            "started from, or call backward(retain_graph=True)"
        )
    leaves = [node for node in graph.at if isinstance(node, Leaf)]
    watch = _Steps(graph)
    with Unwatched(), Observing(watch):
        backward_pass([(loss._node, seed_for(loss, None, False))], targets=leaves, retain_graph=True)
    return watch.steps


class _Steps(Observer):
    """Lists the steps of backward, as a graph shows them."""

    keeps_values = True  # see `Unseen`

    def __init__(self, graph: Graph) -> None:
        self.graph, self.steps = graph, list[Step]()

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        self.steps.append(self.graph.step_of(record, upstream, gradients))

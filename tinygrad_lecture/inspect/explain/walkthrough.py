"""A computation step by step: its values in the order of computing, then one pass of backward.

    walk = walkthrough_of(loss)                 # of a loss that a Graph watches, or has watched
    walk.steps[1].terms[0].after                # the gradient of an input so far, after this step

`explain` prints it, `page` shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...autograd.backward import backward_pass, seed_for
from ...autograd.core import Leaf, Record
from ...backend import Array, to_host
from ...errors import kind_of
from ...tensor_base import TensorBase
from ..graph import Graph, watched
from ..observe import Observer, Observing, Unwatched, observers
from ..printing import in_words
from ..vertex import Place, Step, Term, Vertex, passes_of
from .elements import first_place
from .formulas import DERIVATIVES, RULES, differential, expression


@dataclass(eq=False)
class Walkthrough:
    """A computation that led to a result, and backward through it.

    vertices: in the order of computing.  result: what backward starts from, as the cost.  steps: those of one pass of
    backward, the last.  gradients: of each value at its end, by vertex.  stored: what is in `.grad` of leaves
    that still exist.  passes: how often backward ran.  own: whether it ran for this alone, which leaves `.grad` as it
    is.
    """

    vertices: list[Vertex]
    result: Vertex
    steps: list[Step]
    gradients: dict[Vertex, Array]
    stored: dict[Vertex, Array] = field(default_factory=dict)
    passes: int = 0
    own: bool = False

    @cached_property
    def differentiated(self) -> str:
        """What the gradients are derivatives of: "C"; "5 · C" with an upstream; "y + z" if two had one."""
        terms = [_seeded(step) for step in self.steps if step.starts] or [str(self.result)]
        return " + ".join(terms)

    def gradient_of(self, vertex: Vertex) -> str:
        """How the gradient of a value is written: "dC/dw", "d(5 · C)/dw", "dC/d(0.weight)"."""
        return f"{differential(self.differentiated)}/{differential(str(vertex))}"

    def note(self) -> str:
        """What to know: that it is the last pass of several; "" for nothing."""
        if self.passes <= 1:
            return ""
        return (
            f"Backward ran {self.passes} times; this is the last pass, and the gradients are its alone. "
            "For another result use tl.page(result, ...) or tl.explain(result)."
        )


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


def walkthrough_of(what: Any, caller: str = "explain") -> Walkthrough:
    """The steps of a result, or of all that a Graph saw.

    what: a Tensor that a Graph watches, or has watched and is still there; or a Graph. Where backward has not run yet,
    it runs here, without a change to any `.grad`. Values without a name get those of the variables of the caller.
    Raises TypeError for anything else, RuntimeError for a tensor without a graph or whose graph backward has freed,
    ValueError for an empty graph, or for a result of several elements that backward did not start from.
    """
    if isinstance(what, Graph):
        graph, result = what, None
        if not graph.vertices:
            raise ValueError(f"{caller}: the graph is empty; compute with tensors that require grad while it watches")
    elif isinstance(what, TensorBase):
        graph, result = _graph_of(what, caller)
    else:
        raise TypeError(f"{caller}: give the tensor that backward starts from, or a Graph, not {kind_of(what)}")
    graph.name_by_variables()
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
    return walk


def _graph_of(loss: Any, caller: str) -> tuple[Graph, Vertex]:
    """The graph that a tensor is in, and the tensor's vertex."""
    for graph in [*(seen for seen in observers() if isinstance(seen, Graph)), *watched()]:
        vertex = graph.find(loss)
        if vertex is not None:
            return graph, vertex
    if loss._node is None:
        raise RuntimeError(
            "this tensor does not require grad, so its graph was not recorded and cannot be shown: make a "
            "tensor that it is computed from with requires_grad=True, and compute it again"
        )
    raise RuntimeError(f"{caller}: no Graph has watched it: compute, go backward and look in a `with tl.Graph():`")


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
    return told, sums


def _local(step: Step, position: int) -> Array | None:
    """The derivative element by element, where there is one for each element."""
    op = step.vertex.op or ""
    single = step.upstream.size == 1 and op not in RULES
    return step.local.elementwise(position) if single or op in DERIVATIVES else None


def _place(terms: list[Array]) -> Place:
    """The element to work out: one with large terms and, if there is such an element, without a term that is 0.

    A term counts as 0 if it is so small beside the largest that it may be rounding.
    """
    sizes = [np.nan_to_num(np.abs(term)) for term in terms]
    each = np.logical_and.reduce([size > 1e-6 * size.max(initial=0) for size in sizes])
    sums = np.asarray(sum(sizes)) * (each if each.any() else 1)
    return first_place(sums == sums.max(initial=0))


# --- a pass that leaves no trace ------------------------------------------------------------------------------


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

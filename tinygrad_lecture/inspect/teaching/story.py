"""The story of a computation: its values in the order of computing, then backward, gift by gift.

    story = story_of(loss)                      # within `with tl.Graph()`, or while the graph of the loss stands
    story.events[1].gifts[0].after              # the gradient of an input so far, after this step

`explain` prints it, `page` shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...backend import Array, to_host
from ...errors.words import kind_of
from ...traced import Traced
from ..formulas.derivatives import differential
from ..formulas.numbers import as_factor, in_words, number
from ..graph import Graph, watched
from ..observe import observers
from ..recovered import recover_values
from ..vertex import Step, Vertex, passes_of
from .own_pass import pass_from


@dataclass(eq=False)
class Gift:
    """What one step of backward hands to one input of its op.

    to: the input; position: which one it is.  handed: the gradient.  local: the derivative of the result with respect
    to the input, element by element, or None.  before, after: the gradient of the input without and with this gift.
    count, of: this is the count-th of so many gifts to it.  place: the element that all of them are worked out for.
    """

    to: Vertex
    position: int
    handed: Array
    local: Array | None
    before: Array | None
    after: Array
    count: int = 1
    of: int = 1
    place: tuple[int, ...] | None = None


@dataclass(eq=False)
class Event:
    """One step of backward at one result.

    upstream: its gradient.  given: whether the pass starts here, so that the gradient is not made of gifts, as the 1 of
    the loss.  changed: whether it is not the sum of its gifts, since a hook changed it.
    """

    vertex: Vertex
    upstream: Array
    given: bool
    changed: bool
    gifts: list[Gift] = field(default_factory=list)


@dataclass(eq=False)
class Story:
    """A computation that led to a result, and backward through it.

    vertices: in the order of computing.  result: what backward starts from, as the cost.  events: the steps of one
    pass of backward, the last.  gradients: of each value at its end, by vertex.  stored: what is in `.grad` of leaves
    that still exist.  passes: how often backward ran.  own: whether it ran for this story alone, which leaves `.grad`
    as it is.  unnamed: whether nobody kept the graph that knew the names of parameters and constants.
    """

    vertices: list[Vertex]
    result: Vertex
    events: list[Event]
    gradients: dict[Vertex, Array]
    stored: dict[Vertex, Array] = field(default_factory=dict)
    passes: int = 0
    own: bool = False
    unnamed: bool = False

    @cached_property
    def differentiated(self) -> str:
        """What the gradients are derivatives of: "C"; "5 · C" with an upstream; "y + z" if two had one."""
        terms = [_seeded(event) for event in self.events if event.given] or [str(self.result)]
        return " + ".join(terms)

    def gradient_of(self, vertex: Vertex) -> str:
        """How the gradient of a value is written: "dC/dw", "d(5 · C)/dw", "dC/d(0.weight)"."""
        return f"{differential(self.differentiated)}/{differential(str(vertex))}"

    @property
    def more(self) -> str:
        """Why `.grad` holds something else than this pass found."""
        if self.own:
            return "that is from other passes; this one has left it alone"
        return "other passes have added to it, or it was changed since"

    def note(self) -> str:
        """What to know: that it is the last pass of several, or why names are missing; "" for nothing."""
        if self.passes > 1:
            return (
                f"Backward ran {self.passes} times; this is the last pass, and the gradients are its alone. "
                "For another result use tl.page(result, ...) or tl.explain(result)."
            )
        kept = "Names of parameters and constants are there while their graph is kept: with tl.Graph() as graph: ..."
        return kept if self.unnamed else ""


def started(event: Event) -> str:
    """What backward starts with, where it is not 1: "with the upstream 5 that it was given"; else ""."""
    given, name = event.upstream, str(event.vertex)
    if not event.given or _seeded(event) == name:
        return ""
    if given.size == 1:
        return f"with the upstream {in_words(given)} that it was given"
    sums = f"g · {name} is the sum of the products of their elements"
    return f"with the upstream g = {in_words(given)} that it was given; {sums}"


def _seeded(event: Event) -> str:
    """A result with the upstream that it was given: "C", "5 · C", "g · C"."""
    given = event.upstream
    if given.size != 1:
        return f"g · {event.vertex}"
    return str(event.vertex) if given.item() == 1 else f"{as_factor(number(given.item()))} · {event.vertex}"


def story_of(what: Any, names: Mapping[str, Any] | None = None, caller: str = "explain") -> Story:
    """The story of a result, or of all that a Graph saw.

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
    elif isinstance(what, Traced):
        graph, result = _graph_of(what)
    else:
        raise TypeError(f"{caller}: give the tensor that backward starts from, or a Graph, not {kind_of(what)}")
    _give_names(graph, names)
    vertices = graph.vertices if result is None else _before(result, graph)
    wanted, own = set(vertices), False
    passes = passes_of(graph.steps)
    if result is not None:
        passes = [p for p in passes if p[0].vertex is result and all(step.vertex in wanted for step in p)]
        if own := not passes:
            passes = passes_of(pass_from(what, graph, wanted, caller))
    steps = passes[-1] if passes else []
    if result is None:
        result = steps[0].vertex if steps else next((v for v in reversed(vertices) if v.op), vertices[-1])
    if not result.name and "C" not in {v.name for v in vertices}:
        result.name = "C"  # for cost
    story = _told(vertices, result, steps)
    story.stored = {v: grad for v, grad in graph.stored_gradients().items() if v in wanted}
    story.passes, story.own = len(passes), own
    nameless = (not x.name or x.name == "constant" for v in vertices for x in v.inputs if x.op is None)
    story.unnamed = graph not in watched() and any(nameless)
    return story


def _graph_of(loss: Any) -> tuple[Graph, Vertex]:
    """The graph that a tensor is in, and the tensor's vertex."""
    for graph in [*(seen for seen in observers() if isinstance(seen, Graph)), *watched()]:
        vertex = graph.find(loss)
        if vertex is not None:
            return graph, vertex
    graph = Graph(loss)
    vertex = graph[loss]
    vertex.value = np.array(to_host(loss._array))
    recover_values(graph)
    return graph, vertex


def _give_names(graph: Graph, names: Mapping[str, Any] | None) -> None:
    if names is not None:
        graph.name(names)
    else:
        graph.name_by_variables()


def _before(result: Vertex, graph: Graph) -> list[Vertex]:
    """The vertices that a result was computed from, and itself, in order."""
    needed, stack = set[Vertex](), [result]
    while stack:
        vertex = stack.pop()
        if vertex not in needed:
            needed.add(vertex)
            stack.extend(vertex.inputs)
    return [vertex for vertex in graph.vertices if vertex in needed]


def _told(vertices: list[Vertex], result: Vertex, steps: list[Step]) -> Story:
    """The steps of a pass as events, with the sum of each gradient before and after each gift.

    The sums are those of the tape: in the order of the gifts.
    """
    events, gifts = list[Event](), list[Gift]()
    sums: dict[Vertex, Array] = {}
    for step in steps:
        so_far = sums.get(step.vertex)
        changed = so_far is not None and not np.array_equal(so_far, step.upstream, equal_nan=True)
        events.append(Event(step.vertex, step.upstream, so_far is None, changed))
        sums[step.vertex] = step.upstream
        for position, (to, handed) in enumerate(zip(step.vertex.inputs, step.handed, strict=True)):
            if handed is not None:
                before = sums.get(to)
                after = sums[to] = _plus(before, handed)
                events[-1].gifts.append(Gift(to, position, handed, step.local[position], before, after))
        gifts += events[-1].gifts
    _count(gifts)
    return Story(vertices, result, events, sums)


def _count(gifts: list[Gift]) -> None:
    """Number the gifts of a pass to each value, and choose an element of it that has a part of each if there is one."""
    by_value: dict[Vertex, list[Gift]] = {}
    for gift in gifts:
        by_value.setdefault(gift.to, []).append(gift)
    for vertex, given in by_value.items():
        place = None
        if len(given) > 1 and given[0].handed.size:
            nonzero = [gift.handed != 0 for gift in given]
            each = np.logical_and.reduce(nonzero)
            first = (each if each.any() else np.logical_or.reduce(nonzero)).argmax()
            place = tuple(map(int, np.unravel_index(first, vertex.shape)))
        for count, gift in enumerate(given, start=1):
            gift.count, gift.of, gift.place = count, len(given), place


def _plus(total: Array | None, more: Array) -> Array:
    return more if total is None else np.asarray(total + more)

"""What the steps of a page compute, forward and backward, as programs that compute.js runs when a number is changed.

They are read off the engine: each op runs once more by its definition, and so do its backward rules, on Tensors. Both
call ops, which an observer lists. So no rule is written a second time, and the page knows no derivatives.

    {"op": "mul", "of": [0, 3], "shape": [2, 3]}    the op of each element, broadcast; also "matmul"
    {"op": "take", ..., "places": places}           the elements at these places, counted through all of the inputs
    {"op": "sum", ..., "places": places}            each element added at its place; also other REDUCTIONS

of: what it is computed from: first come the value's inputs, then its gradient, then the results of the program; below 0
stand arrays of the page, -1 for its first. places: a list, -1 for none; or {first, steps}, the steps along each axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from ...autograd.backward import backward_pass
from ...autograd.core import Record
from ...autograd.modes import enable_grad, reference
from ...autograd.op import Op
from ...backend import Array, is_array
from ...tensor_base import wrap
from ..explain.formulas import MOVES, as_leaves, known_values, moved
from ..explain.walkthrough import Walkthrough
from ..observe import Observer, Observing, Unwatched
from ..vertex import Step, Vertex

LIVE = 20_000  # numbers of a graph that the page computes anew
BY_VALUE = ("kthvalue", "max", "median", "min", "sort", "topk")
REDUCTIONS = ("amax", "amin", "mean", "root_of_squares", "sum")
MOVING = {*MOVES, "windows"} - {"astype"}
TRANSPOSES = ("index_transpose", "overlap_add")  # of what picks elements: they add them up


def programs_of(walk: Walkthrough, add: Callable[[Array], int]) -> tuple[dict[Vertex, dict[str, Any]], str]:
    """A program for each result; and why the page cannot compute what follows from another number, else "".

    add: returns the number of an array of the page.
    """
    hindrance, programs = _hindrance(walk), dict[Vertex, dict[str, Any]]()
    steps = {step.vertex: step for step in walk.steps}
    for vertex in () if hindrance else (vertex for vertex in walk.vertices if vertex.op):
        try:
            programs[vertex] = _program(vertex, steps.get(vertex), add)
        except Exception:  # a rule of the user's own may do with arrays what it cannot do with Tensors
            return {}, f"it has no rule for {vertex.op}"
    return programs, hindrance


def _hindrance(walk: Walkthrough) -> str:
    if sum(math.prod(vertex.shape) for vertex in walk.vertices) > LIVE:
        return "there are too many numbers"
    for vertex in walk.vertices:
        if vertex.value is None:
            return f"it does not know all of {vertex}"
        if (vertex.part_of or vertex.op) in BY_VALUE and vertex.op not in REDUCTIONS:
            return f"{vertex} = {vertex.formula} picks by value, which may change"
        for x in (x for x in vertex.inputs if x.follows):
            return f"{x} is a condition or a detached value, which may change"
    return "a hook changes the gradients" if any(step.changed for step in walk.steps) else ""


def _program(vertex: Vertex, step: Step | None, add: Callable[[Array], int]) -> dict[str, Any]:
    """What a value and the terms of its step are computed by.

    forward, backward: lists of steps.  out, weights, gradients: where the value, its attention weights and the term of
    each input are found.
    """
    upstream = None if step is None else step.upstream
    seen = _Program([*(x.value if x.number else None for x in vertex.inputs), upstream], add)
    with Unwatched(), reference(), enable_grad(), Observing(seen):
        inputs = as_leaves(known_values(vertex))
        out = vertex.maker(*inputs, **vertex.settings)
        forward, gradients = len(seen.steps), dict[int, int]()
        if step is not None:
            nodes = {term.position: inputs[term.position]._node for term in step.terms}
            found = backward_pass([(out._node, wrap(upstream))], targets=nodes.values(), create_graph=True)
            gradients = {position: seen.number(found[node]._array) for position, node in nodes.items()}
    return {
        "forward": seen.steps[:forward], "out": seen.number(out._array), "weights": seen.weights(),
        "backward": seen.steps[forward:], "gradients": gradients,
    }  # fmt: skip


class _Program(Observer):
    """Lists the ops that run while it watches. given: the arrays with the first numbers, None for one not used."""

    keeps_values = True

    def __init__(self, given: Sequence[Array | None], add: Callable[[Array], int]) -> None:
        self.steps: list[dict[str, Any]] = []
        self._add, self._given, self._numbers = add, [*given], {id(x): i for i, x in enumerate(given)}
        self._made: dict[int, tuple[Array, Record | None]] = {}  # results by number; held, as `_numbers` has their ids

    def number(self, x: Any) -> int:
        """The number of an array, or of a constant."""
        if is_array(x) and id(x) in self._numbers:
            return self._numbers[id(x)]
        return -1 - self._add(np.asarray(np.nan if x is None else x))

    def weights(self) -> int | None:
        """The number of the attention weights, if there are any."""
        named = (n for n, (_, record) in self._made.items() if record and record.name == "attention_weights")
        return next(named, None)

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        """Add a step for an op call; see `Observer`."""
        name, of, more = op.name, list(map(self.number, arrays)), dict[str, Any]()
        if name in REDUCTIONS:
            kept = op.forward(*arrays, **{**settings, "keepdims": True}).shape
            more["places"] = _even(np.broadcast_to(np.arange(out.size).reshape(kept), np.shape(arrays[0])))
        elif name in TRANSPOSES:
            name, more["places"] = "sum", _even(_added_to(op, arrays, settings, out))
        elif name == "add_at":
            to = cast(Any, op.rules[1])(np.arange(out.size).reshape(out.shape), **settings)
            added = self._tell("sum", of[1:], out.shape, places=_even(to))
            name, of = "add", [of[0], added]
        elif name in MOVING:
            name, more["places"] = "take", _even(moved(op, map(np.shape, arrays), settings))
        elif name in ("clip_to", "leaky_relu"):
            of += map(self.number, {**op.settings, **settings}.values())
        self._numbers[id(out)] = number = self._tell(name, of, out.shape, **more)
        self._made[number] = out, record

    def _tell(self, op: str, of: list[int], shape: Sequence[int], **more: Any) -> int:
        """Add a step. Returns the number of its result."""
        self.steps.append({"op": op, "of": of, "shape": list(shape), **more})
        return len(self._given) + len(self.steps) - 1


def _added_to(op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array) -> Array:
    """For each element of an array the place in the op's result that it is added to; -1 for none.

    Its rule tells: from there each element has its gradient.
    """
    rule, saver = cast(Any, op.rules[0]), cast(Any, op.saver)
    counted = np.arange(1, out.size + 1).reshape(out.shape)
    return np.asarray(rule(counted, *saver(arrays, out, settings, arrays)[0])) - 1


def _even(places: Array) -> Any:
    """Places as a list or, if they go on evenly along each axis, as the first one and these steps."""
    if not places.size:
        return []
    first = places.flat[0]
    steps = [np.take(places, min(1, n - 1), axis).flat[0] - first for axis, n in enumerate(places.shape)]
    ways = zip(steps, np.indices(places.shape), strict=True)
    even = np.array_equal(places, first + sum(step * at for step, at in ways))
    return {"first": int(first), "steps": list(map(int, steps))} if even else places.ravel().tolist()

"""Checks of chapters 1 and 2: a neuron, and numbers that remember where they came from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import CheckFailed, check_property, matrices, numbers

from .spec import Spec, solved
from .steps import TRAILING_COMMA, call, fail, function

NAMES = "abcdefghijkl"
PAIRS = st.lists(st.tuples(numbers(), numbers()), min_size=1, max_size=4)
VECTORS = st.tuples(PAIRS, numbers()).map(lambda d: ([x for x, _ in d[0]], [w for _, w in d[0]], d[1]))  # x, w, b
LARGE = st.one_of(numbers(-6, 6), st.sampled_from([20.0, -20.0, 1000.0, -1000.0]))


def unchanged(m: Any, spec: Spec) -> None:
    """Of arrays it is known here whether the answer writes to them; other failures were found before."""

    def check(x: Any, w: Any, b: Any) -> None:
        try:
            call(m.weighted_sum, (np.array(x), np.array(w), b), names=("x", "w", "b"))
        except CheckFailed as failure:
            if failure.kind == "changed":
                raise

    check_property(check, VECTORS)


# --- 2.1 --------------------------------------------------------------------------------------------------------------


class Cubic:
    """x -> a x**3 + b x**2 + c x, printed as a lambda."""

    def __init__(self, a: float, b: float, c: float) -> None:
        self.a, self.b, self.c = a, b, c

    def __call__(self, x: float) -> float:
        return self.a * x**3 + self.b * x**2 + self.c * x

    def __repr__(self) -> str:
        return f"lambda x: {self.a:g} * x**3 + {self.b:g} * x**2 + {self.c:g} * x"


def slope(m: Any, spec: Spec) -> None:
    cubics = st.builds(Cubic, numbers(), numbers(), numbers())
    try:
        function("slope", [cubics, numbers()], rtol=1e-7, atol=1e-7)(m, spec)
    except CheckFailed as failure:
        if failure.cause is None and _has_own_step(m):
            failure.hint, failure.cause = "own-step", "h is given, 1e-5: a larger or a much smaller one is less precise"
        raise


def _has_own_step(m: Any) -> bool:
    """Whether slope measures a derivative, but with another h than the one that it is given."""
    with suppress(Exception):  # an answer that cannot be called with h
        one, other = (m.slope(Cubic(1, 0, 0), 2.0, h) for h in (0.5, 0.25))
        return bool(one == other and abs(one - 12) < 1.5)
    return False


# --- graphs of Values -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Program:
    """Inputs, then steps: an operation and the positions of its two operands."""

    inputs: tuple[float, ...]
    steps: tuple[tuple[str, int, int], ...]

    @property
    def lines(self) -> list[str]:
        """The program as Python."""
        lines = [f"{NAMES[k]} = Value({x:g})" for k, x in enumerate(self.inputs)]
        for k, (op, i, j) in enumerate(self.steps, start=len(self.inputs)):
            lines.append(f"{NAMES[k]} = {NAMES[i]} {op} {NAMES[j]}")
        return lines

    @property
    def last(self) -> str:
        return NAMES[len(self.inputs) + len(self.steps) - 1]

    def build(self) -> list[Node]:
        """All nodes."""
        nodes = [Node(x) for x in self.inputs]
        for op, i, j in self.steps:
            nodes.append(nodes[i] + nodes[j] if op == "+" else nodes[i] * nodes[j])
        return nodes


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Programs of a few steps; values are used several times, or not at all."""
    inputs = tuple(draw(st.lists(numbers(zero=False), min_size=1, max_size=3)))
    steps: list[tuple[str, int, int]] = []
    for _ in range(draw(st.integers(1, 5))):
        high = len(inputs) + len(steps) - 1
        steps.append((draw(st.sampled_from("+*")), draw(st.integers(0, high)), draw(st.integers(0, high))))
    return Program(inputs, tuple(steps))


class Node:
    """A Value that works, for exercises whose own Value is not the question.

    seeded: whether its gradient has ever been another number than 0.
    """

    seeded = False

    def __init__(self, data: float, parents: Sequence[Any] = (), locals_: Sequence[float] = ()) -> None:
        self.data, self.parents, self.locals, self.grad = data, tuple(parents), tuple(locals_), 0.0

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "grad" and value:
            self.seeded = True

    def __add__(self, other: Any) -> Node:
        return Node(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> Node:
        return Node(self.data * other.data, (self, other), (other.data, self.data))


# In these, usual mistakes differ from each other: values used twice, before others, with the same number.
TELLING = [
    Program((1.0,), (("+", 0, 0), ("*", 1, 0), ("+", 1, 2), ("*", 3, 1))),
    Program((2.0, 3.0), (("+", 0, 1), ("*", 2, 1), ("+", 3, 2))),
    Program((2.0, 2.0, 3.0), (("+", 0, 1), ("*", 3, 2))),
]


def _close(a: Any, b: float) -> bool:
    return isinstance(a, (int, float)) and abs(a - b) <= 1e-7 * max(1.0, abs(b))


# --- 2.2 --------------------------------------------------------------------------------------------------------------


def value(m: Any, spec: Spec) -> None:
    def product(x: float, y: float) -> None:
        a, b = m.Value(x), m.Value(y)
        lines = [f"a = Value({x:g})", f"b = Value({y:g})", "out = a * b"]
        out = call(lambda: a * b, (), "a * b", shown=lines)
        if not isinstance(out, m.Value):
            what = "a number" if isinstance(out, (int, float)) else type(out).__name__
            spec.fail(f"a * b returns {what}, not a Value.", lines, "type")
        if not _close(out.data, x * y):
            shown = [*lines, f"out.data   expected {x * y:g}   got {out.data!r}"]
            spec.fail("a * b has the wrong data.", shown, "data")
        parents, locals_ = tuple(out.parents), tuple(out.locals)
        if len(parents) != 2 or {id(p) for p in parents} != {id(a), id(b)}:
            shown = [*lines, f"out.parents has {len(parents)} elements"]
            spec.fail("a * b does not remember its parents.", shown, "parents")
        right = tuple(b.data if p is a else a.data for p in parents)
        if len(locals_) != 2 or not all(map(_close, locals_, right)):
            default = "locals", "the local derivatives are wrong: move a by 1, and a * b moves by b"
            found = spec.cause(m, lambda module: list((module.Value(2.0) * module.Value(3.0)).locals), default)
            fail("a * b has wrong local derivatives.",
                 [*lines, f"out.locals   expected {right!r}   got {locals_!r}"], *found, "locals")  # fmt: skip

    check_property(product, [numbers(zero=False), numbers(zero=False)])

    def square(x: float) -> None:
        a = m.Value(x)
        out = a * a
        if tuple(out.locals) != (x, x) or tuple(out.parents) != (a, a):
            why = "each use counts: the parents are (a, a), the local derivatives (a, a)"
            shown = [f"a = Value({x:g})", "out = a * a"]
            fail("a * a must have a as a parent twice, each with a local derivative.", shown, "parents", why, "twice")

    check_property(square, [numbers(zero=False)])


# --- 2.3 --------------------------------------------------------------------------------------------------------------


def _sent(module: Any) -> list[float]:
    """The gradients of the parents after one step back, in four small graphs."""
    found = []
    for multiply in (True, False):
        for twice in (True, False):
            a, b = Node(2.0), Node(3.0)
            other = a if twice else b
            out = a * other if multiply else a + other
            out.grad, a.grad, b.grad = 5.0, 0.5, 0.5
            module.send_back(out)
            found += [a.grad, b.grad]
    return found


def chain(m: Any, spec: Spec) -> None:
    def one_step(x: float, y: float, grad: float, before: float, same: bool, op: str) -> None:
        a, b = Node(x), Node(y)
        other = a if same else b
        out = a * other if op == "*" else a + other
        out.grad, a.grad, b.grad = grad, before, before
        data, locals_ = out.data, out.locals
        lines = [f"a = Value({x:g})", *([] if same else [f"b = Value({y:g})"]), f"out = a {op} {'a' if same else 'b'}",
                 f"out.grad = {grad:g}"]  # fmt: skip
        if before:
            lines.append(f"a.grad = {before:g}" if same else f"a.grad = b.grad = {before:g}")
        lines.append("send_back(out)")
        right = {"a": before + grad * (sum(locals_) if same else locals_[0])}
        if not same:
            right["b"] = before + grad * locals_[1]
        call(m.send_back, (out,), watch=False, shown=lines)
        got = {"a": a.grad, "b": b.grad}
        if not all(_close(got[k], right[k]) for k in right):
            shown = lines + [f"{k}.grad   expected {right[k]:g}   got {got[k]!r}" for k in right]
            fail("A parent's gradient is wrong.", shown, *spec.cause(m, _sent), "grad")
        if (out.grad, out.locals, out.data) != (grad, locals_, data):
            spec.fail("send_back changes the node itself.", lines, "changed", "node")

    nonzero = numbers(zero=False)
    inputs = [nonzero, nonzero, nonzero, numbers(), st.booleans(), st.sampled_from("+*")]
    check_property(one_step, inputs, draws=80)


# --- 2.4 --------------------------------------------------------------------------------------------------------------


def _order_of(module: Any, nodes: list[Node]) -> list[str]:
    name = {id(node): NAMES[k] for k, node in enumerate(nodes)}
    return [name.get(id(node), "?") for node in module.topological_order(nodes[-1])]


def _orders(module: Any) -> list[list[str]]:
    return [_order_of(module, program.build()) for program in TELLING]


def order(m: Any, spec: Spec) -> None:
    def check(program: Program) -> None:
        nodes = program.build()
        name = {id(n): NAMES[k] for k, n in enumerate(nodes)}
        lines = [*program.lines, f"topological_order({program.last})"]
        got = call(m.topological_order, (nodes[-1],), watch=False, shown=lines)
        if not isinstance(got, list):
            spec.fail("topological_order must return a list.", lines, "type")
        said = [name.get(id(n), "?") for n in got]
        shown = [*lines, f"got   [{', '.join(said)}]"]
        missing = sorted({name[id(n)] for n in _ancestors(nodes[-1])} - set(said))
        if missing:
            found = spec.cause(m, _orders)
            if found[0] != "same-number":
                found = "missing", "put the node itself at the end of done, and do not forget the parents of parents"
            fail(f"These Values are missing: {', '.join(missing)}.", shown, *found, "missing")
        twice = sorted({s for s in said if said.count(s) > 1})
        if twice:
            spec.fail(f"{', '.join(twice)} is in the list more than once.", shown, "twice")
        for node in got:
            for parent in node.parents:
                a, b = name[id(parent)], name[id(node)]
                if said.index(a) < said.index(b):
                    found = spec.cause(m, _orders, spec.told("too-early"))
                    fail(f"{a} stands before {b}, which was made from it.", shown, *found, "order")

    check_property(check, [programs()], draws=60)


def _ancestors(root: Any) -> list[Any]:
    found, waiting = {id(root): root}, [root]
    while waiting:
        for parent in waiting.pop().parents:
            if id(parent) not in found:
                found[id(parent)] = parent
                waiting.append(parent)
    return list(found.values())


# --- 2.5 --------------------------------------------------------------------------------------------------------------


def _backwards(module: Any) -> list[Any]:
    """The gradients after one backward and after two, and whether the last Value has ever had one."""
    found: list[Any] = []
    for program in TELLING:
        nodes = program.build()
        for _ in range(2):
            module.backward(nodes[-1])
            found.append([node.grad for node in nodes])
        found.append(nodes[-1].seeded)
    return found


def backward(m: Any, spec: Spec) -> None:
    def whole(program: Program) -> None:
        nodes, copies = program.build(), program.build()
        solved("2.5").backward(copies[-1])
        right = [node.grad for node in copies]
        lines = program.lines
        for kind, what in (("grad", "A gradient is wrong."), ("again", "The second backward gives other gradients.")):
            lines = [*lines, f"backward({program.last})"]
            call(m.backward, (nodes[-1],), watch=False, shown=lines)
            wrong = [k for k, node in enumerate(nodes) if not _close(node.grad, right[k])]
            if not wrong:
                continue
            rows = [f"{NAMES[k]}.grad   expected {right[k]:g}   got {nodes[k].grad!r}{'   wrong' if k in wrong else ''}"
                    for k in range(len(nodes))]  # fmt: skip
            default = spec.told("not-reset" if kind == "again" else "wrong-order")
            if kind == "grad" and nodes[-1].grad != 1 and any(node.grad for node in nodes):
                default = "seed", "the gradient of the last Value with respect to itself must be 1, and stay so"
            fail(what, [*lines, *rows], *spec.cause(m, _backwards, default), kind)

    check_property(whole, [programs()], draws=60)


# --- 2.6 --------------------------------------------------------------------------------------------------------------


def activation(m: Any, spec: Spec) -> None:
    def check(z: float) -> None:
        lines = [f"z = Value({z:g})", "s = sigmoid(z)"]
        v = m.Value(z)
        out = call(m.sigmoid, (v,), watch=False, shown=lines)
        if not isinstance(out, m.Value):
            comma = isinstance(out, tuple) and len(out) == 1
            fail("sigmoid must return a Value.", lines, "comma" if comma else "type",
                 TRAILING_COMMA if comma else "return Value(s, ...), with its parents and local derivatives",
                 "type")  # fmt: skip
        s = solved("1.2").sigmoid(z)
        if not _close(out.data, s):
            fail("sigmoid has the wrong data.", [*lines, f"s.data   expected {s:.6g}   got {out.data!r}"], "data", None)
        for name, got, right in (("parents", out.parents, "(z,)"), ("locals", out.locals, "(s * (1 - s),)")):
            if not isinstance(got, (tuple, list)):
                why = f"brackets alone make no tuple; a tuple of one is written with a comma: {right}"
                shown = [*lines, f"s.{name} is a {type(got).__name__}"]
                fail(f"The {name} of sigmoid's result must be a tuple.", shown, "comma", why, name)
        if tuple(out.parents) != (v,):
            spec.fail("sigmoid does not remember its parent.", lines, "parents")
        if len(out.locals) != 1 or not _close(out.locals[0], s * (1 - s)):
            lines += [f"s.locals   expected ({s * (1 - s):.6g},)   got {out.locals!r}"]
            spec.fail("sigmoid has a wrong local derivative.", lines, "locals")

    check_property(check, [numbers()])


def cost(m: Any, x: Any, w: Any, b: float, y: float) -> Any:
    """The number of the cost, or what else is returned."""
    found = m.cost([m.Value(v) for v in x], [m.Value(v) for v in w], m.Value(b), m.Value(y))
    return found.data if isinstance(found, m.Value) else found


def gradient(m: Any, x: Any, w: Any, b: float, y: float) -> Any:
    return m.gradient([m.Value(v) for v in x], [m.Value(v) for v in w], m.Value(b), m.Value(y))


SMALL = st.lists(st.tuples(numbers(-2, 2), numbers(-2, 2)), min_size=1, max_size=3)
SIZES = st.lists(st.integers(1, 9), min_size=2, max_size=5)
LEARNING = st.tuples(SMALL, numbers(-2, 2), st.sampled_from([0.0, 1.0])).map(
    lambda d: ([x for x, _ in d[0]], [w for _, w in d[0]], d[1], d[2])
)
CHECKS = {
    "1.1": [function("weighted_sum", VECTORS), unchanged],
    "1.2": [function("sigmoid", [LARGE]), function("relu", [LARGE]), function("neuron", VECTORS)],
    "1.3": [function("layer", matrices("oi", "i", "o")), function("layer_of_batch", matrices("oi", "ni", "o"))],
    "1.4": [function("count_parameters", [SIZES], examples=[([784, 16, 16, 10],)])],
    "2.1": [slope],
    "2.2": [value],
    "2.3": [chain],
    "2.4": [order],
    "2.5": [backward],
    "2.6": [activation, function(cost, LEARNING), function(gradient, LEARNING)],
}

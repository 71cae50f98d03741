"""Checks of chapters 1 and 2: a neuron, and numbers that remember where they came from."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import CheckFailed, check_property, matrices, numbers

from . import observers
from .observers import LETTERS
from .spec import Spec
from .steps import TRAILING_COMMA, call, fail, function, look

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
        terms = zip((self.a, self.b, self.c), ("x**3", "x**2", "x"), strict=True)
        return f"lambda x: {' + '.join(x if k == 1 else f'{k:g} * {x}' for k, x in terms if k) or '0 * x'}"


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


class Program(NamedTuple):
    """Inputs, then steps: an operation and the positions of its two operands."""

    inputs: tuple[float, ...]
    steps: tuple[tuple[str, int, int], ...]

    @property
    def lines(self) -> list[str]:
        """The program as Python."""
        lines = [f"{LETTERS[k]} = Value({x:g})" for k, x in enumerate(self.inputs)]
        for k, (op, i, j) in enumerate(self.steps, start=len(self.inputs)):
            lines.append(f"{LETTERS[k]} = {LETTERS[i]} {op} {LETTERS[j]}")
        return lines

    @property
    def last(self) -> str:
        return LETTERS[len(self.inputs) + len(self.steps) - 1]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Programs of a few steps; values are used several times, or not at all."""
    inputs = tuple(draw(st.lists(numbers(zero=False), min_size=1, max_size=3)))
    steps: list[tuple[str, int, int]] = []
    for _ in range(draw(st.integers(1, 5))):
        high = len(inputs) + len(steps) - 1
        steps.append((draw(st.sampled_from("+*")), draw(st.integers(0, high)), draw(st.integers(0, high))))
    return Program(inputs, tuple(steps))


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
        lines = [f"a = Value({x:g})", f"b = Value({y:g})", "out = a * b"]
        out = look(m, observers.product, x, y, name="a * b", shown=lines)
        if not isinstance(out, dict):
            what = "a number" if isinstance(out, (int, float)) else type(out).__name__
            spec.fail(f"a * b returns {what}, not a Value.", lines, "type")
        if not _close(out["data"], x * y):
            shown = [*lines, f"out.data   expected {x * y:g}   got {out['data']!r}"]
            spec.fail("a * b has the wrong data.", shown, "data")
        if sorted(out["parents"]) != ["a", "b"]:
            shown = [*lines, f"out.parents has {len(out['parents'])} elements"]
            spec.fail("a * b does not remember its parents.", shown, "parents")
        right = [x if p == "b" else y for p in out["parents"]]
        if len(out["locals"]) != 2 or not all(map(_close, out["locals"], right)):
            default = "locals", "the local derivatives are wrong: move a by 1, and a * b moves by b"
            found = spec.cause(m, lambda module: look(module, observers.product, 2.0, 3.0)["locals"], default)
            fail("a * b has wrong local derivatives.",
                 [*lines, f"out.locals   expected {right!r}   got {out['locals']!r}"], *found, "locals")  # fmt: skip

    check_property(product, [numbers(zero=False), numbers(zero=False)])

    def square(x: float) -> None:
        if look(m, observers.product, x, None) != {"data": x * x, "parents": ["a", "a"], "locals": [x, x]}:
            why = "each use counts: the parents are (a, a), the local derivatives (a, a)"
            shown = [f"a = Value({x:g})", "out = a * a"]
            fail("a * a must have a as a parent twice, each with a local derivative.", shown, "parents", why, "twice")

    check_property(square, [numbers(zero=False)])


# --- 2.3 --------------------------------------------------------------------------------------------------------------


def _sent(module: Any) -> list[Any]:
    """The gradients of the parents after one step back, in four small graphs."""
    cases = [(same, op) for op in "*+" for same in (True, False)]
    return [look(module, observers.one_step, 2.0, 3.0, 5.0, 0.5, same, op)[0] for same, op in cases]


def chain(m: Any, spec: Spec) -> None:
    def one_step(x: float, y: float, grad: float, before: float, same: bool, op: str) -> None:
        lines = [f"a = Value({x:g})", *([] if same else [f"b = Value({y:g})"]), f"out = a {op} {'a' if same else 'b'}",
                 f"out.grad = {grad:g}"]  # fmt: skip
        if before:
            lines.append(f"a.grad = {before:g}" if same else f"a.grad = b.grad = {before:g}")
        lines.append("send_back(out)")
        args = (x, y, grad, before, same, op)
        right, node = observers.one_step(spec.right, *args)
        got, after = look(m, observers.one_step, *args, name="send_back", shown=lines)
        if not all(map(_close, got, right)):
            rows = list(zip("ab", right, got, strict=True))[: 1 if same else 2]
            shown = lines + [f"{k}.grad   expected {a:g}   got {b!r}" for k, a, b in rows]
            fail("A parent's gradient is wrong.", shown, *spec.cause(m, _sent), "grad")
        if after != node:
            spec.fail("send_back changes the node itself.", lines, "changed", "node")

    nonzero = numbers(zero=False)
    inputs = [nonzero, nonzero, nonzero, numbers(), st.booleans(), st.sampled_from("+*")]
    check_property(one_step, inputs, draws=80)


# --- 2.4 --------------------------------------------------------------------------------------------------------------


def _orders(module: Any) -> list[Any]:
    return [look(module, observers.order, *program) for program in TELLING]


def order(m: Any, spec: Spec) -> None:
    def check(program: Program) -> None:
        lines = [*program.lines, f"topological_order({program.last})"]
        said = look(m, observers.order, *program, name="topological_order", shown=lines)
        if not isinstance(said, list):
            spec.fail("topological_order must return a list.", lines, "type")
        shown = [*lines, f"got   [{', '.join(said)}]"]
        parents = {
            LETTERS[k]: (LETTERS[i], LETTERS[j]) for k, (_, i, j) in enumerate(program.steps, len(program.inputs))
        }
        missing = sorted({*observers.order(spec.right, *program)} - {*said})
        if missing:
            found = spec.cause(m, _orders)
            if found[0] != "same-number":
                found = "missing", "put the node itself at the end of done, and do not forget the parents of parents"
            fail(f"These Values are missing: {', '.join(missing)}.", shown, *found, "missing")
        twice = sorted({s for s in said if said.count(s) > 1})
        if twice:
            spec.fail(f"{', '.join(twice)} is in the list more than once.", shown, "twice")
        for b in said:
            for a in parents.get(b, ()):
                if said.index(a) < said.index(b):
                    found = spec.cause(m, _orders, spec.told("too-early"))
                    fail(f"{a} stands before {b}, which was made from it.", shown, *found, "order")

    check_property(check, [programs()], draws=60)


# --- 2.5 --------------------------------------------------------------------------------------------------------------


def _backwards(module: Any) -> list[Any]:
    return [look(module, observers.backward, *program) for program in TELLING]


def backward(m: Any, spec: Spec) -> None:
    def whole(program: Program) -> None:
        lines = [*program.lines, f"backward({program.last})"]
        *both, _ = look(m, observers.backward, *program, name="backward", shown=lines)
        right = observers.backward(spec.right, *program)[0]
        for kind, got in zip(("grad", "again"), both, strict=True):
            wrong = [k for k, (a, b) in enumerate(zip(got, right, strict=True)) if not _close(a, b)]
            rows = [f"{LETTERS[k]}.grad   expected {b:g}   got {a!r}{'   wrong' if k in wrong else ''}"
                    for k, (a, b) in enumerate(zip(got, right, strict=True))]  # fmt: skip
            if wrong and kind == "again":
                found = spec.cause(m, _backwards, spec.told("not-reset"))
                fail("The second backward gives other gradients.", [*lines, lines[-1], *rows], *found, kind)
            if wrong:
                default = spec.told("wrong-order")
                if got[-1] != 1 and any(got):
                    default = "seed", "the gradient of the last Value with respect to itself must be 1, and stay so"
                fail("A gradient is wrong.", [*lines, *rows], *spec.cause(m, _backwards, default), kind)

    check_property(whole, [programs()], draws=60)


# --- 2.6 --------------------------------------------------------------------------------------------------------------


def activation(m: Any, spec: Spec) -> None:
    def check(z: float) -> None:
        lines = [f"z = Value({z:g})", "s = sigmoid(z)"]
        out = look(m, observers.activation, z, name="sigmoid", shown=lines)
        if not isinstance(out, dict):
            comma = isinstance(out, tuple) and len(out) == 1
            fail("sigmoid must return a Value.", lines, "comma" if comma else "type",
                 TRAILING_COMMA if comma else "return Value(s, ...), with its parents and local derivatives",
                 "type")  # fmt: skip
        s = observers.activation(spec.right, z)["data"]
        if not _close(out["data"], s):
            shown = [*lines, f"s.data   expected {s:.6g}   got {out['data']!r}"]
            fail("sigmoid has the wrong data.", shown, "data", None)
        for name, right in (("parents", "(z,)"), ("locals", "(s * (1 - s),)")):
            if not isinstance(out[name], (tuple, list)):
                why = f"brackets alone make no tuple; a tuple of one is written with a comma: {right}"
                shown = [*lines, f"s.{name} is a {type(out[name]).__name__}"]
                fail(f"The {name} of sigmoid's result must be a tuple.", shown, "comma", why, name)
        if out["parents"] != ["a"]:
            spec.fail("sigmoid does not remember its parent.", lines, "parents")
        if len(out["locals"]) != 1 or not _close(out["locals"][0], s * (1 - s)):
            lines += [f"s.locals   expected ({s * (1 - s):.6g},)   got {out['locals']!r}"]
            spec.fail("sigmoid has a wrong local derivative.", lines, "locals")

    check_property(check, [numbers()])


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
    "2.6": [activation, function(observers.cost, LEARNING), function(observers.gradient, LEARNING)],
}

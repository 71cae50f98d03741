"""Checks of chapters 1 and 2: a neuron, and numbers that remember where they came from."""

from contextlib import suppress
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import CheckFailed, check_property, matrices, numbers

from . import observers
from .observers import LETTERS
from .spec import Spec
from .steps import Lambda, call, function, look, parts

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


def cubic(a: float, b: float, c: float) -> Lambda:
    """a x**3 + b x**2 + c x."""
    terms = zip((a, b, c), ("x**3", "x**2", "x"), strict=True)
    return Lambda(" + ".join(x if k == 1 else f"{k:g} * {x}" for k, x in terms if k) or "0 * x")


def slope(m: Any, spec: Spec) -> None:
    cubics = st.builds(cubic, numbers(), numbers(), numbers())
    try:
        function("slope", [cubics, numbers()], rtol=1e-7, atol=1e-7)(m, spec)
    except CheckFailed as failure:
        if failure.cause is None and _has_own_step(m):
            failure.hint, failure.cause = "own-step", "h is given, 1e-5: a larger or a much smaller one is less precise"
        raise


def _has_own_step(m: Any) -> bool:
    """Whether slope measures a derivative, but with another h than the one that it is given."""
    with suppress(Exception):  # an answer that cannot be called with h
        one, other = (m.slope(Lambda("x**3"), 2.0, h) for h in (0.5, 0.25))
        return bool(one == other and abs(one - 12) < 1.5)
    return False


# --- graphs of Values -------------------------------------------------------------------------------------------------


Inputs = tuple[float, ...]
Steps = tuple[tuple[str, int, int], ...]  # each an operation and the positions of its two operands


def written(inputs: Inputs, steps: Steps, call: str) -> list[str]:
    """A program as Python, and the call of a function with its last Value."""
    lines = [f"{LETTERS[k]} = Value({x:g})" for k, x in enumerate(inputs)]
    lines += [f"{LETTERS[k]} = {LETTERS[i]} {op} {LETTERS[j]}" for k, (op, i, j) in enumerate(steps, len(inputs))]
    return [*lines, f"{call}({LETTERS[len(lines) - 1]})"]


@st.composite
def programs(draw: st.DrawFn) -> tuple[Inputs, Steps]:
    """Programs of a few steps; values are used several times, or not at all."""
    inputs = tuple(draw(st.lists(numbers(zero=False), min_size=1, max_size=3)))
    steps: list[tuple[str, int, int]] = []
    for _ in range(draw(st.integers(1, 5))):
        high = len(inputs) + len(steps) - 1
        steps.append((draw(st.sampled_from("+*")), draw(st.integers(0, high)), draw(st.integers(0, high))))
    return inputs, tuple(steps)


# In these, usual mistakes differ from each other: values used twice, before others, with the same number.
TELLING: list[tuple[Inputs, Steps]] = [
    ((1.0,), (("+", 0, 0), ("*", 1, 0), ("+", 1, 2), ("*", 3, 1))),
    ((2.0, 3.0), (("+", 0, 1), ("*", 2, 1), ("+", 3, 2))),
    ((2.0, 2.0, 3.0), (("+", 0, 1), ("*", 3, 2))),
]


def product(x: float, y: float | None) -> list[str]:
    """2.2 as a program."""
    a, b = f"a = Value({x:g})", f"b = Value({y:g})" if y is not None else ""
    return [a, b, "out = a * b"] if b else [a, "out = a * a"]


def one_step(x: float, y: float, grad: float, before: float, same: bool, op: str) -> list[str]:
    """2.3 as a program."""
    lines = [f"a = Value({x:g})", *([] if same else [f"b = Value({y:g})"]), f"out = a {op} {'a' if same else 'b'}"]
    set_before = [f"a.grad = {'' if same else 'b.grad = '}{before:g}"] if before else []
    return [*lines, f"out.grad = {grad:g}", *set_before, "send_back(out)"]


def _orders(module: Any) -> list[Any]:
    return [look(module, observers.order, *program) for program in TELLING]


def order(m: Any, spec: Spec) -> None:
    def check(inputs: Inputs, steps: Steps) -> None:
        lines = written(inputs, steps, "topological_order")
        said = look(m, observers.order, inputs, steps, name="topological_order", shown=lines)
        if not isinstance(said, list):
            spec.fail("type", lines)
        shown = [*lines, f"got   [{', '.join(said)}]"]
        missing = sorted({*observers.order(spec.right, inputs, steps)} - {*said})
        if missing:
            found = spec.cause(m, _orders)
            known = found if found[0] == "same-number" else (None, None)
            spec.fail("missing", shown, known, values=", ".join(missing))
        twice = sorted({s for s in said if said.count(s) > 1})
        if twice:
            spec.fail("twice", shown, values=", ".join(twice))
        for k, (_, *parents) in enumerate(steps, len(inputs)):
            for a, b in ((LETTERS[parent], LETTERS[k]) for parent in parents if LETTERS[k] in said):
                if said.index(a) < said.index(b):
                    spec.fail("too-early", shown, spec.cause(m, _orders), "order", a=a, b=b)

    check_property(check, programs(), draws=60)


NONZERO = numbers(zero=False)
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
    "2.2": [parts(observers.product, [NONZERO, other], product, [(2.0, 3.0)]) for other in (NONZERO, st.none())],
    "2.3": [
        parts(observers.one_step, [NONZERO, NONZERO, NONZERO, numbers(), st.booleans(), st.sampled_from("+*")],
              one_step, [(2.0, 3.0, 5.0, 0.5, same, op) for op in "*+" for same in (True, False)], draws=80)
    ],
    "2.4": [order],
    "2.5": [
        parts(observers.backward, programs(), lambda *program: written(*program, "backward"), TELLING, draws=60)
    ],
    "2.6": [
        parts(observers.activation, [numbers()], lambda z: [f"z = Value({z:g})", "s = sigmoid(z)"]),
        function(observers.cost, LEARNING),
        function(observers.gradient, LEARNING),
    ],
}  # fmt: skip

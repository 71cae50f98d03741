"""Chapter 2: numbers that remember where they came from, and backpropagation through them."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from tinygrad_lecture.testing import CheckFailed, Exercise, Mistake, check_function, check_property, numbers
from tinygrad_lecture.testing.calls import call
from tinygrad_lecture.testing.comparing import TRAILING_COMMA

from .shared.graphs import NAMES, Node, Program, programs


class Cubic:
    """x -> a x**3 + b x**2 + c x, printed as a lambda."""

    def __init__(self, a: float, b: float, c: float) -> None:
        self.a, self.b, self.c = a, b, c

    def __call__(self, x: float) -> float:
        return self.a * x**3 + self.b * x**2 + self.c * x

    def __repr__(self) -> str:
        return f"lambda x: {self.a:g} * x**3 + {self.b:g} * x**2 + {self.c:g} * x"


def _close(a: Any, b: float) -> bool:
    return isinstance(a, (int, float)) and abs(a - b) <= 1e-7 * max(1.0, abs(b))


def _check_slope(m: Any) -> None:
    cubics = st.builds(Cubic, numbers(), numbers(), numbers())
    try:
        _check_slopes(m, cubics)
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


def _check_slopes(m: Any, cubics: Any) -> None:
    check_function(
        m.slope,
        lambda f, x, h=1e-5: (f(x + h) - f(x - h)) / (2 * h),
        [cubics, numbers()],
        rtol=1e-7,
        atol=1e-7,
        mistakes=[
            Mistake("one-sided", "this goes to the right only; (f(x + h) - f(x)) / h is less precise",
                    lambda f, x, h=1e-5: (f(x + h) - f(x)) / h),
            Mistake("one-sided", "this goes to the left only; use both sides",
                    lambda f, x, h=1e-5: (f(x) - f(x - h)) / h),
            Mistake("brackets", "`/ 2 * h` divides by 2 and then multiplies by h; write `/ (2 * h)`",
                    lambda f, x, h=1e-5: (f(x + h) - f(x - h)) / 2 * h),
            Mistake("not-divided", "the difference must be divided by the distance, 2 h",
                    lambda f, x, h=1e-5: f(x + h) - f(x - h)),
            Mistake("half-distance", "the distance between x - h and x + h is 2 h, not h",
                    lambda f, x, h=1e-5: (f(x + h) - f(x - h)) / h),
            Mistake("wrong-sign", "the sign is wrong: right minus left", lambda f, x, h=1e-5: (f(x - h) - f(x + h)) / (2 * h)),
            Mistake("brackets", "without brackets only f(x - h) is divided",
                    lambda f, x, h=1e-5: f(x + h) - f(x - h) / (2 * h)),
        ],
    )  # fmt: skip


def _check_value(m: Any) -> None:
    def product(x: float, y: float) -> None:
        a, b = m.Value(x), m.Value(y)
        lines = [f"a = Value({x:g})", f"b = Value({y:g})", "out = a * b"]
        out = call(lambda: a * b, (), "a * b", shown=lines)
        if not isinstance(out, m.Value):
            what = "returns a number" if isinstance(out, (int, float)) else f"returns {type(out).__name__}"
            raise CheckFailed(f"a * b {what}, not a Value.", kind="type", shown=lines, hint="type",
                              cause="return Value(...), so that the result remembers where it came from")  # fmt: skip
        if not _close(out.data, x * y):
            raise CheckFailed("a * b has the wrong data.", kind="data", hint="data",
                              shown=[*lines, f"out.data   expected {x * y:g}   got {out.data!r}"],
                              cause="data is the product of the two numbers, self.data * other.data")  # fmt: skip
        parents, locals_ = tuple(out.parents), tuple(out.locals)
        if len(parents) != 2 or {id(p) for p in parents} != {id(a), id(b)}:
            raise CheckFailed("a * b does not remember its parents.", kind="parents", hint="parents",
                              shown=[*lines, f"out.parents has {len(parents)} elements"],
                              cause="the second argument of Value is (self, other): the Values themselves")  # fmt: skip
        right = tuple(b.data if p is a else a.data for p in parents)
        if len(locals_) != 2 or not all(_close(got, want) for got, want in zip(locals_, right, strict=True)):
            shown = [*lines, f"out.locals   expected {right!r}   got {locals_!r}"]
            hint, cause = "locals", "the local derivatives are wrong: move a by 1, and a * b moves by b"
            if locals_ == (1.0, 1.0):
                hint, cause = "as-for-sum", "these are the local derivatives of a sum; those of a product differ"
            elif len(locals_) == 2 and all(_close(got, want) for got, want in zip(locals_, right[::-1], strict=True)):
                hint, cause = "swapped", "the two are swapped: d (a * b) / d a is b"
            elif locals_ and all(_close(got, x * y) for got in locals_):
                hint, cause = "data", "these are the product itself; d (a * b) / d a is b alone"
            raise CheckFailed("a * b has wrong local derivatives.", kind="locals", shown=shown, cause=cause, hint=hint)

    check_property(product, [numbers(zero=False), numbers(zero=False)])

    def square(x: float) -> None:
        a = m.Value(x)
        out = a * a
        if tuple(out.locals) != (x, x) or tuple(out.parents) != (a, a):
            raise CheckFailed("a * a must have a as a parent twice, each with a local derivative.", kind="twice",
                              shown=[f"a = Value({x:g})", "out = a * a"], hint="parents",
                              cause="each use counts: the parents are (a, a), the local derivatives (a, a)")  # fmt: skip

    check_property(square, [numbers(zero=False)])


def _check_chain(m: Any) -> None:
    def one_step(x: float, y: float, grad: float, before: float, same: bool, op: str) -> None:
        a, b = Node(x), Node(y)
        other = a if same else b
        out = a * other if op == "*" else a + other
        out.grad, a.grad, b.grad = grad, before, before
        name = "a" if same else "b"
        lines = [f"a = Value({x:g})", *([] if same else [f"b = Value({y:g})"]), f"out = a {op} {name}",
                 f"out.grad = {grad:g}"]  # fmt: skip
        if before:
            lines.append(f"a.grad = {before:g}" if same else f"a.grad = b.grad = {before:g}")
        lines.append("send_back(out)")
        right = {"a": before + grad * (sum(out.locals) if same else out.locals[0])}
        if not same:
            right["b"] = before + grad * out.locals[1]
        locals_ = out.locals
        call(m.send_back, (out,), watch=False, shown=lines)
        got = {"a": a.grad, "b": b.grad}
        if all(_close(got[k], right[k]) for k in right):
            if (
                out.grad != grad
                or out.locals != locals_
                or out.data != (x * other.data if op == "*" else x + other.data)
            ):
                raise CheckFailed("send_back changes the node itself.", kind="node", shown=lines, hint="changed",
                                  cause="only the parents' grad is to change")  # fmt: skip
            return
        shown = lines + [f"{k}.grad   expected {right[k]:g}   got {got[k]!r}" for k in right]
        hint, cause = _cause_of_chain(out.locals, (x, other.data), grad, before, same, got, right)
        raise CheckFailed("A parent's gradient is wrong.", kind="grad", shown=shown, cause=cause, hint=hint)

    check_property(
        one_step,
        [
            numbers(zero=False),
            numbers(zero=False),
            numbers(zero=False),
            numbers(),
            st.booleans(),
            st.sampled_from("+*"),
        ],
        draws=80,
    )


def _cause_of_chain(
    locals_: Any, data: Any, grad: float, before: float, same: bool, got: dict[str, Any], right: dict[str, float]
) -> tuple[str | None, str | None]:
    """Which usual mistake gives these gradients; tried where both parents differ from what is right."""

    def fits(wanted: list[float]) -> bool:
        return all(_close(got[k], w) for k, w in zip(right, wanted, strict=True))

    def each(fn: Any) -> list[float]:
        if same:
            return [before + sum(fn(one) for one in locals_)]
        return [before + fn(one) for one in locals_]

    if fits([before] * len(right)):
        return "nothing-sent", "no gradient arrives: parent.grad is never changed"
    if fits([grad * locals_[-1]] if same else [grad * one for one in locals_]):
        return "overwritten", "a contribution replaces what is there; add it with +="
    if fits(each(lambda one: one)):
        return "upstream-ignored", "this is the local derivative alone; multiply it by node.grad"
    if fits(each(lambda one: grad)):
        return "local-ignored", "node.grad is handed on unchanged; multiply it by the local derivative"
    if fits(each(lambda one: grad + one)):
        return "added", "node.grad and the local derivative are added; the chain rule multiplies"
    if fits(each(lambda one: -grad * one)):
        return "wrong-sign", "the sign is wrong"
    found = [one * x for one, x in zip(locals_, data, strict=True)]
    if fits([before + sum(found)] if same else [before + one for one in found]):
        return "data-for-grad", "the local derivative meets parent.data; the chain rule multiplies it by node.grad"
    return None, None


def _check_order(m: Any) -> None:
    def order(program: Program) -> None:
        nodes = program.build(Node)
        root = nodes[-1]
        name = {id(n): NAMES[k] for k, n in enumerate(nodes)}
        lines = [*program.lines, f"topological_order({program.last})"]
        got = call(m.topological_order, (root,), watch=False, shown=lines)
        if not isinstance(got, list):
            raise CheckFailed("topological_order must return a list.", kind="type", shown=lines, hint="type",
                              cause="leave the last line, `return done[::-1]`, as it is")  # fmt: skip
        said = [name.get(id(n), "?") for n in got]
        shown = [*lines, f"got   [{', '.join(said)}]"]
        wanted = {id(n) for n in _ancestors(root)}
        missing = [name[i] for i in wanted if i not in {id(n) for n in got}]
        if missing:
            hint, cause = "missing", "put the node itself at the end of done, and do not forget the parents of parents"
            if _is_complete_for_other_numbers(m.topological_order):
                hint, cause = "same-number", "two Values may hold the same number: keep id(node) in seen, not node.data"
            raise CheckFailed(f"These Values are missing: {', '.join(sorted(missing))}.", kind="missing", shown=shown,
                              cause=cause, hint=hint)  # fmt: skip
        twice = sorted({s for s in said if said.count(s) > 1})
        if twice:
            raise CheckFailed(f"{', '.join(twice)} is in the list more than once.", kind="twice", shown=shown,
                              cause="a Value that is used twice is visited twice; return at once if its id is in seen, "
                              "and add it to seen", hint="twice")  # fmt: skip
        place = {id(n): k for k, n in enumerate(got)}
        for node in got:
            for parent in node.parents:
                if place[id(parent)] < place[id(node)]:
                    a, b = name[id(parent)], name[id(node)]
                    reverse = _is_reversed(m.topological_order)
                    cause = (
                        "the whole list is the wrong way round"
                        if reverse
                        else "a node must be put into done after all of its parents have been visited, not before"
                    )
                    raise CheckFailed(f"{a} stands before {b}, which was made from it.", kind="order", shown=shown,
                                      cause=cause, hint="reversed" if reverse else "too-early")  # fmt: skip

    check_property(order, [programs()], draws=60)


def _is_complete_for_other_numbers(order: Any) -> bool:
    """Whether no Value is missing where no two hold the same number."""
    nodes = Program((2.0, 3.0), (("+", 0, 1), ("*", 2, 1), ("+", 3, 2))).build(Node)
    return {id(node) for node in order(nodes[-1])} == {id(node) for node in nodes}


def _is_reversed(order: Any) -> bool:
    """Whether in a graph in which this is not the same as "too early" every parent stands before what it made."""
    nodes = Program((1.0,), (("+", 0, 0), ("*", 1, 0), ("+", 1, 2), ("*", 3, 1))).build(Node)
    place = {id(node): k for k, node in enumerate(order(nodes[-1]))}
    return len(place) == len(nodes) and all(place[id(p)] < place[id(n)] for n in nodes for p in n.parents)


def _ancestors(root: Any) -> list[Any]:
    found, waiting = {id(root): root}, [root]
    while waiting:
        for parent in waiting.pop().parents:
            if id(parent) not in found:
                found[id(parent)] = parent
                waiting.append(parent)
    return list(found.values())


def _check_backward(m: Any) -> None:
    def whole(program: Program) -> None:
        nodes = program.build(Node)
        lines = [*program.lines, f"backward({program.last})"]
        reached = {id(n) for n in _ancestors(nodes[-1])}
        right = [g if id(n) in reached else 0.0 for n, g in zip(nodes, program.gradients(), strict=True)]
        call(m.backward, (nodes[-1],), watch=False, shown=lines)
        _require_grads(nodes, right, lines, "grad", program)
        call(m.backward, (nodes[-1],), watch=False, shown=lines)
        _require_grads(nodes, right, [*lines, f"backward({program.last})"], "again", program)

    check_property(whole, [programs()], draws=60)


def _require_grads(nodes: list[Any], right: list[float], lines: list[str], kind: str, program: Program) -> None:
    wrong = [k for k, (n, g) in enumerate(zip(nodes, right, strict=True)) if not _close(n.grad, g)]
    if not wrong:
        return
    rows = [f"{NAMES[k]}.grad   expected {right[k]:g}   got {nodes[k].grad!r}{'   wrong' if k in wrong else ''}"
            for k in range(len(nodes))]  # fmt: skip
    hint: str | None = None
    cause: str | None = None
    if kind == "again":
        hint, cause = "not-reset", "the second call adds to the gradients of the first; set all grads to 0 before"
    elif all(n.grad == 0 for n in nodes) and nodes[-1].seeded:
        hint, cause = (
            "seed-lost",
            "root.grad is set, and then to 0 again: first set all grads to 0, then root.grad = 1.0",
        )
    elif all(n.grad == 0 for n in nodes):
        hint, cause = "no-seed", "all gradients are 0: nothing starts; set root.grad = 1.0"
    elif len(nodes) > len(program.inputs) and all(n.grad == 0 for n in nodes[:-1]):
        hint, cause = "not-sent", "only the last Value has a gradient: send_back must be called for every node"
    elif nodes[-1].grad != 1 and len(wrong) > 0:
        hint, cause = "seed", "the gradient of the last Value with respect to itself must be 1, and stay so"
    elif all(_close(n.grad, g) or n.grad == 0 for n, g in zip(nodes, program.gradients(start=1.0), strict=True)):
        hint, cause = "all-ones", "every gradient begins with 1; only the root's does, the others begin with 0"
    elif any(program.uses(k) for k in wrong):
        hint, cause = "wrong-order", ("a node has sent its gradient back before it was complete: go through "
                                      "topological_order(root) from its beginning")  # fmt: skip
    raise CheckFailed("A gradient is wrong." if kind == "grad" else "The second backward gives other gradients.",
                      kind=kind, shown=[*lines, *rows], cause=cause, hint=hint)  # fmt: skip


def _neuron(x: Any, w: Any, b: float, y: float) -> tuple[float, list[float]]:
    z = sum(xi * wi for xi, wi in zip(x, w, strict=True)) + b
    s = 1 / (1 + math.exp(-z))
    dz = 2 * (s - y) * s * (1 - s)
    return (s - y) ** 2, [dz * xi for xi in x] + [dz]


def _check_neuron(m: Any) -> None:
    value = m.Value

    def activation(z: float) -> None:
        lines = [f"z = Value({z:g})", "s = sigmoid(z)"]
        v = value(z)
        out = call(m.sigmoid, (v,), watch=False, shown=lines)
        if not isinstance(out, value):
            comma = isinstance(out, tuple) and len(out) == 1
            raise CheckFailed("sigmoid must return a Value.", kind="type", shown=lines, hint="comma" if comma else "type",
                              cause=TRAILING_COMMA if comma else
                              "return Value(s, ...), with its parents and local derivatives")  # fmt: skip
        s = 1 / (1 + math.exp(-z))
        if not _close(out.data, s):
            raise CheckFailed("sigmoid has the wrong data.", kind="data", hint="data",
                              shown=[*lines, f"s.data   expected {s:.6g}   got {out.data!r}"])  # fmt: skip
        for name, got, right in (("parents", out.parents, "(z,)"), ("locals", out.locals, "(s * (1 - s),)")):
            if not isinstance(got, (tuple, list)):
                raise CheckFailed(f"The {name} of sigmoid's result must be a tuple.", kind=name, hint="comma",
                                  shown=[*lines, f"s.{name} is a {type(got).__name__}"],
                                  cause=f"brackets alone make no tuple; a tuple of one is written with a comma: {right}")  # fmt: skip
        if tuple(out.parents) != (v,):
            raise CheckFailed("sigmoid does not remember its parent.", kind="parents", shown=lines, hint="parents",
                              cause="the second argument of Value is (z,), a tuple with a comma")  # fmt: skip
        if len(out.locals) != 1 or not _close(out.locals[0], s * (1 - s)):
            hint, cause = "locals", "the local derivative is s * (1 - s), in a tuple: (s * (1 - s),)"
            raise CheckFailed("sigmoid has a wrong local derivative.", kind="locals", hint=hint, cause=cause,
                              shown=[*lines, f"s.locals   expected ({s * (1 - s):.6g},)   got {out.locals!r}"])  # fmt: skip

    check_property(activation, [numbers()])

    def learn(pairs: list[tuple[float, float]], b: float, y: float) -> None:
        x, w = [p[0] for p in pairs], [p[1] for p in pairs]
        lines = [f"x = {x}", f"w = {w}", f"b = {b:g}", f"y = {y:g}"]
        right, grads = _neuron(x, w, b, y)
        xs, ws, bv, yv = [value(v) for v in x], [value(v) for v in w], value(b), value(y)
        got = call(m.cost, (xs, ws, bv, yv), watch=False, shown=lines)
        if not isinstance(got, value) or not _close(got.data, right):
            said = got.data if isinstance(got, value) else got
            s = 1 / (1 + math.exp(-(sum(a * c for a, c in pairs) + b)))
            hint, cause = None, None
            if isinstance(said, float) and _close(said, s - y):
                hint, cause = "not-squared", "the error is not squared: error * error"
            raise CheckFailed("cost is wrong.", kind="cost", hint=hint, cause=cause,
                              shown=[*lines, f"expected {right:.6g}", f"got      {said!r}"])  # fmt: skip
        xs, ws, bv, yv = [value(v) for v in x], [value(v) for v in w], value(b), value(y)
        found = call(m.gradient, (xs, ws, bv, yv), watch=False, shown=lines)
        if not isinstance(found, list) or len(found) != len(grads) or not all(map(_close, found, grads)):
            hint, cause = None, None
            if isinstance(found, list) and not any(found):
                hint, cause = "zero", "all gradients are 0: call backward of the cost"
            raise CheckFailed("gradient is wrong.", kind="gradient", hint=hint, cause=cause,
                              shown=[*lines, f"expected {[round(g, 6) for g in grads]}", f"got      {found!r}"])  # fmt: skip

    pairs = st.lists(st.tuples(numbers(-2, 2), numbers(-2, 2)), min_size=1, max_size=3)
    check_property(learn, [pairs, numbers(-2, 2), st.sampled_from([0.0, 1.0])])


EXERCISES = [
    Exercise(
        "2.1",
        "ch2_engine/ex1_slope.py",
        _check_slope,
        title="A derivative, measured",
        solution="return (f(x + h) - f(x - h)) / (2 * h)",
        hints=(
            "For f(x) = 3 x, what are f(x + h) - f(x - h) and the distance between x + h and x - h?",
            "Count the brackets: a / 2 * h is (a / 2) * h.",
            "The numerator is f(x + h) - f(x - h), in brackets; the denominator (2 * h), in brackets too.",
        ),
        meaning="This needs two runs of the network for each of 13,002 weights. Backpropagation needs one for all.",
        engine="tinygrad_lecture/gradient_checking/numerical/central_differences.py",
        another="return f(x + 1e-20j).imag / 1e-20   # the complex step: no difference, so no rounding",
    ),
    Exercise(
        "2.2",
        "ch2_engine/ex2_value.py",
        _check_value,
        title="A number that remembers",
        solution="return Value(self.data * other.data, (self, other), (other.data, self.data))",
        hints=(
            "3 * 5 is 15. Make the 3 a little larger, 3.1 * 5: by how much did the result grow, and why?",
            "It has the same form as __add__: data, parents, local derivatives. Only two of the three differ.",
            "d (a * b) / d a is b, so the first local derivative is other.data.",
        ),
        meaning="Each operation leaves a record of itself. All records together are the graph.",
        engine="tinygrad_lecture/autograd/core.py:Record",
        another="A closure may stand for the locals: self._backward = lambda: ..., as in micrograd.",
    ),
    Exercise(
        "2.3",
        "ch2_engine/ex3_chain.py",
        _check_chain,
        title="The chain rule, one step back",
        solution="parent.grad += local * node.grad",
        hints=(
            "out = a + a: move a by 1. By how much does out move, and what should a.grad be?",
            "For each parent: node.grad times the local derivative. Then =, or +=?",
            "parent.grad += ... with the product of local and node.grad.",
        ),
        meaning="The chain rule is one multiplication, and one addition where ways meet.",
        engine="tinygrad_lecture/autograd/core.py:walk",
        another="parent.grad = parent.grad + local * node.grad",
    ),
    Exercise(
        "2.4",
        "ch2_engine/ex4_order.py",
        _check_order,
        title="In which order?",
        solution="""
            if id(node) in seen:
                return
            seen.add(id(node))
            for parent in node.parents:
                visit(parent)
            done.append(node)
        """,
        hints=(
            "c = a + b, d = c * a. In which order may d, c, b, a send their gradients back? Is there more than one?",
            "visit does four things: stop if it has seen the node, remember it, visit its parents, append it.",
            "`done.append(node)` comes last, after the loop `for parent in node.parents: visit(parent)`.",
        ),
        meaning="A node sends its gradient once, when it is complete. So the backward pass costs about one forward pass.",
        engine="tinygrad_lecture/autograd/core.py:walk",
        another="The engine needs no search: it numbers its records by age, and the youngest comes first.",
    ),
    Exercise(
        "2.5",
        "ch2_engine/ex5_backward.py",
        _check_backward,
        title="Backpropagation",
        solution="""
            order = topological_order(root)
            for node in order:
                node.grad = 0.0
            root.grad = 1.0
            for node in order:
                send_back(node)
        """,
        hints=(
            "What is the gradient of the cost with respect to the cost? What must be true before a node sends?",
            "Three steps: all grads to 0, the root's to 1, then send_back for each node in order.",
            "Call topological_order(root) once, and go through it twice.",
        ),
        meaning="This is all of backpropagation: the derivatives for all inputs, in one pass.",
        engine="tinygrad_lecture/autograd/core.py:walk",
        another="The engine keeps gradients in a dict while it walks, so only inputs have a .grad in the end.",
    ),
    Exercise(
        "2.6",
        "ch2_engine/ex6_neuron.py",
        _check_neuron,
        title="A neuron learns",
        solution=(
            "return Value(s, (z,), (s * (1 - s),))",
            "return error * error",
            "backward(cost(x, w, b, y))",
        ),
        hints=(
            "Which two operations does your engine have? How is a square written with them?",
            "sigmoid returns a Value like the product in 2.2, but with one parent and one local derivative.",
            "A tuple of one needs a comma: (z,). The cost is error * error, and gradient calls backward of the cost.",
        ),
        meaning="The engine never saw this formula. It knows three local derivatives and the chain rule.",
        engine="examples/01_neuron.py",
        another="C = (tl.sigmoid(w @ x + b) - y) ** 2; C.backward()    # with this project's engine",
    ),
]

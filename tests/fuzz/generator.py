"""Random programs from a seed: see `program.py` for what a program is.

Every line is valid where its variables are: shapes are tracked, and values kept small, so that rounding stays small.
What in-place changes, views and freed graphs make of it is for the libraries to say.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from program import Program

Shape = tuple[int, ...]
LIMIT = 12.0  # larger values are squashed before they are used


@dataclass
class Family:
    """Variables that share memory. bound: of the absolute values of all.  changed: whether one was changed in place."""

    bound: float
    changed: bool = False


@dataclass(frozen=True)
class Variable:
    """A tensor of the program.

    follows: whether gradients (may) flow to it.
    view: whether it was made from a tensor whose memory it shares.
    repeats: whether several elements may be one in memory, as in a view made by expand. The libraries differ in which
        changes of such a view they refuse, so the programs make none.
    rows: whether its memory is in row-major order in both libraries, so that reshape, flatten and contiguous are views
        in both. Of what they make of others, the programs take copies.
    """

    name: str
    shape: Shape
    family: Family
    follows: bool = True
    leaf: bool = False
    view: bool = False
    repeats: bool = False
    rows: bool = False


class Generator:
    """Makes one program, line by line. For the arguments see `generate`."""

    def __init__(self, seed: int, first_order: bool, longest: int) -> None:
        self.random = random.Random(seed)
        self.first_order, self.longest = first_order, longest
        self.lines: list[str] = []
        self.variables: list[Variable] = []
        self.count = 0
        self.sides = [self.random.choice([1, 2, 2, 3, 3]) for _ in range(2)]
        self.retains = self.random.random() < 0.3
        self.careful = self.random.random() < 0.5  # then in-place changes and gradients are rarer, and programs go far
        kinds = FIRST_ORDER if first_order else ALL
        self.kinds = [kind for kind, _ in kinds]
        weights = [weight * self.random.choice([0.3, 1, 1, 3]) for _, weight in kinds]  # each program has its style
        cautious = (inplace, in_no_grad, backward, reset)
        self.weights = [
            w * (0.4 if self.careful and k in cautious else 1) for k, w in zip(self.kinds, weights, strict=True)
        ]

    def program(self) -> Program:
        """The program."""
        for _ in range(self.random.choice([1, 2, 2, 3])):
            self.input("a", True)
        for _ in range(self.random.choice([0, 1, 1, 2])):
            self.input("c", False)
        length = self.random.randint(5, self.longest)
        while len(self.lines) < length:
            self.random.choices(self.kinds, self.weights)[0](self)
        self.end()
        return Program(tuple(self.lines))

    # --- variables --------------------------------------------------------------------------------------

    def name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def add(self, name: str, shape: Shape, bound: float, of: Variable | None = None, **more: Any) -> Variable:
        """A new variable; a view of `of` if given."""
        if of is None:
            made = Variable(name, shape, Family(bound), **more)
        else:
            made = Variable(name, shape, of.family, **{"repeats": of.repeats, "view": True, **more})
        self.variables.append(made)
        return made

    def input(self, letter: str, leaf: bool) -> None:
        """A leaf or a constant."""
        name, shape = self.name(letter), self.shape()
        values = np.array(
            [self.random.choice([-1, 1]) * self.random.uniform(0.2, 1.5) for _ in range(math.prod(shape))]
        )
        requires = ", requires_grad=True" if leaf else ""
        text = np.round(values, 3).reshape(shape).tolist()
        self.lines.append(f"{name} = lib.tensor({text}, dtype=lib.float64{requires})")
        self.add(name, shape, 1.5, leaf=leaf, follows=leaf, rows=True)

    def shape(self) -> Shape:
        n, m = self.sides
        return self.random.choice([(), (n,), (m,), (n, m), (n, m), (m, n), (1, m), (n, 1), (2, n, m), (n, m)])

    def pick(self, accept: Callable[[Variable], bool] = lambda v: True) -> Variable | None:
        """A variable, rather a late one or a leaf; None if none is accepted."""
        fit = [v for v in self.variables if accept(v)]
        if not fit:
            return None
        kind = self.random.random()
        leaves = [v for v in fit if v.leaf] if kind < 0.2 else []
        return self.random.choice(leaves or (fit[-3:] if kind < 0.7 else fit))

    def small(self, v: Variable, limit: float = LIMIT) -> str:
        """How to write a variable, squashed if its values may be large."""
        return v.name if v.family.bound <= limit else f"{v.name}.tanh()"

    def bound(self, v: Variable, limit: float = LIMIT) -> float:
        return v.family.bound if v.family.bound <= limit else 1.0

    def follows(self, *used: Variable) -> bool:
        return any(v.follows for v in used)

    def result(self, text: str, shape: Shape, bound: float, *used: Variable, **more: Any) -> None:
        """name = text."""
        name = self.name("v")
        self.lines.append(f"{name} = {text}")
        self.add(name, shape, bound, follows=self.follows(*used), **more)

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def axis(self, ndim: int) -> int:
        axis = self.random.randrange(ndim)
        return axis - ndim if self.chance(0.3) else axis

    def partner(self, v: Variable, inside: bool = False) -> Variable | None:
        """A variable that broadcasts with v; inside: to v's own shape."""

        def fits(w: Variable) -> bool:
            try:
                shape = np.broadcast_shapes(v.shape, w.shape)
            except ValueError:
                return False
            return math.prod(shape) <= 40 and len(shape) <= 4 and (not inside or shape == v.shape)

        same = self.chance(0.4)
        return self.pick(lambda w: w.shape == v.shape if same else fits(w))

    # --- the end ----------------------------------------------------------------------------------------

    def end(self) -> None:
        """A loss of some of the results, and its gradients."""
        results = [v for v in self.variables if v.follows]
        last = self.random.sample(results[-6:], min(4, len(results[-6:])))
        terms = [self.random.choice(["{x}.sum()", "({x} * 1.5).sum()", "({x} * {x}).sum()"]) for _ in last]
        text = " + ".join(term.format(x=self.small(v)) for term, v in zip(terms, last, strict=True))
        self.lines.append(f"v0 = {text}")
        if not self.first_order:
            self.lines.append("v0.backward()")


# --- results ------------------------------------------------------------------------------------------------

UNARY: list[tuple[str, Callable[[float], float]]] = [
    ("{x}.sin()", lambda b: 1),
    ("{x}.tanh()", lambda b: 1),
    ("lib.sigmoid({x})", lambda b: 1),
    ("{s}.exp()", lambda b: 20),
    ("lib.relu({x})", lambda b: b),
    ("F.gelu({x})", lambda b: b),
    ("{x}.abs()", lambda b: b),
    ("-{x}", lambda b: b),
    ("{x} ** 2", lambda b: b * b),
    ("({x} * {x} + 0.5).sqrt()", lambda b: b + 1),
    ("({x} * {x} + 1.0).log()", lambda b: b),
    ("1.0 / ({x} * {x} + 1.0)", lambda b: 1),
    ("{x}.clip(-0.5, 0.7)", lambda b: 1),
    ("{x}.clone()", lambda b: b),
    ("{x} * 1", lambda b: b),
    ("{x} + 1.0", lambda b: b + 1),
    ("{x}.masked_fill({x} > 0.3, 0.1)", lambda b: b),
    ("{x} + lib.zeros_like({x})", lambda b: b),
]

BINARY: list[tuple[str, Callable[[float, float], float]]] = [
    *[("{x} + {y}", lambda a, b: a + b)] * 3,  # it hands its gradient on, so that two share memory
    ("{x} - {y}", lambda a, b: a + b),
    ("{x} * {y}", lambda a, b: a * b),
    ("{x} / ({y} * {y} + 1.0)", lambda a, b: a),
    ("lib.maximum({x}, {y} * 1.01)", lambda a, b: max(a, 1.01 * b)),
    ("lib.where({x} > 0.1, {x}, {y})", lambda a, b: max(a, b)),
    ("{x} + 2 * {y}", lambda a, b: a + 2 * b),
]


def unary(make: Generator) -> None:
    if v := make.pick():
        text, bound = make.random.choice(UNARY)
        line = text.format(x=make.small(v), s=make.small(v, 3.0))
        make.result(line, v.shape, bound(make.bound(v)), v, rows=v.rows)


def binary(make: Generator) -> None:
    if (v := make.pick()) and (w := make.partner(v)):
        if make.chance(0.5):
            v, w = w, v
        text, bound = make.random.choice(BINARY)
        line = text.format(x=make.small(v), y=make.small(w))
        shape = np.broadcast_shapes(v.shape, w.shape)
        make.result(line, shape, bound(make.bound(v), make.bound(w)), v, w, rows=v.rows and w.rows)


def reduction(make: Generator) -> None:
    if not (v := make.pick()):
        return
    x, b, n = make.small(v), make.bound(v), max(v.shape, default=1)
    if v.shape and make.chance(0.3):  # along an axis, with the shape kept
        text = make.random.choice(["cumsum", "softmax"])
        make.result(f"{x}.{text}(dim={make.axis(len(v.shape))})", v.shape, b * n + 4, v, rows=True)
        return
    name = make.random.choice(["sum", "mean", "amax", "logsumexp", "prod"] if v.shape else ["sum", "mean", "prod"])
    settings, places, keep = "", set(range(len(v.shape))), False
    if v.shape and (make.chance(0.7) or name == "logsumexp"):
        axis, keep = make.axis(len(v.shape)), make.chance(0.4)
        places, settings = {axis % len(v.shape)}, f"dim={axis}" + ", keepdim=True" * keep
    n = math.prod(v.shape[i] for i in places)
    if name == "prod":
        x, b = (f"{v.name}.tanh()", 1.0) if n > 3 or b > 2 else (x, b**n)
    shape = tuple(1 if i in places else k for i, k in enumerate(v.shape) if keep or i not in places)
    make.result(f"{x}.{name}({settings})", shape, b * n + 4, v, rows=v.rows)


def product(make: Generator) -> None:
    v = make.pick(lambda v: bool(v.shape))
    if v is None:
        return
    w = make.pick(lambda w: _product(v.shape, w.shape) is not None)
    if w is None:
        return
    shape = _product(v.shape, w.shape)
    assert shape is not None
    bound = make.bound(v) * make.bound(w) * v.shape[-1]
    make.result(f"{make.small(v)} @ {make.small(w)}", shape, bound, v, w)


def _product(a: Shape, b: Shape) -> Shape | None:
    if not (a and b):
        return None
    try:
        return (np.zeros(a) @ np.zeros(b)).shape
    except ValueError:
        return None


def view(make: Generator) -> None:
    """Another view of memory (where the libraries make one)."""
    if not (v := make.pick()):
        return
    shape, x, ndim = v.shape, v.name, len(v.shape)
    options: list[tuple[str, Shape]] = [
        (f"{x}.reshape(-1)", (math.prod(shape),)),
        (f"{x}.view(-1)", (math.prod(shape),)),
        (f"{x}.flatten()" if ndim != 1 else f"{x}[:]", (math.prod(shape),)),  # PyTorch returns a vector itself
        (f"{x}.unsqueeze(0)", (1, *shape)),
        (f"{x}.unsqueeze(-1)", (*shape, 1)),
        (f"{x}.squeeze()", tuple(n for n in shape if n > 1)),
        (f"{x}.expand(2, {', '.join(['-1'] * ndim)})" if ndim else f"{x}.expand(2)", (2, *shape)),
        (f"{x}[...]", shape),
    ]
    if ndim >= 2:
        swapped = (shape[1], shape[0], *shape[2:])
        options += [
            (f"{x}.transpose(0, 1)", swapped),
            (f"{x}.permute({', '.join(map(str, reversed(range(ndim))))})", shape[::-1]),
            (f"{x}.reshape({shape[0]}, -1)", (shape[0], math.prod(shape[1:]))),
            (f"{x}.diagonal()", np.zeros(shape).diagonal().shape),
        ]
    if ndim == 2:
        options.append((f"{x}.T", shape[::-1]))
    if ndim:
        options += [
            (f"{x}.unbind(0)[{shape[0] - 1}]", shape[1:]),
            (f"{x}.chunk({shape[0]}, dim=0)[0]", (1, *shape[1:])),
        ]
        options += [_picked(make, v) for _ in range(5)]
    text, result = make.random.choice(options)
    if math.prod(result) <= 40 and len(result) <= 4:
        rows, in_rows = v.rows or ndim < 2, any(f".{name}" in text for name in ("reshape", "flatten", "contiguous"))
        if in_rows and not rows:
            make.result(f"{text}.clone()", result, v.family.bound, v)
        else:
            keeps_rows = v.rows and (in_rows or "unsqueeze" in text or ".view" in text)
            make.result(text, result, 0, v, of=v, repeats=v.repeats or ".expand" in text, rows=keeps_rows)


def _picked(make: Generator, v: Variable) -> tuple[str, Shape]:
    index, shape = basic_index(make, v.shape)
    return f"{v.name}[{index}]", shape


def basic_index(make: Generator, shape: Shape) -> tuple[str, Shape]:
    """An index of integers, slices, None and an ellipsis, as text, and the shape of what is there."""
    parts = []
    for n in shape[: make.random.randint(1, len(shape))]:
        start = make.random.randrange(n)
        stop = make.random.randint(start + 1, n)
        number = str(start - n if make.chance(0.3) else start)
        parts.append(make.random.choice([":", number, f"{start}:{stop}", f"{start}:", ":", "::2"]))
    if make.chance(0.1):
        parts.insert(make.random.randint(0, len(parts)), "None")
    if make.chance(0.1):
        parts.append("...")
    text = ", ".join(parts)
    return text, eval(f"x[{text}]", {"x": np.zeros(shape)}).shape


def copy(make: Generator) -> None:
    """A copy in another shape, or of some elements."""
    if not (v := make.pick()):
        return
    shape, x, ndim = v.shape, v.name, len(v.shape)
    options: list[tuple[str, Shape]] = []
    if ndim:
        n, axis = shape[0], make.axis(ndim)
        rows = [make.random.randrange(-n, n) for _ in range(make.random.randint(1, 3))]
        twice = (2 * n, *shape[1:])
        options += [
            (f"{x}.flip({axis})", shape),
            (f"{x}[{rows}]", (len(rows), *shape[1:])),
            (f"{x}[lib.tensor({rows})]", (len(rows), *shape[1:])),
            (f"lib.cat([{x}, {x}])", twice),
            (f"lib.stack([{x}, {x}], dim={axis})", np.stack([np.zeros(shape)] * 2, axis=axis).shape),
            (f"{x}.repeat(2, {', '.join(['1'] * ndim)})", (2, *shape)),
        ]
    if ndim >= 2:
        options += [
            (f"lib.tril({x})", shape),
            (f"{x}[[0], [{shape[1] - 1}]]", (1, *shape[2:])),
            *[(f"{x}[:, [0, {shape[1] - 1}]]", (shape[0], 2, *shape[2:]))] * 3,
        ]
    if ndim == 0:
        options += [(f"lib.stack([{x}, {x}])", (2,)), (f"{x}.repeat(2)", (2,))]
    options.append((f"lib.broadcast_to({x}, {(2, *shape)}).clone()", (2, *shape)))
    text, result = make.random.choice(options)
    if math.prod(result) <= 40 and len(result) <= 4:
        make.result(text, result, 2 * v.family.bound, v, rows=v.rows or any(name in text for name in IN_ROWS))
        copied = make.variables[-1]
        if copied.rows and make.chance(0.4):  # a view of it sees a change
            make.result(f"{copied.name}.view(-1)", (math.prod(result),), 0, copied, of=copied, rows=True)
            inplace(make, copied)


# Copies whose memory is in row-major order in both libraries, whatever x's is.
IN_ROWS = ("cat", "stack", "repeat", "tril")


# --- in-place changes ---------------------------------------------------------------------------------------


def change(make: Generator, v: Variable | None = None) -> tuple[str, Variable, list[Variable]] | None:
    """A line that changes a variable in place, by default a random one; that variable; and what the line uses."""
    leaf = make.chance(0.05)
    v = v or make.pick(lambda v: (leaf or not v.leaf) and not v.repeats)
    if v is None:
        return None
    x, b = v.name, v.family.bound
    number = make.random.choice(["2.0", "0.5", "-1.0", "3"])
    options: list[tuple[str, float]] = [
        (f"{x} *= {number}", 3 * b),
        (f"{x} += {number}", b + 3),
        (f"{x}.mul_({number})", 3 * b),
        (f"{x}.fill_({number})", b + 3),
        (f"{x}[{x} > 0.3] = 0.1", b + 1),
        (f"{x}[{x} > 0.3] *= 0.5", b),
    ]
    used = [v]
    if v.shape:
        index, shape = basic_index(make, v.shape)
        options += [
            (f"{x}[{index}] = {number}", b + 3),
            (f"{x}[{index}] += {number}", b + 3),
            (f"{x}[{index}] *= {number}", 3 * b),
            (f"{x}[[0, {v.shape[0] - 1}]] = {number}", b + 3),
            (f"{x}[{index}].mul_({number})", 3 * b),
        ]
        if len(v.shape) == 2:
            options += [(f"{x}.diagonal().fill_({number})", b + 3), (f"{x}.T.mul_({number})", 3 * b)]

    def operand(w: Variable) -> str:
        """PyTorch does not say what x -= x.T is, nor notices it: never other views of what changes."""
        return f"{w.name}.clone()" if w.family is v.family and w is not v else make.small(w)

    if make.chance(0.6) and (w := make.partner(v, inside=True)):
        y, c = operand(w), make.bound(w)
        used.append(w)
        options = [
            (f"{x} += {y}", b + c),
            (f"{x} *= {y}", b * c),
            (f"{x}.add_({y}, alpha=2)", b + 2 * c),
            (f"{x}.copy_({y})", c),
            (f"{x}[...] = {y}", c),
        ]
        if v.shape:
            index, shape = basic_index(make, v.shape)
            part = make.pick(lambda w: _fits(w.shape, shape))
            if part:
                used[-1] = part
                y, c = operand(part), make.bound(part)
                options += [
                    (f"{x}[{index}] = {y}", b + c),
                    (f"{x}[{index}] += {y}", b + c),
                    (f"{x}[{index}] *= {y}", b * max(c, 1)),
                    (f"{x}[{index}].copy_({y})", b + c),
                ]
    text, bound = make.random.choice(options)
    if bound > 100:
        return None
    v.family.bound, v.family.changed = max(b, bound), True
    return text, v, used


def _fits(shape: Shape, there: Shape) -> bool:
    try:
        return np.broadcast_shapes(shape, there) == there
    except ValueError:
        return False


def inplace(make: Generator, v: Variable | None = None) -> None:
    changed = change(make, v)
    if changed:
        text, v, used = changed
        make.lines.append(text)
        if make.follows(*used):  # what shares its memory follows too
            for i, w in enumerate(make.variables):
                if w.family is v.family and not w.leaf:
                    make.variables[i] = replace(w, follows=True)


def in_no_grad(make: Generator) -> None:
    if make.chance(0.5):
        changed = change(make)
        if changed:
            make.lines.append(f"with lib.no_grad(): {changed[0]}")
    elif v := make.pick():
        kind = make.random.choice(["{x} * 2.0", "{x}.sin()", "{x}.detach()"])  # PyTorch calls views leaves here
        name = make.name("v")
        make.lines.append(f"with lib.no_grad(): {name} = {kind.format(x=v.name)}")
        shares = v if "detach" in kind else None
        make.add(name, v.shape, 2 * v.family.bound, of=shares, follows=False)


def detach(make: Generator) -> None:
    if v := make.pick():
        name = make.name("v")
        make.lines.append(f"{name} = {v.name}.detach()")
        made = make.add(name, v.shape, 0, of=v, follows=False)
        if make.chance(0.1):
            make.lines.append(f"{name}.requires_grad_()")
            make.variables[-1] = replace(made, follows=True)


# --- gradients ----------------------------------------------------------------------------------------------


def scalar(make: Generator) -> str | None:
    """One number that depends on a variable that follows."""
    v = make.pick(lambda v: v.follows)
    if v is None:
        return None
    x = make.small(v)
    w = make.partner(v) if make.chance(0.4) else None
    if w:
        return f"({x} * {make.small(w)}).sum()"
    return make.random.choice([f"{x}.sum()", f"({x} * {x}).sum()", f"{x}.sin().sum()"])


def backward(make: Generator) -> None:
    option = make.random.choice(["", "retain_graph=True", "retain_graph=True", "create_graph=True"])
    if make.chance(0.3) and (v := make.pick(lambda v: v.follows)):
        make.lines.append(f"{v.name}.backward(lib.ones_like({v.name}){', ' * bool(option)}{option})")
    elif found := scalar(make):
        make.lines.append(f"{found}.backward({option})")


def backward_in_threads(make: Generator) -> None:
    option = make.random.choice(["retain_graph=True", "create_graph=True"])
    found = [scalar(make) for _ in range(make.random.randint(2, 4))]
    make.lines.append(f"threads({', '.join(f'lambda: {text}.backward({option})' for text in found if text)})")


def grad(make: Generator) -> None:
    """Gradients with respect to leaves and results; often a second backward through the first.

    PyTorch's `grad` also fills `.grad` of results that retain it, so no program has both. After create_graph it asks
    for leaves only: how a gradient depends on results is not a question of mathematics, but of how rules are written.
    Of a result with a hook PyTorch gives the gradient before the hook, of a leaf the one after it; we the one after it.
    """
    text = scalar(make)
    if make.retains or text is None:
        return
    option = make.random.choice(["", "retain_graph=True", "create_graph=True", "create_graph=True"])
    higher = any("create_graph" in line for line in make.lines)
    hooked = {line.partition(".register_hook")[0] for line in make.lines}
    of = [
        make.pick(lambda v: v.follows and (v.leaf or not (v.view or higher or v.name in hooked))),
        make.pick(lambda v: v.leaf),
    ]
    inputs = {v.name: v for v in of[: make.random.randint(1, 2)] if v}
    if not inputs:
        return
    names = [make.name("g") for _ in inputs]
    make.lines.append(f"{', '.join(names)}, = grad({text}, [{', '.join(inputs)}]{', ' * bool(option)}{option})")
    for name, v in zip(names, inputs.values(), strict=True):
        make.add(name, v.shape, 1000, follows="create_graph" in option)
    if make.chance(0.4):
        make.lines.append(f"{make.random.choice(names)} *= 2.0")  # no other gradient may see it
    if "create_graph" in option and make.chance(0.6):
        again = make.random.choice(["({g} * {g}).sum()", "{g}.sin().sum()"]).format(g=names[0])
        make.lines.append(f"{again}.backward(retain_graph=True)")


def retain_grad(make: Generator) -> None:
    v = make.pick(lambda v: v.follows and not v.leaf and not v.view)
    if make.retains and v:
        make.lines.append(f"{v.name}.retain_grad()")
        if make.chance(0.5) and not v.repeats:
            inplace(make, v)


def hook(make: Generator) -> None:
    """A hook that changes a gradient, so that it shows whether it was called, and with what; at times a change then."""
    v = make.pick(lambda v: v.follows and not (v.view or v.family.changed))  # PyTorch crashes at some of these
    if v:
        make.lines.append(f"{v.name}.register_hook(lambda g: {make.random.choice(['g * 2.0', 'g + 1.0', 'g * g'])})")
        if make.chance(0.4) and not (v.leaf or v.repeats):
            inplace(make, v)


def detach_in_place(make: Generator) -> None:
    v = make.pick(lambda v: v.follows and not v.leaf)
    if v:
        make.lines.append(f"{v.name}.detach_()")
        make.variables[make.variables.index(v)] = replace(v, follows=False)


def reset(make: Generator) -> None:
    if v := make.pick(lambda v: v.leaf):
        make.lines.append(v.name + make.random.choice([".grad = None", ".requires_grad_(False)"]))


def checkpointed(make: Generator) -> None:
    v = make.pick(lambda v: v.follows)
    w = v and make.partner(v)
    u = w and make.pick(lambda u: _fits(u.shape, np.broadcast_shapes(v.shape, w.shape)))
    if not (v and w and u):
        return
    both = np.broadcast_shapes(v.shape, w.shape)
    one = make.random.choice(["(p * q).tanh()", "p.sin() + q.tanh()", f"p.sin() * q.cos() * {u.name}.tanh()"])
    if make.chance(0.5):
        make.result(f"checkpoint(lambda p, q: {one}, {v.name}, {w.name})", both, 2, v, w, u)
        return
    names = make.name("v"), make.name("v")
    make.lines.append(f"{', '.join(names)} = checkpoint(lambda p, q: (p.exp().tanh(), {one}), {v.name}, {w.name})")
    make.add(names[0], v.shape, 1, follows=v.follows)
    make.add(names[1], both, 2, follows=make.follows(v, w, u))


def in_threads(make: Generator) -> None:
    """Results that several threads compute, views of one tensor among them."""
    if not (v := make.pick()):
        return
    texts = [*["{x}[...]", "{x}.unsqueeze(0)"] * 3, "{x}.sin()", "{x} * {x}", "{x}.detach()"]
    chosen = [make.random.choice(texts) for _ in range(make.random.randint(2, 4))]
    made = [make.name("v") for _ in chosen]
    calls = ", ".join(f"lambda: {text.format(x=v.name)}" for text in chosen)
    make.lines.append(f"{', '.join(made)} = threads({calls})")
    for name, text in zip(made, chosen, strict=True):
        shares = None if "sin" in text or "*" in text else v
        shape = (1, *v.shape) if "unsqueeze" in text else v.shape
        make.add(name, shape, v.family.bound**2, of=shares, follows=v.follows and "detach" not in text)
    if make.chance(0.5) and not (v.leaf or v.repeats):
        inplace(make, v)


Kind = Callable[[Generator], None]
FIRST_ORDER: Sequence[tuple[Kind, float]] = (
    (unary, 4), (binary, 4), (reduction, 2), (product, 1), (view, 5), (copy, 3), (inplace, 4),
    (checkpointed, 0.5),
)  # fmt: skip
ALL: Sequence[tuple[Kind, float]] = (*FIRST_ORDER, (in_no_grad, 1), (detach, 1), (in_threads, 0.5), (backward, 0.6),
    (backward_in_threads, 0.3), (grad, 0.7), (retain_grad, 0.7), (hook, 0.5), (detach_in_place, 0.2), (reset, 0.3),
)  # fmt: skip


def generate(seed: int, first_order: bool = False, longest: int = 40) -> Program:
    """The program of a seed, of at most `longest` lines and a last one.

    first_order: no line asks for gradients, or stops them as detach does.
    """
    return Generator(seed, first_order, longest).program()

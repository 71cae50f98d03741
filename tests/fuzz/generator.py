"""Random programs from a seed: see `program.py` for what a program is.

Each line is run as soon as it is made, so what is known of a variable is looked up: its shape, whether gradients flow
to it, how large it is. Values are kept small, so that rounding stays small. What in-place changes, views and freed
graphs make of a line is for the libraries to say: one that is refused stays in the program.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from program import OURS, Program, Run, array

LIMIT = 12.0  # larger values are squashed before they are used
MOST, MOST_AXES = 40, 4  # elements and axes of a variable


@dataclass(frozen=True)
class Variable:
    """A tensor of the program.

    family: the name of the first of the variables that share memory.
    repeats: whether several elements may be one in memory, as in a view made by expand. The libraries differ in which
        changes of such a view they refuse, so the programs make none.
    rows: whether its memory is in row-major order in both libraries, so that reshape, flatten and contiguous are views
        in both. Of what they make of others, the programs take copies.
    """

    name: str
    value: Any
    family: str
    leaf: bool = False
    repeats: bool = False
    rows: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)

    @property
    def follows(self) -> bool:
        """Whether gradients flow to it."""
        return bool(self.value.requires_grad)

    @property
    def view(self) -> bool:
        return self.family != self.name

    @property
    def largest(self) -> float:
        return float(np.abs(array(self.value)).max(initial=0))


class Generator:
    """Makes one program, line by line. For the arguments see `generate`."""

    def __init__(self, seed: int, first_order: bool, longest: int) -> None:
        self.random = random.Random(seed)
        self.first_order, self.longest = first_order, longest
        self.lines: list[str] = []
        self.run = Run(OURS)
        self.variables: list[Variable] = []
        self.changed: set[str] = set()  # the families of which one was changed in place
        self.count = 0
        self.sides = [self.random.choice([1, 2, 2, 3, 3]) for _ in range(2)]
        self.retains = self.random.random() < 0.3
        kinds = FIRST_ORDER if first_order else ALL
        self.kinds = [kind for kind, _ in kinds]
        self.weights = [
            weight * self.random.choice([0.3, 1, 1, 3]) for _, weight in kinds
        ]  # each program has its style

    def program(self) -> Program:
        """The program."""
        for _ in range(self.random.choice([1, 2, 2, 3])):
            self.input("a", ", requires_grad=True")
        for _ in range(self.random.choice([0, 1, 1, 2])):
            self.input("c", "")
        length = self.random.randint(5, self.longest)
        while len(self.lines) < length:
            self.random.choices(self.kinds, self.weights)[0](self)
        results = [v for v in self.variables if v.follows][-6:]
        if terms := [self.loss(v) for v in self.random.sample(results, min(4, len(results)))]:
            self.line(f"v0 = {' + '.join(terms)}")
            if not self.first_order:
                self.line("v0.backward()")
        return Program(tuple(self.lines))

    # --- lines and variables ----------------------------------------------------------------------------

    def line(self, text: str) -> None:
        """Add a line, and run it."""
        self.lines.append(text)
        self.run.step(text)

    def name(self, letter: str = "v") -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def add(self, name: str, of: Variable | None = None, **more: Any) -> Variable | None:
        """The variable that a line has made, a view of `of` if given; None if the line was refused."""
        value = self.run.variables.get(name)
        if value is None:
            return None
        shared = {} if of is None else {"repeats": of.repeats}
        made = Variable(name, value, of.family if of else name, **{**shared, **more})
        self.variables.append(made)
        return made

    def result(self, text: str, of: Variable | None = None, **more: Any) -> Variable | None:
        """A new variable, name = text. None if it is refused, or too large: then there is no such line."""
        name = self.name()
        self.line(f"{name} = {text}")
        made = self.add(name, of, **more)
        if made and not (math.prod(made.shape) <= MOST and len(made.shape) <= MOST_AXES and made.largest < 1000):
            self.lines.pop()
            self.variables.pop()
            return None
        return made

    def input(self, letter: str, requires: str) -> None:
        """A leaf or a constant."""
        n, m = self.sides
        shape = self.random.choice([(), (n,), (m,), (n, m), (n, m), (m, n), (1, m), (n, 1), (2, n, m), (n, m)])
        signed = [self.random.choice([-1, 1]) * self.random.uniform(0.2, 1.5) for _ in range(math.prod(shape))]
        values = np.round(np.reshape(signed, shape), 3).tolist()
        name = self.name(letter)
        self.line(f"{name} = lib.tensor({values}, dtype=lib.float64{requires})")
        self.add(name, leaf=bool(requires), rows=True)

    def pick(self, accept: Callable[[Variable], bool] = lambda v: True) -> Variable | None:
        """A variable, rather a late one or a leaf; None if none is accepted."""
        fit = [v for v in self.variables if accept(v)]
        if not fit:
            return None
        kind = self.random.random()
        leaves = [v for v in fit if v.leaf] if kind < 0.2 else []
        return self.random.choice(leaves or (fit[-3:] if kind < 0.7 else fit))

    def partner(self, v: Variable, inside: bool = False) -> Variable | None:
        """A variable that broadcasts with v; inside: to v's own shape."""
        same = self.chance(0.4)
        return self.pick(lambda w: w.shape == v.shape if same else fits(v.shape, w.shape, inside))

    def small(self, v: Variable, limit: float = LIMIT) -> str:
        """How to write a variable, squashed if its values are large."""
        return v.name if v.largest <= limit else f"{v.name}.tanh()"

    def loss(self, v: Variable) -> str:
        """One number that depends on a variable."""
        return self.random.choice(["{x}.sum()", "({x} * {x}).sum()", "{x}.sin().sum()"]).format(x=self.small(v))

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def axis(self, v: Variable) -> int:
        return self.random.randrange(-len(v.shape), len(v.shape))


def fits(there: Sequence[int], shape: Sequence[int], inside: bool = True) -> bool:
    """Whether a shape broadcasts with another; inside: to that one."""
    with suppress(ValueError):
        return np.broadcast_shapes(there, shape) == there or not inside
    return False


# --- results ------------------------------------------------------------------------------------------------

UNARY = (
    "{x}.sin()", "{x}.tanh()", "lib.sigmoid({x})", "{x}.tanh().exp()", "lib.relu({x})", "F.gelu({x})", "{x}.abs()",
    "-{x}", "{x} ** 2", "({x} * {x} + 0.5).sqrt()", "({x} * {x} + 1.0).log()", "1.0 / ({x} * {x} + 1.0)",
    "{x}.clip(-0.5, 0.7)", "{x}.clone()", "{x} * 1", "{x} + 1.0", "{x}.masked_fill({x} > 0.3, 0.1)",
    "{x} + lib.zeros_like({x})",
)  # fmt: skip
BINARY = (
    *["{x} + {y}"] * 3,  # it hands its gradient on, so that two share memory
    "{x} - {y}", "{x} * {y}", "{x} / ({y} * {y} + 1.0)", "lib.maximum({x}, {y} * 1.01)",
    "lib.where({x} > 0.1, {x}, {y})", "{x} + 2 * {y}",
)  # fmt: skip


def unary(make: Generator) -> None:
    if v := make.pick():
        make.result(make.random.choice(UNARY).format(x=make.small(v)), rows=v.rows)


def binary(make: Generator) -> None:
    if (v := make.pick()) and (w := make.partner(v)):
        v, w = make.random.sample([v, w], 2)
        text = make.random.choice(BINARY).format(x=make.small(v), y=make.small(w))
        make.result(text, rows=v.rows and w.rows)


def reduction(make: Generator) -> None:
    if v := make.pick():
        calls = ["sum()", "mean()", "prod()"]
        if v.shape:
            along = f"dim={make.axis(v)}"
            keep = make.random.choice(["", ", keepdim=True"])
            calls += [f"{name}({along}{keep})" for name in ("sum", "mean", "amax", "logsumexp", "prod")]
            calls += [f"cumsum({along})", f"softmax({along})"]
        call = make.random.choice(calls)
        make.result(f"{make.small(v, 1.5)}.{call}", rows=v.rows or call.startswith(("cumsum", "softmax")))


def product(make: Generator) -> None:
    def fit(v: Variable, w: Variable) -> bool:
        a, b = v.shape, w.shape
        return bool(b) and b[-2:][0] == a[-1] and (min(len(a), len(b)) <= 2 or a[:-2] == b[:-2])

    if (v := make.pick(lambda v: bool(v.shape))) and (w := make.pick(lambda w: fit(v, w))):
        make.result(f"{make.small(v)} @ {make.small(w)}")


def view(make: Generator) -> None:
    """Another view of memory (where the libraries make one)."""
    if not (v := make.pick()):
        return
    shape, ndim = v.shape, len(v.shape)
    options = ["reshape(-1)", "view(-1)", "unsqueeze(0)", "unsqueeze(-1)", "squeeze()"]
    options.append(f"expand(2, {', '.join(['-1'] * ndim)})" if ndim else "expand(2)")
    options += ["flatten()"] * (ndim != 1)  # PyTorch returns a vector itself
    if ndim >= 2:
        reverse = ", ".join(map(str, reversed(range(ndim))))
        options += ["transpose(0, 1)", f"permute({reverse})", f"reshape({shape[0]}, -1)", "diagonal()"]
    if ndim:
        options += [f"unbind(0)[{shape[0] - 1}]", f"chunk({shape[0]}, dim=0)[0]"]
    options = [f"{v.name}.{option}" for option in options]
    options += [f"{v.name}.T"] * (ndim == 2) + [f"{v.name}[...]"]
    options += [f"{v.name}[{index(make, shape)}]" for _ in range(5 * bool(ndim))]
    text = make.random.choice(options)
    in_rows = any(f".{name}" in text for name in ("reshape", "flatten"))
    if in_rows and not v.rows and ndim >= 2:
        make.result(f"{text}.clone()")
    else:
        keeps_rows = v.rows and (in_rows or "unsqueeze" in text or ".view" in text)
        make.result(text, of=v, repeats=v.repeats or ".expand" in text, rows=keeps_rows)


def index(make: Generator, shape: Sequence[int]) -> str:
    """An index of integers, slices, None and an ellipsis, as text."""
    parts = []
    for n in shape[: make.random.randint(1, len(shape))]:
        start = make.random.randrange(n)
        part = f"{start}:{make.random.randint(start + 1, n)}"
        parts.append(make.random.choice([":", str(make.random.randrange(-n, n)), part, f"{start}:", ":", "::2"]))
    if make.chance(0.1):
        parts.insert(make.random.randint(0, len(parts)), "None")
    if make.chance(0.1):
        parts.append("...")
    return ", ".join(parts)


def copy(make: Generator) -> None:
    """A copy in another shape, or of some elements."""
    if not (v := make.pick()):
        return
    shape, x, ndim = v.shape, v.name, len(v.shape)
    axis = make.axis(v) if ndim else 0
    options = [f"lib.broadcast_to({x}, {(2, *shape)}).clone()", f"{x}.repeat(2{', 1' * ndim})"]
    options.append(f"lib.stack([{x}, {x}], dim={axis})")
    if ndim:
        n = shape[0]
        rows = [make.random.randrange(-n, n) for _ in range(make.random.randint(1, 3))]
        options += [f"{x}.flip({axis})", f"{x}[{rows}]", f"{x}[lib.tensor({rows})]", f"lib.cat([{x}, {x}])"]
    if ndim >= 2:
        last = shape[1] - 1
        options += [f"lib.tril({x})", f"{x}[[0], [{last}]]", *[f"{x}[:, [0, {last}]]"] * 3]
    text = make.random.choice(options)
    in_rows = any(name in text for name in ("cat", "stack", "repeat", "tril"))  # in both libraries, whatever x's is
    copied = make.result(text, rows=v.rows or in_rows)
    if copied and copied.rows and make.chance(0.4):  # a view of it sees a change
        make.result(f"{copied.name}.view(-1)", of=copied, rows=True)
        inplace(make, copied)


# --- in-place changes ---------------------------------------------------------------------------------------


def inplace(make: Generator, v: Variable | None = None, before: str = "") -> None:
    """A line that changes a variable in place, by default a random one.  before: what stands before it."""
    leaf = make.chance(0.05)
    v = v or make.pick(lambda v: (leaf or not v.leaf) and not v.repeats)
    if v is None or v.largest > LIMIT:
        return

    def operand(w: Variable | None) -> str:
        """PyTorch does not say what x -= x.T is, nor notices it: never other views of what changes."""
        if w is None or make.chance(0.4):
            return number
        return f"{w.name}.clone()" if w.family == v.family and w is not v else make.small(w)

    number, place = make.random.choice(["2.0", "0.5", "-1.0", "3"]), "..."
    if v.shape and make.chance(0.5):
        place = index(make, v.shape)
    there = eval(f"x[{place}]", {"x": np.zeros(v.shape)}).shape
    y, part = operand(make.partner(v, inside=True)), operand(make.pick(lambda w: fits(there, w.shape)))
    options = [
        "{x} += {y}", "{x} *= {y}", "{x}.mul_({y})", "{x}.add_({y}, alpha=2)", "{x}.fill_({n})",
        "{x}[{x} > 0.3] = 0.1", "{x}[{x} > 0.3] *= 0.5",
        *["{x}[{i}] = {p}", "{x}[{i}] += {p}", "{x}[{i}] *= {p}", "{x}[{i}].mul_({n})"] * 2,
    ]  # fmt: skip
    options += ["{x}.copy_({y})"] * (y != number) + ["{x}[{i}].copy_({p})"] * (part != number)
    options += ["{x}[[0, -1]] = {n}"] * bool(v.shape)
    options += ["{x}.diagonal().fill_({n})", "{x}.T.mul_({n})"] * (len(v.shape) == 2)
    make.changed.add(v.family)
    make.line(before + make.random.choice(options).format(x=v.name, y=y, p=part, n=number, i=place))


def in_no_grad(make: Generator) -> None:
    if make.chance(0.5):
        inplace(make, before="with lib.no_grad(): ")
    elif v := make.pick():
        text = make.random.choice(["{x} * 2.0", "{x}.sin()", "{x}.detach()"])  # PyTorch calls views leaves here
        name = make.name()
        make.line(f"with lib.no_grad(): {name} = {text.format(x=v.name)}")
        make.add(name, of=v if "detach" in text else None)


def detach(make: Generator) -> None:
    if (v := make.pick()) and (made := make.result(f"{v.name}.detach()", of=v)) and make.chance(0.1):
        make.line(f"{made.name}.requires_grad_()")


# --- gradients ----------------------------------------------------------------------------------------------


def scalar(make: Generator) -> str | None:
    """One number that depends on a variable that follows."""
    v = make.pick(lambda v: v.follows)
    if v is None:
        return None
    w = make.partner(v) if make.chance(0.4) else None
    return f"({make.small(v)} * {make.small(w)}).sum()" if w else make.loss(v)


def backward(make: Generator) -> None:
    option = make.random.choice(["", "retain_graph=True", "retain_graph=True", "create_graph=True"])
    if make.chance(0.3) and (v := make.pick(lambda v: v.follows)):
        make.line(f"{v.name}.backward(lib.ones_like({v.name}){', ' * bool(option)}{option})")
    elif found := scalar(make):
        make.line(f"{found}.backward({option})")


def backward_in_threads(make: Generator) -> None:
    option = make.random.choice(["retain_graph=True", "create_graph=True"])
    if found := [text for _ in range(make.random.randint(2, 4)) if (text := scalar(make))]:
        make.line(f"threads({', '.join(f'lambda: {text}.backward({option})' for text in found)})")


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
    inputs = [*dict.fromkeys(v.name for v in of[: make.random.randint(1, 2)] if v)]
    if not inputs:
        return
    names = [make.name("g") for _ in inputs]
    make.line(f"{', '.join(names)}, = grad({text}, [{', '.join(inputs)}]{', ' * bool(option)}{option})")
    for name in names:
        make.add(name)
    if make.chance(0.4):
        make.line(f"{make.random.choice(names)} *= 2.0")  # no other gradient may see it
    if "create_graph" in option and make.chance(0.6):
        again = make.random.choice(["({g} * {g}).sum()", "{g}.sin().sum()"]).format(g=names[0])
        make.line(f"{again}.backward(retain_graph=True)")


def retain_grad(make: Generator) -> None:
    v = make.pick(lambda v: v.follows and not v.leaf and not v.view)
    if make.retains and v:
        make.line(f"{v.name}.retain_grad()")
        if make.chance(0.5) and not v.repeats:
            inplace(make, v)


def hook(make: Generator) -> None:
    """A hook that changes a gradient, so that it shows whether it was called, and with what; at times a change then."""
    v = make.pick(lambda v: v.follows and not (v.view or v.family in make.changed))  # PyTorch crashes at some of these
    if v:
        make.line(f"{v.name}.register_hook(lambda g: {make.random.choice(['g * 2.0', 'g + 1.0', 'g * g'])})")
        if make.chance(0.4) and not (v.leaf or v.repeats):
            inplace(make, v)


def detach_in_place(make: Generator) -> None:
    if v := make.pick(lambda v: v.follows and not v.leaf):
        make.line(f"{v.name}.detach_()")


def reset(make: Generator) -> None:
    if v := make.pick(lambda v: v.leaf):
        make.line(v.name + make.random.choice([".grad = None", ".requires_grad_(False)"]))


def checkpointed(make: Generator) -> None:
    v = make.pick(lambda v: v.follows)
    w = v and make.partner(v)
    u = w and make.pick(lambda u: fits(np.broadcast_shapes(v.shape, w.shape), u.shape))
    if v and w and u:
        one = make.random.choice(["(p * q).tanh()", "p.sin() + q.tanh()", f"p.sin() * q.cos() * {u.name}.tanh()"])
        if make.chance(0.5):
            make.result(f"checkpoint(lambda p, q: {one}, {v.name}, {w.name})")
            return
        names = make.name(), make.name()
        make.line(f"{', '.join(names)} = checkpoint(lambda p, q: (p.exp().tanh(), {one}), {v.name}, {w.name})")
        for name in names:
            make.add(name)


def in_threads(make: Generator) -> None:
    """Results that several threads compute, views of one tensor among them."""
    if not (v := make.pick()):
        return
    texts = [*["{x}[...]", "{x}.unsqueeze(0)"] * 3, "{x}.sin()", "{x} * {x}", "{x}.detach()"]
    chosen = [make.random.choice(texts) for _ in range(make.random.randint(2, 4))]
    names = [make.name() for _ in chosen]
    calls = ", ".join(f"lambda: {text.format(x=v.name)}" for text in chosen)
    make.line(f"{', '.join(names)} = threads({calls})")
    for name, text in zip(names, chosen, strict=True):
        make.add(name, of=None if "sin" in text or "*" in text else v)
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
    with np.errstate(all="ignore"):
        return Generator(seed, first_order, longest).program()

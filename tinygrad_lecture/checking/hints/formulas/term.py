"""`Term`: a plausible term of a gradient; and the terms that the arrays of a case make."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from ....backend import Array
from ..axes import Axes, axes_text
from ..case import Case
from .recognise import tidy, times


@dataclass(frozen=True)
class Term:
    """A plausible term of a gradient: outer * (g * inner), or outer * a sum of g * inner over axes.

    over: the axes of the sum, () for none.  count: the number of elements in the sum.  keepdims: whether it keeps them.
    """

    text: str
    of: Callable[[Array], Array]  # the term as a function of g, in the shape of the input
    factors: tuple[str, str] = ("", "")
    over: Axes = ()
    count: int = 1
    keepdims: bool = True

    def times(self, number: float) -> str | None:
        """A simple number times the term; a mean for a sum if that is simpler. None for other numbers."""
        ways = [(tidy(number), self.text)]
        if self.over:
            ways.append((tidy(number * self.count), self.text.replace(".sum(", ".mean(")))
        simple = [(way, text) for way, text in ways if way is not None and way.denominator <= 8]
        return times(*min(simple, key=lambda way: way[0].denominator)) if simple else None


def elementwise_terms(case: Case) -> Iterator[Term]:
    """g times up to two arrays."""
    yield Term("g", lambda g: g)
    for name, array in case.known.items():
        yield _times_g(name, array, name)
        for other, second in case.known.items():
            yield _times_g(f"{name} * {other}", array * second, name, other)
            if name == other:
                break
    for name, array in _normalised(case).items():
        yield _times_g(name, array, name)


def sum_terms(case: Case) -> Iterator[Term]:
    """Sums of g, or of g times an array, over axes of the input, times an array."""
    ones = {"": np.ones_like(case.x)}
    axes = [axis for axis, size in enumerate(case.x.shape) if size > 1]
    for outer, inner, over in product(
        {**ones, **case.known, **_normalised(case)}.items(),
        {**ones, **case.known}.items(),
        [*((axis,) for axis in axes), *([tuple(axes)] if len(axes) > 1 else [])],
    ):
        text = f"{outer[0]} * " if outer[0] else ""
        text += f"(g * {inner[0]}).sum" if inner[0] else "g.sum"
        factors, count = (outer[0], inner[0]), math.prod(case.x.shape[axis] for axis in over)
        inside = f"({axes_text(over)}, keepdims=True)" if len(over) < case.x.ndim else "()"
        yield Term(f"{text}{inside}", _summed(outer[1], inner[1], over, True), factors, over, count)
        if len(over) == 1 and case.x.ndim == 2 and case.x.shape[0] == case.x.shape[1]:
            narrow = _summed(outer[1], inner[1], over, False)
            yield Term(f"{text}({axes_text(over)})", narrow, factors, over, count, keepdims=False)


def quotient_term(case: Case) -> Term | None:
    """g * out / x, if each input element changes one output element and no element of x is 0."""
    if case.reached is None or case.out is None or not case.x.all():
        return None
    ratio = case.out.ravel()[case.reached] / case.x
    return Term(f"g * out / {case.own_name}", lambda g: g * ratio)


def _times_g(name: str, array: Array, *factors: str) -> Term:
    return Term(f"g * {name}", lambda g: g * array, factors=(*factors, "", "")[:2])  # type: ignore[arg-type]


def _summed(outer: Array, inner: Array, over: Axes, keepdims: bool) -> Callable[[Array], Array]:
    return lambda g: outer * (g * inner).sum(axis=over, keepdims=keepdims)


def _normalised(case: Case) -> dict[str, Array]:
    """What gradients of losses and layers contain: exp of input and output, the input's sigmoid, means and softmax."""
    x, name = case.x, case.own_name
    exp = np.exp(x - x.max(initial=0))
    found = {f"exp({called})": np.exp(array) for called, array in case.known.items() if called in (name, "out")}
    found[f"(1 / (1 + exp(-{name})))"] = 1 / (1 + np.exp(-x))
    for axis in (axis for axis, size in enumerate(x.shape) if size > 1):
        inside = f"{axis}, keepdims=True" if x.ndim > 1 else ""
        found[f"{name}.mean({inside})"] = np.broadcast_to(x.mean(axis=axis, keepdims=True), x.shape)
        found[f"softmax({name}, axis={axis})"] = exp / exp.sum(axis=axis, keepdims=True)
    return {called: array for called, array in found.items() if np.isfinite(array).all()}

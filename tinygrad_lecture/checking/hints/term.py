"""`Term`: a plausible term of a gradient; and the terms that the arrays of a case make."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from ...backend import Array
from .axes import Axes, axes_text
from .case import Case
from .formulas import tidy, times


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
    """exp of input and output, and the input's softmax along each axis."""
    found = {f"exp({name})": np.exp(array) for name, array in case.known.items() if name in (case.own_name, "out")}
    for over in [(axis,) for axis, size in enumerate(case.x.shape) if size > 1]:
        inside = f"{axes_text(over)}, keepdims=True" if case.x.ndim > 1 else ""
        found[f"{case.own_name}.mean({inside})"] = case.x.mean(axis=over, keepdims=True) + 0 * case.x
    found[f"(1 / (1 + exp(-{case.own_name})))"] = 1 / (1 + np.exp(-case.x))
    for axis, size in enumerate(case.x.shape):
        exp = np.exp(case.x - case.x.max(initial=0))
        if size > 1:
            found[f"softmax({case.own_name}, axis={axis})"] = exp / exp.sum(axis=axis, keepdims=True)
    return {name: array for name, array in found.items() if np.isfinite(array).all()}

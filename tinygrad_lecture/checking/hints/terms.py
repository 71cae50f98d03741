"""Hints: the gradient is a sum, and one of its terms is missing or wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from ...backend import Array
from .axes import Axes, axes_text
from .case import Case, coefficient, same
from .formulas import tidy, times, vocabulary
from .matrices import products

MAX_SIZE = 256  # elements of an input whose terms are tried in pairs


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


def dropped_term(case: Case) -> str | None:
    """expected - got is a small multiple of a plausible term; or got = g * out / x."""
    if case.x.size < 2:
        return None
    missing = case.expected - case.got
    for term, value in _terms(case):
        value = np.broadcast_to(value, case.x.shape)
        number = coefficient(missing, value, ~case.kinks)
        simple = (number and case.x.size > 2) or abs(Fraction(number).limit_denominator(2)) in (1, 2, Fraction(1, 2))
        amount = term.times(abs(number)) if simple else None
        if amount is not None and same(missing, number * value, ~case.kinks):
            if number > 0:
                return f"a term is missing; add {amount}"
            return f"a negative term is missing, or there is a term too many; subtract {amount}"
    quotient = _quotient(case)
    if quotient is None or case.g is None or not case.fits(quotient.of(case.g)):
        return None
    return (
        f"this is g * out / {case.own_name}, as if out / {case.own_name} did not depend on the input; it does, so by "
        "the product rule its own term must be added"
    )


def sum_over_wrong_axis(case: Case) -> str | None:
    """got and expected differ in the axis of a sum within the gradient."""
    for wrong, right, _, _ in _swapped(case):
        if wrong.factors == right.factors and wrong.over and right.over:
            if wrong.over == right.over:
                return (
                    f"a sum or mean over axis {axes_text(right.over)} within the rule is then repeated along the wrong "
                    "axis; it needs keepdims=True"
                )
            return (
                f"a sum or mean within the rule goes over axis {axes_text(wrong.over)}, but must go over "
                f"{axes_text(right.over)}"
            )
    return None


def wrong_term(case: Case) -> str | None:
    """got has one plausible term where expected has another one."""
    for wrong, right, taken, needed in _swapped(case):
        sums = "; the sum is missing" if right.over and not wrong.over else ""
        return f"the rule has the term {taken} where the gradient has {needed}{sums}"
    return None


def missing_term(case: Case) -> str | None:
    """got - expected is constant along one axis, or is an array that the rule can use times such a constant."""
    error = case.got - case.expected
    if case.kinks.any() or not error.all():
        return None
    for name, array in (("", np.ones_like(error)), *case.known.items()):
        ratio = error / array
        for axis, size in enumerate(error.shape):
            level = np.broadcast_to(ratio.mean(axis=axis, keepdims=True), error.shape)
            if size > 1 and np.isfinite(ratio).all() and same(ratio, level):
                error_is = f"the error divided by {name} is" if name else "the error is"
                cause = "a term that sums or averages over this axis is missing, or wrong"
                return f"{error_is} constant along axis {axis}: {cause}"
    return None


def _terms(case: Case) -> Iterator[tuple[Term, Array]]:
    """Plausible terms with their values, the simplest first."""
    if case.g is not None:
        quotient = _quotient(case)
        terms = [*_elementwise(case), *([] if quotient is None else [quotient]), *_sums(case)]
        plain = [(name, array) for name, array in vocabulary(case.known) if not name.startswith("(")]
        terms += [_times_g(name, array) for name, array in plain]
        yield from ((term, term.of(case.g)) for term in terms)
    yield from ((Term(text, lambda g: g), value) for text, value in products(case))


def _times_g(name: str, array: Array, *factors: str) -> Term:
    return Term(f"g * {name}", lambda g: g * array, factors=(*factors, "", "")[:2])  # type: ignore[arg-type]


def _elementwise(case: Case) -> Iterator[Term]:
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


def _sums(case: Case) -> Iterator[Term]:
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


def _summed(outer: Array, inner: Array, over: Axes, keepdims: bool) -> Callable[[Array], Array]:
    return lambda g: outer * (g * inner).sum(axis=over, keepdims=keepdims)


def _normalised(case: Case) -> dict[str, Array]:
    """exp of input and output, and the input's softmax along each axis."""
    found = {f"exp({name})": np.exp(array) for name, array in case.known.items() if name in (case.own_name, "out")}
    found[f"(1 / (1 + exp(-{case.own_name})))"] = 1 / (1 + np.exp(-case.x))
    for axis, size in enumerate(case.x.shape):
        exp = np.exp(case.x - case.x.max(initial=0))
        if size > 1:
            found[f"softmax({case.own_name}, axis={axis})"] = exp / exp.sum(axis=axis, keepdims=True)
    return {name: array for name, array in found.items() if np.isfinite(array).all()}


def _quotient(case: Case) -> Term | None:
    """g * out / x, if each input element changes one output element and no element of x is 0."""
    if case.reached is None or case.out is None or not case.x.all():
        return None
    ratio = case.out.ravel()[case.reached] / case.x
    return Term(f"g * out / {case.own_name}", lambda g: g * ratio)


def _swapped(case: Case) -> Iterator[tuple[Term, Term, str, str]]:
    """Pairs of terms, of which got has the first where expected has the second; and the two times a simple number.

    Found by least squares: got - expected = a * one + b * other. The most alike and simplest pairs come first.
    """
    where = ~case.kinks
    if case.g is None or not 5 <= np.count_nonzero(where) <= MAX_SIZE:
        return
    terms = [*_elementwise(case), *_sums(case)]
    table = np.array([np.broadcast_to(term.of(case.g), case.x.shape)[where] for term in terms])
    error = (case.got - case.expected)[where]
    gram, with_error = table @ table.T, table @ error
    norms = np.diag(gram)
    determinant = norms[:, None] * norms - gram * gram
    first = (norms * with_error[:, None] - gram * with_error) / determinant  # a, for each pair of terms
    left = error @ error - first * with_error[:, None] - first.T * with_error
    usable = (determinant > 1e-9 * norms[:, None] * norms) & (np.abs(left) <= 1e-8 * (error @ error))
    pairs = [(int(i), int(k)) for i, k in np.argwhere(usable & (first > 0) & (first.T < 0))]
    for i, k in sorted(pairs, key=lambda pair: (_unlike(terms[pair[0]], terms[pair[1]]), sum(pair))):
        a, b = float(first[i, k]), float(first[k, i])
        if not same(error, a * table[i] + b * table[k]):
            continue
        wrong, right, a, b = terms[i], terms[k], a, -b
        if _distance(case, right, b) > _distance(case, wrong, -a):  # the signs may be the other way round
            wrong, right, a, b = right, wrong, -b, -a
        taken, needed = wrong.times(a), right.times(b)
        if taken and needed:
            yield wrong, right, taken, needed


def _distance(case: Case, term: Term, number: float) -> float:
    """How far the Jacobian is from that of a term, apart from its diagonal."""
    if case.jacobian is None:
        return 0.0
    units = [case.at_inputs(unit) for unit in np.eye(case.upstream.size)]
    rows = [np.broadcast_to(term.of(g), case.x.shape).ravel() for g in units if g is not None]
    difference = case.jacobian - number * np.array(rows)
    return float(np.sum(difference**2) - np.sum(np.diag(difference) ** 2))


def _unlike(one: Term, other: Term) -> int:
    """In how many ways two terms differ."""
    factors = sum(a != b for a, b in zip(one.factors, other.factors, strict=True))
    return factors + (one.over != other.over) + (one.keepdims != other.keepdims)

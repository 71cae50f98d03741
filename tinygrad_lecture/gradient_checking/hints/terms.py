"""Hints: the gradient is a sum or a matrix product, and a term is missing or wrong, or a factor out of place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from ...backend import Array, Shape
from ..report import index_text
from .case import Case, Hints, coefficient, same
from .closed_forms import Axes
from .factors import constant, recognise, tidy, times

MAX_PAIRED = 256  # elements of an input whose terms are tried in pairs


@dataclass(frozen=True)
class Term:
    """A plausible term of a gradient: outer * g * inner, or outer * a sum of g * inner over axes.

    over: the axes of the sum, () for none.  count: the number of elements in the sum.  keepdims: whether it keeps them.
    """

    text: str
    outer: Array | float = 1.0
    inner: Array | float = 1.0
    factors: tuple[str, str] = ("", "")
    over: Axes = ()
    count: int = 1
    keepdims: bool = True

    def of(self, g: Array) -> Array:
        """The term for an upstream gradient in the shape of the input; of the same shape."""
        value = self.outer * (g * self.inner).sum(axis=self.over, keepdims=self.keepdims)
        return np.broadcast_to(value, g.shape)

    def times(self, number: float) -> str | None:
        """A simple number times the term; a mean for a sum if that is simpler. None for other numbers."""
        ways = [(tidy(number), self.text)]
        if self.over:
            ways.append((tidy(number * self.count), self.text.replace(".sum(", ".mean(")))
        simple = [(way, text) for way, text in ways if way is not None and way.denominator <= 8]
        return times(*min(simple, key=lambda way: way[0].denominator)) if simple else None


# --- which terms there are ----------------------------------------------------------------------------------


def _elementwise_terms(case: Case) -> Iterator[Term]:
    """g times up to two arrays."""
    yield Term("g")
    names = list(case.known)
    for k, (name, array) in enumerate(case.known.items()):
        yield Term(f"g * {name}", array, factors=(name, ""))
        for other in names[: k + 1]:
            yield Term(f"g * {name} * {other}", array, case.known[other], (name, other))
    for name, array in _derived(case).items():
        yield Term(f"g * {name}", array, factors=(name, ""))


def _quotient_term(case: Case) -> Term | None:
    """g * out / x, if each input element changes one output element and no element of x is 0."""
    if case.reached is None or case.output is None or not case.x.all():
        return None
    return Term(f"g * out / {case.own_name}", case.output.ravel()[case.reached] / case.x)


def _sum_terms(case: Case) -> Iterator[Term]:
    """Sums of g, or of g times an array, over axes of the input, times an array."""
    ones, shape = {"": np.ones_like(case.x)}, case.x.shape
    axes = [axis for axis, size in enumerate(shape) if size > 1]
    sums = [*((axis,) for axis in axes), *([tuple(axes)] if len(axes) > 1 else [])]
    outers, inners = {**ones, **case.known, **_derived(case)}, {**ones, **case.known}
    for (outer, factor), (inner, within), over in product(outers.items(), inners.items(), sums):
        text = (f"{outer} * " if outer else "") + (f"(g * {inner}).sum" if inner else "g.sum")
        inside = f"({index_text(over)}, keepdims=True)" if len(over) < len(shape) else "()"
        count = math.prod(shape[axis] for axis in over)
        yield Term(text + inside, factor, within, (outer, inner), over, count)
        if len(over) == 1 and len(shape) == 2 and shape[0] == shape[1]:
            yield Term(f"{text}({index_text(over)})", factor, within, (outer, inner), over, count, keepdims=False)


def _derived(case: Case) -> dict[str, Array]:
    """What is derived from arrays, but for differences, which are two terms."""
    return {text: array for text, array in case.derived.items() if " - " not in text}


# --- a term is missing --------------------------------------------------------------------------------------


def dropped_term(case: Case) -> Hints:
    """expected - got is a small multiple of a plausible term; or got = g * out / x."""
    if case.x.size < 2:
        return
    missing, quotient = case.expected - case.got, _quotient_term(case)
    for term, value in _terms(case, quotient):
        number = coefficient(missing, value, ~case.kinks)
        enough = case.x.size > 2 or any(math.isclose(abs(number), simple, rel_tol=1e-5) for simple in (0.5, 1, 2))
        amount = term.times(abs(number)) if enough else None
        mixed = term.count > 2 and math.isclose(abs(number), 1 - 1 / term.count, rel_tol=1e-5)
        if (amount or mixed) and same(missing, number * value, ~case.kinks):
            yield "dropped-term.mixed", {"term": term.text}, mixed
            yield _dropped(number), {"term": amount}, True
    if quotient is not None:
        yield "dropped-term.quotient", {"ratio": f"out / {case.own_name}"}, quotient.of(case.g)
        used, right = case.got - quotient.of(case.g), case.expected - quotient.of(case.g)
        tells = np.unique(case.x).size > 2 and (np.abs(right) > 1e-6 * np.abs(case.expected)).all()
        number = coefficient(right, used, ~case.kinks)
        for name, factor in {case.own_name: case.x, f"{number:.5g}": number}.items():
            fields = {"x": case.own_name, "factor": name}
            yield "wrong-term.factor", fields, tells and same(right, factor * used, ~case.kinks)
    yield from dropped_formula(case, words=1)


def _terms(case: Case, quotient: Term | None) -> Iterator[tuple[Term, Array]]:
    """Plausible terms with their values, the simplest first."""
    if case.at_inputs(case.upstream) is not None:
        terms = [*_elementwise_terms(case), *([] if quotient is None else [quotient]), *_sum_terms(case)]
        yield from ((term, term.of(case.g)) for term in terms)
    yield from ((Term(text), value) for text, value in products(case))


def dropped_formula(case: Case, words: int = 2) -> Hints:
    """expected - got is g times a product or quotient of two simple functions."""
    if case.reached is not None:
        factor = recognise((case.expected - case.got) / case.g, case.known, ~case.kinks, words)
        if factor is not None and (words == 2 or "(1 " not in factor[0]):  # 1 - x is two terms
            sign = -1 if factor[0].startswith("-") else 1
            yield _dropped(sign), {"term": f"g * {factor[0].removeprefix('-')}"}, True


def _dropped(number: float) -> str:
    return "dropped-term.subtract" if number < 0 else "dropped-term.add"


def missing_term(case: Case) -> Hints:
    """got - expected is constant along one axis, or is an array that the rule can use times such a constant."""
    error = case.got - case.expected
    for name, array in (("", np.ones_like(error)), *case.known.items()):
        ratio = error / array
        for axis, size in enumerate(error.shape if error.all() and not case.kinks.any() else ()):
            level = np.broadcast_to(ratio.mean(axis=axis, keepdims=True), error.shape)
            error_is = f"the error divided by {name} is" if name else "the error is"
            yield "missing-term", {"error_is": error_is, "axis": axis}, size > 1 and same(ratio, level)


# --- another term stands in its place -----------------------------------------------------------------------


def wrong_term(case: Case, same_factors: bool = False) -> Hints:
    """got has one plausible term where expected has another one: got - expected = a * one + b * other.

    same_factors: only terms that differ in the axes of their sums alone.
    """
    where = ~case.kinks
    if not 5 <= np.count_nonzero(where) <= MAX_PAIRED:
        return
    terms = [*_elementwise_terms(case), *_sum_terms(case)]
    table = np.array([term.of(case.g)[where] for term in terms])
    error = (case.got - case.expected)[where]
    gram, with_error = table @ table.T, table @ error
    norms = np.diag(gram)
    determinant = norms[:, None] * norms - gram * gram
    first = (norms * with_error[:, None] - gram * with_error) / determinant  # a, for each pair: least squares
    left = error @ error - first * with_error[:, None] - first.T * with_error
    usable = (determinant > 1e-9 * norms[:, None] * norms) & (np.abs(left) <= 1e-8 * (error @ error))
    pairs = [(int(i), int(k)) for i, k in np.argwhere(usable & (first > 0) & (first.T < 0))]
    for i, k in sorted(pairs, key=lambda pair: (_unlike(terms[pair[0]], terms[pair[1]]), sum(pair))):
        numbers = {i: float(first[i, k]), k: float(first[k, i])}
        alike = terms[i].factors == terms[k].factors and terms[i].over and terms[k].over
        if (same_factors and not alike) or not same(error, table[[i, k]].T @ [*numbers.values()]):
            continue
        # The Jacobian is nearer to a term that it has; that of an elementwise op cannot tell.
        right, wrong = sorted(numbers, key=lambda j: _distance(case, terms[j], -numbers[j]))
        taken, needed = terms[wrong].times(numbers[wrong]), terms[right].times(-numbers[right])
        if not (taken and needed):
            continue
        fields = {"taken": taken, "needed": needed}
        fields |= {"axis": index_text(terms[wrong].over), "right": index_text(terms[right].over)}
        if case.reached is not None or not same_factors:
            yield "wrong-term.taken" if case.reached is None else "wrong-term.either", fields, True
        else:
            yield "wrong-axis.keepdims" if fields["axis"] == fields["right"] else "wrong-axis.within", fields, True


def _distance(case: Case, term: Term, number: float) -> float:
    """How far the Jacobian is, apart from its diagonal, from that of a number times a term."""
    if case.reached is not None:
        return 0.0
    rows = [term.of(unit.reshape(case.x.shape)).ravel() for unit in np.eye(case.x.size)]
    difference = case.jacobian - number * np.array(rows)
    return float(np.linalg.norm(difference) ** 2 - np.linalg.norm(np.diag(difference)) ** 2)


def _unlike(one: Term, other: Term) -> int:
    """In how many ways two terms differ."""
    factors = sum(a != b for a, b in zip(one.factors, other.factors, strict=True))
    return factors + (one.over != other.over) + (one.keepdims != other.keepdims)


# --- products of matrices -----------------------------------------------------------------------------------

MAX_SIZE = 4096  # elements of the largest array that is multiplied
Word = tuple[str, Array]  # a product as text, and its value


def wrong_product(case: Case) -> Hints:
    """expected is a product of matrices, or a sum of two, and got is another product."""
    words = list(products(case))
    taken, right = _as_product(case, words, case.got), _as_product(case, words, case.expected)
    if taken is None and right is None:
        return
    needed = _as_sum(case, words) if right is None else _text(case, *right)
    arbitrary = right and tidy(right[0]) is None and not (taken and tidy(right[0] / taken[0]))
    rule = "" if taken is None else f", but the rule gives {_text(case, *taken)}"
    reverse = " (.T of a 3-d array reverses all three axes)" if case.x.ndim > 2 and ".T" in rule else ""
    differ = not (right and taken and right[1] == taken[1])
    # Any two arrays of a few elements may be an arbitrary number times each other.
    fields = {"needed": needed, "rule": f"{rule}{reverse}"}
    yield "wrong-product", fields, needed is not None and differ and not arbitrary


def products(case: Case) -> Iterator[Word]:
    """Products of two or three matrices that the rule knows, g among them, of the shape of the input.

    Vectors are columns, or rows where they are transposed. A g of one element is a factor in front.
    """
    if case.output is None or case.call is None or case.x.ndim == 0 or case.x.size < 3:
        return
    g = case.g_out
    arrays = {k: v for k, v in case.arrays.items() if 1 <= v.ndim <= 3 and 1 < v.size <= MAX_SIZE}
    if len(arrays) > 5 or g.ndim > 3 or g.size > MAX_SIZE:
        return
    others = [factor for name, array in arrays.items() for factor in _factors(name, array)]
    if g.size == 1:
        for factors in (*((other,) for other in others), *product(others, others)):
            if (word := _multiplied(factors, case.x.shape)) is not None:
                yield f"g * {word[0]}", g.item() * word[1]
        return
    upstreams = list(_factors("g", g))
    for factors in (*product(upstreams, others), *product(others, upstreams), *product(others, upstreams, others)):
        if (word := _multiplied(factors, case.x.shape)) is not None:
            yield word


def _factors(name: str, array: Array) -> Iterator[Word]:
    """A matrix and its transposes."""
    if array.ndim == 1:
        yield name, array[:, None]
        yield f"{name}.T", array[None]
        return
    yield name, array
    yield (f"{name}.T" if array.ndim == 2 else f"{name}.swapaxes(-1, -2)"), array.swapaxes(-1, -2)
    if array.ndim == 3:
        yield f"{name}.T", array.T


def _multiplied(factors: tuple[Word, ...], shape: Shape) -> Word | None:
    """The product of some matrices, if it has a given shape."""
    value = factors[0][1]
    for _, factor in factors[1:]:
        if value.shape[-1] != factor.shape[-2]:
            return None
        try:
            value = value @ factor
        except ValueError:  # batches of different sizes
            return None
    text = " @ ".join(name for name, _ in factors)
    if value.ndim == len(shape) + 1 == 3 and value.shape[1:] == shape:
        return f"({text}).sum(0)", value.sum(0)
    if value.shape == shape or (len(shape) == 1 and value.shape in ((*shape, 1), (1, *shape))):
        return text, value.reshape(shape)
    return None


def _as_product(case: Case, words: list[Word], target: Array) -> tuple[float, str] | None:
    """An array as a number times a product."""
    for text, value in words:
        number = coefficient(target, value, ~case.kinks)
        if number and same(target, number * value, ~case.kinks):
            return number, text
    return None


def _text(case: Case, number: float, product: str) -> str:
    simple = tidy(number)
    return times(simple, product) if simple else f"{constant(number, case.sizes) or f'{number:.5g}'} * {product}"


def _as_sum(case: Case, words: list[Word]) -> str | None:
    """The expected gradient as the sum or difference of two products."""
    table = np.array([value[~case.kinks] for _, value in words])
    target = case.expected[~case.kinks]
    close = 1e-5 * np.abs(target).max(initial=0)
    for i, (first, value) in enumerate(words):
        for sign, rest in (("+", target - table[i]), ("-", table[i] - target)):
            for k in np.flatnonzero((np.abs(table - rest) <= close).all(axis=1)):
                second, other = words[int(k)]
                if same(case.expected, value + other if sign == "+" else value - other, ~case.kinks):
                    return f"{first} {sign} {second}"
    return None

"""Hints: the gradient is a sum or a matrix product, and a term is missing or wrong, or a factor out of place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations_with_replacement, product

import numpy as np

from ...backend import Array, Shape
from ..report import index_text
from .case import Case, Hints, coefficient, same
from .closed_forms import axis_sets, reducing_axes
from .factors import constant, recognise, tidy, times

MIN_SIZE = 4  # fewer elements are any number times another array by chance


# --- a term is missing --------------------------------------------------------------------------------------


def dropped_term(case: Case) -> Hints:
    """expected - got is a small multiple of a plausible term."""
    missing = case.expected - case.got
    for text, value, count in _terms(case) if case.x.size > 1 else ():
        number = coefficient(missing, value, ~case.kinks)
        enough = case.x.size > 2 or any(math.isclose(abs(number), simple, rel_tol=1e-5) for simple in (0.5, 1, 2))
        amount = _amount(abs(number), text, count) if enough else None
        if amount and case.lacks(number * value):
            yield _dropped(number), {"term": amount}, True
    yield from _product_rule(case)
    yield from dropped_formula(case, words=1)


def _terms(case: Case) -> Iterator[tuple[str, Array, int]]:
    """Plausible terms, their values, and over how many elements they sum; the simplest first."""
    if case.at_inputs(case.upstream) is not None:
        g, known, shape = case.g, case.known, case.x.shape
        derived = {text: array for text, array in case.derived.items() if " - " not in text}  # these are two terms
        yield "g", g, 1
        yield from ((f"g * {name}", g * array, 1) for name, array in known.items())
        for (name, array), (other, more) in combinations_with_replacement(known.items(), 2):
            yield f"g * {name} * {other}", g * array * more, 1
        yield from ((f"g * {name}", g * array, 1) for name, array in derived.items())
        outers, inners = {"": np.ones_like(g), **known, **derived}, {"": np.ones_like(g), **known}
        for (outer, factor), (inner, within), over in product(outers.items(), inners.items(), axis_sets(shape)):
            text = (f"{outer} * " if outer else "") + (f"(g * {inner}).sum" if inner else "g.sum")
            text += f"({index_text(over)}, keepdims=True)" if len(over) < len(shape) else "()"
            yield text, factor * (g * within).sum(over, keepdims=True), math.prod(shape[axis] for axis in over)
    for over in reducing_axes(case.out.shape, case.x.shape) if case.out.size > case.x.size else ():
        yield f"g.sum({index_text(over)})", case.g_out.sum(over).reshape(case.x.shape), 1
    yield from ((text, value, 1) for text, value in products(case))


def _amount(number: float, text: str, count: int) -> str | None:
    """A simple number times a term; a mean for a sum if that is simpler. None for other numbers."""
    ways = [(tidy(number), text), (tidy(number * count), text.replace(".sum(", ".mean("))]
    simple = [(way, text) for way, text in ways if way is not None and way.denominator <= 8]
    return times(*min(simple, key=lambda way: way[0].denominator)) if simple else None


def _product_rule(case: Case) -> Hints:
    """out is x times a function of it, and one of the two terms of the product rule is missing or wrong."""
    if case.reached is None or case.output is None or not case.x.all():
        return
    name, where, first = case.own_name, ~case.kinks, case.g * case.output.ravel()[case.reached] / case.x
    yield "dropped-term.add", {"term": f"g * out / {name}"}, case.expected - first
    yield "dropped-term.quotient", {"ratio": f"out / {name}"}, first
    used, right = case.got - first, case.expected - first
    tells = np.unique(case.x).size > 2 and (np.abs(right) > 1e-6 * np.abs(case.expected)).all()
    yield "dropped-term.slope", {"x": name}, right / case.x if tells else False
    factor = _factor(right / used, case.x, name, where) if tells else None
    yield "wrong-term.factor", {"x": name, "factor": factor}, factor is not None


def _factor(ratio: Array, x: Array, name: str, where: Array) -> str | None:
    """An array as x, a number, a simple function of x, or a + b * x * x."""
    if (found := recognise(ratio, {name: x}, where, 1)) is not None:
        return found[0]
    powers = np.stack([np.ones_like(x), x * x])
    if np.unique(x * x).size <= 3 or not np.isfinite(ratio).all():
        return None
    numbers = np.linalg.lstsq(powers[:, where].T, ratio[where], rcond=None)[0]
    if not same(ratio, np.tensordot(numbers, powers, 1), where):
        return None
    constant, square = (f"{number:.5g}" for number in numbers)
    return constant if abs(numbers[1]) < 1e-7 * abs(numbers[0]) else f"({constant} + {square} * {name} * {name})"


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
        if case.x.size >= MIN_SIZE and case.at_inputs(case.upstream) is not None:
            number = coefficient(error, case.g * array, ~case.kinks)
            fields = {"term": f"{abs(number):.5g} * g" + (f" * {name}" if name else "")}
            yield _dropped(-number), fields, bool(number) and case.lacks(-number * case.g * array)
        ratio = error / array
        for axis, size in enumerate(error.shape if error.all() and not case.kinks.any() else ()):
            level = np.broadcast_to(ratio.mean(axis=axis, keepdims=True), error.shape)
            error_is = f"the error divided by {name} is" if name else "the error is"
            factor = same(case.got / array, case.got.flat[0] / array.flat[0] + 0 * error)  # then a factor is wrong
            yield "missing-term", {"error_is": error_is, "axis": axis}, size > 1 and not factor and same(ratio, level)


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

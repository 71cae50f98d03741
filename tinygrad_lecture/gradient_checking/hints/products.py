"""Hint: the factors of a matrix product are in the wrong order, or transposed where they must not be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from ...backend import Array, Shape
from .case import Case, Hints, coefficient, same
from .recognise import constant, tidy, times

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
    yield "wrong-product", f"the gradient is {needed}{rule}{reverse}", needed is not None and differ and not arbitrary


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

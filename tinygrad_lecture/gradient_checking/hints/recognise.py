"""Formulas of a rule's arrays, to recognise an array of numbers by: x, 1 - out * out, exp(out), b / a, ..."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

import numpy as np

from ...backend import Array

CONSTANTS = {"pi": math.pi, "log(2)": math.log(2), "log(10)": math.log(10)} | {
    f"sqrt({name})": math.sqrt(number) for name, number in (("2", 2), ("pi", math.pi), ("2 * pi", 2 * math.pi))
}
MIN_SIGNS = 8  # fewer elements have the signs of others by chance
FUNCTIONS = {"exp": np.exp, "log": np.log, "cos": np.cos, "sin": np.sin, "sqrt": np.sqrt, "tanh": np.tanh}


def functions(name: str, array: Array) -> Iterator[tuple[str, Array]]:
    """Simple functions of one array, with their formulas, the simplest first."""
    yield name, array
    yield f"{name} * {name}", array * array
    yield f"(1 - {name})", 1 - array
    yield f"(1 + {name})", 1 + array
    yield f"(1 - {name} * {name})", 1 - array * array
    yield f"(1 + {name} * {name})", 1 + array * array
    for called, function in FUNCTIONS.items():
        yield f"{called}({name})", function(array)
    yield f"{name}**3", array**3
    yield f"(1 / (1 + exp(-{name})))", 1 / (1 + np.exp(-array))
    yield f"(1 / (1 + exp({name})))", 1 / (1 + np.exp(array))
    if array.size >= MIN_SIGNS:
        yield f"sign({name})", np.sign(array)
        yield f"({name} > 0)", (array > 0).astype(float)
    yield f"cos({name} * {name})", np.cos(array * array)
    yield f"exp({name} * {name})", np.exp(array * array)


def vocabulary(known: Mapping[str, Array]) -> list[tuple[str, Array]]:
    """The functions of all arrays, the simplest first; those that are not finite are left out."""
    each = [list(functions(name, array)) for name, array in known.items()]
    levels = [entry for level in zip(*each, strict=True) for entry in level]
    return [(name, array) for name, array in levels if np.isfinite(array).all() and array.any()]


def recognise(
    target: Array, known: Mapping[str, Array], where: Array, words: int, least: int = 3
) -> tuple[str, int] | None:
    """A formula of an array, and the number of functions in it, at most `words`, 1 or 2.

    It is a simple number times one function of an array of `known`, or 1 / it, or a product or quotient of two.
    where: the elements that count, bool.  least: how many different elements there must be, 2 or more.
    None if no formula agrees to five digits in all of them, or if there are too few elements to tell.
    """
    wanted = target[where]
    points = np.unique([array[where] for array in known.values()], axis=1) if known else np.empty((0, 0))
    words = min(words, points.shape[1] - 1)  # two elements can tell one function
    if points.shape[1] < least or not (np.isfinite(wanted).all() and wanted.any()):
        return None
    if _constant(wanted[None])[0]:
        number = tidy(float(wanted.mean()))
        return None if number is None else (times(number, "1"), 0)
    named = [(name, array[where]) for name, array in vocabulary(known)]
    named = [(name, array) for name, array in named if not _constant(array[None])[0]]
    if not named:
        return None
    zero = wanted == 0
    for top, bottom, values, count in _families([name for name, _ in named], np.array([array for _, array in named])):
        if count > words:
            return None
        ratio = wanted[~zero] / values[:, ~zero]
        small = 1e-7 * np.abs(values).max(axis=1, keepdims=True)
        fits = _constant(ratio) & (np.isfinite(values) & (np.abs(values) <= np.where(zero, small, np.inf))).all(axis=1)
        for k in np.flatnonzero(fits):
            number = tidy(float(ratio[k].mean()))
            if number:
                return over(number, top.format(named[k][0]), bottom.format(named[k][0])), count
    return None


def _families(names: list[str], table: Array) -> Iterator[tuple[str, str, Array, int]]:
    """Families of formulas: numerator and denominator with a place for a name, values, (k, n), number of functions."""
    yield "{}", "", table, 1
    yield "", "{}", 1 / table, 1
    for first, values in zip(names, table, strict=True):
        yield f"{first} * {{}}", "", values * table, 2
        yield "{}", first, table / values, 2
        yield "", f"{first} * {{}}", 1 / (values * table), 2


def tidy(value: float) -> Fraction | None:
    """The simple fraction that a number is; None if it is none, or 0."""
    if not 1e-3 < abs(value) < 1e3:
        return None
    fraction = Fraction(value).limit_denominator(12)
    simple = 0 < abs(fraction.numerator) * fraction.denominator <= 100
    return fraction if simple and abs(float(fraction) - value) < 1e-5 * abs(value) else None


def constant(value: float, sizes: Iterable[int] = ()) -> str | None:
    """The name of a well-known number or the root of a size, times a simple fraction, as "1 / log(10)"; or None."""
    for name, number in {**CONSTANTS, **{f"sqrt({n})": math.sqrt(n) for n in sizes}}.items():
        amount, inverse = tidy(value / number), tidy(value * number)
        if inverse is not None and inverse.denominator <= 2:
            return over(inverse, "", name)
        if amount is not None and amount.denominator <= 4:
            return times(amount, name)
    return None


def times(number: Fraction, formula: str) -> str:
    """A number times a formula: "2 * x", "-x", "x / 2"."""
    sign, size = "-" if number < 0 else "", abs(number)
    if formula == "1":
        return f"{sign}{size}"
    front = "" if size.numerator == 1 else f"{size.numerator} * "
    behind = "" if size.denominator == 1 else f" / {size.denominator}"
    return f"{sign}{front}{formula}{behind}"


def over(number: Fraction, top: str, bottom: str) -> str:
    """A number times a quotient: "1 / x", "-2 * a / b"; of a numerator alone if the denominator is ""."""
    if not bottom:
        return times(number, top)
    bottom = bottom if number.denominator == 1 else f"{number.denominator} * {bottom}"
    outside = re.sub(r"\((?:[^()]|\([^()]*\))*\)", "", bottom)
    bottom = f"({bottom})" if re.search(r" [*/+-] ", outside) else bottom
    return f"{times(Fraction(number.numerator), top or '1')} / {bottom}"


def _constant(rows: Array) -> Array:
    """Which rows are the same number in all elements, to five digits."""
    level = np.median(rows, axis=1, keepdims=True)
    return np.isfinite(rows).all(axis=1) & (np.abs(rows - level) <= 1e-5 * np.abs(level)).all(axis=1)

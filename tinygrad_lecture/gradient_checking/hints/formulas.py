"""Hints: the gradient is off by a factor or a term, or is another product of matrices.

Or the derivative that the rule uses, and the true one, are recognised as formulas: x, 1 - out * out, exp(out), b / a.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from functools import cache
from itertools import combinations_with_replacement, permutations, product
from types import CodeType
from typing import Any, TypeAlias

import numpy as np

from ...backend import Array, Shape
from ..report import index_text
from .case import Case, Hints, Unknown, axis_sets, coefficient, reducing_axes, require, same, softmax, sum_to_shape

Alternatives: TypeAlias = dict[str, dict[str, str]]  # sentences in causes.toml, and what fills them in

SIMPLE = (1, 2, Fraction(1, 2))
MIN_SIZE = 4  # fewer elements are any number times another array by chance

# --- constants ----------------------------------------------------------------------------------------------


def _factor(case: Case) -> float | None:
    """The factor, not 0 or 1, by which all elements are off; None if there is none."""
    factor = coefficient(case.got, case.expected, ~case.kinks)
    return factor if factor and case.fits(factor * case.expected) else None


def simple_factor(case: Case) -> Hints:
    """got = c * expected for a simple fraction c."""
    factor = require(_factor(case))
    simple = Fraction(factor).limit_denominator(64)
    is_simple = abs(float(simple) - factor) <= 1e-6 * abs(factor)
    amount = f"{simple} of" if 0 < factor < 1 else f"{simple} times"
    what = "a constant factor is missing" if abs(factor) < 1 else "there is a constant factor too many"
    terms: Alternatives = {"constant-factor.terms": {}} if simple == Fraction(1, 2) else {}
    words = {"what": what, "sign": ", and the sign is wrong" if factor < 0 else "", "here": ""}
    numbers = {"amount": amount, "inverse": 1 / simple if simple else 0}
    yield "constant-factor.simple", words | numbers | {"alternatives": _of_sizes(abs(simple), case) or terms}, is_simple


def constant_factor(case: Case) -> Hints:
    """got = c * expected for any number c."""
    factor = require(_factor(case))
    if case.x.size < 2 or all(np.ptp(array) == 0 for array in case.known.values()):
        return  # the same input at each element shows one factor, constant or not
    name = constant(1 / factor, case.sizes)
    which = "" if name is None else f", which is {name}"
    yield "constant-factor.any", {"factor": f"{factor:.6g}", "inverse": f"{1 / factor:.6g}{which}", "here": ""}, True


def _of_sizes(factor: Fraction, case: Case) -> Alternatives:
    """How a factor may come from the number of elements in a sum; nothing if the op contains no sum."""
    found: Alternatives = {}
    if case.columns is not None and max(case.inputs_per_output.max(), case.outputs_per_input.max()) <= 1:
        return found
    for n in sorted({*case.sizes, case.x.size}):
        size = {"size": f" ({n} is the size of an axis)"}
        if factor in (n, Fraction(1, n)):
            return {"constant-factor.sum" if factor == n else "constant-factor.mean": size}
        if n > 1 and factor in (Fraction(n - 1, n), Fraction(n, n - 1)):
            found["constant-factor.deviation"] = size
    for taken, right in permutations(sorted({*case.x.shape} - {0, 1}), 2):
        if factor == Fraction(right, taken):
            found.setdefault("constant-factor.axes", {"taken": str(taken), "right": str(right)})
    return found


# --- arrays -------------------------------------------------------------------------------------------------


def missing_factor(case: Case, numbers: bool = False) -> Hints:
    """got = expected / a, or expected / a², or times these, for an array a that the rule can use.

    numbers: only for an array of one element, of another shape than the input.
    """
    for name, array in case.known.items():
        if numbers and (name == "out" or case.arrays[name].size > 1 or case.x.size == 1):
            continue
        for power, called in ((1, name), (2, f"{name} squared")):
            yield "missing-factor.missing", {"formula": called}, case.expected / array**power
            yield "missing-factor.extra", {"formula": called}, case.expected * array**power


def upstream_factor(case: Case) -> Hints:
    """The vjp of g * f, for a function f of arrays that have the output's shape or broadcast to it."""
    claimed, jacobian, shape = case.claimed, case.jacobian, case.out.shape
    factor = (claimed * jacobian).sum(axis=1) / (jacobian**2).sum(axis=1)  # of each row
    if same(claimed, factor[:, None] * jacobian):
        found = recognise(1 / factor.reshape(shape), case.arrays_of_shape(shape), np.ones(shape, dtype=bool), 2)
        if found is not None and found[1]:
            yield "upstream-factor", {"formula": found[0]}, True


def factor_per_slice(case: Case) -> Hints:
    """got / expected is constant along one axis."""
    used = case.expected != 0
    ratio = case.got / np.where(used, case.expected, 1)
    for axis, size in enumerate(ratio.shape if case.wrong[used].all() else ()):
        level = ratio.sum(axis=axis, keepdims=True) / np.maximum(used.sum(axis=axis, keepdims=True), 1)
        if 1 < size < ratio.size and same(ratio, level * used) and case.got[used].all() and _factor(case) is None:
            once = {k: v for k, v in case.known.items() if np.ptp(v, axis=axis).max() == 0}
            factor = recognise(1 / np.where(used, ratio, 1), once, ~case.kinks & used, 2)
            yield "factor-per-slice", {"axis": axis, "here": f"; here it is {factor[0]}" if factor else ""}, True


# --- formulas of the derivatives ----------------------------------------------------------------------------


def formula(case: Case, words: int = 1) -> Hints:
    """The derivative of the rule and the right one are formulas; or their ratio is, if that is simpler.

    words: the largest number of functions in a formula.
    """
    missing, nonzero = None, case.expected != 0
    if np.array_equal(case.got != 0, nonzero):
        ratio = np.where(nonzero, case.expected, 1) / np.where(nonzero, case.got, 1)
        missing = recognise(ratio, case.known, ~case.kinks & nonzero, words)
    with suppress(Unknown):
        used, right, arrays, where = _derivatives(case)
        true, taken = recognise(right, arrays, where, words, least=2), recognise(used, arrays, where, 2, least=2)
        if true and taken and true[0] != taken[0] and (missing is None or true[1] <= missing[1]):
            yield "formula.other", {"right": true[0], "taken": taken[0]}, True
    if missing is not None:
        quotient = " / " in _outside(missing[0]) and not missing[0].startswith("1 /")
        yield f"formula.{'quotient' if quotient else 'factor'}", {"formula": missing[0]}, True


def wrong_formula(case: Case) -> Hints:
    """Only one of the two derivatives is a formula."""
    used, right, arrays, where = _derivatives(case)
    true, taken = recognise(right, arrays, where, 2), recognise(used, arrays, where, 1)
    if true is not None and true[0] != "1":
        yield "formula.right", {"formula": true[0]}, True
    if taken is not None:
        yield "formula.wrong", {"formula": taken[0]}, True


def _derivatives(case: Case) -> tuple[Array, Array, dict[str, Array], Array]:
    """What the rule multiplies g by, what it should, the arrays of formulas, and which elements count; of one shape.

    Of an op that is elementwise but for repeated or summed elements; Unknown for others. In the shape of the input if
    each input element changes one output element, else in that of the output.
    """
    if case.reached is not None:
        return case.got / case.g, case.expected / case.g, case.known, ~case.kinks
    claimed, jacobian, shape = case.claimed, case.jacobian, case.out.shape
    if case.inputs_per_output.max(initial=0) > 1 or not np.array_equal(jacobian != 0, claimed != 0):
        raise Unknown
    used, right = (array.sum(axis=1).reshape(shape) for array in (claimed, jacobian))
    return used, right, case.arrays_of_shape(shape), np.ones(shape, dtype=bool)


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


def _terms(case: Case) -> Iterator[tuple[str, Array, int]]:
    """Plausible terms, their values, and over how many elements they sum; the simplest first."""
    if case.at_inputs(case.upstream) is not None:
        g, known, shape = case.g, case.known, case.x.shape
        yield "g", g, 1
        yield from ((f"g * {name}", g * array, 1) for name, array in known.items())
        for (name, array), (other, more) in combinations_with_replacement(known.items(), 2):
            yield f"g * {name} * {other}", g * array * more, 1
        factors = {"": np.ones_like(g), **known}
        for (outer, factor), (inner, within), over in product(factors.items(), factors.items(), axis_sets(shape)):
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
    name, first = case.own_name, case.g * case.output.ravel()[case.reached] / case.x
    yield "dropped-term.add", {"term": f"g * out / {name}"}, case.expected - first
    yield "dropped-term.quotient", {"ratio": f"out / {name}"}, first
    right = case.expected - first
    tells = np.unique(case.x).size > 2 and (np.abs(right) > 1e-6 * np.abs(case.expected)).all()
    yield "dropped-term.slope", {"x": name}, right / case.x if tells else False
    used = case.got - first
    number = coefficient(right, used, ~case.kinks)
    yield "wrong-term", {"x": name, "factor": f"{number:.5g}"}, first + right / (number or 1) if tells else False
    factor = recognise(right / used, {name: case.x}, ~case.kinks, 1) if tells else None
    yield "wrong-term", {"x": name, "factor": factor and factor[0]}, factor is not None


def _dropped(number: float) -> str:
    return "dropped-term.subtract" if number < 0 else "dropped-term.add"


# --- products of matrices -----------------------------------------------------------------------------------

MAX_SIZE = 4096  # elements of the largest array that is multiplied
Word = tuple[str, Array]  # a product as text, and its value


def wrong_product(case: Case) -> Hints:
    """expected is a product of matrices, and got is another one."""
    words = list(products(case))
    taken, right = _as_product(case, words, case.got), _as_product(case, words, case.expected)
    if taken is None and right is None:
        return
    needed = None if right is None else _text(case, *right)
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


# --- formulas as text, which is both what is computed and what is said ---------------------------------------

FUNCTIONS = (  # functions of an array a, the simplest first
    *("{a}", "{a} * {a}", "(1 - {a})", "(1 + {a})", "(1 - {a} * {a})", "(1 + {a} * {a})", "exp({a})", "log({a})"),
    *("cos({a})", "sin({a})", "sqrt({a})", "tanh({a})", "{a}**3", "(1 / (1 + exp(-{a})))", "(1 / (1 + exp({a})))"),
    *("(1 - tanh({a}) * tanh({a}))", "cos({a} * {a})", "exp({a} * {a})", "sign({a})", "({a} > 0)"),
)
ALL_FUNCTIONS = ", ".join(FUNCTIONS).format(a="a")
NAMES: dict[str, Any] = {
    **{name: getattr(np, name) for name in ("cos", "exp", "inf", "log", "sign", "sin", "sqrt", "tanh", "where")},
    "softmax": softmax,
    "mean": lambda x, over: x.mean(over, keepdims=True),
    "total": lambda x, over: x.sum(over, keepdims=True),
    "t": lambda x: x.swapaxes(-1, -2),
    "like": lambda x, array: sum_to_shape(array, x.shape),
}


def value(formula: str, names: Mapping[str, Any]) -> Any:
    """What a formula gives for the values of its names."""
    return eval(_code(formula, "eval"), NAMES, dict(names))


def values(formulas: Mapping[str, str], names: Mapping[str, Any]) -> dict[str, Any]:
    """What formulas give, each of which may use those before it, beside the values of their names."""
    found = dict(names)
    exec(_code("\n".join(map(" = ".join, formulas.items())), "exec"), NAMES, found)
    return found


@cache
def _code(formula: str, mode: str) -> CodeType:
    return compile(formula, "a formula", mode)


# --- an array of numbers as a formula -----------------------------------------------------------------------

CONSTANTS = {"pi": math.pi, "log(2)": math.log(2), "log(10)": math.log(10)} | {
    f"sqrt({name})": math.sqrt(number) for name, number in (("2", 2), ("pi", math.pi), ("2 * pi", 2 * math.pi))
}
MIN_SIGNS = 8  # fewer elements have the signs of others by chance


def vocabulary(known: Mapping[str, Array]) -> list[tuple[str, Array]]:
    """The functions of all arrays, with their formulas, the simplest first; those that are not finite are left out."""
    found = []
    results = [value(ALL_FUNCTIONS, {"a": array}) for array in known.values()]
    for formula, *row in zip(FUNCTIONS, *results, strict=True):
        for name, array in zip(known, row, strict=True):
            enough = array.size >= MIN_SIGNS or formula not in FUNCTIONS[-2:]
            if enough and np.isfinite(array).all() and array.any():
                found.append((formula.format(a=name), np.asarray(array, dtype=float)))
    return found


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
    if two_values(wanted):  # a mask, which formulas of numbers give by chance
        named = [(name, array) for name, array in named if two_values(array)]
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


def two_values(array: Array) -> bool:
    """Whether an array has two different numbers, to six digits of the largest one."""
    return np.unique(np.round(array / np.abs(array).max(initial=1e-300), 6)).size == 2


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
    bottom = f"({bottom})" if re.search(r" [*/+-] ", _outside(bottom)) else bottom
    return f"{times(Fraction(number.numerator), top or '1')} / {bottom}"


def _outside(formula: str) -> str:
    """A formula without what stands in parentheses."""
    return re.sub(r"\((?:[^()]|\([^()]*\))*\)", "", formula)


def _constant(rows: Array) -> Array:
    """Which rows are the same number in all elements, to five digits."""
    level = np.median(rows, axis=1, keepdims=True)
    return np.isfinite(rows).all(axis=1) & (np.abs(rows - level) <= 1e-5 * np.abs(level)).all(axis=1)

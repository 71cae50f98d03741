"""Hints: the gradient is off by a factor: a constant, an array that the rule knows, or one number per slice."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np

from ..case import Case, coefficient, same
from .recognise import constant, over, recognise, tidy, times, vocabulary

SIMPLE = (1, 2, Fraction(1, 2))


def simple_factor(case: Case) -> str | None:
    """got = c * expected for a simple fraction c."""
    factor = _factor(case)
    simple = None if factor is None else Fraction(factor).limit_denominator(64)
    if factor is None or simple is None or abs(float(simple) - factor) > 1e-6 * abs(factor):
        return None
    amount = f"{simple} of" if 0 < factor < 1 else f"{simple} times"
    cause = "a constant factor is missing" if abs(factor) < 1 else "there is a constant factor too many"
    cause += _size_of_an_axis(abs(simple), case) or (", or one of two equal terms" if simple == Fraction(1, 2) else "")
    cause += ", and the sign is wrong" if factor < 0 else ""
    return f"every element is {amount} the expected value: {cause}; multiply by {1 / simple}"


def constant_factor(case: Case) -> str | None:
    """got = c * expected for any number c."""
    factor = _factor(case)
    if factor is None or case.x.size < 2 or all(np.ptp(array) == 0 for array in case.known.values()):
        return None  # the same input at each element shows one factor, constant or not
    named = _of_numbers(1 / factor, case)
    if named is not None:
        return f"a factor is missing; multiply by {named}"
    name = constant(1 / factor, case.sizes)
    which = "" if name is None else f", which is {name}"
    return f"every element is {factor:.6g} times the expected value; multiply by {1 / factor:.6g}{which}"


def _of_numbers(factor: float, case: Case) -> str | None:
    """A number as a formula of the arrays with one element, as a norm is."""
    numbers = {name: array for name, array in case.arrays.items() if array.size == 1}
    words = [(name, array.item()) for name, array in vocabulary(numbers)]
    pairs = [(f"{name} * {other}", size * more) for name, size in words[:6] for other, more in words[:6]]
    for name, size in words + pairs:
        if (number := tidy(factor / size)) and abs(number) in SIMPLE:
            return times(number, name)
        if (number := tidy(factor * size)) and abs(number) in SIMPLE:
            return over(number, "", name)
    return None


def _factor(case: Case) -> float | None:
    """The factor, not 0 or 1, by which all elements are off; None if there is none."""
    factor = coefficient(case.got, case.expected, ~case.kinks)
    return factor if factor and case.fits(factor * case.expected) else None


def _size_of_an_axis(factor: Fraction, case: Case) -> str:
    """How a factor may come from the number of elements in a sum; "" if the op contains no sum."""
    if case.jacobian is not None and all((np.count_nonzero(case.jacobian, axis=a) <= 1).all() for a in (0, 1)):
        return ""
    sizes, causes = sorted({*case.sizes, case.x.size}), []
    for n in sizes:
        if factor == Fraction(1, n):
            causes.append(f"the rule is that of a mean, but the op is a sum ({n} is the size of an axis)")
        elif factor == n:
            causes.append(f"the rule is that of a sum, but the op is a mean ({n} is the size of an axis)")
    if causes:
        return f", or {causes[0]}"
    for n in sizes:
        if factor in (Fraction(n - 1, n), Fraction(n, n - 1)):
            causes.append(f"n and n - 1 are mixed up ({n} is the size of an axis)")
    for taken, right in permutations(sorted({*case.x.shape} - {0, 1}), 2):
        if factor == Fraction(right, taken) and not causes[1:]:
            causes.append(f"the rule divides by {taken}, but must divide by {right}, the size of another axis")
    return "".join(f", or {cause}" for cause in causes)


def missing_factor(case: Case) -> str | None:
    """got = expected / a, or expected / a², or times these, for an array a that the rule can use."""
    for name, array in case.known.items():
        for power, called in ((1, name), (2, f"{name} squared")):
            factor = array**power
            if case.fits(case.expected / factor):
                return f"a factor is missing; multiply by {called}"
            if case.fits(case.expected * factor):
                return f"there is a factor too many; divide by {called}"
    return None


def upstream_factor(case: Case) -> str | None:
    """got = the vjp of g / f or g * f, for a function f of an array that has the output's shape or broadcasts to it."""
    if case.out is None or case.out.size < 3:
        return None
    g = case.upstream.reshape(case.out.shape)
    for name, factor in vocabulary(case.arrays_of_shape(g.shape)):
        if len(np.unique(factor)) < 3:
            continue  # a mask or sign, which few elements agree with by chance
        if case.fits_upstream(g / factor):
            return f"the upstream gradient g must be multiplied by {name} first"
        if case.fits_upstream(g * factor):
            return f"the upstream gradient g must not be multiplied by {name}, or must be divided by it"
        for own, array in case.known.items():
            moved = case.vjp((g / factor).ravel())
            if own == name and moved is not None and case.fits(moved * array):
                return f"the rule multiplies its result by {name}; multiply the upstream gradient g by it at the start"
    return None


def factor_per_slice(case: Case) -> str | None:
    """got / expected is constant along one axis."""
    ratio = case.got / case.expected
    for axis, size in enumerate(ratio.shape):
        if size > 1 and ratio.size > size and case.got.all() and not case.kinks.any():
            level = np.broadcast_to(ratio.mean(axis=axis, keepdims=True), ratio.shape)
            if same(ratio, level) and case.wrong.all() and _factor(case) is None:
                once = {k: v for k, v in case.known.items() if np.ptp(v, axis=axis).max() == 0}
                factor = recognise(1 / ratio, once, ~case.kinks, 2)
                return (
                    f"got / expected is constant along axis {axis} and differs between slices: a factor is missing "
                    "that the op computes once per slice, such as a sum or a norm"
                ) + (f"; here it is {factor[0]}" if factor else "")
    return None

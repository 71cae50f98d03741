"""Hints: the gradient is off by a factor: a constant, an array that the rule knows, or one number per slice."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from .case import Case, coefficient, same


def simple_factor(case: Case) -> str | None:
    """got = c * expected for a simple fraction c."""
    factor = _factor(case)
    tidy = None if factor is None else Fraction(factor).limit_denominator(64)
    if factor is None or tidy is None or abs(float(tidy) - factor) > 1e-6 * abs(factor):
        return None
    amount = f"{tidy} of" if 0 < factor < 1 else f"{tidy} times"
    cause = "a constant factor is missing" if abs(factor) < 1 else "there is a constant factor too many"
    cause += _size_of_an_axis(abs(tidy), case) or (", or one of two equal terms" if tidy == Fraction(1, 2) else "")
    cause += ", and the sign is wrong" if factor < 0 else ""
    return f"every element is {amount} the expected value: {cause}; multiply by {1 / tidy}"


def constant_factor(case: Case) -> str | None:
    """got = c * expected for any number c."""
    factor = _factor(case)
    if factor is None or case.x.size < 2:
        return None
    return f"every element is {factor:.6g} times the expected value; multiply by {1 / factor:.6g}"


def _factor(case: Case) -> float | None:
    """The factor, not 0 or 1, by which all elements are off; None if there is none."""
    factor = coefficient(case.got, case.expected, ~case.kinks)
    return factor if factor and case.fits(factor * case.expected) else None


def _size_of_an_axis(factor: Fraction, case: Case) -> str:
    """How a factor may come from the number of elements in a sum; "" if the op contains no sum."""
    if case.jacobian is not None and all((np.count_nonzero(case.jacobian, axis=a) <= 1).all() for a in (0, 1)):
        return ""
    for n in sorted({*case.x.shape, case.x.size, *(case.out.shape if case.out is not None else ())} - {0, 1}):
        if factor == Fraction(1, n):
            return f", or the rule is that of a mean, but the op is a sum ({n} is the size of an axis)"
        if factor == n:
            return f", or the rule is that of a sum, but the op is a mean ({n} is the size of an axis)"
        if factor in (Fraction(n - 1, n), Fraction(n, n - 1)):
            return f", or n and n - 1 are mixed up ({n} is the size of an axis)"
    return ""


def missing_factor(case: Case) -> str | None:
    """got = expected / a, or expected / a², or times these, for an array a that the rule can use."""
    for name, array in case.known():
        for power, called in ((1, name), (2, f"{name} squared")):
            factor = array**power
            if case.fits(case.expected / factor):
                return f"a factor is missing; multiply by {called}"
            if case.fits(case.expected * factor):
                return f"there is a factor too many; divide by {called}"
    return None


def factor_per_slice(case: Case) -> str | None:
    """got / expected is constant along one axis."""
    ratio = case.got / case.expected
    for axis, size in enumerate(ratio.shape):
        if size > 1 and ratio.size > size and not case.kinks.any():
            level = np.broadcast_to(ratio.mean(axis=axis, keepdims=True), ratio.shape)
            if same(ratio, level) and _factor(case) is None:
                return (
                    f"got / expected is constant along axis {axis} and differs between slices: a factor is "
                    "missing that the op computes once per slice, such as a sum or a norm"
                )
    return None

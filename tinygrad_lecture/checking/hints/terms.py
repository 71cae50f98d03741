"""Hints: the gradient is a sum, and one of its terms is missing."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from ...backend import Array
from .case import Case, coefficient, same


def dropped_term(case: Case) -> str | None:
    """expected - got is a small multiple of a plausible term; or got = g * out / x."""
    if case.x.size < 2:
        return None
    missing = case.expected - case.got
    for name, term in _terms(case):
        times = coefficient(missing, term, ~case.kinks)
        tidy = Fraction(times).limit_denominator(4) if abs(times) < 4.5 else Fraction(0)
        if tidy and abs(float(tidy) - times) < 1e-6 and same(missing, float(tidy) * term, ~case.kinks):
            amount = "" if abs(tidy) == 1 else f"{abs(tidy)} "
            if tidy > 0:
                return f"a term is missing; add {amount}{name}"
            return f"a negative term is missing, or there is a term too many; subtract {amount}{name}"
    quotient = case.quotient()
    if quotient is None or not case.fits(quotient):
        return None
    return (
        f"this is g * out / {case.own_name}, as if out / {case.own_name} did not depend on the input; it does, so by "
        "the product rule its own term must be added"
    )


def _terms(case: Case) -> Iterator[tuple[str, Array]]:
    """Plausible terms of a gradient, by name: g times something the rule knows, or for a square matrix a product."""
    reached = case.reached()
    if reached is not None:
        upstream = case.upstream[reached]
        yield "g", upstream
        for name, array in case.known():
            yield f"g * {name}", upstream * array
            yield f"g * {name} * {name}", upstream * array * array
        quotient = case.quotient()
        if quotient is not None:
            yield f"g * out / {case.own_name}", quotient
    elif case.out is not None and case.x.ndim == 2 and case.out.shape == case.x.shape == case.x.shape[::-1]:
        upstream = case.upstream.reshape(case.x.shape)
        name = case.own_name
        yield f"g @ {name}.T", upstream @ case.x.T
        yield f"{name}.T @ g", case.x.T @ upstream


def missing_term(case: Case) -> str | None:
    """got - expected is constant along one axis, or is an array that the rule can use times such a constant."""
    error = case.got - case.expected
    if case.kinks.any() or not error.all():
        return None
    for name, array in (("", np.ones_like(error)), *case.known()):
        ratio = error / array
        for axis, size in enumerate(error.shape):
            level = np.broadcast_to(ratio.mean(axis=axis, keepdims=True), error.shape)
            if size > 1 and np.isfinite(ratio).all() and same(ratio, level):
                error_is = f"the error divided by {name} is" if name else "the error is"
                return f"{error_is} constant along axis {axis}: a term is missing that sums or averages over this axis"
    return None

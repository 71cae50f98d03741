"""Hints: the gradient is a sum, and one of its terms is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ....backend import Array
from ..case import Case, coefficient, same
from .matrices import products
from .recognise import recognise
from .term import Term, elementwise_terms, quotient_term, sum_terms


def dropped_term(case: Case) -> str | None:
    """expected - got is a small multiple of a plausible term; or got = g * out / x."""
    if case.x.size < 2:
        return None
    missing = case.expected - case.got
    for term, value in _terms(case):
        value = np.broadcast_to(value, case.x.shape)
        number = coefficient(missing, value, ~case.kinks)
        enough = case.x.size > 2 or any(math.isclose(abs(number), simple, rel_tol=1e-5) for simple in (0.5, 1, 2))
        amount = term.times(abs(number)) if enough else None
        mixed = term.count > 2 and math.isclose(abs(number), 1 - 1 / term.count, rel_tol=1e-5)
        if not (amount or mixed) or not same(missing, number * value, ~case.kinks):
            continue
        if mixed:
            return (
                f"a sum and a mean are mixed up in the term {term.text}: one is in the rule, the other in the gradient"
            )
        return _add(amount or "", negative=number < 0)
    quotient = quotient_term(case)
    if quotient is None or case.g is None or not case.fits(quotient.of(case.g)):
        return _missing_formula(case, words=1)
    return (
        f"this is g * out / {case.own_name}, as if out / {case.own_name} did not depend on the input; it does, so by "
        "the product rule its own term must be added"
    )


def dropped_formula(case: Case) -> str | None:
    """expected - got is g times a product or quotient of two simple functions."""
    return _missing_formula(case, words=2)


def _missing_formula(case: Case, words: int) -> str | None:
    if case.reached is None or case.g is None:
        return None
    factor = recognise((case.expected - case.got) / case.g, case.known, ~case.kinks, words)
    if factor is None or (words == 1 and "(1 " in factor[0]):  # 1 - x is two terms
        return None
    return _add(f"g * {factor[0].removeprefix('-')}", negative=factor[0].startswith("-"))


def _add(amount: str, negative: bool) -> str:
    if negative:
        return f"a negative term is missing, or there is a term too many; subtract {amount}"
    return f"a term is missing; add {amount}"


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
        quotient = quotient_term(case)
        terms = [*elementwise_terms(case), *([] if quotient is None else [quotient]), *sum_terms(case)]
        yield from ((term, term.of(case.g)) for term in terms)
    yield from ((Term(text, lambda g: g), value) for text, value in products(case))

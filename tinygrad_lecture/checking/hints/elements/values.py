"""Hints: the gradient is wrong in some elements only, has the wrong sign, or is not a useful number."""

from __future__ import annotations

import numpy as np

from ..case import Case, same
from .places import by_sign, by_slice, by_value, places


def not_finite(case: Case) -> str | None:
    """nan or inf in a wrong element."""
    if np.isfinite(case.got[case.wrong]).all():
        return None
    return "the rule gives nan or inf where the derivative is finite; it divides by 0, or computes 0 times inf"


def nearly_right(case: Case) -> str | None:
    """All wrong elements are off by 0.2 % at most."""
    error = np.abs(case.got - case.expected)[case.wrong]
    if not np.all(error <= 2e-3 * np.abs(case.expected[case.wrong])):
        return None
    return (
        "the gradient is nearly right: a constant has too few digits, a small term such as eps is missing, or the rule "
        "computes in float32"
    )


def zero(case: Case) -> str | None:
    """got = 0."""
    return "the rule gives 0 everywhere; check what g is multiplied by" if not case.got[~case.kinks].any() else None


def whole_numbers(case: Case) -> str | None:
    """got = expected rounded to integers."""
    if case.x.size < 2:
        return None
    for called, rounded in (("cut off", np.trunc), ("rounded", np.rint), ("rounded down", np.floor)):
        if case.fits(rounded(case.expected)):
            return f"these are the right numbers, {called} to integers; do not cast the gradient to int, nor round it"
    return None


def wrong_sign(case: Case) -> str | None:
    """got = -expected."""
    if not case.fits(-case.expected):
        return None
    return "every element has the wrong sign: a minus is missing, or there is one too many"


def wrong_sign_somewhere(case: Case) -> str | None:
    """got = -expected in all wrong elements."""
    if case.wrong.all() or not same(case.got, -case.expected, case.wrong):
        return None
    others = {name: array for name, array in case.known.items() if name not in (case.own_name, "out")}
    where = by_sign(case.wrong, {"the input": case.x, **others}) or places(case.wrong)
    return f"the gradient has the wrong sign at {where}, and is right elsewhere"


def region(case: Case) -> str | None:
    """Wrong exactly for inputs of one sign, or in whole slices of an axis."""
    wrong, right = case.wrong, ~case.wrong & ~case.kinks
    if min(np.count_nonzero(wrong), np.count_nonzero(right)) < 2:
        return None
    where = by_value(wrong, case.x) or (by_slice(wrong | case.kinks) if wrong.ndim > 1 else None)
    return None if where is None else f"the gradient is wrong exactly at {where}, and right everywhere else"

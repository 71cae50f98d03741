"""Hints: the gradient is wrong in some elements only, has the wrong sign, or the right numbers in wrong places."""

from __future__ import annotations

import numpy as np

from .case import Case, same


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


def mask_missing(case: Case) -> str | None:
    """Wrong exactly where expected = 0."""
    should_be_0 = (case.expected == 0) & ~case.kinks
    if not np.array_equal(case.wrong, should_be_0) or case.wrong.all():
        return None
    return (
        "exactly the elements whose gradient should be 0 are wrong: the output does not depend on them, so a mask is "
        "missing"
    )


def partly_zero(case: Case) -> str | None:
    """got = 0 in all wrong elements."""
    if case.wrong.all() or case.got[case.wrong].any():
        return None
    return "some elements get 0 and all others are right: a mask blocks too much"


def wrong_sign(case: Case) -> str | None:
    """got = -expected."""
    if not case.fits(-case.expected):
        return None
    return "every element has the wrong sign: a minus is missing, or there is one too many"


def misplaced(case: Case) -> str | None:
    """got has the elements of expected in another order."""
    got, expected = np.sort(case.got, axis=None), np.sort(case.expected, axis=None)
    if case.kinks.any() or not same(got, expected):
        return None
    return "the numbers are right, but in the wrong places; put them back in the order of the input"


def region(case: Case) -> str | None:
    """Wrong exactly for inputs of one sign, or in whole slices of an axis."""
    wrong, right = case.wrong, ~case.wrong & ~case.kinks
    if min(np.count_nonzero(wrong), np.count_nonzero(right)) < 2:
        return None
    for sign, mask in (("negative", case.x < 0), ("positive", case.x > 0)):
        if np.array_equal(wrong, mask & ~case.kinks):
            return f"the gradient is wrong exactly where the input is {sign}, and right elsewhere"
    for axis in range(wrong.ndim):
        over = tuple(a for a in range(wrong.ndim) if a != axis)
        slices = np.flatnonzero(wrong.any(axis=over))
        if len(slices) < wrong.shape[axis] and wrong.ndim > 1 and (wrong | case.kinks).all(axis=over)[slices].all():
            listed = ", ".join(map(str, slices))
            return f"along axis {axis} the gradient is wrong at index {listed} and right everywhere else"
    return None

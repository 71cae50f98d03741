"""Hints about single elements: which are wrong, and which numbers they have.

A mask blocks too much, or lets too much through; a sign is wrong; the -1 at the target of a cross-entropy is missing;
numbers stand in other places.
"""

from __future__ import annotations

import numpy as np

from .case import Case, coefficient, same
from .places import by_sign, by_slice, by_value, places
from .recognise import tidy, times

# --- values -------------------------------------------------------------------------------------------------


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


# --- masks --------------------------------------------------------------------------------------------------


def mask_missing(case: Case) -> str | None:
    """Wrong exactly where expected = 0, or in a part of these elements."""
    should_be_0 = (case.expected == 0) & ~case.kinks
    if (should_be_0 | case.kinks).all() and case.wrong.all():
        return (
            "the gradient should be 0 everywhere, since the output does not change near these inputs; multiply g by "
            "the derivative, which is 0 here: a mask is missing, or lets too much through"
        )
    if case.wrong.all() or (case.wrong & ~should_be_0).any():
        return None
    if np.array_equal(case.wrong, should_be_0):
        return (
            "exactly the elements whose gradient should be 0 are wrong: the output does not depend on them, so a mask "
            "is missing"
        )
    return (
        f"the gradient should be 0 at {places(case.wrong, case.x)}, since the output does not depend on these: a mask "
        "is missing, or lets too much through"
    )


def partly_zero(case: Case) -> str | None:
    """got = 0 in all wrong elements."""
    if case.wrong.all() or case.got[case.wrong].any():
        return None
    return (
        "some elements get 0 and all others are right: a mask blocks too much, or a slice or loop leaves out "
        f"{places(case.wrong, case.x)}"
    )


def inverted_mask(case: Case) -> str | None:
    """got = 0 where expected is not 0, and the other way round."""
    if (case.expected != 0).all() or not np.array_equal(case.got == 0, case.expected != 0):
        return None
    if _same_numbers(case):
        there, here = places(case.got != 0), places(case.expected != 0)
        return f"the numbers are right, but they stand at {there}; put them at {here}"
    return (
        "the mask is the wrong way round: the rule gives 0 exactly where the gradient is not 0; use the opposite mask"
    )


def wrong_mask(case: Case) -> str | None:
    """In each wrong element, got or expected is 0."""
    blocked, passed = case.wrong & (case.got == 0), case.wrong & (case.expected == 0)
    if case.wrong.all() or not (blocked.any() and passed.any()) or not (case.wrong == (blocked | passed)).all():
        return None
    return (
        f"the mask selects wrong elements: the gradient is not 0 at {places(blocked, case.x)}, but is 0 at "
        f"{places(passed, case.x)}"
    )


# --- the target of a cross-entropy --------------------------------------------------------------------------


def target_missing(case: Case) -> str | None:
    """One element is wrong in each slice along an axis, each by the same number times g."""
    error = case.got - case.expected
    for axis, size in enumerate(case.x.shape):
        if size < 3 or case.kinks.any() or not (case.wrong.sum(axis=axis) == 1).all():
            continue
        number = tidy(coefficient(error, case.g, case.wrong))
        if number is not None and same(error, float(number) * case.g, case.wrong):
            return (
                f"one element of each slice along axis {axis} is wrong, all others are right, as in a cross-entropy's "
                "gradient without the -1 at the target; "
                f"{'subtract' if number > 0 else 'add'} {times(abs(number), 'g')} there"
            )
    return None


def target_elsewhere(case: Case) -> str | None:
    """Slices along an axis are right, or the error is c * g at one element, -c * g at another, and 0 at all others."""
    ratio = np.where(case.wrong, (case.got - case.expected) / case.g, 0)
    number = float(np.abs(ratio).max())
    amount = tidy(number)
    if amount is None or case.kinks.any() or not same(np.abs(ratio), np.full(ratio.shape, number), case.wrong):
        return None
    for axis, size in enumerate(case.x.shape):
        plus, minus = (ratio > 0).sum(axis=axis), (ratio < 0).sum(axis=axis)
        if size > 2 and plus.size > 1 and plus.max() == 1 and np.array_equal(plus, minus):
            return (
                f"in slices along axis {axis} one element is too large by {times(amount, 'g')}, another as "
                "much too small, and the others are right: the -1 at the target, as of a cross-entropy, stands at the "
                "wrong element"
            )
    return None


# --- places -------------------------------------------------------------------------------------------------


def shifted(case: Case) -> str | None:
    """got = expected shifted by one or two places along an axis, except for what enters at the border."""
    for axis, size in enumerate(case.x.shape):
        got, expected = np.moveaxis(case.got, axis, 0), np.moveaxis(case.expected, axis, 0)
        for by in (1, -1, 2, -2) if not case.kinks.any() else ():
            later, earlier = slice(by, None) if by > 0 else slice(by), slice(-by) if by > 0 else slice(-by, None)
            moved, right = got[later], expected[earlier]
            some = np.count_nonzero(right) > max(1, right.size / 2)  # shifted zeros prove nothing
            if size - abs(by) >= 2 and some and same(moved, right) and not same(moved, expected[later]):
                count = "one place" if abs(by) == 1 else "two places"
                end = "end" if by > 0 else "start"
                return f"the numbers are right, but shifted along axis {axis}: {count} too far towards the {end}"
    return None


def misplaced(case: Case) -> str | None:
    """got has the elements of expected in another order."""
    if case.kinks.any() or not _same_numbers(case):
        return None
    return "the numbers are right, but in the wrong places; put them back in the order of the input"


def overwritten(case: Case) -> str | None:
    """got = one of the contributions, where an input element has several."""
    if case.jacobian.size > 100_000:
        return None
    parts = (case.upstream[:, None] * case.jacobian).reshape(-1, *case.x.shape)  # (m, *x.shape)
    several = (np.count_nonzero(parts, axis=0) > 1) & ~case.kinks
    if not (several & case.wrong).any() or (case.wrong & ~several).any():
        return None
    nearest = np.take_along_axis(parts, np.abs(parts - case.got).argmin(axis=0)[None], axis=0)[0]
    if not same(nearest, case.got, several) or not nearest[several & case.wrong].all():
        return None
    return (
        "where an input element is used several times, only one contribution is kept: they overwrite each other; add "
        "them up (for repeated indices: np.add.at)"
    )


def _same_numbers(case: Case) -> bool:
    return same(np.sort(case.got, axis=None), np.sort(case.expected, axis=None))

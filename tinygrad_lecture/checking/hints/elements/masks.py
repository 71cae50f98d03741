"""Hints: the rule gives 0 where it should not, or no 0 where it should: a mask is missing, or is a wrong one."""

from __future__ import annotations

import numpy as np

from ..case import Case, same
from .places import places


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
    if same(np.sort(case.got, axis=None), np.sort(case.expected, axis=None)):
        return (
            f"the numbers are right, but they stand at {places(case.got != 0)}; put them at "
            f"{places(case.expected != 0)}"
        )
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

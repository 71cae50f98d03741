"""Hint: one element of each slice is wrong, as where a cross-entropy's gradient lacks the target's -1."""

from __future__ import annotations

from .case import Case, coefficient, same
from .formulas import tidy, times


def target_missing(case: Case) -> str | None:
    """One element is wrong in each slice along an axis, each by the same number times g."""
    error = case.got - case.expected
    for axis, size in enumerate(case.x.shape):
        if size < 3 or case.kinks.any() or not (case.wrong.sum(axis=axis) == 1).all():
            continue
        number = tidy(coefficient(error, case.g, case.wrong)) if case.g is not None else None
        if case.g is None or number is None or not same(error, float(number) * case.g, case.wrong):
            return None
        return (
            f"one element of each slice along axis {axis} is wrong, all others are right, as in a cross-entropy's "
            "gradient without the -1 at the target; "
            f"{'subtract' if number > 0 else 'add'} {times(abs(number), 'g')} there"
        )
    return None

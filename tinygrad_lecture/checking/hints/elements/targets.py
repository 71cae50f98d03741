"""Hints: one element of each slice is wrong, as where a cross-entropy's gradient lacks the target's -1."""

from __future__ import annotations

import numpy as np

from ..case import Case, coefficient, same
from ..formulas.recognise import tidy, times


def target_missing(case: Case) -> str | None:
    """One element is wrong in each slice along an axis, each by the same number times g."""
    error = case.got - case.expected
    for axis, size in enumerate(case.x.shape):
        if size < 3 or case.g is None or case.kinks.any() or not (case.wrong.sum(axis=axis) == 1).all():
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
    if case.g is None or case.kinks.any():
        return None
    ratio = np.where(case.wrong, (case.got - case.expected) / case.g, 0)
    number = float(np.abs(ratio).max())
    amount = tidy(number)
    if amount is None or not same(np.abs(ratio), np.full(ratio.shape, number), case.wrong):
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

"""Hints: the derivative that the rule uses, and the true one, are recognised as formulas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....backend import Array
from ..case import Case
from .recognise import recognise


@dataclass(frozen=True)
class Derivatives:
    """What the rule multiplies g by, and what it should; all arrays have one shape.

    known: the arrays that formulas may be made of.  where: the elements that count, bool.
    """

    used: Array
    right: Array
    known: dict[str, Array]
    where: Array


def formula(case: Case) -> str | None:
    """Both derivatives are formulas; or their ratio is, if that is simpler."""
    return _formula(case, words=1)


def long_formula(case: Case) -> str | None:
    """The same with products and quotients of two functions."""
    return _formula(case, words=2)


def _formula(case: Case, words: int) -> str | None:
    found, missing, nonzero = _derivatives(case), None, case.expected != 0
    if np.array_equal(case.got != 0, nonzero):
        ratio = np.where(nonzero, case.expected, 1) / np.where(nonzero, case.got, 1)
        missing = recognise(ratio, case.known, ~case.kinks & nonzero, words)
    if found is not None:
        right = recognise(found.right, found.known, found.where, words, least=2)
        used = recognise(found.used, found.known, found.where, 2, least=2)
        if right and used and right[0] != used[0] and (missing is None or right[1] <= missing[1]):
            return f"the derivative of the op is {right[0]}, but the rule multiplies g by {used[0]}"
    return None if missing is None else f"a factor is missing; multiply by {missing[0]}"


def wrong_formula(case: Case) -> str | None:
    """Only one of the two derivatives is a formula."""
    found = _derivatives(case)
    if found is None:
        return None
    right = recognise(found.right, found.known, found.where, 2)
    if right is not None and right[0] != "1":
        return f"the derivative of the op, by which the rule must multiply g, is {right[0]}"
    used = recognise(found.used, found.known, found.where, 1)
    return None if used is None else f"the rule multiplies g by {used[0]}, which is not the derivative of the op"


def _derivatives(case: Case) -> Derivatives | None:
    """The two derivatives of an op that is elementwise but for repeated or summed elements; None for other ops.

    In the shape of the input if each input element changes one output element, else in that of the output.
    """
    if case.reached is not None and case.g is not None:
        return Derivatives(case.got / case.g, case.expected / case.g, case.known, ~case.kinks)
    jacobian, claimed = case.jacobian, case.claimed
    if jacobian is None or claimed is None or case.out is None:
        return None
    if (np.count_nonzero(jacobian, axis=1) > 1).any() or not np.array_equal(jacobian != 0, claimed != 0):
        return None
    shape = case.out.shape
    used, right = (array.sum(axis=1).reshape(shape) for array in (claimed, jacobian))
    return Derivatives(used, right, case.arrays_of_shape(shape), np.ones(shape, dtype=bool))

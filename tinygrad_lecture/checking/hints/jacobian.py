"""Hints: only part of the Jacobian is used, its transpose is missing, or it is that of another input."""

from __future__ import annotations

import numpy as np

from ...backend import Array
from .case import Case


def diagonal(case: Case) -> str | None:
    """got = g * diag(J)."""
    jacobian = _square(case)
    if jacobian is None or not case.fits((case.upstream * np.diag(jacobian)).reshape(case.x.shape)):
        return None
    return (
        "only the diagonal of the Jacobian is used: each output depends on other input elements too, and their "
        "contributions are missing"
    )


def jacobian_transposed(case: Case) -> str | None:
    """got = J g, not J^T g."""
    jacobian = _square(case)
    if jacobian is None or not case.fits((jacobian @ case.upstream).reshape(case.x.shape)):
        return None
    return (
        "the rule multiplies the upstream gradient by the Jacobian, as the forward direction does; multiply by its "
        "transpose"
    )


def _square(case: Case) -> Array | None:
    """The Jacobian, if the output has the shape of the input."""
    square = case.jacobian is not None and case.out is not None and case.out.shape == case.x.shape
    return case.jacobian if square else None


def other_input(case: Case) -> str | None:
    """got = the expected gradient of another input."""
    for name, expected in case.others.items():
        if case.fits(expected):
            return f"this is the gradient with respect to {name}: the rules are swapped"
    return None

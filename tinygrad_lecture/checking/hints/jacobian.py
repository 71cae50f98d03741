"""Hints from the Jacobian: a part of it is missing, it is transposed, or it is that of another input."""

from __future__ import annotations

import numpy as np

from ...backend import Array
from .case import Case, same
from .elements.places import places


def diagonal(case: Case) -> str | None:
    """got = g * diag(J)."""
    jacobian = _square(case)
    if jacobian is None or not case.fits((case.upstream * np.diag(jacobian)).reshape(case.x.shape)):
        return None
    return (
        "only the diagonal of the Jacobian is used: each output depends on other input elements too, and the sum of "
        "their contributions is missing"
    )


def jacobian_transposed(case: Case) -> str | None:
    """got = J g, not J^T g."""
    jacobian = _square(case)
    if jacobian is None or not case.fits((jacobian @ case.upstream).reshape(case.x.shape)):
        return None
    return (
        "the rule multiplies the upstream gradient by the Jacobian, as the forward direction does; multiply by its "
        "transpose (of a matrix, its .T; a cumulative sum from the other end; a convolution with the flipped kernel)"
    )


def _square(case: Case) -> Array | None:
    """The Jacobian, if the output has the shape of the input."""
    square = case.jacobian is not None and case.out is not None and case.out.shape == case.x.shape
    return case.jacobian if square else None


def other_input(case: Case) -> str | None:
    """got = the expected gradient of another input, or minus that."""
    for name, (expected, got) in case.others.items():
        if case.fits(expected):
            swapped = got.shape == case.expected.shape and same(got, case.expected)
            return f"this is the gradient with respect to {name}" + (": the rules are swapped" if swapped else "")
        if case.fits(-expected):
            return f"this is minus the gradient with respect to {name}; the gradient with respect to this input differs"
    return None


def outputs_left_out(case: Case) -> str | None:
    """The rule ignores some elements of g, and is right about the others."""
    if case.claimed is None or case.jacobian is None or case.out is None:
        return None
    used = case.claimed.any(axis=1)
    left_out = ~used & case.jacobian.any(axis=1)
    if not (left_out.any() and used.any()) or not same(case.claimed[used], case.jacobian[used]):
        return None
    return (
        f"the upstream gradient is not used at {places(left_out.reshape(case.out.shape))} of the output, though these "
        "elements depend on the input: a loop or slice ends too early, or a sum over all of them is missing"
    )


def contributions(case: Case) -> str | None:
    """The Jacobian of the rule is right but for zeros where the true one has none, or the other way round."""
    return _contributions(case, exact=True)


def wrong_contributions(case: Case) -> str | None:
    """The same, but other numbers are wrong too."""
    return _contributions(case, exact=False)


def _contributions(case: Case, exact: bool) -> str | None:
    if case.claimed is None or case.jacobian is None:
        return None
    claimed, jacobian = case.claimed, case.jacobian
    missing, extra = (claimed == 0) & (jacobian != 0), (claimed != 0) & (jacobian == 0)
    if missing.any() == extra.any() or not claimed.any():
        return None
    if exact and not same(claimed, jacobian, ~(missing | extra)):
        return None
    i, k = (int(place) for place in np.argwhere(missing | extra)[0])
    output, element = f"output element {_element(case.out, i)}", f"input element {_element(case.x, k)}"
    others = "; the others are right" if exact else ""
    if missing.any():
        return (
            f"contributions are missing: {output} depends on {element} too, as through a sum, mean or norm, but the "
            f"rule does not pass its upstream gradient there{others}"
        )
    return (
        f"there are contributions too many: the rule passes the upstream gradient of {output} to {element}, on which "
        f"it does not depend, as if a mask were missing{others}"
    )


def contributions_misplaced(case: Case) -> str | None:
    """Each row of the rule's Jacobian has the right numbers, but at other input elements."""
    if case.claimed is None or case.jacobian is None or (np.count_nonzero(case.jacobian, axis=1) < 2).all():
        return None
    if not same(np.sort(case.claimed, axis=1), np.sort(case.jacobian, axis=1)):
        return None
    close = 1e-5 * np.abs(case.jacobian).max()
    i = int((np.abs(case.claimed - case.jacobian) > close).any(axis=1).argmax())
    taken, right = (places((array[i] != 0).reshape(case.x.shape)) for array in (case.claimed, case.jacobian))
    return (
        f"the contribution of each output element has the right numbers, but goes to other input elements: that of "
        f"output element {_element(case.out, i)} to {taken}, but it must go to {right} (look at stride, offset and "
        "direction)"
    )


def wrong_outputs(case: Case) -> str | None:
    """The rule is wrong about some elements of the output only."""
    if case.claimed is None or case.jacobian is None or case.out is None:
        return None
    close = 1e-5 * np.abs(case.jacobian).max(initial=0)
    wrong = (np.abs(case.claimed - case.jacobian) > close).any(axis=1)
    if not 0 < np.count_nonzero(wrong) <= wrong.size / 3:
        return None
    return (
        f"only the contributions of {places(wrong.reshape(case.out.shape))} of the output are wrong; look at what the "
        "rule does with the upstream gradient there"
    )


def _element(array: Array | None, i: int) -> str:
    index = (i,) if array is None else tuple(map(int, np.unravel_index(i, array.shape)))
    return str(index[0]) if len(index) == 1 else str(index)

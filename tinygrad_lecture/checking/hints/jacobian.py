"""Hints from the Jacobian of the rule: a part of it is missing, or stands in the wrong place."""

from __future__ import annotations

import numpy as np

from ...backend import Array
from .case import Case, same
from .places import index_text, places


def outputs_left_out(case: Case) -> str | None:
    """The rule ignores some elements of g, and is right about the others."""
    used = case.claimed.any(axis=1)
    left_out = ~used & case.jacobian.any(axis=1)
    if not (left_out.any() and used.any()) or not same(case.claimed[used], case.jacobian[used]):
        return None
    return (
        f"the upstream gradient is not used at {places(left_out.reshape(case.out.shape))} of the output, though these "
        "elements depend on the input: a loop or slice ends too early, or a sum over all of them is missing"
    )


def contributions(case: Case, exact: bool = True) -> str | None:
    """The Jacobian of the rule is right but for zeros where the true one has none, or the other way round.

    exact: whether all other numbers are right.
    """
    claimed, jacobian = case.claimed, case.jacobian
    missing, extra = (claimed == 0) & (jacobian != 0), (claimed != 0) & (jacobian == 0)
    if missing.any() == extra.any() or not claimed.any():
        return None
    if exact and not same(claimed, jacobian, ~(missing | extra)):
        return None
    i, k = (int(place) for place in np.argwhere(missing | extra)[0])
    output, element = f"output element {_element(case.output, i)}", f"input element {_element(case.x, k)}"
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
    sorted_rows = (np.sort(array, axis=1) for array in (case.claimed, case.jacobian))
    if (case.inputs_per_output < 2).all() or not same(*sorted_rows):
        return None
    i = int(_wrong_rows(case).argmax())
    taken, right = (places((array[i] != 0).reshape(case.x.shape)) for array in (case.claimed, case.jacobian))
    return (
        f"the contribution of each output element has the right numbers, but goes to other input elements: that of "
        f"output element {_element(case.output, i)} to {taken}, but it must go to {right} (look at stride, offset and "
        "direction)"
    )


def wrong_outputs(case: Case) -> str | None:
    """The rule is wrong about some elements of the output only."""
    wrong = _wrong_rows(case)
    if not 0 < np.count_nonzero(wrong) <= wrong.size / 3:
        return None
    return (
        f"only the contributions of {places(wrong.reshape(case.out.shape))} of the output are wrong; look at what the "
        "rule does with the upstream gradient there"
    )


def upstream_of_others(case: Case) -> str | None:
    """The rule is right but that it uses the elements of g that belong to another input."""
    used, needed = (array.any(axis=1).reshape(case.out.shape) for array in (case.claimed, case.jacobian))
    if not _rows_permuted(case) or np.array_equal(used, needed):
        return None
    return f"the rule takes {places(used)} of the upstream gradient g, but the input reaches {places(needed)}"


def upstream_misplaced(case: Case) -> str | None:
    """The rule is right but that it uses the elements of g in another order."""
    if not _rows_permuted(case):
        return None
    return (
        "the rule uses the elements of the upstream gradient g in the wrong order, as after a reshape, "
        "transpose, tile or repeat that is not that of the op"
    )


def _rows_permuted(case: Case) -> bool:
    """Whether the Jacobian of the rule has the right rows, one for each element of g, in another order."""
    scale = np.abs(case.jacobian).max(initial=1e-300)
    one, other = (np.round(array / scale, 4) for array in (case.claimed, case.jacobian))
    return np.allclose(one[np.lexsort(one.T)], other[np.lexsort(other.T)], atol=2e-4)


def _wrong_rows(case: Case) -> Array:
    """Which elements of the output the rule is wrong about, (m,) bool."""
    close = 1e-5 * np.abs(case.jacobian).max(initial=0)
    return np.asarray((np.abs(case.claimed - case.jacobian) > close).any(axis=1))


def _element(array: Array | None, i: int) -> str:
    return index_text((i,) if array is None else tuple(map(int, np.unravel_index(i, array.shape))))

"""Hints from the Jacobian of the rule: a part of it is missing, or stands in the wrong place."""

from __future__ import annotations

import numpy as np

from ...backend import Array
from ..report import index_text
from .case import Case, Hints, same
from .elements import nearly_right
from .places import places


def outputs_left_out(case: Case) -> Hints:
    """The rule ignores some elements of g, and is right about the others."""
    used = case.claimed.any(axis=1)
    left_out = ~used & case.jacobian.any(axis=1)
    sentence = f"the upstream gradient is not used at {places(left_out.reshape(case.out.shape))} of the output, though "
    sentence += "these elements depend on the input: a loop or slice ends too early, or a sum over all is missing"
    some = bool(left_out.any() and used.any())
    yield "outputs-left-out", sentence, some and same(case.claimed[used], case.jacobian[used])


def small_outputs_left_out(case: Case) -> Hints:
    """The same, where it changes the gradient little."""
    if nearly_right(case):
        yield from outputs_left_out(case)


def upstream_of_others(case: Case) -> Hints:
    """The rule is right but that it uses the elements of g that belong to another input."""
    used, needed = (array.any(axis=1).reshape(case.out.shape) for array in (case.claimed, case.jacobian))
    sentence = f"the rule takes {places(used)} of the upstream gradient g, but the input reaches {places(needed)}"
    yield "upstream-misplaced", sentence, not np.array_equal(used, needed) and _rows_permuted(case)


def upstream_misplaced(case: Case) -> Hints:
    """The rule is right but that it uses the elements of g in another order."""
    sentence = "the rule uses the elements of the upstream gradient g in the wrong order, as after a reshape, "
    yield "upstream-misplaced", f"{sentence}transpose, tile or repeat that is not that of the op", _rows_permuted(case)


def contributions(case: Case, exact: bool = True) -> Hints:
    """The Jacobian of the rule is right but for zeros where the true one has none, or the other way round.

    exact: whether all other numbers are right.
    """
    claimed, jacobian = case.claimed, case.jacobian
    missing, extra = (claimed == 0) & (jacobian != 0), (claimed != 0) & (jacobian == 0)
    one_kind = missing.any() != extra.any() and claimed.any()
    if not one_kind or (exact and not same(claimed, jacobian, ~(missing | extra))):
        return
    i, k = (int(place) for place in np.argwhere(missing | extra)[0])
    output, element = f"output element {_element(case.output, i)}", f"input element {_element(case.x, k)}"
    others = "; the others are right" if exact else ""
    sentence = f"contributions are missing: {output} depends on {element} too, as through a sum, mean or norm, but the "
    yield "contributions", f"{sentence}rule does not pass its upstream gradient there{others}", bool(missing.any())
    sentence = f"there are contributions too many: the rule passes the upstream gradient of {output} to {element}, on "
    yield "contributions", f"{sentence}which it does not depend, as if a mask were missing{others}", True


def wrong_outputs(case: Case) -> Hints:
    """The rule is wrong about some elements of the output only."""
    wrong = _wrong_rows(case)
    sentence = f"only the contributions of {places(wrong.reshape(case.out.shape))} of the output are wrong"
    yield "wrong-outputs", sentence, 0 < np.count_nonzero(wrong) <= wrong.size / 3


def contributions_misplaced(case: Case) -> Hints:
    """Each row of the rule's Jacobian has the right numbers, but at other input elements."""
    claimed, jacobian, i = case.claimed, case.jacobian, int(_wrong_rows(case).argmax())
    taken, right = (places((array[i] != 0).reshape(case.x.shape)) for array in (claimed, jacobian))
    sentence = "the contribution of each output element has the right numbers, but goes to other input elements: that "
    sentence += f"of output element {_element(case.output, i)} to {taken}, but it must go to {right} (look at stride, "
    several = bool((case.inputs_per_output > 1).any())
    same_rows = several and same(np.sort(claimed, axis=1), np.sort(jacobian, axis=1))
    yield "contributions-misplaced", f"{sentence}offset and direction)", same_rows


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

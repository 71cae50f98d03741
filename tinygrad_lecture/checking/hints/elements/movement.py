"""Hints: the right numbers in the wrong places: reversed, shifted, axes or elements in another order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations, permutations

import numpy as np

from ....backend import Array, Shape
from ..axes import axes_text
from ..case import Case, same
from .places import places


def transposed(case: Case) -> str | None:
    """got = expected with its axes permuted."""
    for axes in permutations(range(case.x.ndim)) if 2 <= case.x.ndim <= 4 else ():
        shape = case.x.shape
        there = case.expected.transpose(axes)
        back = case.expected.reshape(there.shape).transpose(np.argsort(axes))
        if case.fits(there.reshape(shape)) or case.fits(back.reshape(shape)):
            if axes[:-2] == tuple(range(case.x.ndim - 2)):
                return "this is the right gradient transposed; swap its last two axes"
            return f"the numbers are right, but the axes are in the wrong order, as if permuted by {axes}"
    return None


def reversed_axes(case: Case) -> str | None:
    """got = expected reversed, or the vjp of a reversed g, or both."""
    out_shape = () if case.out is None else case.out.shape
    mixes = case.jacobian is not None and (np.count_nonzero(case.jacobian, axis=1) > 1).any()  # as a convolution does
    for over, flip in _reversals(case.x.shape):
        if case.fits(flip(case.expected)):
            return f"the numbers are right, but in reverse order along axis {over}"
    for over, flip in _reversals(out_shape):
        g = flip(case.upstream.reshape(out_shape))
        if case.fits_upstream(g):
            return f"the rule uses the upstream gradient g in reverse order along axis {over}"
        moved = case.vjp(g.ravel())
        for where, flip_back in _reversals(case.x.shape):
            if mixes and moved is not None and where == over and case.fits(flip_back(moved)):
                return (
                    f"the rule runs along axis {over} in the wrong direction; in a convolution, the kernel must be "
                    "flipped, or must not"
                )
    return None


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


def moved_forward(case: Case) -> str | None:
    """The op only moves elements, and the rule moves them the same way or not at all."""
    jacobian = case.jacobian
    if jacobian is None or jacobian.shape[0] != jacobian.shape[1] or case.out is None:
        return None
    moves = jacobian != 0
    if not ((moves.sum(axis=0) == 1).all() and (moves.sum(axis=1) == 1).all()):
        return None
    scale = jacobian.sum(axis=0).reshape(case.x.shape)
    if case.fits((jacobian @ case.upstream).reshape(case.x.shape)):
        return (
            "the op moves elements, and the rule moves them once more in the same direction; it must move them back, "
            "by the inverse shift or permutation"
        )
    if case.fits(scale * case.upstream.reshape(case.x.shape)):
        return (
            "the op moves elements to other places (by a shift, roll, flip, sort or permutation), but the rule leaves "
            "the upstream gradient in its order; move it back to the places of the input"
        )
    return None


def upstream_of_others(case: Case) -> str | None:
    """The rule is right but that it uses the elements of g that belong to another input."""
    if not _rows_permuted(case) or case.claimed is None or case.jacobian is None or case.out is None:
        return None
    used, needed = (array.any(axis=1).reshape(case.out.shape) for array in (case.claimed, case.jacobian))
    if np.array_equal(used, needed):
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
    if case.claimed is None or case.jacobian is None:
        return False
    scale = np.abs(case.jacobian).max(initial=1e-300)
    one, other = (np.round(array / scale, 4) for array in (case.claimed, case.jacobian))
    return np.allclose(one[np.lexsort(one.T)], other[np.lexsort(other.T)], atol=2e-4)


def other_axis(case: Case) -> str | None:
    """got = the vjp with two axes of equal size swapped: the rule does along one what the op does along the other."""
    if case.jacobian is None or case.out is None or case.out.shape != case.x.shape:
        return None
    if np.count_nonzero(case.jacobian) == np.count_nonzero(np.diag(case.jacobian)):
        return None  # elementwise
    for a, b in combinations(range(case.x.ndim), 2):
        if case.x.shape[a] == case.x.shape[b]:
            swapped = case.vjp(case.upstream.reshape(case.x.shape).swapaxes(a, b).ravel())
            if swapped is not None and case.fits(swapped.swapaxes(a, b)):
                return f"the axes {a} and {b} are mixed up: the rule does along one what the op does along the other"
    return None


def misplaced(case: Case) -> str | None:
    """got has the elements of expected in another order."""
    got, expected = np.sort(case.got, axis=None), np.sort(case.expected, axis=None)
    if case.kinks.any() or not same(got, expected):
        return None
    return "the numbers are right, but in the wrong places; put them back in the order of the input"


def _reversals(shape: Shape) -> Iterator[tuple[str, Callable[[Array], Array]]]:
    """The ways to reverse an array along one or more of its axes, with these axes as text."""
    axes = [axis for axis, size in enumerate(shape) if size > 1]
    for over in (over for k in range(1, len(axes) + 1) for over in combinations(axes, k)):
        yield axes_text(over), partial(np.flip, axis=over)

"""Hints from where the rule is wrong: at which elements of the gradient, and in which rows of the Jacobian."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ...backend import Array
from ..report import index_text
from .case import Case, Hints, Unknown, coefficient, same
from .formulas import recognise, tidy, times, two_values

# --- places in words ----------------------------------------------------------------------------------------

MAX_NAMED = 4  # elements that are listed one by one
SIGNS = {"negative": np.less, "positive": np.greater, "not positive": np.less_equal, "not negative": np.greater_equal}


class Place(str):
    """Where in an array, in words, by numbers that hold for one input alone."""


def places(mask: Array, x: Array | None = None) -> str:
    """Which elements of an array a mask picks, as "index 3 of axis 0 (the last)".

    x: numbers at these elements; a mask may pick its negative ones.
    """
    count = np.count_nonzero(mask)
    return (
        (_by_diagonal(mask) or by_slice(mask) if mask.ndim > 1 else None)
        or (by_sign(mask, {"the input": x}) if x is not None else None)
        or by_slice(mask)
        or (_listed(mask) if 0 < count <= MAX_NAMED else None)
        or Place(f"{count} of {mask.size} elements")
    )


def by_sign(mask: Array, arrays: Mapping[str, Array]) -> str | None:
    """ "the elements where x is negative" and the like, for one of the arrays, by name; None if no sign tells."""
    for sign, holds in SIGNS.items() if _alternatives(mask) >= 6 else ():
        for name, array in arrays.items():
            if np.array_equal(mask, holds(array, 0)):
                return f"the elements where {name} is {sign}"
    return None


def _alternatives(mask: Array) -> int:
    """How many masks have as many elements: small ones agree with a condition by chance."""
    return math.comb(mask.size, np.count_nonzero(mask))


def by_slice(mask: Array) -> str | None:
    """ "index 3 of axis 0 (the last)"; None if the mask does not pick whole slices of one axis."""
    for axis, size in enumerate(mask.shape):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        picked = np.flatnonzero(mask.all(axis=others))
        if 0 < len(picked) < size and np.count_nonzero(mask) * size == len(picked) * mask.size:
            listed = ", ".join(map(str, picked))
            end = {(0,): " (the first)", (size - 1,): " (the last)", (0, size - 1): " (first and last)"}
            return Place(f"index {listed} of axis {axis}{end.get(tuple(map(int, picked)), '')}")
    return None


def _by_diagonal(mask: Array) -> str | None:
    """ "the diagonal", "the elements below the diagonal", ...; None if the mask is none of these."""
    if min(mask.shape[-2:]) < 2:
        return None
    rows, columns = np.ogrid[: mask.shape[-2], : mask.shape[-1]]
    regions = {"the diagonal": rows == columns, "all elements but the diagonal": rows != columns}
    regions |= {"the elements above the diagonal": rows < columns, "the elements below the diagonal": rows > columns}
    return next((text for text, region in regions.items() if (mask == region).all()), None)


def _listed(mask: Array) -> str:
    indexes = [index_text(tuple(map(int, index))) for index in np.argwhere(mask)]
    return Place(("element " if len(indexes) == 1 else "elements ") + ", ".join(indexes))


# --- single elements ----------------------------------------------------------------------------------------


def nearly_right(case: Case) -> bool:
    """Whether all wrong elements are off by 0.2 % at most."""
    error = np.abs(case.got - case.expected)[case.wrong]
    return bool(np.all(error <= 2e-3 * np.abs(case.expected[case.wrong])))


def values(case: Case) -> Hints:
    """Useless numbers."""
    zeros = [name for name in case.known if _divides_by(case, name)]
    divides = f"as it divides by {zeros[0]}, which is 0" if zeros else "as it divides by 0, or computes 0 times inf"
    yield "not-finite", {"divides": divides}, not np.isfinite(case.got[case.wrong]).all()
    yield "nearly-right", {}, nearly_right(case)
    yield "zero", {}, np.zeros_like(case.x)
    for called, function in (("cut off", np.trunc), ("rounded", np.rint), ("rounded down", np.floor)):
        yield "whole-numbers", {"called": called}, function(case.expected) if case.x.size > 1 else False
    yield "mask-missing.everywhere", {}, case.wrong.all() and not case.expected.any()
    yield "wrong-sign.all", {}, -case.expected


def _divides_by(case: Case, name: str) -> bool:
    """Whether the rule gives numbers once the zeros of this argument are others."""
    array, bad = case.arrays[name], ~np.isfinite(case.got) & (case.known[name] == 0)
    try:
        again = case.rerun(None, None, **{name: np.where(array == 0, 1, array)})
    except Unknown:
        return False
    return bool(bad.any() and np.isfinite(again[bad]).all())


def masks(case: Case) -> Hints:
    """0 where it should not be or no 0 where it should."""
    wrong, where = case.wrong, {"where": places(case.wrong, case.x)}
    zero = (case.expected == 0) & ~case.kinks
    yield "mask-missing.all", {}, np.array_equal(wrong, zero)
    yield "mask-missing.some", where, not wrong.all() and not (wrong & ~zero).any()
    yield "partly-zero", where, not wrong.all() and not case.got[wrong].any() and not _sums(case)[wrong].any()


def masked(case: Case) -> Hints:
    """The derivative is one number, or 0, but the rule multiplies g by a formula."""
    right, where = case.expected / case.g, ~case.kinks
    alone = case.x if {*case.known} <= {case.own_name, "out"} else None  # else it may hang on another input
    if two_values(right[where]) and not right[where].all():
        taken = recognise(case.got / case.g, case.known, where, 2)
        fields = {"value": f"{right[right != 0].mean():.5g}", "where": places((right != 0) & where, alone)}
        yield "formula.mask", fields | {"taken": taken and taken[0]}, taken is not None


def _sums(case: Case) -> Array:
    """Which elements reach several outputs that depend on others too: there 0 may be a part of a sum."""
    if case.columns is None:
        return np.zeros(case.x.shape, dtype=bool)
    mixed = case.columns[case.inputs_per_output > 1]
    return np.asarray((np.count_nonzero(mixed, axis=0) > 1).reshape(case.x.shape))


def signs(case: Case) -> Hints:
    """The wrong sign in all wrong elements; 0 where expected is not 0, and the other way round."""
    others = {name: array for name, array in case.known.items() if name not in (case.own_name, "out")}
    where = by_sign(case.wrong, {"the input": case.x, **others}) or places(case.wrong)
    yield "wrong-sign.some", {"where": where}, not case.wrong.all() and same(case.got, -case.expected, case.wrong)
    there, here = case.got != 0, case.expected != 0
    inverted = not here.all() and np.array_equal(~there, here)
    moved = inverted and case.fits(_rearranged(case))
    yield "inverted-mask.moved", {"there": places(there), "here": places(here)}, moved
    yield "inverted-mask.all", {}, inverted
    derivative = (case.expected / case.g)[~case.kinks]
    low, high = derivative.min(initial=np.inf), derivative.max(initial=-np.inf)
    two = derivative.size > 2 and same(np.abs(2 * derivative - low - high), np.full_like(derivative, high - low))
    swapped = (low + high) * case.g - case.expected
    yield "inverted-mask.branches", {"high": f"{high:.4g}", "low": f"{low:.4g}"}, swapped if two else False


def shifted(case: Case) -> Hints:
    """got = expected shifted by one or two places along an axis, except for what enters at the border."""
    for axis, size in enumerate(() if case.kinks.any() else case.x.shape):
        got, expected = np.moveaxis(case.got, axis, 0), np.moveaxis(case.expected, axis, 0)
        for by in (1, -1, 2, -2):
            later, earlier = slice(by, None) if by > 0 else slice(by), slice(-by) if by > 0 else slice(-by, None)
            moved, right = got[later], expected[earlier]
            some = np.count_nonzero(right) > max(1, right.size / 2)  # shifted zeros prove nothing
            differs = size - abs(by) >= 2 and some and not same(moved, expected[later])
            count, end = "one place" if abs(by) == 1 else "two places", "end" if by > 0 else "start"
            yield "moved.shifted", {"axis": axis, "count": count, "end": end}, differs and same(moved, right)


def target(case: Case) -> Hints:
    """Slices of which one element is wrong, as where a cross-entropy's gradient lacks the target's -1; or two are."""
    error, wrong = case.got - case.expected, case.wrong
    for index in case.indices_of_shape(case.x.shape[:1]) if case.x.ndim == 2 and case.call else ():
        classes = np.arange(case.x.shape[1])
        others = np.isin(classes, index) & (classes != index[:, None])
        extra = coefficient(error, case.g * others, ~case.kinks) * case.g * others
        yield "target-missing.columns", {}, case.expected + extra
    ratio = np.where(wrong, error / case.g, 0)
    number, size = tidy(coefficient(error, case.g, wrong)), tidy(float(np.abs(ratio).max()))
    for axis, length in enumerate(() if case.kinks.any() else case.x.shape):
        if length > 2 and number and (wrong.sum(axis=axis) == 1).all():
            applies = number > 0 and same(error, float(number) * case.g, wrong)
            yield "target-missing.one", {"axis": axis, "amount": times(number, "g")}, applies
        plus, minus = (ratio > 0).sum(axis=axis), (ratio < 0).sum(axis=axis)
        if length > 2 and size and plus.size > 1 and plus.max() == 1 and np.array_equal(plus, minus):
            applies = same(np.abs(ratio), float(size) * wrong, wrong)
            yield "target-missing.two", {"axis": axis, "amount": times(size, "g")}, applies


def overwritten(case: Case) -> Hints:
    """got = one of the contributions, where an input element has several."""
    if case.jacobian.size > 100_000:
        return
    parts = (case.upstream[:, None] * case.jacobian).reshape(-1, *case.x.shape)  # (m, *x.shape)
    several = (np.count_nonzero(parts, axis=0) > 1) & ~case.kinks
    nearest = np.take_along_axis(parts, np.abs(parts - case.got).argmin(axis=0)[None], axis=0)[0]
    places = several & case.wrong
    only_there = places.any() and not (case.wrong & ~several).any()
    yield "overwritten.one", {}, bool(only_there and same(nearest, case.got, several) and nearest[places].all())
    yield "overwritten.mean", {}, case.expected / np.maximum(case.outputs_per_input, 1).reshape(case.x.shape)


def misplaced(case: Case) -> Hints:
    """got has the elements of expected in another order."""
    yield "misplaced", {}, False if case.kinks.any() else _rearranged(case)


def regions(case: Case) -> Hints:
    """In each wrong element, got or expected is 0; or wrong exactly for inputs of one sign, or in whole slices."""
    wrong, right = case.wrong, ~case.wrong & ~case.kinks
    blocked, passed = wrong & (case.got == 0), wrong & (case.expected == 0)
    both = blocked.any() and passed.any() and not wrong.all() and (wrong == (blocked | passed)).all()
    yield "wrong-mask", {"here": places(blocked, case.x), "there": places(passed, case.x)}, bool(both)
    where = by_sign(wrong, {"the input": case.x}) or (by_slice(wrong | case.kinks) if wrong.ndim > 1 else None)
    enough = min(np.count_nonzero(wrong), np.count_nonzero(right)) >= 2
    yield "region", {"where": where}, enough and where is not None


def _rearranged(case: Case) -> Array:
    """The expected numbers in the order of those that were got."""
    placed = np.empty_like(case.expected)
    placed.flat[np.argsort(case.got, axis=None)] = np.sort(case.expected, axis=None)
    return placed


# --- the Jacobian of the rule -------------------------------------------------------------------------------


def outputs_left_out(case: Case) -> Hints:
    """The rule ignores some elements of g, and is right about the others."""
    used = case.claimed.any(axis=1)
    left_out = ~used & case.jacobian.any(axis=1)
    some = bool(left_out.any() and used.any())
    where = {"where": places(left_out.reshape(case.out.shape))}
    yield "outputs-left-out", where, some and same(case.claimed[used], case.jacobian[used])


def upstream_of_others(case: Case) -> Hints:
    """The rule is right but that it uses the elements of g that belong to another input."""
    used, needed = (array.any(axis=1).reshape(case.out.shape) for array in (case.claimed, case.jacobian))
    where = {"used": places(used), "needed": places(needed)}
    yield "upstream-misplaced.other", where, not np.array_equal(used, needed) and _rows_permuted(case)


def upstream_misplaced(case: Case) -> Hints:
    """The rule is right but that it uses the elements of g in another order."""
    yield "upstream-misplaced.order", {}, _rows_permuted(case)


def contributions(case: Case, exact: bool = True) -> Hints:
    """The Jacobian of the rule is right but for zeros where the true one has none, or the other way round.

    exact: whether all other numbers are right.
    """
    claimed, jacobian = case.claimed, case.jacobian
    missing, extra = (claimed == 0) & (jacobian != 0), (claimed != 0) & (jacobian == 0)
    one_kind = missing.any() != extra.any() and claimed.any()
    if one_kind and (not exact or same(claimed, jacobian, ~(missing | extra))):
        i, k = (int(place) for place in np.argwhere(missing | extra)[0])
        fields = {"output": _element("output", case.output, i), "element": _element("input", case.x, k)}
        cause = "contributions.missing" if missing.any() else "contributions.extra"
        yield cause, fields | {"others": "; the others are right" if exact else ""}, True


def _rows_permuted(case: Case) -> bool:
    """Whether the Jacobian of the rule has the right rows, one for each element of g, in another order."""
    claimed, jacobian = case.claimed, case.jacobian
    scale = np.abs(jacobian).max(initial=1e-300)
    one, other = (array[np.lexsort(np.round(array / scale, 4).T)] for array in (claimed, jacobian))
    return same(one, other) and not same(claimed, jacobian)


def _element(of: str, array: Array | None, i: int) -> str:
    index = index_text((i,) if array is None else tuple(map(int, np.unravel_index(i, array.shape))))
    return Place(f"{of} element {index}" if index else f"the {of}")

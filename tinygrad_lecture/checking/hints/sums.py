"""Hints: an input element is used several times, and its contributions are not added up."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np

from .axes import axes_text, reducing_axes
from .case import Case, same


def one_slice(case: Case) -> str | None:
    """got = the vjp of g with all but one slice set to 0."""
    if case.jacobian is None or case.out is None:
        return None
    shape = case.out.shape
    axes = [axis for axis, size in enumerate(shape) if size > 1]
    for over in (over for k in range(1, len(axes) + 1) for over in combinations(axes, k)):
        slices = [range(shape[axis]) for axis in over]
        for place in product(*slices) if math.prod(map(len, slices)) <= 100 else ():
            mask = np.zeros(shape)
            mask[tuple(place[over.index(axis)] if axis in over else slice(None) for axis in range(len(shape)))] = 1
            candidate = case.vjp(case.upstream * mask.ravel())
            if candidate is not None and case.fits(candidate):
                which = f"slice {place[0]} of axis {over[0]}" if len(over) == 1 else f"slice {place} of axes {over}"
                return (
                    f"only {which} of the output contributes, but the input is broadcast along "
                    f"{'this axis' if len(over) == 1 else 'these axes'}; sum over its "
                    f"{math.prod(map(len, slices))} slices"
                )
    return None


def no_sum(case: Case) -> str | None:
    """got = the maximum, minimum or product of the contributions."""
    if case.jacobian is None or case.out is None or not (np.count_nonzero(case.jacobian, axis=1) == 1).all():
        return None  # x was not only broadcast
    terms = (case.upstream * case.jacobian.sum(axis=1)).reshape(case.out.shape)
    for over in reducing_axes(case.out.shape, case.x.shape):
        for name, reduce in (("maximum", np.max), ("minimum", np.min), ("product", np.prod)):
            if case.fits(reduce(terms, axis=over).reshape(case.x.shape)):
                return (
                    f"this is the {name} over axis {axes_text(over)} of the output; take the sum, since the input is "
                    "broadcast along it and every use contributes"
                )
    return None


def overwritten(case: Case) -> str | None:
    """got = one of the contributions, where an input element has several."""
    if case.jacobian is None or case.jacobian.size > 100_000:
        return None
    parts = (case.upstream[:, None] * case.jacobian).reshape(-1, *case.x.shape)  # (m, *x.shape)
    several = (np.count_nonzero(parts, axis=0) > 1) & ~case.kinks
    if not (several & case.wrong).any() or (case.wrong & ~several).any():
        return None
    nearest = np.take_along_axis(parts, np.abs(parts - case.got).argmin(axis=0)[None], axis=0)[0]
    if not same(nearest, case.got, several) or not nearest[several & case.wrong].all():
        return None
    return (
        "where an input element is used several times, only one contribution is kept: they overwrite each other; add "
        "them up (for repeated indices: np.add.at)"
    )


def summed_too_far(case: Case) -> str | None:
    """got = a sum or mean of expected over one or more axes of the input."""
    if case.jacobian is None or (np.count_nonzero(case.jacobian, axis=1) > 1).any():
        return None  # x was not only broadcast
    axes = [axis for axis, size in enumerate(case.x.shape) if size > 1]
    for over in (over for k in range(1, len(axes) + 1) for over in combinations(axes, k)):
        for name, reduce in (("sum", np.sum), ("mean", np.mean)):
            if case.fits(np.broadcast_to(reduce(case.expected, axis=over, keepdims=True), case.x.shape)):
                return (
                    f"one axis too many is summed over: this is the {name} of the right gradient over axis "
                    f"{axes_text(over)} of the input"
                )
    return None


def product_of_sums(case: Case) -> str | None:
    """got = the sum of g times the sum of derivatives, for the sum of their products."""
    if case.jacobian is None or case.out is None or not (np.count_nonzero(case.jacobian, axis=1) <= 1).all():
        return None
    uses = (case.jacobian != 0).astype(float)
    for name, number in (("sum", 1), ("mean", uses.sum(axis=0))):
        if case.fits((case.upstream @ uses * case.jacobian.sum(axis=0) / number).reshape(case.x.shape)):
            return f"the rule takes the {name} of g and that of the derivative before it multiplies; multiply, then sum"
    return None

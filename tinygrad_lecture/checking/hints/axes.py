"""Hints: a sum over the wrong axis, or axes in the wrong order."""

from __future__ import annotations

from itertools import combinations, permutations, product

import numpy as np

from ...backend import Array, Shape
from .case import Case, coefficient, same

Axes = tuple[int, ...]


def wrong_axis(case: Case) -> str | None:
    """got = the gradient with a sum over another axis."""
    if case.jacobian is None or case.out is None:
        return None
    if (np.count_nonzero(case.jacobian, axis=1) == 1).all():  # x was broadcast: its contributions are summed
        what = "the sum goes over axis {} of the output, but must go over {}"
        terms = (case.upstream * case.jacobian.sum(axis=1)).reshape(case.out.shape)
        candidates = {over: terms.sum(axis=over) for over in reducing_axes(case.out.shape, case.x.shape)}
    elif (np.count_nonzero(case.jacobian, axis=0) == 1).all():  # x was summed: g is repeated
        what = "the upstream gradient is repeated along axis {} of the input, but must be repeated along {}"
        shape = case.x.shape
        derivative = case.jacobian.sum(axis=0).reshape(shape)
        upstream = case.upstream.reshape(case.out.shape)
        axes = reducing_axes(shape, case.out.shape)
        candidates = {over: derivative * _repeated(upstream, shape, over) for over in axes}
    else:
        what = "a sum or mean within the rule goes over axis {}, but must go over {}"
        candidates = _sums_within(case)
    candidates = {over: candidate.reshape(case.x.shape) for over, candidate in candidates.items()}
    right = [over for over, candidate in candidates.items() if same(candidate, case.expected, ~case.kinks)]
    taken = [over for over, candidate in candidates.items() if case.fits(candidate)]
    return what.format(axes_text(taken[0]), axes_text(right[0])) if right and taken else None


def reducing_axes(wide: Shape, narrow: Shape) -> list[Axes]:
    """All sets of axes that, summed over, take an array of shape `wide` to shape `narrow`, axes of size 1 ignored."""
    rank, kept = len(wide), [n for n in narrow if n != 1]
    choices = (over for k in range(1, rank + 1) for over in combinations(range(rank), k))
    return [over for over in choices if [n for a, n in enumerate(wide) if a not in over and n != 1] == kept]


def _repeated(array: Array, shape: Shape, over: Axes) -> Array:
    """An array broadcast to `shape` by repeating it along the axes `over`."""
    return np.broadcast_to(array.reshape([1 if a in over else n for a, n in enumerate(shape)]), shape)


def _sums_within(case: Case) -> dict[Axes, Array]:
    """The gradients for a sum over the axis taken, and for one over the right axis.

    For rules with a term of the form outer * (g * inner).sum(axis), as softmax and normalisation have it; empty if a
    wrong axis in such a term does not explain the error.
    """
    assert case.out is not None
    if case.out.shape != case.x.shape or case.x.ndim < 2 or case.x.size < 4:
        return {}
    error, upstream = case.got - case.expected, case.upstream.reshape(case.x.shape)
    factors = [np.ones_like(case.x), case.x, case.out]
    for inner, outer in product(factors, factors):
        sums = [(upstream * inner).sum(axis=axis, keepdims=True) for axis in range(case.x.ndim)]
        for taken, right in permutations(range(case.x.ndim), 2):
            change = outer * (sums[taken] - sums[right])
            times = coefficient(error, change, ~case.kinks)
            if times and same(error, times * change, ~case.kinks):
                return {(right,): case.expected, (taken,): case.got}
    return {}


def axes_text(over: Axes) -> str:
    """Axes as text: "0", "(0, 1)"."""
    return str(over[0]) if len(over) == 1 else str(over)


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

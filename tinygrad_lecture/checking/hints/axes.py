"""Hints: a sum over the wrong axis, or axes in the wrong order."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ...backend import Array, Shape
from .case import Case, same

Axes = tuple[int, ...]


def wrong_axis(case: Case) -> str | None:
    """got = the gradient with a sum over another axis."""
    if case.jacobian is None or case.out is None:
        return None
    if (
        case.out.size > case.x.size and (np.count_nonzero(case.jacobian, axis=1) <= 1).all()
    ):  # x was broadcast: its contributions are summed
        what = "the sum goes over axis {} of the output, but must go over {}"
        terms = (case.upstream * case.jacobian.sum(axis=1)).reshape(case.out.shape)
        candidates = {over: terms.sum(axis=over) for over in reducing_axes(case.out.shape, case.x.shape)}
    elif (
        case.out.size < case.x.size and (np.count_nonzero(case.jacobian, axis=0) <= 1).all()
    ):  # x was summed: g is repeated
        what = "the upstream gradient is repeated along axis {} of the input, but must be repeated along {}"
        shape = case.x.shape
        derivative = case.jacobian.sum(axis=0).reshape(shape)
        upstream = case.upstream.reshape(case.out.shape)
        axes = reducing_axes(shape, case.out.shape)
        candidates = {over: derivative * _repeated(upstream, shape, over) for over in axes}
    else:
        return None
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


def axes_text(over: Axes) -> str:
    """Axes as text: "0", "(0, 1)"."""
    return str(over[0]) if len(over) == 1 else str(over)

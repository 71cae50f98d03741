"""Elements of a product of matrices, and of the gradients of its factors: a row times a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....backend import Array
from ...vertex import Vertex
from .sums import Place, Worked, factor, sum_of


def product(vertex: Vertex, given: Sequence[Any], place: Place) -> Worked:
    """A row of the first times a column of the second, and the bias."""
    a, b, *bias = given
    rows = place[:-1] if b.ndim > 1 else place
    if vertex.op == "linear":
        text, value = sum_of(a[place[:-1]], b[place[-1]])
        if not bias or bias[0] is None:
            return text, value
        return f"{text} + {factor(bias[0][place[-1]])}", value + float(bias[0][place[-1]])
    row = stacked(a, rows[:-1])[rows[-1]] if a.ndim > 1 else a
    column = stacked(b, rows[:-1] if a.ndim > 1 else rows)[:, place[-1]] if b.ndim > 1 else b
    return sum_of(row, column)


def stacked(array: Array, place: Place) -> Array:
    """A matrix of a stack that is broadcast."""
    own = place[len(place) - (array.ndim - 2) :] if array.ndim > 2 else ()
    matrix: Array = array[tuple(0 if n == 1 else i for i, n in zip(own, array.shape, strict=False))]
    return matrix


def of_product(vertex: Vertex, given: Sequence[Any], g: Array, position: int, place: Place) -> Worked:
    a, b, *_ = given
    if position == 2:
        return sum_of(g.reshape(-1, g.shape[-1])[:, place[0]])
    linear = vertex.op == "linear"
    if not linear and min(a.ndim, b.ndim) == 1:  # a vector is a matrix of one row, or of one column
        if max(a.ndim, b.ndim) > 2:
            return None
        place = (
            (0, *place) if position == 0 and a.ndim == 1 else (*place, 0) if position == 1 and b.ndim == 1 else place
        )
        a, b = a.reshape(-1, a.shape[-1]), b.reshape(b.shape[0], -1)
        g = g.reshape(a.shape[0], b.shape[1])
    if position == 0:
        if not linear and a.shape[:-2] != g.shape[:-2]:
            return None
        return sum_of(g[place[:-1]], b[:, place[-1]] if linear else stacked(b, place[:-2])[place[-1]])
    q, p = place[-2:] if linear else place[:-3:-1]  # the column of g, that of a
    if b.ndim > 2:
        return (
            sum_of(g[place[:-2]][:, q], a[place[:-2]][:, p]) if a.shape[:-2] == g.shape[:-2] == b.shape[:-2] else None
        )
    return sum_of(g.reshape(-1, g.shape[-1])[:, q], a.reshape(-1, a.shape[-1])[:, p])

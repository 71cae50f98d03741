"""Elements of a product of matrices, and of the gradients of its factors: a row times a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....backend import Array
from ...vertex import Vertex
from .sums import Place, Worked, factor, sum_of


def linear(vertex: Vertex, given: Sequence[Any], place: Place) -> Worked:
    """A row of x times a row of the weights, and the bias."""
    x, weight, *bias = given
    text, value = sum_of(x[place[:-1]], weight[place[-1]])
    if not bias or bias[0] is None:
        return text, value
    return f"{text} + {factor(bias[0][place[-1]])}", value + float(bias[0][place[-1]])


def of_linear(vertex: Vertex, given: Sequence[Any], g: Array, position: int, place: Place) -> Worked:
    """For x a sum over the neurons, for the weights and the bias one over the rows of x."""
    x, weight, *_ = given
    if position == 0:
        return sum_of(g[place[:-1]], weight[:, place[-1]])
    of_neuron = g.reshape(-1, g.shape[-1])[:, place[0]]
    return sum_of(of_neuron, x.reshape(-1, x.shape[-1])[:, place[1]]) if position == 1 else sum_of(of_neuron)


def product(vertex: Vertex, given: Sequence[Any], place: Place) -> Worked:
    """A row of the first times a column of the second."""
    a, b = given
    rows = place[:-1] if b.ndim > 1 else place
    row = stacked(a, rows[:-1])[rows[-1]] if a.ndim > 1 else a
    column = stacked(b, rows[:-1] if a.ndim > 1 else rows)[:, place[-1]] if b.ndim > 1 else b
    return sum_of(row, column)


def of_product(vertex: Vertex, given: Sequence[Any], g: Array, position: int, place: Place) -> Worked:
    """For the first a sum over the columns of the second, for the second one over the rows of the first."""
    a, b = given
    if min(a.ndim, b.ndim) == 1:  # a vector is a matrix of one row, or of one column
        if max(a.ndim, b.ndim) > 2:
            return None
        place = (0, *place) if position == 0 and a.ndim == 1 else place
        place = (*place, 0) if position == 1 and b.ndim == 1 else place
        a, b = a.reshape(-1, a.shape[-1]), b.reshape(b.shape[0], -1)
        g = g.reshape(a.shape[0], b.shape[1])
    stack, (i, j) = place[:-2], place[-2:]
    if position == 0 and a.shape[:-2] == g.shape[:-2]:
        return sum_of(g[(*stack, i)], stacked(b, stack)[j])
    if position == 1 and b.ndim == 2:
        return sum_of(a.reshape(-1, a.shape[-1])[:, i], g.reshape(-1, g.shape[-1])[:, j])
    if position == 1 and a.shape[:-2] == g.shape[:-2] == b.shape[:-2]:
        return sum_of(a[stack][:, i], g[stack][:, j])
    return None  # a stack that was broadcast


def factor_of(vertex: Vertex, given: Sequence[Any], position: int, place: Place) -> tuple[Place, int, Place] | None:
    """What an element of one factor is multiplied by: (a result's place that it is in, the other factor, its place).

    None for a bias, and where a stack was broadcast.
    """
    a, b = given[:2]
    if vertex.op == "linear":  # y[..., j] is the sum of a[..., k] · b[j, k]
        *rows, last = place
        return (
            ((*rows, 0), 1, (0, last))
            if position == 0
            else ((0,) * (a.ndim - 1) + (rows[0],), 0, (0,) * (a.ndim - 1) + (last,))
        )
    stack = place[:-2]  # y[..., i, j] is the sum of a[..., i, k] · b[..., k, j]; a vector lacks its i or its j
    if max(a.ndim, b.ndim) > 2 and a.shape[:-2] != b.shape[:-2]:
        return None
    i = (() if a.ndim == 1 else place[-2:-1]) if position == 0 else (0,) * (a.ndim > 1)
    j = (() if b.ndim == 1 else place[-1:]) if position == 1 else (0,) * (b.ndim > 1)
    k = place[-1:] if position == 0 else place[:1] if b.ndim == 1 else place[-2:-1]
    return (*stack, *i, *j), 1 - position, (*stack, *k, *j) if position == 0 else (*stack, *i, *k)


def stacked(array: Array, place: Place) -> Array:
    """A matrix of a stack that is broadcast."""
    own = place[len(place) - (array.ndim - 2) :] if array.ndim > 2 else ()
    matrix: Array = array[tuple(0 if n == 1 else i for i, n in zip(own, array.shape, strict=False))]
    return matrix

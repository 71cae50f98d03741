"""Elements that are sums: of products, over an axis, over the copies that broadcasting made, of what was picked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ....backend import Array, to_host
from ...formulas.numbers import as_factor, number
from ...vertex import Vertex
from ..story import Gift

TERMS = 4  # of a sum
LARGEST = 1_000_000  # elements of an array whose places are looked up

Place: TypeAlias = tuple[int, ...]
Worked: TypeAlias = tuple[str, Any] | None  # how an element is computed, and its value


def factor(value: Any) -> str:
    """A number as a factor or term: in parentheses if it is negative; -0 is 0."""
    return as_factor(number(value if value else abs(value)))


def indexed(name: str, place: Place) -> str:
    """The name of an element: "z[0, 1]"."""
    return f"{name}[{', '.join(map(str, place))}]" if place else name


def shortened(terms: Sequence[str], count: int) -> list[str]:
    """The first terms of a sum of `count`, and how many more there are."""
    return [*terms] if count <= TERMS + 1 else [*terms[:TERMS], f"... {count - TERMS} more"]


def sum_of(*rows: Any) -> tuple[str, Any]:
    """The sum of the products of rows, element by element: as a text, and its value."""
    columns = [np.asarray(row).reshape(-1) for row in rows]
    count = columns[0].size
    terms = [" · ".join(map(factor, term)) for term in zip(*(c[: TERMS + 1] for c in columns), strict=True)]
    products = np.ones(count)
    for column in columns:
        products = products * column
    return " + ".join(shortened(terms, count)), products.sum()


def exps(row: Array) -> tuple[str, Any]:
    """The sum of exp over a row."""
    terms = [f"exp({number(x)})" for x in row[: TERMS + 1]]
    return " + ".join(shortened(terms, row.size)), np.exp(row.astype(np.float64)).sum()


def through_copies(upstream: Array, gift: Gift, place: Place) -> Worked:
    """Upstream times derivative, summed over the copies that broadcasting made of an element."""
    local = gift.local
    assert local is not None
    if upstream.size == 1 and local.shape == gift.handed.shape:
        return sum_of([upstream.item()], [local[place]])
    upstream = np.broadcast_to(upstream, local.shape)
    new = local.ndim - len(place)
    copies = tuple(
        slice(None) if i < new or n != m else place[i - new]
        for i, (n, m) in enumerate(zip(local.shape, (*(-1,) * new, *gift.handed.shape), strict=True))
    )
    one, parts = local[copies], upstream[copies]
    if (local == 1).all():
        return None if one.size == 1 else sum_of(parts)
    return sum_of(parts, one)


def _axes(vertex: Vertex, ndim: int) -> list[int]:
    axis = vertex.settings.get("axis")
    axes = range(ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    return sorted(a % ndim for a in axes)


def reduced(vertex: Vertex, given: Sequence[Any], place: Place) -> Worked:
    """An element of a sum or mean."""
    (x,) = given
    over = _axes(vertex, x.ndim)
    keeps = vertex.value is not None and vertex.value.ndim == x.ndim
    rest = iter([i for a, i in enumerate(place) if not (keeps and a in over)])
    row = x[tuple(slice(None) if a in over else next(rest) for a in range(x.ndim))].reshape(-1)
    if row.size == 1:
        return None
    text, value = sum_of(row)
    return (f"({text}) / {row.size}", value / row.size) if vertex.op == "mean" else (text, value)


def of_reduced(vertex: Vertex, given: Sequence[Any], g: Array, position: int, place: Place) -> Worked:
    """For an element that was summed: the gradient of its sum."""
    x, over = given[0], _axes(vertex, given[0].ndim)
    keeps = g.ndim == x.ndim
    one = g[tuple(0 if a in over else i for a, i in enumerate(place) if keeps or a not in over)]
    n = math.prod(x.shape[a] for a in over)
    return (f"{factor(one)} / {n}", one / n) if vertex.op == "mean" else (f"{factor(one)} · 1", one)


def cumulated(vertex: Vertex, given: Sequence[Any], place: Place) -> Worked:
    """The sum of the elements up to there."""
    axis = vertex.settings.get("axis", 0) % given[0].ndim
    return sum_of(given[0][(*place[:axis], slice(place[axis] + 1), *place[axis + 1 :])])


def of_cumulated(vertex: Vertex, given: Sequence[Any], g: Array, position: int, place: Place) -> Worked:
    """The gradients of the sums that it is in: from its own place on."""
    axis = vertex.settings.get("axis", 0) % g.ndim
    return sum_of(g[(*place[:axis], slice(place[axis], None), *place[axis + 1 :])])


def _sources(vertex: Vertex, x: Array) -> Array | None:
    """For each element of x[index] the place in x, counted, that it was picked from."""
    index = vertex.settings.get("index")
    if index is None or x.size > LARGEST:
        return None
    host = tuple(to_host(part) if hasattr(part, "shape") else part for part in index)
    return np.asarray(np.arange(x.size).reshape(x.shape)[host])


def picked(vertex: Vertex, given: Sequence[Any], place: Place) -> Worked:
    """The element that stands there now."""
    if (sources := _sources(vertex, given[0])) is None:
        return None
    source = tuple(map(int, np.unravel_index(sources[place], given[0].shape)))
    return indexed(str(vertex.inputs[0]), source), given[0][source]


def most_picked(vertex: Vertex, x: Array) -> Place | None:
    """The place that was picked most often, where one was picked more than once; else None."""
    if (sources := _sources(vertex, x)) is None or not sources.size:
        return None
    times = np.bincount(sources.reshape(-1))
    return tuple(map(int, np.unravel_index(times.argmax(), x.shape))) if times.max() > 1 else None


def of_picked(vertex: Vertex, given: Sequence[Any], g: Array, position: int, place: Place) -> Worked:
    """For an element that was picked several times: the sum over its places."""
    if (sources := _sources(vertex, given[0])) is None:
        return None
    parts = g[sources == np.ravel_multi_index(place, given[0].shape)]
    return sum_of(parts) if parts.size > 1 else None

"""The line that works out one element: of a result, or of what backward hands to an input.

`FORWARD` has how an op computes an element of its result, `BACKWARD` how its rule computes an element of an input's
gradient. A line whose value is not the engine's own is not shown: the tape may not have kept a setting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ....backend import Array
from ...formulas.arithmetic import with_enough_digits
from ...formulas.numbers import MOST, number
from ...vertex import Vertex
from ..story import Event, Gift
from .products import linear, of_linear, of_product, product
from .rows import (
    attention,
    attention_weights,
    cross_entropy,
    layer_norm,
    of_attention,
    of_cross_entropy,
    of_layer_norm,
    of_softmax,
    of_squared_error,
    softmax,
    squared_error,
)
from .sums import (
    Place,
    Worked,
    cumulated,
    factor,
    indexed,
    most_picked,
    of_cumulated,
    of_picked,
    of_reduced,
    picked,
    reduced,
    through_copies,
)

ONE = "one element of it: "  # what a line begins with, unless it is the only one


def is_large(*arrays: Array | None) -> bool:
    """Whether an array is not written out."""
    return any(array is not None and array.size > MOST for array in arrays)


def known_values(vertex: Vertex) -> list[Any]:
    """The values of the inputs, None for one that was left out; [] if one of them is not known."""
    values = [None if x.value is not None and x.value.dtype == object else x.value for x in vertex.inputs]
    unknown = any(x.value is None and str(x) != "None" for x in vertex.inputs)
    return [] if unknown or not values or values[0] is None else values


def forward_element(vertex: Vertex, place: Place | None = None) -> str:
    """An element of a result, "one element of it: y[0, 1] = ...", or the only one; "" where there is no formula.

    place: which one; by default the first, or one whose formula says most.
    """
    out, given = vertex.value, known_values(vertex)
    if out is None or not out.size or not given or vertex.op not in FORWARD:
        return ""
    at = (0,) * out.ndim if place is None else place
    if place is None and vertex.op in ("attention", "attention_weights"):  # the last query is allowed all keys
        at = (*at[:-2], out.shape[-2] - 1, 0)
    if place is None and vertex.op == "cumsum":
        at = tuple(n - 1 for n in out.shape)
    return _line(str(vertex), at, out, lambda: FORWARD[vertex.op or ""](vertex, given, at))


def gift_element(event: Event, gift: Gift, name: str, place: Place | None = None) -> str:
    """An element of what an op hands to an input: at a place or, without one, the first that is not 0.

    name: how the gradient is written.
    """
    handed = gift.handed
    if not handed.size:
        return ""
    place = gift.place if place is None else place
    place = _place(event.vertex, handed) if place is None else place
    if gift.local is not None:
        return _line(name, place, handed, lambda: through_copies(event.upstream, gift, place))
    vertex, given = event.vertex, known_values(event.vertex)
    if vertex.value is None or not given or vertex.op not in BACKWARD:
        return ""
    rule = BACKWARD[vertex.op]
    return _line(name, place, handed, lambda: rule(vertex, given, event.upstream, gift.position, place))


def _place(vertex: Vertex, handed: Array) -> Place:
    """The element to show of what is handed to an input: the first that is not 0, or one that was picked twice."""
    given = known_values(vertex)
    if vertex.op == "pick" and given and (place := most_picked(vertex, given[0])) is not None:
        return place
    return first_of(handed)


def place_of(gift: Gift) -> Place:
    """The element of a gift to work out: its own or, of the only one to a value, the first that is not 0."""
    return first_of(gift.handed) if gift.place is None else gift.place


def first_of(array: Array) -> Place:
    """The place of the first element that is not 0, nor so small beside the largest that it is 0 but for rounding."""
    size = np.abs(array)
    counts = np.flatnonzero(size > 1e-6 * np.nan_to_num(size).max(initial=0))
    return tuple(map(int, np.unravel_index(counts[0] if counts.size else 0, array.shape)))


def _line(name: str, place: Place, array: Array, work: Callable[[], Worked]) -> str:
    with np.errstate(all="ignore"):
        try:
            worked = work()
        except (IndexError, TypeError, ValueError, ZeroDivisionError):  # as if it had another axis, or none
            return ""
        actual, largest = array[place], np.abs(array).max()
        close = 1e-2 if array.itemsize < 4 else 1e-4
        if worked is None or not np.isclose(worked[1], actual, rtol=close, atol=close * largest):
            return ""

    def text() -> str:
        how, result = (work() or ("",))[0], number(actual)
        chain = [result] if how in (result, factor(actual)) else [how, result]
        return f"{ONE if array.size > 1 else ''}{indexed(name, place)} = {' = '.join(chain)}"

    return with_enough_digits(text)


FORWARD: dict[str, Callable[[Vertex, Sequence[Any], Place], Worked]] = {
    "sum": reduced, "mean": reduced, "cumsum": cumulated, "matmul": product, "linear": linear, "softmax": softmax,
    "log_softmax": softmax, "cross_entropy": cross_entropy, "layer_norm": layer_norm, "attention": attention,
    "attention_weights": attention_weights, "pick": picked, "squared_error": squared_error,
}  # fmt: skip
BACKWARD: dict[str, Callable[[Vertex, Sequence[Any], Array, int, Place], Worked]] = {
    "sum": of_reduced, "mean": of_reduced, "cumsum": of_cumulated, "matmul": of_product, "linear": of_linear,
    "softmax": of_softmax, "log_softmax": of_softmax, "cross_entropy": of_cross_entropy,
    "squared_error": of_squared_error, "layer_norm": of_layer_norm, "attention": of_attention,
    "attention_weights": of_attention, "pick": of_picked,
}  # fmt: skip

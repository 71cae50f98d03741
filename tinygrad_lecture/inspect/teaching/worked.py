"""Numbers put into formulas: z = W @ x with the numbers of W and x, and each element of a product as a sum."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...backend import Array
from ..formulas.arithmetic import with_enough_digits
from ..formulas.definitions import DEFINITIONS, definition_with_numbers
from ..formulas.derivatives import ELEMENTWISE, local_rule, of_step
from ..formulas.numbers import as_factor, number, numbers
from ..vertex import Vertex
from .element.lines import ONE, forward_element, gift_element, is_large, known_values, place_of
from .element.products import factor_of
from .element.sums import Place, factor, indexed, shortened
from .story import Event, Gift

PRODUCTS = ("matmul", "linear")
COPIES = ("alias", "clone", "astype", "to_device")


def formula_with_numbers(vertex: Vertex) -> str:
    """How a value was computed, with numbers for names: "0.5 * (-1) + 2"; "" where an input is large or not known."""
    if vertex.value is None or vertex.value.size != 1:
        return _filled(vertex)
    value = vertex.value.item()
    filled = with_enough_digits(lambda: f"{_filled(vertex)} = {number(value)}").rpartition(" = ")[0]
    return "" if filled == numbers(vertex.value) else filled


def _filled(vertex: Vertex) -> str:
    if vertex.op is None:
        return ""
    called = vertex.written or vertex.formula.startswith(f"{vertex.op}(")  # a negative number needs no parentheses
    texts = [str(x) if x.value is None else numbers(x.value) for x in vertex.inputs]
    texts = texts if called else [as_factor(text) for text in texts]
    if not all(texts):
        return ""
    return replace(vertex, inputs=[Vertex(0, (), name=text) for text in texts]).formula


def forward_lines(vertex: Vertex) -> list[str]:
    """Each element with its numbers, "z[0] = 0.5 · 1 + (-1) · 0.5 + 0.1 = 0.1"; of a large array one.

    [] where the formula says it all.
    """
    given = known_values(vertex)
    if vertex.value is None or not given:
        return []
    if vertex.op in PRODUCTS and not is_large(vertex.value) and (lines := _elements(vertex, given)):
        return lines if len(lines) > 1 or " + " in lines[0] else []
    if is_large(vertex.value, *given):
        line = _one_by_one(vertex) if vertex.op in ELEMENTWISE else forward_element(vertex)
        return [line] if line else []
    if vertex.op == "pick" or (vertex.op in DEFINITIONS and definition_with_numbers(vertex)):
        return []
    work = forward_element if vertex.op not in ELEMENTWISE else _one_by_one if vertex.op in DEFINITIONS else None
    lines = [work(vertex, place) for place in np.ndindex(vertex.shape)] if work else []
    return [line.removeprefix(ONE) for line in lines if line]


def _elements(vertex: Vertex, given: Sequence[Any]) -> list[str]:
    """Each element of a product of matrices as a sum; [] for stacks."""
    a, b, bias = _as_matrices(vertex, given)
    if a is None or b is None:
        return []
    out = _as_matrix(vertex, vertex.value)

    def line(i: int, j: int) -> str:
        return with_enough_digits(partial(text, i, j))

    def text(i: int, j: int) -> str:
        terms = [f"{factor(x)} · {factor(w)}" for x, w in zip(a[i], b[:, j], strict=True)]
        terms = [*shortened(terms, len(terms)), *([] if bias is None else [factor(bias[j])])]
        return f"{vertex}{_place(vertex.shape, i, j)} = {' + '.join(terms)} = {number(out[i, j])}"

    return [line(i, j) for i, j in np.ndindex(out.shape)]


def _one_by_one(vertex: Vertex, place: Place | None = None) -> str:
    """An element of a result of an op that takes elements one by one; "" where it only copies them."""
    out = vertex.value
    assert out is not None
    if vertex.op in COPIES or not out.size:
        return ""
    at = (0,) * out.ndim if place is None else place
    one = _at(vertex, at)

    def text() -> str:
        chain = dict.fromkeys(text for text in (_filled(one), definition_with_numbers(one)) if text)
        return f"{ONE}{indexed(str(vertex), at)} = {' = '.join([*chain, number(out[at])])}"

    return with_enough_digits(text)


def _at(vertex: Vertex, place: Place) -> Vertex:
    """An op that takes elements one by one, at one element."""

    def element(x: Vertex) -> Any:
        value = x.value
        if value is None or value.dtype == object:
            return x
        place_in = tuple(0 if n == 1 else i for i, n in zip(place[len(place) - value.ndim :], value.shape, strict=True))
        return replace(x, shape=(), value=np.asarray(value[place_in]))

    assert vertex.value is not None
    inputs = {id(x): element(x) for x in vertex.inputs}
    return replace(
        vertex, shape=(), value=np.asarray(vertex.value[place]), inputs=[inputs[id(x)] for x in vertex.inputs]
    )


def gift_lines(event: Event, gift: Gift, name: str) -> list[str]:
    """The numbers of a gift: upstream times derivative or, for a product of matrices, the sum for each element.

    name: how the gradient is written. Of a large gradient one element is worked out.
    """
    vertex, given = event.vertex, known_values(event.vertex)
    if vertex.op in PRODUCTS and not is_large(gift.handed) and given:
        if lines := _product_lines(event, gift, name, given):
            return lines
    elif gift.local is not None and not is_large(event.upstream, gift.local):
        return _times(event, gift, name)
    elif not is_large(event.upstream, gift.handed, *given) and vertex.op not in ("sum", "mean"):
        return _each(event, gift, name)
    line = gift_element(event, gift, name) if is_large(event.upstream, gift.handed, gift.local) else ""
    return [line] if line else []


def local_with_numbers(vertex: Vertex, position: int, result: Array) -> str:
    """The derivative with numbers for names, where all are single numbers: "0.6225 · (1 - 0.6225)"; else "".

    result: the derivative.
    """
    involved = [vertex, *vertex.inputs]
    if any(x.value is None or x.value.size != 1 or x.value.dtype in (object, bool) for x in involved):
        return ""

    def text() -> str:
        texts = [factor(x.value.item()) for x in involved]  # type: ignore[union-attr]
        inputs = [
            x if x.number == 0 else Vertex(1, (), name=text) for x, text in zip(vertex.inputs, texts[1:], strict=True)
        ]
        filled = local_rule(replace(vertex, name=texts[0], inputs=inputs), position)
        if " = " not in filled.partition(", where ")[2]:
            filled = filled.partition(", where ")[0]  # what a name means is said with the names
        filled = re.sub(r"where \((-[^()]*)\)", r"where \1", filled)
        return re.sub(r"\(\((-[^()]*)\)\)", r"(\1)", filled)  # sign(-2), not sign((-2))

    filled = with_enough_digits(lambda: f"{text()} = {number(result.item())}").rpartition(" = ")[0]
    return "" if filled == local_rule(vertex, position) else filled


def local_lines(event: Event, gift: Gift) -> list[str]:
    """The derivative of each element with its numbers, "∂h[0]/∂z[0] = 0.6 · (1 - 0.6) = 0.24"; of a large array one.

    [] where it is one of the numbers that are there already.
    """
    vertex, local = event.vertex, gift.local
    if vertex.op not in ELEMENTWISE or local is None or vertex.value is None or local.size < 2:
        return []
    if local.shape != vertex.shape or not known_values(vertex):
        return []
    lines, source = [], vertex.inputs[gift.position].shape
    places = [place_of(gift)] if is_large(local) and local.shape == source else np.ndindex(local.shape)
    for place in [] if is_large(local) and local.shape != source else places:
        one = _at(vertex, place)
        if " " not in (text := local_with_numbers(one, gift.position, local[place])):
            return []
        of = tuple(0 if n == 1 else i for i, n in zip(place[len(place) - len(source) :], source, strict=True))
        name = of_step(vertex, gift.position, indexed("", place), indexed("", of))
        lines.append(f"{name} = {text} = {number(local[place])}")
    return lines


def product_step(event: Event, gift: Gift) -> str:
    """The derivative of an element of a product by one of a factor, the other's: "∂z[0]/∂W[0, 1] = x[1] = 0.5"."""
    vertex, given = event.vertex, known_values(event.vertex)
    if vertex.op not in PRODUCTS or not given or not gift.handed.size or not event.upstream.size:
        return ""
    place = place_of(gift)
    if gift.position == 2:
        return f"{of_step(vertex, 2)} = 1"
    found = factor_of(vertex, given, gift.position, place)
    if found is None:
        return ""
    result, other, at = found
    name = of_step(vertex, gift.position, indexed("", result), indexed("", place))
    return f"{name} = {indexed(str(vertex.inputs[other]), at)} = {number(given[other][at])}"


def _times(event: Event, gift: Gift, name: str) -> list[str]:
    """upstream · local = handed, as one line, or one for each element, with a sum over the copies of it."""
    assert gift.local is not None
    upstream, local = event.upstream, gift.local
    if upstream.size == local.size == gift.handed.size == 1:

        def text() -> str:
            return f"{factor(upstream.item())} · {factor(local.item())} = {number(gift.handed.item())}"

        return [with_enough_digits(text)]
    if upstream.shape == local.shape == gift.handed.shape:

        def line(place: Place) -> str:
            product = f"{factor(upstream[place])} · {factor(local[place])}"
            return f"{indexed(name, place)} = {product} = {number(gift.handed[place])}"

        return [with_enough_digits(partial(line, place)) for place in np.ndindex(local.shape)]
    return _each(event, gift, name)


def _each(event: Event, gift: Gift, name: str) -> list[str]:
    """Each element of a gift with its numbers; [] where the op has no formula for one."""
    lines = [gift_element(event, gift, name, place) for place in np.ndindex(gift.handed.shape)]
    return [line.removeprefix(ONE) for line in lines if line]


def _product_lines(event: Event, gift: Gift, name: str, given: Sequence[Any]) -> list[str]:
    """Each element of the gradient of an input of a product, as the sum of products that it is."""
    vertex = event.vertex
    a, b, _ = _as_matrices(vertex, given)
    if a is None or b is None:
        return []
    g, to = _as_matrix(vertex, event.upstream), gift.to
    flipped = vertex.op == "linear"

    def line(p: int, q: int) -> str:
        return with_enough_digits(partial(text, p, q))

    def text(p: int, q: int) -> str:
        if gift.position == 0:  # da[p, q] = sum over j of g[p, j] · b[q, j]
            pairs, place = list(zip(g[p], b[q], strict=True)), (p, q)
        elif gift.position == 1 and flipped:  # dW[q, p] = sum over i of g[i, q] · a[i, p]
            pairs, place = list(zip(g[:, q], a[:, p], strict=True)), (q, p)
        elif gift.position == 1:  # db[p, q] = sum over i of a[i, p] · g[i, q]
            pairs, place = list(zip(a[:, p], g[:, q], strict=True)), (p, q)
        else:
            pairs, place = [(x, None) for x in g[:, q]], (p, q)
        terms = [factor(x) + ("" if y is None else f" · {factor(y)}") for x, y in pairs]
        result = _value_at(gift.handed, place)
        if len(terms) == 1 and terms[0] in (number(result), factor(result)):
            return f"{name}{_index(to.shape, *place)} = {number(result)}"
        return f"{name}{_index(to.shape, *place)} = {' + '.join(shortened(terms, len(terms)))} = {number(result)}"

    shape = {0: a.shape, 1: b.shape, 2: (1, g.shape[1])}[gift.position]
    if gift.position == 1 and flipped:
        return [line(p, q) for q, p in np.ndindex(shape[::-1])]
    return [line(p, q) for p, q in np.ndindex(shape)]


def _as_matrices(vertex: Vertex, given: Sequence[Any]) -> tuple[Any, Any, Any]:
    """The factors of a product as matrices a (n, k) and b (k, m), and the bias (m,); None where they are stacks."""
    a, b, *rest = given
    if a.ndim > 2 or b.ndim > 2:
        return None, None, None
    if vertex.op == "linear":
        return np.atleast_2d(a), b.T, rest[0] if rest else None
    return np.atleast_2d(a), b[:, None] if b.ndim == 1 else b, None


def _as_matrix(vertex: Vertex, array: Array) -> Array:
    """A result of a product, or its gradient, as a matrix (n, m)."""
    if vertex.op == "matmul" and array.ndim == 1 and len(vertex.inputs[0].shape) == 2:
        return array[:, None]
    return np.atleast_2d(array)


def _place(shape: Sequence[int], i: int, j: int) -> str:
    return _index(shape, i, j) if len(shape) == 2 else _index(shape, *((j, i) if i == 0 else (i, j)))


def _index(shape: Sequence[int], p: int, q: int) -> str:
    """The index of an element of a matrix, or of the vector or number that stands for one."""
    return {0: "", 1: f"[{max(p, q)}]"}.get(len(shape), f"[{p}, {q}]")


def _value_at(array: Array, place: tuple[int, int]) -> Any:
    return array.item() if array.ndim == 0 else array[max(place)] if array.ndim == 1 else array[place]

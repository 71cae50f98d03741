"""Numbers put into formulas: z = W @ x with the numbers of W and x, and each element of a product as a sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from ...backend import Array
from ..formulas.derivatives import local_rule
from ..formulas.numbers import MOST, as_factor, number, numbers
from ..vertex import Vertex
from .story import Event, Gift

TERMS = 4  # of a sum


def formula_with_numbers(vertex: Vertex) -> str:
    """How a value was computed, with numbers for names: "0.5 * (-1) + 2"; "" where an input is large or not known."""
    if vertex.op is None:
        return ""
    alone = vertex.formula.startswith(f"{vertex.op}(")  # in a call, a negative number needs no parentheses
    texts = [str(x) if x.value is None else numbers(x.value) for x in vertex.inputs]
    texts = texts if alone else [as_factor(text) for text in texts]
    if not all(texts):
        return ""
    return replace(vertex, inputs=[Vertex(0, (), name=text) for text in texts]).formula


def forward_lines(vertex: Vertex) -> list[str]:
    """Each element of a product of matrices as a sum: "z[0] = 0.5 · 1 + (-1) · 0.5 + 0.1 = 0.1"."""
    given = [x.value for x in vertex.inputs]
    if vertex.value is None or vertex.op not in ("matmul", "linear") or any(x is None for x in given):
        return []
    a, b, bias = _as_matrices(vertex, given)
    if a is None or b is None:
        return []
    out = _as_matrix(vertex, vertex.value)

    def line(i: int, j: int) -> str:
        terms = [f"{as_factor(number(x))} · {as_factor(number(w))}" for x, w in zip(a[i], b[:, j], strict=True)]
        terms = [*_shortened(terms), *([] if bias is None else [as_factor(number(bias[j]))])]
        return f"{vertex}{_place(vertex.shape, i, j)} = {' + '.join(terms)} = {number(out[i, j])}"

    return _lines(out.shape, line)


def gift_lines(event: Event, gift: Gift, name: str) -> list[str]:
    """The numbers of a gift: upstream times derivative or, for a product of matrices, the sum for each element.

    name: how the gradient is written.
    """
    if gift.local is not None:
        return _times(event.upstream, gift, name)
    vertex = event.vertex
    given = [x.value for x in vertex.inputs]
    if vertex.op in ("matmul", "linear") and not any(x is None for x in given):
        return _product_lines(event, gift, name, given)
    return []


def local_with_numbers(event: Event, gift: Gift) -> str:
    """The derivative with numbers for names, where all are single numbers: "0.6225 · (1 - 0.6225)"; else ""."""
    vertex = event.vertex
    involved = [vertex, *vertex.inputs]
    if any(x.value is None or x.value.size != 1 for x in involved):
        return ""
    texts = [as_factor(number(x.value.item())) for x in involved]  # type: ignore[union-attr]
    inputs = [
        x if x.number == 0 else Vertex(1, (), name=text) for x, text in zip(vertex.inputs, texts[1:], strict=True)
    ]
    text = local_rule(replace(vertex, name=texts[0], inputs=inputs), gift.position)
    return "" if text == local_rule(vertex, gift.position) else text


def _times(upstream: Array, gift: Gift, name: str) -> list[str]:
    """upstream · local = handed, as one line, or one for each element."""
    assert gift.local is not None
    local = gift.local
    if upstream.size == 1 and local.size == 1:
        one = [as_factor(number(x.item())) for x in (upstream, local)]
        return [f"{one[0]} · {one[1]} = {number(gift.handed.item())}"]
    if max(upstream.size, local.size) > MOST:
        return []
    if upstream.shape == local.shape == gift.handed.shape:
        return [
            f"{name}[{', '.join(map(str, place))}] = {as_factor(number(g))} · {as_factor(number(d))} = {number(h)}"
            for place, g, d, h in zip(
                np.ndindex(local.shape),
                upstream.ravel().tolist(), local.ravel().tolist(), gift.handed.ravel().tolist(), strict=True)
        ]  # fmt: skip
    summed = "" if gift.handed.size == local.size else ", summed over the copies that broadcasting made,"
    return [f"{as_factor(numbers(upstream))} · {as_factor(numbers(local))}{summed} = {numbers(gift.handed)}"]


def _product_lines(event: Event, gift: Gift, name: str, given: Sequence[Any]) -> list[str]:
    """Each element of the gradient of an input of a product, as the sum of products that it is."""
    vertex = event.vertex
    a, b, _ = _as_matrices(vertex, given)
    if a is None or b is None:
        return []
    g, to = _as_matrix(vertex, event.upstream), gift.to
    flipped = vertex.op == "linear"

    def line(p: int, q: int) -> str:
        if gift.position == 0:  # da[p, q] = sum over j of g[p, j] · b[q, j]
            pairs, place = list(zip(g[p], b[q], strict=True)), (p, q)
        elif gift.position == 1:  # db[p, q] = sum over i of g[i, q] · a[i, p]
            pairs, place = list(zip(g[:, q], a[:, p], strict=True)), (q, p) if flipped else (p, q)
        else:
            pairs, place = [(x, None) for x in g[:, q]], (p, q)
        terms = [as_factor(number(x)) + ("" if y is None else f" · {as_factor(number(y))}") for x, y in pairs]
        result = _value_at(gift.handed, place)
        if len(terms) == 1 and terms[0] in (number(result), as_factor(number(result))):
            return f"{name}{_index(to.shape, *place)} = {number(result)}"
        return f"{name}{_index(to.shape, *place)} = {' + '.join(_shortened(terms))} = {number(result)}"

    if gift.position == 2:
        return _lines((1, g.shape[1]), line)
    shape = a.shape if gift.position == 0 else b.shape
    if gift.position == 1 and flipped:
        return _lines(shape[::-1], lambda p, q: line(q, p))
    return _lines(shape, line)


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


def _shortened(terms: list[str]) -> list[str]:
    return terms if len(terms) <= TERMS + 1 else [*terms[:TERMS], f"... {len(terms) - TERMS} more"]


def _lines(shape: Sequence[int], line: Callable[[int, int], str]) -> list[str]:
    places = list(product(*map(range, shape)))
    more = [f"... and {len(places) - MOST} more in the same way"] if len(places) > MOST else []
    return [*(line(p, q) for p, q in places[:MOST]), *more]

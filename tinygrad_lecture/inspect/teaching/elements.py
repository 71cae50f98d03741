"""One element worked out with its numbers: of a result, "z[0, 1] = 0.5 · 2 + (-1) · 0.3 + ... 2 more = 0.7", and of
the gradient of an input, by the chain rule: what comes from above times the derivative of the step, over all ways.

A line whose value is not the engine's own is not shown: the tape may not have kept a setting.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...backend import Array, to_host
from ...kernels.attention import attention_weights as weights_by_kernel
from ..numbers import MOST, number, numbers
from ..vertex import Place, Step, Term, Vertex
from .expression import (
    PRODUCT,
    TERMS,
    Expression,
    dot,
    equation,
    exp,
    expression,
    function,
    in_digits,
    literal,
    log,
    sqrt,
    total,
)
from .formulas import DEFINITIONS, DERIVATIVES, MOVES, definition_of, derivative, elementwise, of_step, read

ONE = "one element of it: "  # what a line begins with, unless it is the only one
PRODUCTS = ("matmul", "linear")
HOLE = "\N{OBJECT REPLACEMENT CHARACTER}"  # for an operand, in a formula
LARGEST = 1_000_000  # elements of an array whose places are looked up


def is_large(*arrays: Array | None) -> bool:
    """Whether an array is not written out."""
    return any(array is not None and array.size > MOST for array in arrays)


def indexed(name: str, place: Place) -> str:
    """The name of an element: "z[0, 1]"."""
    return f"{name}[{', '.join(map(str, place))}]" if place else name


def known_values(vertex: Vertex) -> list[Any]:
    """The values of the inputs, None for one that was left out; [] if one of them is not known."""
    values = [None if x.value is not None and x.value.dtype == object else x.value for x in vertex.inputs]
    unknown = any(x.value is None and str(x) != "None" for x in vertex.inputs)
    return [] if unknown or not values or values[0] is None else values


def worked(work: Callable[[], Any], place: Place, array: Array) -> list[Expression]:
    """How an element of an array was computed; [] if there is no such formula, or it gives another value."""
    close = 1e-2 if array.itemsize < 4 else 1e-4
    with np.errstate(all="ignore"):
        try:
            found = work()
        except (IndexError, KeyError, TypeError, ValueError):  # as if it had another axis, or none
            return []
        chain = found if isinstance(found, list) else [found] if found is not None else []
        far = close * np.abs(array).max()
        return chain if all(np.isclose(step.value, array[place], close, far) for step in chain) else []


def element_line(name: str, place: Place, array: Array, work: Callable[[], Any]) -> str:
    """The line of an element; "" where there is nothing to show."""
    chain = worked(work, place, array)
    start = f"{ONE if array.size > 1 else ''}{indexed(name, place)}"
    return equation(start, chain, array[place].item()) if chain else ""


# --- elements of results ------------------------------------------------------------------------------------


def formula_with_numbers(vertex: Vertex) -> str:
    """How a value was computed, with numbers for names: "0.5 * (-1) + 2"; "" where an input is large or not known."""
    if vertex.op is None:
        return ""
    texts = [str(x) if x.value is None else numbers(x.value) for x in vertex.inputs]
    if not all(texts):
        return ""
    leaves = [
        Expression(math.nan, text)
        if x.value is None or x.value.ndim or x.value.dtype == object
        else expression(x.value)
        for x, text in zip(vertex.inputs, texts, strict=True)
    ]
    if vertex.value is None or vertex.value.ndim:
        return str(_call(vertex, leaves, math.nan))
    text = in_digits(_call(vertex, leaves, vertex.value.item()), vertex.value.item())
    return "" if text == numbers(vertex.value) else text


def _call(vertex: Vertex, leaves: Sequence[Expression], value: Any) -> Expression:
    """The formula of a vertex with other operands. value: its result."""
    holes = [replace(x, number=0, name=HOLE) for x in vertex.inputs]
    form = literal(replace(vertex, inputs=holes).formula).replace(HOLE, "{}")
    called = vertex.written or form.startswith(f"{vertex.op}(")  # a negative number needs no parentheses
    leaves = leaves if called else [leaf.within(PRODUCT) for leaf in leaves]
    formula = elementwise(vertex)

    def compute(*values: Any) -> Any:
        return read(formula, dict(zip("abc", map(Expression, values), strict=False))).value

    return Expression(value, form, leaves, compute if formula else lambda *_: value)


def definition(vertex: Vertex) -> str:
    """What a fused op computes: with numbers if it is a single number made of few, else with names; "" for others."""
    if (work := _single(vertex)) is not None:
        return in_digits(work, work.value)
    return definition_of(vertex)


def _single(vertex: Vertex) -> Expression | None:
    """How the only element of a fused op's result was computed, if that is written in full."""
    given, out = known_values(vertex), vertex.value
    if vertex.op not in DEFINITIONS or out is None or out.size != 1 or not given or is_large(*given):
        return None
    place = (0,) * out.ndim
    work = worked(lambda: _element(vertex, given, place), place, out)
    return None if not work or "... " in str(work[-1]) else work[-1]


def forward_lines(vertex: Vertex) -> list[str]:
    """Each element with its numbers, "z[0] = 0.5 · 1 + (-1) · 0.5 + 0.1 = 0.1"; of a large array one.

    [] where the formula says it all.
    """
    given, out = known_values(vertex), vertex.value
    if out is None or not out.size or not given or _single(vertex) is not None:
        return []
    if vertex.op in DERIVATIVES and vertex.op in MOVES:  # copies
        return []
    large = is_large(out, *given)
    if not large and (vertex.op == "pick" or (vertex.op in DERIVATIVES and vertex.op not in DEFINITIONS)):
        return []
    places = [_telling(vertex, out)] if large else list(np.ndindex(out.shape))
    lines = [element_line(str(vertex), at, out, partial(_element, vertex, given, at)) for at in places]
    return [line if large else line.removeprefix(ONE) for line in lines if line]


def _telling(vertex: Vertex, out: Array) -> Place:
    """The element whose formula says most: of a query that attends to all keys, the whole of a sum; else the first."""
    first = (0,) * out.ndim
    if vertex.op in ("attention", "attention_weights"):
        return (*first[:-2], out.shape[-2] - 1, 0)
    return tuple(n - 1 for n in out.shape) if vertex.op == "cumsum" else first


def _element(vertex: Vertex, given: Sequence[Any], place: Place) -> list[Expression]:
    """How an element of a result is computed; [] where there is nothing to show."""
    if vertex.op not in DERIVATIVES:
        found = ELEMENTS[vertex.op or ""](vertex, given, place)
        return [] if found is None else [found]
    assert vertex.value is not None
    leaves = [expression(_broadcast(x, place)) for x in given]
    call = _call(vertex, leaves, vertex.value[place].item())
    formula = elementwise(vertex) if vertex.op in DEFINITIONS else ""
    return [call, read(formula, dict(zip("abc", leaves, strict=False)), False)] if formula else [call]


def _broadcast(array: Array, place: Place) -> Any:
    """The element of an input that an element of the result was made of."""
    within = zip(place[len(place) - array.ndim :], array.shape, strict=True)
    return array[tuple(0 if n == 1 else i for i, n in within)]


def _matrix(array: Array, place: Place) -> Array:
    """A matrix of a stack that is broadcast."""
    own = place[len(place) - (array.ndim - 2) :] if array.ndim > 2 else ()
    matrix: Array = array[tuple(0 if n == 1 else i for i, n in zip(own, array.shape, strict=False))]
    return matrix


def _matmul(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    """A row of the first times a column of the second."""
    a, b = given
    rows = place[:-1] if b.ndim > 1 else place
    row = _matrix(a, rows[:-1])[rows[-1]] if a.ndim > 1 else a
    return dot(row, _matrix(b, rows[:-1] if a.ndim > 1 else rows)[:, place[-1]] if b.ndim > 1 else b)


def _linear(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    """A row of x times a row of the weights, and the bias."""
    x, weight, bias = (*given, None)[:3]
    product = _matmul(vertex, (x, weight.T), place)
    return product if bias is None else product + expression(bias[place[-1]])


def _reduced(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression | None:
    """An element of a sum or mean."""
    x, axis, out = given[0], vertex.settings.get("axis"), vertex.value
    over = {a % x.ndim for a in (range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis)}
    rest = iter([i for a, i in enumerate(place) if out is None or out.ndim < x.ndim or a not in over])
    row = x[tuple(slice(None) if a in over else next(rest) for a in range(x.ndim))].reshape(-1)
    if row.size == 1:
        return None
    return dot(row) / row.size if vertex.op == "mean" else dot(row)


def _cumulated(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    axis = vertex.settings.get("axis", 0) % given[0].ndim
    return dot(given[0][(*place[:axis], slice(place[axis] + 1), *place[axis + 1 :])])


def _exps(row: Array) -> Expression:
    """The sum of exp over a row."""
    return total([exp(x.item()) for x in row[: TERMS + 1]], row.size, np.exp(row.astype(np.float64)).sum())


def _softmax(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    axis = vertex.settings.get("axis", -1) % given[0].ndim
    row, one = given[0][(*place[:axis], slice(None), *place[axis + 1 :])], expression(given[0][place])
    return one - log(_exps(row)) if vertex.op == "log_softmax" else exp(one) / _exps(row)


def _cross_entropy(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    row = given[0][place]
    return -log(exp(row[int(given[1][place])].item()) / _exps(row))


def _squared_error(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    p, t = (np.asarray(x).reshape(-1) for x in given)
    terms = [(expression(a) - expression(b)) ** 2 for a, b in zip(p[: TERMS + 1], t, strict=False)]
    squares = total(terms, p.size, ((p - t).astype(np.float64) ** 2).sum())
    if not vertex.settings.get("average", True):
        return squares
    return squares / p.size if p.size > 1 else function("mean", lambda x: x)(squares)


def _layer_norm(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression | None:
    x, *scales = given
    if vertex.settings.get("axes", 1) != 1:
        return None
    row, eps = x[place[:-1]].astype(np.float64), vertex.settings.get("eps", 1e-5)
    y = (expression(row[place[-1]]) - expression(row.mean())) / sqrt(expression(row.var()) + eps)
    for apply, one in zip((operator.mul, operator.add), scales, strict=False):
        y = y if one is None else apply(y, expression(one[place[-1]]))
    return y


def _attention_weights(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    """The softmax of a query's scores with the keys that it may attend to."""
    q, k, *mask = given
    stack, (i, j) = place[:-2], place[-2:]
    scores = _matrix(k, stack) @ _matrix(q, stack)[i] / math.sqrt(q.shape[-1])
    if mask and mask[0] is not None:
        row = np.broadcast_to(mask[0], vertex.shape)[place[:-1]]
        scores = np.where(row, scores, -math.inf) if row.dtype == bool else scores + row
    return exp(scores[j].item()) / _exps(scores[np.isfinite(scores)])


def _attention(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression | None:
    """The values of all tokens, each times the weight that the query gives to it."""
    weights = weights_of(vertex)
    return None if weights is None else _matmul(vertex, (weights, given[2]), place)


def _picked(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression | None:
    """The element that stands there now."""
    x, index = given[0], vertex.settings.get("index")
    if index is None or x.size > LARGEST:
        return None
    host = tuple(to_host(part) if hasattr(part, "shape") else part for part in index)
    source = np.unravel_index(np.arange(x.size).reshape(x.shape)[host][place], x.shape)
    return Expression(x[source].item(), indexed(str(vertex.inputs[0]), tuple(map(int, source))))


ELEMENTS: dict[str, Callable[[Vertex, Sequence[Any], Place], Expression | None]] = {
    "sum": _reduced, "mean": _reduced, "cumsum": _cumulated, "matmul": _matmul, "linear": _linear, "softmax": _softmax,
    "log_softmax": _softmax, "cross_entropy": _cross_entropy, "squared_error": _squared_error, "pick": _picked,
    "layer_norm": _layer_norm, "attention": _attention, "attention_weights": _attention_weights,
}  # fmt: skip


def weights_of(vertex: Vertex) -> Array | None:
    """The attention weights that a value is, or was made with, (..., queries, keys); None for other values."""
    if vertex.op == "attention_weights":
        return vertex.value
    given = known_values(vertex)
    if vertex.op != "attention" or len(given) < 3:
        return None
    q, k, _, mask = (*given, None)[:4]
    if vertex.settings.get("causal"):
        past = np.arange(k.shape[-2]) <= np.arange(q.shape[-2])[:, None]
        mask = past if mask is None else past & mask
    if (scale := vertex.settings.get("scale")) is not None:
        q = q * (scale * q.shape[-1] ** 0.5)
    return np.asarray(weights_by_kernel(q, k, mask))


# --- elements of gradients ----------------------------------------------------------------------------------


def derivative_with_numbers(vertex: Vertex, position: int, place: Place, result: Any) -> str:
    """The derivative of an element of a result by that of an input, with numbers: "0.6225 · (1 - 0.6225)"; else "".

    Of ops that take elements one by one. result: the derivative.
    """
    given, formula = known_values(vertex), derivative(vertex, position)
    if not formula or vertex.value is None or not given or any(x.dtype == bool for x in given):
        return ""
    leaves = dict(zip("abc", (expression(_broadcast(x, place)) for x in given), strict=False))
    step = read(formula, {**leaves, "y": expression(vertex.value[place])}, with_names=False)
    return in_digits(step, result)


def derivative_lines(step: Step, term: Term) -> list[str]:
    """The derivative of each element with its numbers, "∂h[0]/∂z[0] = 0.6 · (1 - 0.6) = 0.24"; of a large array one.

    [] where a line says nothing new.
    """
    vertex, local, source = step.vertex, term.local, term.to.shape
    if local is None or local.size < 2 or local.shape != vertex.shape:
        return []
    large, lines = is_large(local), []
    for place in [term.place] * (local.shape == source) if large else np.ndindex(local.shape):
        text = derivative_with_numbers(vertex, term.position, place, local[place].item())
        if " " not in text:
            return []
        at = tuple(0 if n == 1 else i for i, n in zip(place[len(place) - len(source) :], source, strict=True))
        name = of_step(vertex, term.position, indexed("", place), indexed("", at))
        lines.append(f"{name} = {text} = {number(local[place].item())}")
    return lines


def chain_rule(step: Step, term: Term, place: Place) -> Expression | None:
    """The gradient of an element of an input: the sum of upstream times derivative, over all elements it is used in.

    None where there is nothing to work out, as for an element that a step only moves.
    """
    g, op, local = step.upstream, step.vertex.op, term.local
    if local is not None and local.shape == g.shape == term.to.shape:
        return expression(g[place]) * expression(local[place])
    column = step.local.column(term.position, place)
    ways = np.flatnonzero(column) if column is not None else np.empty(0)
    if column is None or not ways.size or (op in MOVES and ways.size == 1 and column.flat[ways[0]] == 1):
        return None
    above, slopes = g.reshape(-1)[ways], column.reshape(-1)[ways]
    if op in SLOPES and ways.size == 1:
        given = known_values(step.vertex)
        return expression(-above[0] if term.position else above[0]) * SLOPES[op](step.vertex, given, place)
    added_up = ways.size > 1 and (slopes == 1).all() and (op not in PRODUCTS or term.position == 2)
    return dot(above) if added_up else dot(above, slopes)


def _cross_entropy_slope(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    """The probability of a class, minus 1 if it is the target."""
    *row, i = place
    scores = given[0][tuple(row)].astype(np.float64)
    p = np.exp(scores[i]) / np.exp(scores).sum()
    return expression(p) - int(i == given[1][tuple(row)])


def _squared_error_slope(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    difference = expression(2) * (expression(given[0][place]) - expression(given[1][place]))
    count = given[0].size if vertex.settings.get("average", True) else 1
    return difference / count if count > 1 else difference


SLOPES = {"cross_entropy": _cross_entropy_slope, "squared_error": _squared_error_slope}


def gradient_lines(step: Step, term: Term, name: str) -> list[str]:
    """Each element of a term with its numbers; of a large one the chosen. name: how the gradient is written."""
    op, gradient = step.vertex.op, term.gradient
    large = is_large(gradient) or (op not in PRODUCTS and is_large(step.upstream, term.local))
    if not gradient.size or (not large and op in ("sum", "mean")):
        return []
    places = [term.place] if large else list(np.ndindex(gradient.shape))
    lines = [element_line(name, at, gradient, partial(chain_rule, step, term, at)) for at in places]
    return [line if large else line.removeprefix(ONE) for line in lines if line]


def product_derivative(step: Step, term: Term) -> str:
    """The derivative of an element of a product by one of a factor, the other's: "∂z[0]/∂W[0, 1] = x[1] = 0.5"."""
    vertex, given, position, place = step.vertex, known_values(step.vertex), term.position, term.place
    if vertex.op not in PRODUCTS or not given or not step.upstream.size:
        return ""
    if position == 2:
        return f"{of_step(vertex, 2)} = 1"
    column = step.local.column(position, place)
    if column is None or not column.any():
        return ""
    result = tuple(map(int, np.unravel_index(np.flatnonzero(column)[0], column.shape)))
    a, b = given[:2]
    if vertex.op == "linear":  # y[..., j] is the sum of a[..., k] · b[j, k]
        at = (result[-1], place[-1]) if position == 0 else (*result[:-1], place[-1])
    elif position == 0:  # y[..., i, j] is the sum of a[..., i, k] · b[..., k, j]; a vector lacks its i or its j
        at = (*result[: b.ndim - 2], place[-1], *result[-1:]) if b.ndim > 1 else place[-1:]
    else:
        at = (*(result[:-1] if b.ndim > 1 else result), place[max(b.ndim - 2, 0)])
        at = at if a.ndim > 1 else at[-1:]
    other = vertex.inputs[1 - position]
    name = of_step(vertex, position, indexed("", result), indexed("", place))
    try:
        factor = given[1 - position][at]
    except IndexError:  # of a stack that was broadcast
        return ""
    return f"{name} = {indexed(str(other), at)} = {number(factor)}" if factor == column[result] else ""

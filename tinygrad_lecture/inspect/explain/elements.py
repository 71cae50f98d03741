"""One element worked out with its numbers.

An element of a result is written as "z[0, 1] = 0.5 · 2 + (-1) · 0.3 + ... 2 more = 0.7". An element of a gradient
follows the chain rule: it is the sum, over all ways, of what comes from above times the derivative of the step. A line
is left out if its value is not the engine's own, since the tape may not have kept a setting.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...autograd.backward import backward_pass
from ...autograd.core import Leaf
from ...autograd.modes import enable_grad
from ...backend import Array, Shape
from ...tensor_base import wrap
from ..observe import Unwatched
from ..printing import MOST, number, numbers
from ..vertex import Place, Step, Term, Vertex
from . import formulas
from .formulas import NEGATIVE, Expression, dot, equation, expression, shown, total

ONE = "one element of it: "  # what a line begins with, unless it is the only one
PRODUCTS = ("matmul", "linear")
LARGEST = 1_000_000  # elements of an array whose places are looked up


def first_place(chosen: Array) -> Place:
    """The place of the first True."""
    return tuple(map(int, np.unravel_index(chosen.argmax(), chosen.shape))) if chosen.size else ()


def is_large(*arrays: Array | None) -> bool:
    """Whether an array is not written out."""
    return any(array is not None and array.size > MOST for array in arrays)


def indexed(name: str, place: Place) -> str:
    """The name of an element: "z[0, 1]"."""
    return f"{name}[{', '.join(map(str, place))}]" if place else name


def confirmed(work: Callable[[Place], Sequence[Expression]], place: Place, array: Array) -> Sequence[Expression]:
    """The formulas for an element of an array; [] if there are none, or they do not give its value."""
    close = 1e-2 if array.itemsize < 4 else 1e-4
    with np.errstate(all="ignore"):
        try:
            chain = work(place)
        except (IndexError, KeyError, TypeError, ValueError):  # as if it had another axis, or none
            return []
        far = close * np.abs(array).max()
        return chain if all(np.isclose(step.value, array[place], close, far) for step in chain) else []


def element_lines(
    name: str, array: Array, work: Callable[[Place], Sequence[Expression]], example: Place | None
) -> list[str]:
    """The lines about the elements of an array. An element with nothing to show has none.

    name: how the array is written.  work: how the element at a place was computed.  example: the only one to show.
    """
    lines = []
    for place in np.ndindex(array.shape) if example is None else [example]:
        start = f"{ONE if array.size > 1 and example is not None else ''}{indexed(name, place)}"
        chain = confirmed(work, place, array)
        lines += [equation(start, chain, array[place].item())] if chain else []
    return lines


# --- elements of results ------------------------------------------------------------------------------------


def formula_with_numbers(vertex: Vertex) -> str:
    """How a value was computed, with numbers for names: "0.5 * (-1) + 2"; "" where an input is large or not known."""
    texts = [str(x) if x.value is None else numbers(x.value) for x in vertex.inputs]
    if vertex.op is None or not all(texts):
        return ""
    scalars = [x.value is not None and not x.value.ndim and x.value.dtype != object for x in vertex.inputs]
    given = [x.value.item() if scalar else text for x, scalar, text in zip(vertex.inputs, scalars, texts, strict=True)]  # type: ignore[union-attr]
    text = _call(vertex, given)
    return "" if text == numbers(vertex.value) else text


def _call(vertex: Vertex, given: Sequence[Any]) -> str:
    """The formula of a vertex, as the program has it, with numbers or texts for its inputs."""
    between_commas = vertex.formula.startswith(f"{vertex.op}(")
    texts = [x.text if between_commas else x.beside(NEGATIVE + 1) for x in map(expression, given)]
    inputs = [replace(x, number=0, name=text) for x, text in zip(vertex.inputs, texts, strict=True)]
    return replace(vertex, inputs=inputs).formula


def forward_lines(vertex: Vertex) -> list[str]:
    """Each element with its numbers, "z[0] = 0.5 · 1 + (-1) · 0.5 + 0.1 = 0.1"; of a large array one.

    [] where the formula says it all.
    """
    given, out, op = formulas.known_values(vertex), vertex.value, vertex.op
    if out is None or not out.size or not given:
        return []
    large = is_large(out, *given)
    if not large and (op == "index_get" or (op in formulas.DERIVATIVES and op not in formulas.DEFINITIONS)):
        return []
    example = _example_of(vertex, out) if large else None
    return element_lines(str(vertex), out, partial(_element, vertex, given), example)


def _example_of(vertex: Vertex, out: Array) -> Place:
    """The element whose formula says most.

    It is the largest; in attention the largest of the last query, which attends to all keys.
    """
    sizes = np.nan_to_num(np.abs(out.astype(np.float64)))
    if vertex.op in ("attention", "attention_weights"):
        sizes[..., :-1, :] = -1
    return first_place(sizes == sizes.max())


def _element(vertex: Vertex, given: Sequence[Any], place: Place) -> list[Expression]:
    """How an element of a result is computed; [] where there is nothing to show."""
    if vertex.op not in formulas.DERIVATIVES:
        found = ELEMENTS[vertex.op or ""](vertex, given, place)
        return [] if found is None else [found]
    assert vertex.value is not None
    operands = [expression(_broadcast(x, place)) for x in given]
    call = replace(expression(vertex.value[place]), text=_call(vertex, operands))
    definition = formulas.elementwise(vertex)
    return [call, formulas.written(definition, dict(zip("abc", operands, strict=False)))] if definition else [call]


def _within(place: Place, shape: Shape) -> Place:
    """The place in an input, which may be broadcast, from which an element of the result was computed."""
    return tuple(0 if n == 1 else i for i, n in zip(place[len(place) - len(shape) :], shape, strict=True))


def _broadcast(array: Array, place: Place) -> Any:
    """The element of an input from which an element of the result was computed."""
    return array[_within(place, array.shape)].item()


def _counted(vertex: Vertex, given: Sequence[Any], place: Place, position: int = 0) -> tuple[Array, Array]:
    """The elements of an input that an element of the result is a sum of, and the factor of each.

    Which ones they are is asked with 1 for all other numbers, as a factor may be 0.
    """

    def factors(inputs: list[Any]) -> Array:
        inputs[position] = x = wrap(given[position])
        x._node = Leaf(x)
        with Unwatched(), enable_grad():
            out = vertex.maker(*inputs, **vertex.settings)
            seed = np.zeros_like(out._array)
            seed[place] = 1
            return np.asarray(backward_pass([(out._node, seed)], targets=[x._node])[x._node])

    read = factors([None if x is None else np.ones_like(x) for x in given]) != 0
    return given[position][read], factors([*given])[read]


def _product(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    """Elements, each times its factor, and the bias."""
    product = dot(*_counted(vertex, given, place))
    has_bias = vertex.op not in ("matmul", "contract") and len(given) > 2 and given[2] is not None
    return product + _counted(vertex, given, place, 2)[0].item() if has_bias else product


def _added(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression | None:
    """An element of a sum or mean."""
    row, _ = _counted(vertex, given, place)
    if row.size == 1 and vertex.op != "cumsum":
        return None
    return dot(row) / row.size if vertex.op == "mean" else dot(row)


def _softmax(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    axis = vertex.settings.get("axis", -1) % given[0].ndim
    row, one = given[0][(*place[:axis], slice(None), *place[axis + 1 :])], expression(given[0][place])
    return one - _exps(row).log() if vertex.op == "log_softmax" else one.exp() / _exps(row)


def _exps(row: Array) -> Expression:
    """The sum of exp over a row, without what -inf leaves out."""
    row = row[row > -math.inf]
    terms = np.exp(row.astype(np.float64))
    return total([expression(x).exp() for x in row[shown(terms)]], row.size, terms.sum())


def _cross_entropy(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    row = given[0][place]
    return -(expression(row[int(given[1][place])]).exp() / _exps(row)).log()


def _squared_error(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    p, t = (np.asarray(x).reshape(-1) for x in given)
    values = (p - t).astype(np.float64) ** 2
    squares = total([(expression(p[i]) - t[i]) ** 2 for i in shown(values)], p.size, values.sum())
    if not vertex.settings.get("average", True):
        return squares
    return squares / p.size if p.size > 1 else squares.mean()


def _layer_norm(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression | None:
    x, *scales = given
    if vertex.settings.get("axes", 1) != 1 or (vertex.op == "batch_norm" and x.ndim != 2):
        return None
    row = (x[:, place[-1]] if vertex.op == "batch_norm" else x[place[:-1]]).astype(np.float64)
    mean, eps = 0 if vertex.op == "rms_norm" else row.mean(), vertex.settings.get("eps", 1e-5)
    centred = expression(x[place]) - mean if mean else expression(x[place])
    y: Expression = centred / (expression(((row - mean) ** 2).mean()) + eps).sqrt()
    weight, bias = (None if one is None else one[place[-1]] for one in (*scales, None, None)[:2])
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def _attention_weights(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    """The softmax of a query's scores with the keys that it may attend to."""
    last = formulas.parts_of(vertex)[1][-1]
    return _softmax(last, [last.inputs[0].value], place)


def _attention(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression:
    """The values of all tokens, each times the weight that the query gives to it."""
    return dot(*_counted(vertex, given, place, 2)[::-1])


def _picked(vertex: Vertex, given: Sequence[Any], place: Place) -> Expression | None:
    """The element that stands there now."""
    x = given[0]
    if x.size > LARGEST:
        return None
    source = np.unravel_index(formulas.moved(vertex.maker, [x.shape], vertex.settings)[place], x.shape)
    name = indexed(str(vertex.inputs[0]), tuple(map(int, source)))
    return replace(expression(x[source]), text=name)


ELEMENTS: dict[str, Callable[[Vertex, Sequence[Any], Place], Expression | None]] = {
    **dict.fromkeys(("sum", "mean", "cumsum"), _added), **dict.fromkeys(PRODUCTS, _product),
    **dict.fromkeys(("contract", "convolution", "transposed_convolution"), _product),
    "softmax": _softmax, "log_softmax": _softmax, "cross_entropy": _cross_entropy, "squared_error": _squared_error,
    "index_get": _picked, "layer_norm": _layer_norm, "batch_norm": _layer_norm, "rms_norm": _layer_norm,
    "attention": _attention, "attention_weights": _attention_weights,
}  # fmt: skip


# --- elements of gradients ----------------------------------------------------------------------------------


def derivative_with_numbers(vertex: Vertex, position: int, place: Place) -> list[Expression]:
    """The derivative of an element of a result by that of an input: 0.6225 · (1 - 0.6225).

    No formula for an op that does not take elements one by one, or where a number is not known.
    """
    given, value = formulas.known_values(vertex), vertex.value
    if vertex.op not in formulas.DERIVATIVES or value is None or not given or any(x.dtype == bool for x in given):
        return []
    pairs = zip(vertex.inputs, (_broadcast(x, place) for x in given), strict=True)
    given_ones = (one if formulas.is_number(x) else expression(one) for x, one in pairs)
    operands = dict(zip("abc", given_ones, strict=False))
    found = formulas.derivative(vertex, position, operands | {"y": expression(value[place])})
    return [] if found is None else [found]


def derivative_lines(step: Step, term: Term) -> list[str]:
    """The derivative of each element with its numbers, "∂h[0]/∂z[0] = 0.6 · (1 - 0.6) = 0.24"; of a large array one.

    [] where a line says nothing new.
    """
    vertex, local, source = step.vertex, term.local, term.to.shape
    formula = formulas.derivative(vertex, term.position, formulas.named(vertex))
    if formula is None or " " not in formula.text or local is None or local.size < 2 or local.shape != vertex.shape:
        return []
    lines = []
    for place in [term.place] * (local.shape == source) if is_large(local) else np.ndindex(local.shape):
        name = formulas.of_step(vertex, term.position, indexed("", place), indexed("", _within(place, source)))
        work = derivative_with_numbers(vertex, term.position, place)
        lines += [equation(name, work, local[place].item())] if work else []
    return lines


def chain_rule(step: Step, term: Term, place: Place) -> list[Expression]:
    """The gradient of an element of an input: the sum of upstream times derivative, over all elements it is used in.

    [] where there is nothing to work out, as for an element that a step only moves.
    """
    g, op, local = step.upstream, step.vertex.op or "", term.local
    if local is not None and local.shape == g.shape == term.to.shape:
        return [expression(g[place]) * local[place]]
    column = step.local.column(term.position, place)
    ways = np.flatnonzero(column) if column is not None else np.empty(0)
    if column is None or not ways.size or (op in formulas.MOVES and ways.size == 1 and column.flat[ways[0]] == 1):
        return []
    above, slopes = g.reshape(-1)[ways], column.reshape(-1)[ways]
    added_up = ways.size > 1 and (slopes == 1).all() and (op not in PRODUCTS or term.position == 2)
    return [dot(above) if added_up else dot(above, slopes)]


def gradient_lines(step: Step, term: Term, name: str) -> list[str]:
    """Each element of a term with its numbers; of a large one the chosen element. name: how the gradient is written."""
    op, gradient = step.vertex.op, term.gradient
    large = is_large(gradient) or (op not in PRODUCTS and is_large(step.upstream, term.local))
    if not gradient.size or (not large and op in ("sum", "mean")):
        return []
    return element_lines(name, gradient, partial(chain_rule, step, term), term.place if large else None)


def product_derivative(step: Step, term: Term) -> tuple[str, str]:
    """The derivative of an element of a product by an element of a factor: "∂z[0]/∂W[0, 1] = x[1]" and "0.5".

    The derivative is an element of the other factor, and a product is linear. So this multiplies an array that is 1 at
    the element and 0 elsewhere with numbers that count the elements of the other factor. The result is the number of
    the element that is wanted.
    """
    vertex, given, position, place = step.vertex, formulas.known_values(step.vertex), term.position, term.place
    if vertex.op not in PRODUCTS or not given or not step.upstream.size:
        return "", ""
    if position == 2:
        return formulas.of_step(vertex, 2), "1"
    one, other = np.zeros(given[position].shape), given[1 - position]
    one[place] = 1
    factors = [one, np.arange(1.0, other.size + 1).reshape(other.shape)]
    a, b = factors if position == 0 else factors[::-1]
    count = np.asarray(a @ (b.T if vertex.op == "linear" else b))
    result = first_place(count != 0)
    at = first_place(factors[1] == count[result])
    name = formulas.of_step(vertex, position, indexed("", result), indexed("", place))
    return f"{name} = {indexed(str(vertex.inputs[1 - position]), at)}", number(other[at])

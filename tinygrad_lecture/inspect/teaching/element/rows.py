"""Elements that come from a whole row: of softmax, losses, layer normalisation and attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ....backend import Array
from ...formulas.numbers import number
from ...vertex import Vertex
from ..weights import weights_of
from .products import stacked
from .sums import TERMS, Place, Worked, exps, factor, shortened, sum_of


def _row(vertex: Vertex, array: Array, place: Place) -> tuple[Array, int]:
    """The row that softmax takes an element from, and where it is in there."""
    axis = vertex.settings.get("axis", -1) % array.ndim
    return array[(*place[:axis], slice(None), *place[axis + 1 :])], place[axis]


def softmax(vertex: Vertex, given: Sequence[Any], place: Place) -> Worked:
    row, i = _row(vertex, given[0], place)
    text, total = exps(row)
    one = number(row[i])
    if vertex.op == "log_softmax":
        return f"{one} - log({text})", row[i] - np.log(total)
    return f"exp({one}) / ({text})", np.exp(float(row[i])) / total


def of_softmax(vertex: Vertex, given: Sequence[Any], g: Array, position: int, place: Place) -> Worked:
    assert vertex.value is not None
    (y, i), (up, _) = _row(vertex, vertex.value, place), _row(vertex, g, place)
    if vertex.op == "log_softmax":
        text, value = sum_of(up)
        p = math.exp(y[i])
        return f"{factor(up[i])} - {number(p)} · ({text})", up[i] - p * value
    text, value = sum_of(up, y)
    return f"{number(y[i])} · ({number(up[i])} - ({text}))", y[i] * (up[i] - value)


def cross_entropy(vertex: Vertex, given: Sequence[Any], place: Place) -> Worked:
    row, target = given[0][place], int(given[1][place])
    text, total = exps(row)
    return f"-log(exp({number(row[target])}) / ({text}))", np.log(total) - row[target]


def of_cross_entropy(vertex: Vertex, given: Sequence[Any], g: Array, position: int, place: Place) -> Worked:
    *lead, i = place
    row, right = given[0][tuple(lead)].astype(np.float64), int(i == given[1][tuple(lead)])
    p, up = np.exp(row[i]) / np.exp(row).sum(), g[tuple(lead)]
    return f"{factor(up)} · ({number(p)} - {right})", up * (p - right)


def squared_error(vertex: Vertex, given: Sequence[Any], place: Place) -> Worked:
    p, t = (np.asarray(x).reshape(-1) for x in given)
    terms = [f"({number(a)} - {factor(b)})²" for a, b in zip(p[: TERMS + 1], t, strict=False)]
    text, value = " + ".join(shortened(terms, p.size)), ((p - t).astype(np.float64) ** 2).sum()
    return (f"({text}) / {p.size}", value / p.size) if vertex.settings.get("average", True) else (text, value)


def of_squared_error(vertex: Vertex, given: Sequence[Any], g: Array, position: int, place: Place) -> Worked:
    p, t = (x[place] for x in given)
    n = given[0].size if vertex.settings.get("average", True) else 1
    sign = -1 if position else 1
    text = f"{factor(sign * g.item())} · 2 · ({number(p)} - {factor(t)})"
    return f"{text} / {n}" if n > 1 else text, sign * g.item() * 2 * (float(p) - float(t)) / n


def layer_norm(vertex: Vertex, given: Sequence[Any], place: Place) -> Worked:
    if vertex.settings.get("axes", 1) != 1:
        return None
    x, *scales = given
    row, eps = x[place[:-1]].astype(np.float64), vertex.settings.get("eps", 1e-5)
    mean, var = row.mean(), row.var()
    text = f"({number(row[place[-1]])} - {factor(mean)}) / sqrt({number(var)} + {eps:g})"
    value = (row[place[-1]] - mean) / math.sqrt(var + eps)
    for sign, one in zip("·+", scales, strict=False):
        if one is not None:
            text = f"{text} {sign} {factor(one[place[-1]])}"
            value = value * float(one[place[-1]]) if sign == "·" else value + float(one[place[-1]])
    return text, value


def of_layer_norm(vertex: Vertex, given: Sequence[Any], g: Array, position: int, place: Place) -> Worked:
    if vertex.settings.get("axes", 1) != 1:
        return None
    rows = given[0].reshape(-1, given[0].shape[-1]).astype(np.float64)
    up = g.reshape(rows.shape)
    if position == 2:
        return sum_of(up[:, place[-1]])
    deviation = np.sqrt(rows.var(-1) + vertex.settings.get("eps", 1e-5))
    normal = (rows - rows.mean(-1, keepdims=True)) / deviation[:, None]
    if position == 1:
        return sum_of(up[:, place[-1]], normal[:, place[-1]])
    i, k = int(np.ravel_multi_index(place[:-1], given[0].shape[:-1])) if len(place) > 1 else 0, place[-1]
    weight = given[1] if len(given) > 1 and given[1] is not None else 1.0
    slope, x = up[i] * weight, normal[i]
    means = slope.mean(), (slope * x).mean()
    parts = [number(slope[k]), factor(means[0]), factor(x[k]), factor(means[1])]
    text = f"({parts[0]} - {parts[1]} - {parts[2]} · {parts[3]}) / {number(deviation[i])}"
    return text, (slope[k] - means[0] - x[k] * means[1]) / deviation[i]


def attention_weights(vertex: Vertex, given: Sequence[Any], place: Place) -> Worked:
    """The softmax of a query's scores with the keys that it may attend to."""
    q, k, *mask = given
    stack, (i, j) = place[:-2], place[-2:]
    scores = stacked(k, stack) @ stacked(q, stack)[i] / math.sqrt(q.shape[-1])
    if mask and mask[0] is not None:
        row = np.broadcast_to(mask[0], vertex.shape)[place[:-1]]
        scores = np.where(row, scores, -math.inf) if row.dtype == bool else scores + row
    text, total = exps(scores[np.isfinite(scores)])
    return f"exp({number(scores[j])}) / ({text})", np.exp(scores[j]) / total


def attention(vertex: Vertex, given: Sequence[Any], place: Place) -> Worked:
    """The values of all tokens, each times the weight that the query gives to it."""
    weights = weights_of(vertex)
    return None if weights is None else sum_of(weights[place[:-1]], stacked(given[2], place[:-2])[:, place[-1]])


def of_attention(vertex: Vertex, given: Sequence[Any], g: Array, position: int, place: Place) -> Worked:
    """For a value: what comes back to each query, times the weight that it gave to the value.

    For a query or key: the gradients of its scores, each times the key or query that the score is with.
    """
    q, k = given[:2]
    weights, stack = weights_of(vertex), place[:-2]
    if weights is None or any(x.shape[:-2] != g.shape[:-2] for x in given[: 3 if vertex.op == "attention" else 2]):
        return None
    weights, g = weights[stack], g[stack]  # (queries, keys), (queries, value_dim)
    if position == 2:
        return sum_of(weights[:, place[-2]], g[:, place[-1]])
    of_weights = g @ given[2][stack].T if vertex.op == "attention" else g
    of_scores = weights * (of_weights - (of_weights * weights).sum(-1, keepdims=True))
    pair = (of_scores[place[-2]], k[stack]) if position == 0 else (of_scores[:, place[-2]], q[stack])
    text, value = sum_of(pair[0], pair[1][:, place[-1]])
    if (scale := vertex.settings.get("scale")) is not None:
        return f"({text}) · {factor(scale)}", value * scale
    return f"({text}) / sqrt({q.shape[-1]})", value / math.sqrt(q.shape[-1])

"""Hints for ops that are known: attention, normalising layers, losses of softmax, gather.

Such an op is recognised by its values or its gradient. Its typical mistakes are data: a sentence, and the gradient that
the mistake would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations, product
from typing import TypeAlias

import numpy as np

from ...backend import Array, is_array, to_host
from .case import Case, coefficient, same
from .formulas.recognise import tidy

Candidate: TypeAlias = tuple[str, Array]  # what a mistake is called, and the gradient that it would give

MIN_SIZE = 4  # fewer elements agree with one of many candidates by chance
EPS = (0.0, 1e-5, 1e-6, 1e-8, 1e-3)  # that layers add to a variance


def _explains(candidates: Callable[[Case], Iterator[Candidate]]) -> Callable[[Case], str | None]:
    """The hint that is the sentence of the first candidate that explains what was got."""

    def hint(case: Case) -> str | None:
        if case.x.size < MIN_SIZE:
            return None
        return next((sentence for sentence, gradient in candidates(case) if case.fits(gradient)), None)

    return hint


# --- attention ----------------------------------------------------------------------------------------------

SCORES = "the gradient of the scores is p * (dp - (p * dp).sum(-1, keepdims=True)), where dp = g @ v.T"
ATTENTION: dict[str, Callable[[Array, Array, Array], Array]] = {
    # the gradient of the scores, from the weights p, their gradient dp, and the scores
    f"only the diagonal of softmax's Jacobian is used, p * (1 - p); {SCORES}": lambda p, dp, s: dp * p * (1 - p),
    f"the derivative of softmax is left out; {SCORES}": lambda p, dp, s: dp,
    f"a sum is missing in the derivative of softmax; {SCORES}": lambda p, dp, s: p * dp,
    f"the derivative of softmax sums over axis -2, but must sum over -1; {SCORES}": lambda p, dp, s: _through(
        p, dp, -2
    ),
    "the softmax of the rule goes over axis -2, but must go over -1": lambda p, dp, s: _through(
        _softmax(s, -2), dp, -1
    ),
    "softmax and its derivative go over axis -2, but must go over -1": lambda p, dp, s: _through(
        _softmax(s, -2), dp, -2
    ),
}


def _attention(case: Case) -> Iterator[Candidate]:
    found = _weights(case)
    if found is None:
        return
    (q, k, v), scale, scores, p = found
    g = case.upstream.reshape(p.shape[:-1] + v.shape[-1:])
    dp = g @ _t(v)
    if case.position == 2:
        yield "the softmax is left out: the rule multiplies g by the scores, not by the weights", _t(scores) @ g
        over = _softmax(scores, -2)
        yield "the softmax of the rule goes over axis -2, but must go over -1", _t(over) @ g
        return
    for sentence, change in ATTENTION.items():
        ds = scale * change(p, dp, scores)
        yield sentence, ds @ k if case.position == 0 else _t(ds) @ q
    ds = scale * _through(p, dp, -1)
    if q.shape == k.shape:
        names = case.call.op.inputs if case.call is not None else ("q", "k")
        used, right = names[case.position], names[1 - case.position]
        other = f"the gradient of the scores is multiplied by {used}, but must be multiplied by {right}"
        yield other, ds @ q if case.position == 0 else _t(ds) @ k
        must = "must not" if case.position == 0 else "must"
        transposed = f"the gradient of the scores {must} be transposed before it is multiplied by {right}"
        yield transposed, _t(ds) @ k if case.position == 0 else ds @ q


def _weights(case: Case) -> tuple[list[Array], float, Array, Array] | None:
    """The inputs of attention, its scale, scores and weights; None if the op is not softmax(q k^T * scale) v."""
    if case.call is None or case.out is None or len(case.call.arrays) < 3:
        return None
    arrays = [to_host(a) for a in case.call.arrays[:3] if is_array(a) and a.ndim > 1]
    if len(arrays) < 3 or arrays[0].shape[-1] != arrays[1].shape[-1] or arrays[1].shape[:-1] != arrays[2].shape[:-1]:
        return None
    q, k, v = arrays
    if q.shape[:-2] != k.shape[:-2] or case.out.shape != (*q.shape[:-1], v.shape[-1]):
        return None
    for scale, causal in product((q.shape[-1] ** -0.5, 1.0), (False, True)):
        scores = scale * (q @ _t(k))
        p = _softmax(np.where(np.tri(*scores.shape[-2:]), scores, -np.inf) if causal else scores, -1)
        if same(p @ v, case.out):
            return arrays, scale, scores, p
    return None


# --- normalising layers -------------------------------------------------------------------------------------


def _normalising(case: Case) -> Iterator[Candidate]:
    if case.g is None or case.out is None or case.out.shape != case.x.shape:
        return
    weights = {name: array for name, array in case.known.items() if name not in (case.own_name, "out")}
    axes = [axis for axis, size in enumerate(case.x.shape) if size > 1]
    for axis, centred, eps, weight in product(axes, (True, False), EPS, (None, *weights)):
        x = case.x - case.x.mean(axis, keepdims=True) if centred else case.x
        deviation = np.sqrt((x * x).mean(axis, keepdims=True) + eps)
        g, n = case.g * (1 if weight is None else weights[weight]), x.shape[axis]
        gradient = partial(_normalised, g, x / deviation, deviation)
        if not same(gradient(axis, float(centred), 1), case.expected, ~case.kinks):
            continue
        both = "sums stand where the gradient has means: divide by the size of the axis"
        one = "a sum stands where the gradient has a mean, {}: divide by the size of the axis"
        yield both if centred else one.format("that of g * out"), gradient(axis, n * centred, n)
        yield one.format("that of g"), gradient(axis, n * centred, 1)
        yield one.format("that of g * the normalised input"), gradient(axis, float(centred), n)
        for other in set(axes) - {axis}:
            means = f"means within the rule go over axis {other}, but must go over {axis}"
            yield means, gradient(other, float(centred), 1)
        return


def _normalised(g: Array, y: Array, deviation: Array, axis: int, first: float, second: float) -> Array:
    """The vjp of y = (x - mean) / deviation, with its two means times numbers."""
    means = first * g.mean(axis, keepdims=True) + second * y * (g * y).mean(axis, keepdims=True)
    return np.asarray((g - means) / deviation)


# --- losses -------------------------------------------------------------------------------------------------


def probabilities(case: Case) -> str | None:
    """The rule has one of x, softmax(x), softmax(softmax(x)), sigmoid(x), ... where the gradient has another."""
    name, error = case.own_name, case.got - case.expected
    if np.unique(case.x).size < MIN_SIZE or case.out is None:
        return None
    for axis in range(case.x.ndim):
        g = case.upstream.reshape(case.out.shape)
        if case.out.shape == case.x.shape[:axis] + case.x.shape[axis + 1 :]:
            g = np.expand_dims(g, axis)
        elif case.out.size > 1 and case.out.shape != case.x.shape:
            continue
        found = {name: case.x, f"exp({name})": np.exp(case.x), f"sigmoid({name})": 1 / (1 + np.exp(-case.x))}
        for over in range(case.x.ndim):
            found[f"softmax({name}, axis={over})"] = _softmax(case.x, over)
        found[f"softmax(softmax({name}))"] = _softmax(_softmax(case.x, axis), axis)
        for (used, one), (right, other) in permutations(found.items(), 2):
            number = coefficient(error, g * (one - other), ~case.kinks)
            simple = tidy(number) or tidy(number * case.x.size) or tidy(number * case.x.size / case.x.shape[axis])
            alike = same(one, coefficient(one, other, ~case.kinks) * other)  # then a factor is wrong
            if not simple or alike or not same(error, number * g * (one - other)) or "softmax(softmax" in right:
                continue
            rest, reverse = case.expected - number * g * other, case.expected + number * g * one
            if _zeros(rest) < _zeros(reverse) or (_zeros(rest) == _zeros(reverse) and number < 0):
                continue  # the other way round
            twice = ": softmax is applied twice" if used.startswith("softmax(softmax") else ""
            return f"the rule has {used} where the gradient has {right}{twice}"
    return None


def _zeros(array: Array) -> int:
    return int(np.count_nonzero(np.abs(array) < 1e-7 * np.abs(array).max(initial=0)))


# --- gather -------------------------------------------------------------------------------------------------


def gather(case: Case) -> str | None:
    """got = g, scattered along another axis than that of the gather."""
    if case.out is None:
        return None
    g = case.upstream.reshape(case.out.shape)
    for index in case.indices_of_shape(g.shape) if g.ndim == case.x.ndim else []:
        places = {axis: _scattered(case.x.shape, index, g, axis) for axis in range(case.x.ndim)}
        right = [axis for axis, array in places.items() if same(array, case.expected, ~case.kinks)]
        taken = [axis for axis, array in places.items() if case.fits(array)]
        if right and taken:
            return f"the rule adds g along axis {taken[0]}, but the op gathers along axis {right[0]}"
    return None


def _scattered(shape: tuple[int, ...], index: Array, g: Array, axis: int) -> Array:
    """g added to zeros at the places of an index along one axis; nan if some lie outside."""
    full, places = np.zeros(shape), list(np.indices(index.shape))
    places[axis] = index
    try:
        np.add.at(full, tuple(places), g)
    except IndexError:
        return np.full(shape, np.nan)
    return full


# --- parts --------------------------------------------------------------------------------------------------


def _softmax(x: Array, axis: int) -> Array:
    exp = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(exp / exp.sum(axis, keepdims=True))


def _through(p: Array, dp: Array, axis: int) -> Array:
    """The vjp of softmax."""
    return np.asarray(p * (dp - (p * dp).sum(axis, keepdims=True)))


def _t(x: Array) -> Array:
    return x.swapaxes(-1, -2)


attention, normalising = _explains(_attention), _explains(_normalising)

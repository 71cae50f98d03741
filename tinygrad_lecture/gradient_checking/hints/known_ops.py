"""Mistakes in ops that are known: attention, normalising layers, losses of softmax, gather.

Such an op is recognised by its values or its gradient. Its mistakes are candidates, as those of `closed_forms.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import permutations, product

import numpy as np

from ...backend import Array, is_array, to_host
from .case import Case, Hints, coefficient, known, same
from .closed_forms import Axes, over_wrong_axis
from .recognise import tidy

MIN_SIZE = 4  # fewer elements agree with one of many candidates by chance
EPS = (0.0, 1e-5, 1e-6, 1e-8, 1e-3)  # that layers add to a variance


# --- attention ----------------------------------------------------------------------------------------------

SCORES = "the gradient of the scores is p * (dp - (p * dp).sum(-1, keepdims=True)), where dp = g @ v.T"
OVER = "{} over axis -2, but must {} over -1"
ATTENTION: dict[str, Callable[[Array, Array, Array], Array]] = {
    # the gradient of the scores, from the weights p, their gradient dp, and the scores
    f"only the diagonal of softmax's Jacobian is used, p * (1 - p); {SCORES}": lambda p, dp, s: dp * p * (1 - p),
    f"the derivative of softmax is left out; {SCORES}": lambda p, dp, s: dp,
    f"a sum is missing in the derivative of softmax; {SCORES}": lambda p, dp, s: p * dp,
    f"{OVER.format('the derivative of softmax sums', 'sum')}; {SCORES}": lambda p, dp, s: through(p, dp, -2),
    OVER.format("the softmax of the rule goes", "go"): lambda p, dp, s: through(softmax(s, -2), dp, -1),
    OVER.format("softmax and its derivative go", "go"): lambda p, dp, s: through(softmax(s, -2), dp, -2),
}


def attention(case: Case) -> Hints:
    (q, k, v), scale, scores, p = _weights(case)
    g = case.upstream.reshape(p.shape[:-1] + v.shape[-1:])
    if case.position == 2:
        sentence = "the softmax is left out: the rule multiplies g by the scores, not by the weights"
        yield "attention", sentence, _t(scores) @ g
        yield "attention", OVER.format("the softmax of the rule goes", "go"), _t(softmax(scores, -2)) @ g
        return
    dp, of_q = g @ _t(v), case.position == 0
    for sentence, change in ATTENTION.items():
        ds = scale * change(p, dp, scores)
        yield "attention", sentence, ds @ k if of_q else _t(ds) @ q
    ds = scale * through(p, dp, -1)
    if q.shape == k.shape:
        names = known(case.call).op.inputs
        used, right = names[case.position], names[1 - case.position]
        other = f"the gradient of the scores is multiplied by {used}, but must be multiplied by {right}"
        yield "attention", other, ds @ q if of_q else _t(ds) @ k
        must = "must not" if of_q else "must"
        turned = f"the gradient of the scores {must} be transposed before it is multiplied by {right}"
        yield "attention", turned, _t(ds) @ k if of_q else ds @ q


def _weights(case: Case) -> tuple[list[Array], float, Array, Array]:
    """The inputs of attention, its scale, scores and weights. Unknown if the op is not softmax(q k^T * scale) v."""
    arrays = [to_host(a) for a in known(case.call).arrays[:3] if is_array(a) and a.ndim > 1]
    q, k, v = known(arrays if len(arrays) == 3 and case.x.size >= MIN_SIZE else None)
    fits = q.shape[-1] == k.shape[-1] and k.shape[:-1] == v.shape[:-1] and q.shape[:-2] == k.shape[:-2]
    if fits and case.out.shape == (*q.shape[:-1], v.shape[-1]):
        for scale, causal in product((q.shape[-1] ** -0.5, 1.0), (False, True)):
            scores = scale * (q @ _t(k))
            p = softmax(np.where(np.tri(*scores.shape[-2:]), scores, -np.inf) if causal else scores, -1)
            if same(p @ v, case.out):
                return arrays, scale, scores, p
    return known(None)


# --- normalising layers -------------------------------------------------------------------------------------


def normalising(case: Case) -> Hints:
    if case.out.shape != case.x.shape or case.x.size < MIN_SIZE:
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
        name, both = "sums-for-means", "sums stand where the gradient has means: divide by the size of the axis"
        one = "a sum stands where the gradient has a mean, {}: divide by the size of the axis"
        yield name, both if centred else one.format("that of g * out"), gradient(axis, n * centred, n)
        yield name, one.format("that of g"), gradient(axis, n * centred, 1)
        yield name, one.format("that of g * the normalised input"), gradient(axis, float(centred), n)
        for other in set(axes) - {axis}:
            means = f"means within the rule go over axis {other}, but must go over {axis}"
            yield name, means, gradient(other, float(centred), 1)
        return


def _normalised(g: Array, y: Array, deviation: Array, axis: int, first: float, second: float) -> Array:
    """The vjp of y = (x - mean) / deviation, with its two means times numbers."""
    means = first * g.mean(axis, keepdims=True) + second * y * (g * y).mean(axis, keepdims=True)
    return np.asarray((g - means) / deviation)


# --- losses -------------------------------------------------------------------------------------------------


def probabilities(case: Case) -> Hints:
    """The rule has one of x, softmax(x), softmax(softmax(x)), sigmoid(x), ... where the gradient has another."""
    x, shape, name, error = case.x, case.x.shape, case.own_name, case.got - case.expected
    for axis in range(x.ndim) if np.unique(x).size >= MIN_SIZE else ():
        g = case.g_out
        if case.out.shape == shape[:axis] + shape[axis + 1 :]:
            g = np.expand_dims(g, axis)
        elif case.out.size > 1 and case.out.shape != shape:
            continue
        found = {name: x, f"exp({name})": np.exp(x), f"sigmoid({name})": 1 / (1 + np.exp(-x))}
        found |= {f"softmax({name}, axis={over})": softmax(x, over) for over in range(x.ndim)}
        twice = f"softmax(softmax({name}))"
        found[twice] = softmax(softmax(x, axis), axis)
        for (used, one), (right, other) in permutations(found.items(), 2):
            number = coefficient(error, g * (one - other), ~case.kinks)
            simple = tidy(number) or tidy(number * x.size) or tidy(number * x.size / shape[axis])
            alike = same(one, coefficient(one, other, ~case.kinks) * other)  # then a factor is wrong
            if not simple or alike or not same(error, number * g * (one - other)) or right == twice:
                continue
            rest, reverse = (_zeros(case.expected + c * g * array) for c, array in ((-number, other), (number, one)))
            if rest > reverse or (rest == reverse and number > 0):  # else it is the other way round
                reason = ": softmax is applied twice" if used == twice else ""
                yield "wrong-probabilities", f"the rule has {used} where the gradient has {right}{reason}", True


def _zeros(array: Array) -> int:
    return int(np.count_nonzero(np.abs(array) < 1e-7 * np.abs(array).max(initial=0)))


# --- gather -------------------------------------------------------------------------------------------------


def gather(case: Case) -> Hints:
    """g, scattered along another axis than that of the gather."""
    g, shape = case.g_out, case.x.shape
    for index in case.indices_of_shape(g.shape) if g.ndim == len(shape) else []:
        places: dict[Axes, Array] = {(axis,): _scattered(shape, index, g, axis) for axis in range(len(shape))}
        sentence = "the rule adds g along axis {}, but the op gathers along axis {}"
        yield from over_wrong_axis(case, sentence, places)


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


def softmax(x: Array, axis: int) -> Array:
    """exp(x), divided by its sum over an axis."""
    exp = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(exp / exp.sum(axis, keepdims=True))


def through(p: Array, dp: Array, axis: int) -> Array:
    """The vjp of softmax."""
    return np.asarray(p * (dp - (p * dp).sum(axis, keepdims=True)))


def _t(x: Array) -> Array:
    return x.swapaxes(-1, -2)

"""Mistakes in ops that are known: attention, normalising layers, losses of softmax, gather.

Such an op is recognised by its values or its gradient. Its mistakes are candidates, as those of `closed_forms.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import permutations, product

import numpy as np

from ...backend import Array, is_array, to_host
from .case import Case, Hints, coefficient, require, same, softmax
from .closed_forms import Axes, over_wrong_axis
from .factors import tidy

MIN_SIZE = 4  # fewer elements agree with one of many candidates by chance
EPS = (0.0, 1e-5, 1e-6, 1e-8, 1e-3)  # that layers add to a variance


# --- attention ----------------------------------------------------------------------------------------------

SCORES = "the gradient of the scores is p * (dp - (p * dp).sum(-1, keepdims=True)), where dp = g @ v.T"
WEIGHTS: dict[str, Callable[[Array, float], Array]] = {  # what a rule may take for the weights p, from scores and scale
    "the softmax of the rule goes over axis -2, but must go over -1": lambda scores, scale: softmax(scores, -2),
    "the softmax is left out: the rule has the scores where the gradient has the weights": lambda scores, scale: scores,
    "exp of the scores is not divided by its sum": lambda scores, scale: np.exp(scores),
    "the scores are not scaled before the softmax": lambda scores, scale: softmax(scores / scale, -1),
}
THROUGH_SOFTMAX: dict[str, Callable[[Array, Array], Array]] = {  # the gradient of the scores, from p and dp
    "only the diagonal of softmax's Jacobian is used, p * (1 - p)": lambda p, dp: dp * p * (1 - p),
    "the derivative of softmax is left out": lambda p, dp: dp,
    "the factor p in front is missing": lambda p, dp: dp - (p * dp).sum(-1, keepdims=True),
    "the factor p within the sum is missing": lambda p, dp: p * (dp - dp.sum(-1, keepdims=True)),
    "a sum is missing in the derivative of softmax": lambda p, dp: p * dp,
    "the sum has the wrong sign": lambda p, dp: p * (dp + (p * dp).sum(-1, keepdims=True)),
    "a mean stands where it has a sum": lambda p, dp: p * (dp - (p * dp).mean(-1, keepdims=True)),
    "the derivative of softmax sums over axis -2, but must sum over -1": lambda p, dp: through(p, dp, -2),
    "the derivative of softmax sums over all axes, but must sum over -1": lambda p, dp: through(p, dp, None),
}


def attention(case: Case) -> Hints:
    """softmax(q k^T * scale) v: another array stands for the weights p, or for the derivative of softmax."""
    (q, k, v), scale, scores, p, unmasked = _weights(case)
    g, of_q = case.upstream.reshape(p.shape[:-1] + v.shape[-1:]), case.position == 0
    weights = {sentence: change(scores, scale) for sentence, change in WEIGHTS.items()}
    weights["the mask is left out"] = softmax(unmasked, -1)
    weights["the mask is applied after the softmax; apply it to the scores"] = softmax(unmasked, -1) * (p > 0)
    if case.position == 2:
        for sentence, wrong in weights.items():
            yield "attention", {"mistake": sentence}, _t(wrong) @ g
        return
    dp = g @ _t(v)
    scores_gradients = {f"{sentence}; {SCORES}": change(p, dp) for sentence, change in THROUGH_SOFTMAX.items()}
    scores_gradients |= {sentence: through(wrong, dp, -1) for sentence, wrong in weights.items()}
    scores_gradients["softmax and its derivative go over axis -2, but must go over -1"] = through(
        softmax(scores, -2), dp, -2
    )
    for sentence, ds in scores_gradients.items():
        yield "attention", {"mistake": sentence}, scale * (ds @ k if of_q else _t(ds) @ q)
    ds = scale * through(p, dp, -1)
    if q.shape == k.shape:
        names = require(case.call).op.inputs
        used, right = names[case.position], names[1 - case.position]
        other = f"the gradient of the scores is multiplied by {used}, but must be multiplied by {right}"
        yield "attention", {"mistake": other}, ds @ q if of_q else _t(ds) @ k
        must = "must not" if of_q else "must"
        turned = f"the gradient of the scores {must} be transposed before it is multiplied by {right}"
        yield "attention", {"mistake": turned}, _t(ds) @ k if of_q else ds @ q


def _weights(case: Case) -> tuple[list[Array], float, Array, Array, Array]:
    """The inputs of attention, its scale, scores, weights, and scores without the causal mask.

    Unknown if the op is not softmax(q k^T * scale) v, or if its numbers do not tell which scale or mask it has.
    """
    arrays = [to_host(a) for a in require(case.call).arrays[:3] if is_array(a) and a.ndim > 1]
    q, k, v = require(arrays if len(arrays) == 3 and case.x.size >= MIN_SIZE else None)
    fits = q.shape[-1] == k.shape[-1] and k.shape[:-1] == v.shape[:-1] and q.shape[:-2] == k.shape[:-2]
    if fits and case.out.shape == (*q.shape[:-1], v.shape[-1]):
        every = np.ones((q.shape[-2], k.shape[-2]))
        found = []
        for scale, mask in product((q.shape[-1] ** -0.5, 1.0), (every, np.tril(every), np.triu(every))):
            unmasked = scale * (q @ _t(k))
            scores = np.where(mask, unmasked, -np.inf)
            p = softmax(scores, -1)
            if same(p @ v, case.out):
                found.append((arrays, scale, scores, p, unmasked))
        if found and all(same(p, found[0][3]) for *_, p, _ in found):
            return found[0]
    return require(None)


# --- normalising layers -------------------------------------------------------------------------------------


def normalising(case: Case) -> Hints:
    """y = (x - mean) / deviation, or without the mean: its gradient is (g - mean(g) - y * mean(g * y)) / deviation."""
    if case.out.shape != case.x.shape or case.x.size < MIN_SIZE:
        return
    weights = {name: array for name, array in case.known.items() if name not in (case.own_name, "out")}
    axes = [axis for axis, size in enumerate(case.x.shape) if size > 1]
    for axis, centred, weight in product(axes, (True, False), (None, *weights)):
        x = case.x - case.x.mean(axis, keepdims=True) if centred else case.x
        deviations = [np.sqrt((x * x).mean(axis, keepdims=True) + eps) for eps in EPS]
        g = case.g * (1 if weight is None else weights[weight])
        each_eps = [partial(_terms_of_normalised, g, x / d, d, centred) for d in deviations]
        errors = [np.abs(sum(terms(axis).values()) - case.expected).max() for terms in each_eps]
        nearest = int(np.argmin(errors))
        terms = each_eps[nearest]
        if not same(sum(terms(axis).values()), case.expected, ~case.kinks):
            continue
        for over in [*(other for other in axes if other != axis), None]:
            taken = "all axes" if over is None else f"axis {over}"
            yield "wrong-axis.mean", {"taken": taken, "right": axis}, sum(terms(over).values())
        for used, array in {case.own_name: case.x, f"{case.own_name} - mean": x}.items():
            mistaken = sum(_terms_of_normalised(g, array, deviations[nearest], centred, axis).values())
            yield "not-normalised", {"used": used}, mistaken
        where = "y is the normalised input" + ("" if weight is None else f", g the upstream gradient times {weight}")
        yield from other_coefficients(case, terms(axis), x.shape[axis], where)
        return


def _terms_of_normalised(g: Array, y: Array, deviation: Array, centred: bool, axis: int | None) -> dict[str, Array]:
    """The terms of the vjp of y = (x - mean) / deviation, with their signs; without the mean's unless centred."""
    terms = {"g": g, "mean(g)": -g.mean(axis, keepdims=True), "y * mean(g * y)": -y * (g * y).mean(axis, keepdims=True)}
    return {text: term / deviation + 0 * y for text, term in terms.items() if centred or text != "mean(g)"}


def other_coefficients(case: Case, terms: dict[str, Array], size: int, where: str) -> Hints:
    """The gradient is the sum of some terms, each with its sign, and the rule gives them other coefficients.

    size: the number of elements in the sums or means of the terms.  where: what the letters in the terms mean.
    """
    table = np.array([term[~case.kinks] for term in terms.values()])
    numbers = np.linalg.lstsq(table.T, case.got[~case.kinks], rcond=None)[0]
    sums: dict[float, str] = {
        size: "has a sum where it must have a mean",
        1 / size: "has a mean where it must have a sum",
    }
    kinds = {1: "", 0: "is missing", -1: "has the wrong sign", **sums}
    faults: list[str] = []
    gradient = np.zeros_like(case.got)
    for (text, term), number in zip(terms.items(), numbers, strict=True):
        nearest = min(kinds, key=lambda kind: abs(kind - number))
        gradient += require(nearest if abs(nearest - number) < 1e-3 else None) * term
        faults += [f"the term {text} {kinds[nearest]}"] if nearest != 1 else []
    fields = {"terms": " - ".join(terms), "faults": " and ".join(faults), "where": where}
    yield "other-coefficients", fields, gradient


# --- losses -------------------------------------------------------------------------------------------------


def softmaxes(case: Case) -> Hints:
    """The rule of softmax has softmax(out) in place of out."""
    for axis in range(case.x.ndim) if case.out.shape == case.x.shape and case.x.size > 1 else ():
        if same(case.out, softmax(case.x, axis)):
            fields = {"used": "softmax(out)", "right": "out", "reason": ": softmax is applied twice"}
            yield "wrong-probabilities", fields, through(softmax(case.out, axis), case.g_out, axis)


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
        found |= {f"softmax({name}) over all axes": softmax(x, None)} if x.ndim > 1 else {}
        found |= {f"log(softmax({name}, axis={axis}))": np.log(softmax(x, axis))}
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
                yield "wrong-probabilities", {"used": used, "right": right, "reason": reason}, True


def _zeros(array: Array) -> int:
    return int(np.count_nonzero(np.abs(array) < 1e-7 * np.abs(array).max(initial=0)))


# --- gather -------------------------------------------------------------------------------------------------


def gather(case: Case) -> Hints:
    """g, scattered along another axis than that of the gather."""
    g, shape = case.g_out, case.x.shape
    for index in case.indices_of_shape(g.shape) if g.ndim == len(shape) else []:
        places: dict[Axes, Array] = {(axis,): _scattered(shape, index, g, axis) for axis in range(len(shape))}
        yield from over_wrong_axis(case, "wrong-axis.gathered", places)


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


def through(p: Array, dp: Array, axis: int | None) -> Array:
    """The vjp of softmax over an axis; of one over all axes, for None."""
    return np.asarray(p * (dp - (p * dp).sum(axis, keepdims=True)))


def _t(x: Array) -> Array:
    return x.swapaxes(-1, -2)

"""Planted mistakes in rules of softmax, of losses made from it, and of normalisation."""

import numpy as np

from .mistake import mistake


def softmax(x, /):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax(x, /):
    return np.log(softmax(x))


def rows(x):
    return x.sum(-1, keepdims=True)


def mean(x):
    return x.mean(-1, keepdims=True)


def deviation(x):
    return np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def standardised(x, /):
    return (x - mean(x)) / deviation(x)


def layer_norm(x, w, b, /):
    return standardised(x) * w + b


def standardised_dx(g, x):
    y = standardised(x)
    return (g - mean(g) - y * mean(g * y)) / deviation(x)


TARGET = np.array([2, 0, 1])
ONE_HOT = np.eye(3)[TARGET]


def cross_entropy(x, /):
    return -np.log(softmax(x))[np.arange(3), TARGET].mean()


def cross_entropies(x, /):
    return -np.log(softmax(x))[np.arange(3), TARGET]


def unit(x, /):
    return x / np.sqrt(rows(x * x))


NORMALISING = [
    mistake(
        "softmax: keepdims forgotten on a square",
        softmax,
        (3, 3),
        says=r"needs keepdims=True",
        x=lambda g, out: out * (g - (g * out).sum(-1)),
    ),
    mistake(
        "softmax: the sum over axis 0",
        softmax,
        (3, 3),
        says=r"axis 0, but must go over 1",
        x=lambda g, out: out * (g - (g * out).sum(0)),
    ),
    mistake(
        "softmax: the diagonal alone", softmax, (2, 3), says=r"only the diagonal", x=lambda g, out: g * out * (1 - out)
    ),
    mistake(
        "softmax: without the sum",
        softmax,
        (2, 3),
        says=r"subtract out \* \(g \* out\)\.sum\(1",
        x=lambda g, out: g * out,
    ),
    mistake(
        "softmax: out in front forgotten",
        softmax,
        (2, 3),
        says=r"multiply by out",
        x=lambda g, out: g - rows(g * out),
    ),
    mistake(
        "softmax: out in the sum forgotten",
        softmax,
        (2, 3),
        says=r"has -out \* \(g \* out\)\.sum",
        x=lambda g, out: out * (g - rows(g)),
    ),
    mistake(
        "softmax: sum over everything",
        softmax,
        (2, 3),
        says=r"axis \(0, 1\), but must go over 1",
        x=lambda g, out: out * (g - (g * out).sum()),
    ),
    mistake(
        "softmax: a plus",
        softmax,
        (2, 3),
        says=r"subtract 2 \* out \* \(g \* out\)\.sum",
        x=lambda g, out: out * (g + rows(g * out)),
    ),
    mistake(
        "log_softmax: g without its sum",
        log_softmax,
        (2, 3),
        says=r"the sum of their contributions is missing",
        x=lambda g, out: g - np.exp(out) * g,
    ),
    mistake(
        "log_softmax: out for exp(out)",
        log_softmax,
        (2, 3),
        says=r"has -exp\(out\) \* g\.sum",
        x=lambda g, out: g - out * rows(g),
    ),
    mistake("log_softmax: without the sum term", log_softmax, (2, 3), says=r"term is missing", x=lambda g: g * 1),
    mistake(
        "layer norm: the mean a constant",
        standardised,
        (2, 4),
        says=r"the term mean\(g\) is missing",
        x=lambda g, x, out: (g - out * mean(g * out)) / deviation(x),
    ),
    mistake(
        "layer norm: the deviation a constant",
        standardised,
        (2, 4),
        says=r"the term y \* mean\(g \* y\) is missing",
        x=lambda g, x: (g - mean(g)) / deviation(x),
    ),
    mistake(
        "layer norm: mean and deviation constants",
        standardised,
        (2, 4),
        says=r"mean\(g\) is missing and the term y",
        x=lambda g, x: g / deviation(x),
    ),
    mistake(
        "layer norm: not divided by the deviation",
        standardised,
        (2, 4),
        says=r"factor .*once per slice, such as a sum or a norm",
        x=lambda g, out: g - mean(g) - out * mean(g * out),
    ),
    mistake(
        "layer norm: weight left out of dx",
        layer_norm,
        (2, 4),
        (4,),
        (4,),
        says=r"g must be multiplied by w first",
        x=lambda g, x: standardised_dx(g, x),
    ),
    mistake(
        "layer norm: weight after the sums in dx",
        layer_norm,
        (2, 4),
        (4,),
        (4,),
        says=r"multiply the upstream gradient g by it at the start",
        x=lambda g, x, w: standardised_dx(g, x) * w,
    ),
    mistake(
        "layer norm: dw with x",
        layer_norm,
        (2, 4),
        (4,),
        (4,),
        says=r"multiplies g by x, which is not the derivative",
        w=lambda g, x: (g * x).sum(0),
    ),
    mistake(
        "layer norm: dw of one slice",
        layer_norm,
        (2, 4),
        (4,),
        (4,),
        says=r"only slice 0",
        w=lambda g, x: (g * standardised(x))[0],
    ),
    mistake("layer norm: db averaged", layer_norm, (2, 4), (4,), (4,), says=r"that of a mean", b=lambda g: g.mean(0)),
    mistake(
        "cross-entropy: without the target's -1",
        cross_entropy,
        (3, 3),
        says=r"without the -1 at the target; subtract g / 3",
        x=lambda g, x: g * softmax(x) / 3,
    ),
    mistake(
        "cross-entropy: normalised over the wrong axis",
        cross_entropy,
        (3, 3),
        says=r"softmax\(x, axis=0\).* where .* softmax\(x, axis=1\)",
        x=lambda g, x: g * (softmax(x.T).T - ONE_HOT) / 3,
    ),
    mistake(
        "cross-entropy: not divided by n",
        cross_entropy,
        (3, 3),
        says=r"sum, but the op is a mean",
        x=lambda g, x: g * (softmax(x) - ONE_HOT),
    ),
    mistake(
        "cross-entropy: target minus softmax",
        cross_entropy,
        (3, 3),
        says=r"wrong sign",
        x=lambda g, x: g * (ONE_HOT - softmax(x)) / 3,
    ),
    mistake(
        "cross-entropy: g ignored",
        cross_entropy,
        (3, 3),
        says=r"ignores the upstream",
        x=lambda g, x: (softmax(x) - ONE_HOT) / 3,
    ),
    mistake(
        "cross-entropy: softmax not normalised",
        cross_entropy,
        (3, 3),
        says=r"exp\(x\).* where .* softmax\(x, axis=1\)",
        x=lambda g, x: g * (np.exp(x) - ONE_HOT) / 3,
    ),
    mistake(
        "cross-entropy per example: g along the wrong axis",
        cross_entropies,
        (3, 3),
        says=r"along axis 0 .* along 1",
        x=lambda g, x: g * (softmax(x) - ONE_HOT),
    ),
    mistake(
        "cross-entropy per example: without the target's -1",
        cross_entropies,
        (3, 3),
        says=r"without the -1 at the target; subtract g there",
        x=lambda g, x: g[:, None] * softmax(x),
    ),
    mistake(
        "unit vectors: the norm a constant",
        unit,
        (2, 3),
        says=r"constant along axis 1: a term that sums or averages over this axis is missing, or wrong",
        x=lambda g, x: g / np.sqrt(rows(x * x)),
    ),
    mistake(
        "unit vectors: not divided by the norm",
        unit,
        (2, 3),
        says=r"once per slice, such as a sum or a norm",
        x=lambda g, out: g - out * rows(g * out),
    ),
    mistake(
        "rms norm: mean for sum in the second term",
        unit,
        (2, 3),
        says=r"constant along axis 1: a term that sums or averages over this axis is missing, or wrong",
        x=lambda g, x, out: (g - out * mean(g * out)) / np.sqrt(rows(x * x)),
    ),
]

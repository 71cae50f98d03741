"""Planted mistakes of a fourth batch, written when the third one had been mended, without a look at the hints."""

import numpy as np

from .held_out_third import attention, dq, mean, rows, sigma, sigmoid, softmax, t, weights
from .mistake import mistake


def causal(q, k, v, /):
    scores = q @ t(k) / np.sqrt(q.shape[-1])
    return softmax(np.where(np.tri(len(q), len(k)), scores, -np.inf)) @ v


def masked_weights(q, k):
    scores = q @ t(k) / np.sqrt(q.shape[-1])
    return softmax(np.where(np.tri(len(q), len(k)), scores, -np.inf))


def affine_rms(x, w, /):
    return x / np.sqrt(mean(x * x) + 1e-6) * w


def rms(x):
    return np.sqrt(mean(x * x) + 1e-6)


def group_norm(x, /):
    groups = x.reshape(2, 2, 3)
    return ((groups - mean(groups)) / np.sqrt(groups.var(-1, keepdims=True) + 1e-5)).reshape(2, 6)


TOKENS = np.array([1, 0, 2])


def smoothed(x, /):
    target = np.full((3, 4), 0.025)
    target[np.arange(3), TOKENS] += 0.9
    return -(target * np.log(softmax(x))).sum(-1).mean()


def smooth_target():
    target = np.full((3, 4), 0.025)
    target[np.arange(3), TOKENS] += 0.9
    return target


def windows(x, /):
    return np.array([x[i : i + 3].sum() for i in range(len(x) - 2)])


def without_last_window(g, x):
    full = np.zeros_like(x)
    for i in range(len(g) - 1):
        full[i : i + 3] += g[i]
    return full


def scatter_first(g, x):
    full = np.zeros_like(x)
    full[0] = g
    return full


def gather_overwritten(g, x):
    full = np.zeros_like(x)
    full[np.array([[0, 2], [2, 2], [0, 1]]), np.arange(2)] = g
    return full


def first_step(x, w, /):
    return np.tanh(np.tanh(x @ w) @ w)


FEW = [-1.2, -0.7, -0.2, 0.3, 0.6, 1.1]
HELD_OUT_FOURTH = [
    mistake(
        "causal attention dq: the diagonal alone",
        causal,
        (4, 3),
        (4, 3),
        (4, 2),
        says=r"diagonal",
        q=lambda g, q, k, v: ((p := masked_weights(q, k)) * (1 - p) * (g @ t(v))) @ k / np.sqrt(3),
    ),
    mistake(
        "causal attention dv: the mask forgotten",
        causal,
        (4, 3),
        (4, 3),
        (4, 2),
        says=r"mask",
        v=lambda g, q, k: t(weights(q, k)) @ g,
    ),
    mistake(
        "attention dq: p squared",
        attention,
        (3, 4),
        (5, 4),
        (5, 2),
        says=r"diagonal",
        q=dq(lambda p, dp: p * (dp - p * dp)),
    ),
    mistake(
        "attention dv: dp",
        attention,
        (3, 3),
        (3, 3),
        (3, 3),
        says=r"wrong|softmax|transpose",
        v=lambda g, q, k: g @ weights(q, k),
    ),
    mistake(
        "rms norm with weight: sum for mean",
        affine_rms,
        (3, 4),
        (4,),
        says=r"sums? .*means?|sum and a mean",
        x=lambda g, x, w: (g * w - x / rms(x) * rows(g * w * x / rms(x))) / rms(x),
    ),
    mistake(
        "rms norm with weight: dw without the root",
        affine_rms,
        (3, 4),
        (4,),
        says=r"^(?!.*mask).*",
        w=lambda g, x: (g * x).sum(0),
    ),
    mistake(
        "rms norm: minus mean of g",
        affine_rms,
        (3, 4),
        (4,),
        says=r"term|constant along",
        x=lambda g, x, w: (g * w - mean(g * w) - x / rms(x) * mean(g * w * x / rms(x))) / rms(x),
    ),
    mistake(
        "layer norm: var for deviation",
        lambda x, /: (x - mean(x)) / sigma(x),
        (3, 4),
        says=r"once per slice",
        x=lambda g, x, out: (g - mean(g) - out * mean(g * out)) / sigma(x) ** 2,
    ),
    mistake(
        "layer norm: x for out in the sum",
        lambda x, /: (x - mean(x)) / sigma(x),
        (3, 4),
        says=r"term|constant along|where the gradient has",
        x=lambda g, x, out: (g - mean(g) - out * mean(g * x)) / sigma(x),
    ),
    mistake(
        "smoothed cross-entropy: sign",
        smoothed,
        (3, 4),
        says=r"wrong sign",
        x=lambda g, x: g * (smooth_target() - softmax(x)) / 3,
    ),
    mistake(
        "smoothed cross-entropy: softmax twice",
        smoothed,
        (3, 4),
        says=r"softmax.* twice",
        x=lambda g, x: g * (softmax(softmax(x)) - smooth_target()) / 3,
    ),
    mistake(
        "smoothed cross-entropy: over the batch",
        smoothed,
        (3, 4),
        says=r"axis=0\) where",
        x=lambda g, x: g * (softmax(x, 0) - smooth_target()) / 3,
    ),
    mistake(
        "smoothed cross-entropy: exp",
        smoothed,
        (3, 4),
        says=r"has exp\(x\) where the gradient has softmax",
        x=lambda g, x: g * (np.exp(x) - smooth_target()) / 3,
    ),
    mistake("windows: the last one forgotten", windows, (6,), says=r"not used at", x=without_last_window),
    mistake(
        "a * b: the rule for a in both",
        lambda a, b, /: a * b * b,
        (4,),
        (4,),
        says=r"respect to a \(input 0\)$",
        b=lambda g, b: g * b * b,
        a=lambda g, b: g * b * b,
    ),
    mistake("first row: spread", lambda x, /: x[0] * 1, (3, 4), says=r"mask is missing", x=lambda g, x: g + 0 * x),
    mistake("mean of rows: to the first", lambda x, /: x.mean(0), (3, 4), says=r"leaves out|0", x=scatter_first),
    mistake(
        "two layers: the inner one forgotten",
        first_step,
        (2, 3),
        (3, 3),
        says=r"term is missing|contributions|^(?!.*mask).*",
        x=lambda g, w, out: (g * (1 - out**2)) @ w.T,
    ),
    mistake("stack: swapped", lambda a, b, /: np.stack([a, b]), (3,), (3,), says=r"takes index 1", a=lambda g: g[1]),
    mistake("swap: unswapped", lambda x, /: x.swapaxes(0, 1) * 2, (3, 3), says=r"transposed|order", x=lambda g: 2 * g),
    mistake("sum: a mean", lambda x, /: x.sum(), (6,), says=r"multiply by 6", x=lambda g, x: g / 6 + 0 * x),
    mistake("power: x ** n", lambda x, /: x**5, (4,), says=r"divide by x", x=lambda g, x: 5 * g * x**5),
    mistake("log: squared", lambda x, /: np.log(x), [0.3, 0.8, 1.7], says=r"multiply by x", x=lambda g, x: g / x**2),
    mistake("exp2: exp's rule", lambda x, /: 2**x, (4,), says=r"log\(2\)", x=lambda g, out: g * out),
    mistake("arctan: the root", lambda x, /: np.arctan(x), (5,), says=r"1 \+ x \* x", x=lambda g, x: g / (1 + x)),
    mistake("arctan: a minus", lambda x, /: np.arctan(x), (5,), says=r"1 \+ x \* x", x=lambda g, x: g / (1 - x * x)),
    mistake(
        "sin cos: one term", lambda x, /: np.sin(x) * np.cos(x), (5,), says=r"term", x=lambda g, x: g * np.cos(x) ** 2
    ),
    mistake("a - b: sign of a", lambda a, b, /: a - b, (4,), (4,), says=r"wrong sign", a=lambda g: -g),
    mistake(
        "hypot: a for b",
        lambda a, b, /: np.hypot(a, b),
        (4,),
        (4,),
        says=r"b instead of a|b \* ",
        b=lambda g, a, out: g * a / out,
    ),
    mistake("relu: of out", lambda x, /: np.maximum(x, 0), FEW, says=r"mask", x=lambda g, x: g * (x > -1)),
    mistake(
        "relu squared: no 2",
        lambda x, /: np.maximum(x, 0) ** 2,
        FEW,
        says=r"multiply by 2",
        x=lambda g, x: g * np.maximum(x, 0),
    ),
    mistake("hard tanh: no mask", lambda x, /: np.clip(x, -1, 1), FEW, says=r"mask", x=lambda g: g * 1),
    mistake(
        "min: the maximum's",
        lambda a, b, /: np.minimum(a, b),
        (6,),
        (6,),
        says=r"opposite mask",
        a=lambda g, a, b: g * (a > b),
    ),
    mistake(
        "std: n - 1",
        lambda x, /: x.std(),
        (5,),
        says=r"n and n - 1",
        x=lambda g, x, out: g * (x - x.mean()) / (4 * out),
    ),
    mistake(
        "linear db: over features",
        lambda x, w, b, /: x @ w + b,
        (3, 4),
        (4, 3),
        (3,),
        says=r"axis 1 .*over 0",
        b=lambda g: g.sum(1),
    ),
    mistake("linear dw: g first", lambda x, w, /: x @ w, (3, 3), (3, 3), says=r"x\.T @ g", w=lambda g, x: g @ x.T),
    mistake(
        "linear dw: x not transposed",
        lambda x, w, /: x @ w,
        (3, 3),
        (3, 3),
        says=r"x transposed|x\.T",
        w=lambda g, x: x @ g,
    ),
    mistake(
        "gate: sigmoid not differentiated",
        lambda x, z, /: x * sigmoid(z),
        (4,),
        (4,),
        says=r"sigmoid|exp\(|factor",
        z=lambda g, x, z: g * x * sigmoid(z),
    ),
    mistake("sum of squares: x", lambda x, /: (x * x).sum(), (4,), says=r"multiply by 2", x=lambda g, x: g * x),
    mistake(
        "cumsum over rows: columns",
        lambda x, /: x.cumsum(1),
        (3, 3),
        says=r"axis|axes",
        x=lambda g: g[::-1].cumsum(0)[::-1],
    ),
    mistake(
        "gather along axis 0: overwritten",
        lambda x, /: np.take_along_axis(x, np.array([[0, 2], [2, 2], [0, 1]]), 0),
        (3, 2),
        says=r"np\.add\.at",
        x=gather_overwritten,
    ),
    mistake(
        "prod: divided by 0", lambda x, /: x.prod(), [0, 1.5, 2], says=r"divides by x", x=lambda g, x, out: g * out / x
    ),
    mistake("relu: g of one sign", lambda x, /: np.maximum(x, 0), FEW, says=r"sign of g", x=lambda g: np.maximum(g, 0)),
    mistake(
        "attention dq: p in front forgotten",
        attention,
        (3, 4),
        (5, 4),
        (5, 2),
        says=r"factor p in front is missing",
        q=dq(lambda p, dp: dp - rows(p * dp)),
    ),
    mistake(
        "smoothed cross-entropy: p (1 - p)",
        smoothed,
        (3, 4),
        says=r"1 / \(softmax\(x, axis=1\) \* \(1 - softmax",
        x=lambda g, x: g * (p := softmax(x)) * (1 - p) * (p - smooth_target()) / 3,
    ),
    mistake(
        "squared difference: squared",
        lambda y, t, /: ((y - t) ** 2).sum(),
        (4,),
        (4,),
        says=r"derivative is squared",
        y=lambda g, y, t: g * (y - t) ** 2,
    ),
]

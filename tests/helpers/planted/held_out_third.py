"""Planted mistakes of a third batch, as students make them in attention, normalisation, losses, and all over."""

import numpy as np

from .mistake import mistake


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rows(x):
    return x.sum(-1, keepdims=True)


def mean(x):
    return x.mean(-1, keepdims=True)


def t(x):
    return x.swapaxes(-1, -2)


# --- attention ----------------------------------------------------------------------------------------------


def attention(q, k, v, /):
    return softmax(q @ t(k) / np.sqrt(q.shape[-1])) @ v


def weights(q, k):
    return softmax(q @ t(k) / np.sqrt(q.shape[-1]))


def scores_gradient(p, dp):
    return p * (dp - rows(p * dp))


def dq(change):
    """A rule for q, with another gradient of the scores."""
    return lambda g, q, k, v: change(weights(q, k), g @ t(v)) @ k / np.sqrt(q.shape[-1])


def dk(change):
    return lambda g, q, k, v: t(change(weights(q, k), g @ t(v))) @ q / np.sqrt(q.shape[-1])


QKV = ((3, 4), (5, 4), (5, 2))
SQUARE = ((3, 3), (3, 3), (3, 3))
BATCHED = ((2, 3, 4), (2, 5, 4), (2, 5, 2))
DIAGONAL, WITHOUT = r"diagonal", r"softmax.* (left out|is missing|forgotten)"

ATTENTION = [
    mistake("attention dq: the diagonal alone", attention, *QKV, says=DIAGONAL, q=dq(lambda p, dp: dp * p * (1 - p))),
    mistake("attention dk: the diagonal alone", attention, *QKV, says=DIAGONAL, k=dk(lambda p, dp: dp * p * (1 - p))),
    mistake("batched attention dq: diagonal", attention, *BATCHED, says=DIAGONAL, q=dq(lambda p, dp: dp * p * (1 - p))),
    mistake("attention dq: without softmax", attention, *QKV, says=WITHOUT, q=dq(lambda p, dp: dp)),
    mistake("attention dk: without softmax", attention, *QKV, says=WITHOUT, k=dk(lambda p, dp: dp)),
    mistake(
        "attention dq: softmax over the wrong axis",
        attention,
        *QKV,
        says=r"wrong axis|over axis -2",
        q=lambda g, q, k, v: scores_gradient(softmax(q @ t(k) / 2, -2), g @ t(v)) @ k / 2,
    ),
    mistake(
        "attention dq: the sum over the wrong axis",
        attention,
        *QKV,
        says=r"sums over axis -2, but must sum over -1",
        q=dq(lambda p, dp: p * (dp - (p * dp).sum(-2, keepdims=True))),
    ),
    mistake(
        "attention dq: q for k",
        attention,
        *SQUARE,
        says=r"q (where|in place of|for) k|k instead of q|must .* by k",
        q=lambda g, q, k, v: scores_gradient(weights(q, k), g @ t(v)) @ q / np.sqrt(3),
    ),
    mistake(
        "attention dk: k for q",
        attention,
        *SQUARE,
        says=r"k (where|in place of|for) q|q instead of k|must .* by q",
        k=lambda g, q, k, v: t(scores_gradient(weights(q, k), g @ t(v))) @ k / np.sqrt(3),
    ),
    mistake(
        "attention dq: the scale forgotten",
        attention,
        *QKV,
        says=r"multiply by 1/2",
        q=lambda g, q, k, v: scores_gradient(weights(q, k), g @ t(v)) @ k,
    ),
    mistake(
        "attention dq: the sum forgotten",
        attention,
        *QKV,
        says=r"sum .*(missing|forgotten|left out)|subtract",
        q=dq(lambda p, dp: p * dp),
    ),
    mistake(
        "attention dk: ds not transposed",
        attention,
        *SQUARE,
        says=r"transpose",
        k=lambda g, q, k, v: scores_gradient(weights(q, k), g @ t(v)) @ q / np.sqrt(3),
    ),
    mistake(
        "attention dv: p not transposed",
        attention,
        *SQUARE,
        says=r"transpose",
        v=lambda g, q, k: weights(q, k) @ g,
    ),
    mistake("attention dv: without softmax", attention, *QKV, says=WITHOUT, v=lambda g, q, k: t(q @ t(k) / 2) @ g),
    mistake(
        "batched attention dv: .T",
        lambda p, v, /: p @ v,
        (2, 3, 4),
        (2, 4, 5),
        says=r"\.T of .*reverses all",
        v=lambda g, p: p.T @ g,
    ),
    mistake(
        "batched product da: .T",
        lambda a, b, /: a @ b,
        (2, 3, 4),
        (2, 4, 5),
        says=r"\.T of .*reverses all",
        a=lambda g, b: g @ b.T,
    ),
    mistake(
        "batched linear dx: w not transposed",
        lambda x, w, /: x @ w,
        (2, 3, 4),
        (4, 4),
        says=r"w transposed|w\.T",
        x=lambda g, w: g @ w,
    ),
]

# --- normalising and losses ---------------------------------------------------------------------------------


def layer_norm(x, /):
    return (x - mean(x)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def affine_norm(x, w, b, /):
    return layer_norm(x) * w + b


def sigma(x):
    return np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def sums_for_means(g, x):
    y = layer_norm(x)
    return (g - rows(g) - y * rows(g * y)) / sigma(x)


def rms_norm(x, /):
    return x / np.sqrt(mean(x * x))


def batch_norm(x, /):
    return (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)


LABELS = np.array([2, 0, 1, 1])


def cross_entropy(x, /):
    return -np.log(softmax(x))[np.arange(4), LABELS].mean()


def minus_target(p):
    p = p.copy()
    p[np.arange(4), LABELS] -= 1
    return p


def nll_rows(x, /):
    return -np.log(softmax(x))[np.arange(4), LABELS]


def binary(x, y, /):
    return -(y * np.log(sigmoid(x)) + (1 - y) * np.log(1 - sigmoid(x))).mean()


PROBABLE = [0.2, 0.7, 0.9, 0.4]
LOSSES = [
    mistake("layer norm: sums for means", layer_norm, (3, 5), says=r"sums?.* means?", x=sums_for_means),
    mistake(
        "layer norm with weights: sums for means",
        affine_norm,
        (3, 5),
        (5,),
        (5,),
        says=r"sums?.* means?",
        x=lambda g, x, w: sums_for_means(g * w, x),
    ),
    mistake(
        "batch norm: sums for means",
        batch_norm,
        (5, 3),
        says=r"sums?.* means?",
        x=lambda g, x, out: (g - g.sum(0) - out * (g * out).sum(0)) / np.sqrt(x.var(0) + 1e-5),
    ),
    mistake(
        "layer norm: means over the batch",
        layer_norm,
        (4, 4),
        says=r"axis",
        x=lambda g, x, out: (g - g.mean(0) - out * (g * out).mean(0)) / sigma(x),
    ),
    mistake(
        "rms norm: a sum for the mean",
        rms_norm,
        (3, 5),
        says=r"sum and a mean|sums?.* means?",
        x=lambda g, x, out: (g - out * rows(g * out)) / np.sqrt(mean(x * x)),
    ),
    mistake(
        "rms norm: the root forgotten",
        rms_norm,
        (3, 5),
        says=r"once per slice",
        x=lambda g, x, out: (g - out * mean(g * out)) / mean(x * x),
    ),
    mistake(
        "cross-entropy: softmax twice",
        cross_entropy,
        (4, 3),
        says=r"softmax.* twice",
        x=lambda g, x: g * minus_target(softmax(softmax(x))) / 4,
    ),
    mistake(
        "cross-entropy of rows: softmax twice",
        nll_rows,
        (4, 3),
        says=r"softmax.* twice",
        x=lambda g, x: g[:, None] * minus_target(softmax(softmax(x))),
    ),
    mistake(
        "cross-entropy: softmax over the batch",
        cross_entropy,
        (4, 3),
        says=r"axis 0.*axis=1|axis",
        x=lambda g, x: g * minus_target(softmax(x, 0)) / 4,
    ),
    mistake(
        "cross-entropy: not a mean",
        cross_entropy,
        (4, 3),
        says=r"multiply by 1/4",
        x=lambda g, x: g * minus_target(softmax(x)),
    ),
    mistake(
        "cross-entropy: logits for probabilities",
        cross_entropy,
        (4, 3),
        says=r"softmax",
        x=lambda g, x: g * minus_target(x) / 4,
    ),
    mistake(
        "cross-entropy: target minus p",
        cross_entropy,
        (4, 3),
        says=r"wrong sign",
        x=lambda g, x: -g * minus_target(softmax(x)) / 4,
    ),
    mistake(
        "cross-entropy: the target forgotten",
        cross_entropy,
        (4, 3),
        says=r"-1 at the target",
        x=lambda g, x: g * softmax(x) / 4,
    ),
    mistake(
        "binary cross-entropy: not a mean",
        binary,
        (4,),
        PROBABLE,
        says=r"multiply by 1/4",
        x=lambda g, x, y: g * (sigmoid(x) - y),
    ),
    mistake(
        "binary cross-entropy: x for its sigmoid",
        binary,
        (4,),
        PROBABLE,
        says=r"sigmoid|1 / \(1 \+ exp\(-x\)\)",
        x=lambda g, x, y: g * (x - y) / 4,
    ),
    mistake(
        "binary cross-entropy: y - p",
        binary,
        (4,),
        PROBABLE,
        says=r"wrong sign",
        x=lambda g, x, y: g * (y - sigmoid(x)) / 4,
    ),
    mistake(
        "mse: not a mean",
        lambda y, t, /: ((y - t) ** 2).mean(),
        (4,),
        (4,),
        says=r"multiply by 1/4",
        y=lambda g, y, t: g * 2 * (y - t),
    ),
    mistake(
        "l1: no sign",
        lambda y, t, /: np.abs(y - t).sum(),
        (5,),
        (5,),
        says=r"sign",
        y=lambda g, y, t: g * np.ones_like(y),
    ),
    mistake(
        "softmax: g times out alone",
        lambda x, /: softmax(x),
        (3, 4),
        says=r"subtract out|sum",
        x=lambda g, out: out * g,
    ),
    mistake(
        "softmax: a mean in the sum's place",
        lambda x, /: softmax(x),
        (3, 4),
        says=r"sum and a mean|mean.* sum|sum.* mean",
        x=lambda g, out: out * (g - mean(g * out)),
    ),
    mistake(
        "logsumexp: exp(x)",
        lambda x, /: np.log(np.exp(x).sum(-1)),
        (3, 4),
        says=r"exp\(out\)|once per slice|softmax",
        x=lambda g, x: g[:, None] * np.exp(x),
    ),
]

# --- indexing and shapes ------------------------------------------------------------------------------------

PICK = np.array([[0, 2, 1], [2, 1, 1], [0, 0, 2]])
WORDS = np.array([1, 0, 3, 1])


def scattered(axis):
    def rule(g, x):
        full = np.zeros_like(x)
        places = list(np.indices(PICK.shape))
        places[axis] = PICK
        np.add.at(full, tuple(places), g)
        return full

    return rule


def overwritten(g, table):
    full = np.zeros_like(table)
    full[WORDS] = g
    return full


def at_start(g, x):
    full = np.zeros_like(x)
    full[: len(g)] = g
    return full


INDEXING = [
    mistake(
        "gather: along the wrong axis",
        lambda x, /: np.take_along_axis(x, PICK, 1),
        (3, 3),
        says=r"along axis 0.*axis 1|wrong axis",
        x=scattered(0),
    ),
    mistake(
        "gather along axis 0: along the wrong axis",
        lambda x, /: np.take_along_axis(x, PICK, 0),
        (3, 3),
        says=r"along axis 1.*axis 0|wrong axis",
        x=scattered(1),
    ),
    mistake(
        "embedding: one of two uses",
        lambda table, /: table[WORDS],
        (4, 3),
        says=r"overwrite each other",
        table=overwritten,
    ),
    mistake(
        "tail: put at the start",
        lambda x, /: x[2:],
        (5,),
        says=r"shifted|places|wrong place|moved|stand at",
        x=at_start,
    ),
    mistake(
        "roll by two: not rolled back",
        lambda x, /: np.roll(x, 2),
        (5,),
        says=r"leaves the upstream gradient in its order",
        x=lambda g: g * 1,
    ),
    mistake("flip: not flipped", lambda x, /: x[::-1], (5,), says=r"order", x=lambda g: g * 1),
    mistake(
        "transpose: reshaped",
        lambda x, /: x.T * 1,
        (2, 3),
        says=r"transposed",
        x=lambda g: g.reshape(2, 3),
    ),
    mistake(
        "concatenation: the other half",
        lambda a, b, /: np.concatenate([a, b]),
        (3,),
        (3,),
        says=r"takes index|but the input reaches",
        a=lambda g: g[3:],
    ),
    mistake(
        "cumsum: from the wrong end",
        lambda x, /: np.cumsum(x),
        (5,),
        says=r"from the other end",
        x=lambda g: np.cumsum(g),
    ),
    mistake(
        "cumsum: g alone", lambda x, /: np.cumsum(x), (5,), says=r"term is missing|contributions", x=lambda g: g * 1
    ),
    mistake(
        "repeat: the first copy",
        lambda x, /: np.repeat(x, 2),
        (4,),
        says=r"not used at|only one|overwrite|left out",
        x=lambda g: g[::2],
    ),
    mistake(
        "max over rows: g everywhere",
        lambda x, /: x.max(1),
        (3, 4),
        says=r"mask is missing",
        x=lambda g, x: g[:, None] + 0 * x,
    ),
    mistake(
        "mean pooling: a sum",
        lambda x, /: x.reshape(-1, 2).mean(1),
        (6,),
        says=r"multiply by 1/2",
        x=lambda g: np.repeat(g, 2),
    ),
    mistake(
        "diagonal: everywhere",
        lambda x, /: np.diag(x) * 1,
        (3, 3),
        says=r"mask is missing|should be 0",
        x=lambda g, x: g + 0 * x,
    ),
    mistake(
        "padding: g's start",
        lambda x, /: np.pad(x, 1),
        (4,),
        says=r"takes index|shifted|but the input reaches",
        x=lambda g: g[:4],
    ),
]

# --- elementwise and reductions -----------------------------------------------------------------------------

POSITIVE = [0.3, 0.8, 1.7, 2.5, 1.2]
SIMPLE = [
    mistake(
        "sqrt: the 1/2 forgotten", lambda x, /: np.sqrt(x), POSITIVE, says=r"multiply by 1/2", x=lambda g, out: g / out
    ),
    mistake("sqrt: x for out", lambda x, /: np.sqrt(x), POSITIVE, says=r"out instead of x", x=lambda g, x: g / (2 * x)),
    mistake("log10: ln's rule", lambda x, /: np.log10(x), POSITIVE, says=r"log\(10\)", x=lambda g, x: g / x),
    mistake("exp: x for out", lambda x, /: np.exp(x), (5,), says=r"out instead of x", x=lambda g, x: g * x),
    mistake(
        "exp: lowered as a power", lambda x, /: np.exp(x), (5,), says=r"divide by x", x=lambda g, x, out: g * x * out
    ),
    mistake("sin: minus cos", lambda x, /: np.sin(x), (5,), says=r"wrong sign", x=lambda g, x: -g * np.cos(x)),
    mistake("cos: cos", lambda x, /: np.cos(x), (5,), says=r"sin\(x\)", x=lambda g, x: g * np.cos(x)),
    mistake(
        "sigmoid: out squared",
        lambda x, /: sigmoid(x),
        (5,),
        says=r"1 - out|1 / exp\(x\)",
        x=lambda g, out: g * out * out,
    ),
    mistake("square: 2 forgotten", lambda x, /: x**2, (5,), says=r"multiply by 2", x=lambda g, x: g * x),
    mistake("x ** 4: 4 x ** 2", lambda x, /: x**4, (5,), says=r"multiply by x", x=lambda g, x: g * 4 * x**2),
    mistake("reciprocal: sign", lambda x, /: 1 / x, (5,), says=r"wrong sign", x=lambda g, x: g / x**2),
    mistake("softplus: out", lambda x, /: np.log1p(np.exp(x)), (5,), says=r"exp|sigmoid", x=lambda g, out: g * out),
    mistake(
        "silu: sigmoid alone",
        lambda x, /: x * sigmoid(x),
        (5,),
        says=r"own term must be added|a term is missing",
        x=lambda g, x: g * sigmoid(x),
    ),
    mistake(
        "leaky relu: the slope on the wrong side",
        lambda x, /: np.where(x > 0, x, 0.1 * x),
        [-1.2, -0.7, -0.2, 0.3, 0.6, 1.1],
        says=r"is [0-9]|where the input|multipl|wrong",
        x=lambda g, x: g * np.where(x > 0, 0.1, 1),
    ),
    mistake(
        "elu: without exp",
        lambda x, /: np.where(x > 0, x, np.exp(x) - 1),
        [-1.2, -0.7, -0.2, 0.3, 0.6, 1.1],
        says=r"where the input is negative",
        x=lambda g, x, out: g * np.where(x > 0, 1, out),
    ),
    mistake(
        "mean: the number of rows",
        lambda x, /: x.mean(1),
        (3, 4),
        says=r"divides by 3, but must divide by 4",
        x=lambda g, x: g[:, None] / 3 + 0 * x,
    ),
    mistake(
        "var: not centred",
        lambda x, /: x.var(),
        (5,),
        says=r"mean|term",
        x=lambda g, x: g * 2 * x / 5,
    ),
    mistake(
        "norm: squared",
        lambda x, /: np.sqrt((x * x).sum()),
        (5,),
        says=r"divide by out|out|factor is missing",
        x=lambda g, x: g * 2 * x,
    ),
    mistake("prod: g times out", lambda x, /: x.prod(), (4,), says=r"divide by x", x=lambda g, x, out: g * out + 0 * x),
    mistake(
        "a / b: b's rule for a",
        lambda a, b, /: a / b,
        (4,),
        (4,),
        says=r"1 / b|multiply|divide",
        a=lambda g, b: -g / b**2,
    ),
    mistake(
        "a ** b: the rule for b",
        lambda a, b, /: a**b,
        POSITIVE,
        (5,),
        says=r"out|b",
        b=lambda g, a, b: g * b * np.log(a),
    ),
    mistake(
        "outer: a for b",
        lambda a, b, /: np.outer(a, b),
        (4,),
        (4,),
        says=r"g @ b|b instead of a|b",
        a=lambda g, a: g @ a,
    ),
    mistake(
        "bias: mean over the batch",
        lambda x, b, /: x + b,
        (4, 3),
        (3,),
        says=r"multiply by 4",
        b=lambda g: g.mean(0),
    ),
]

HELD_OUT_THIRD = [*ATTENTION, *LOSSES, *INDEXING, *SIMPLE]

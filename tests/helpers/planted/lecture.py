"""Planted mistakes in ops of the lecture: a neuron, layers, losses, attention."""

import numpy as np

from .mistake import mistake


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, a=-1):
    e = np.exp(x - x.max(a, keepdims=True))
    return e / e.sum(a, keepdims=True)


def neuron(w, x, b, /):
    return sigmoid(w @ x + b)


def layer(W, x, b, /):
    return np.tanh(W @ x + b)


def mse(y, t, /):
    return ((y - t) ** 2).sum(1).mean()


def gelu(x, /):
    return x * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def scores(q, k, /):
    return q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])


def mix(p, v, /):
    return p @ v


def layer_norm(x, /):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def add_positions(x, p, /):
    return x + p


def embedding(w, /):
    return w[np.array([[0, 2], [1, 0]])]


def unembedding(x, w, /):
    return x @ w.T


def residual(x, /):
    return x + np.maximum(x, 0)


def tempered(x, /):
    return softmax(x / 2.0)


def second_half(x, /):
    return x[:, 3:] * 2


def causal(x, /):
    return np.where(np.tri(3, dtype=bool), x, -30.0)


def negative_log_likelihood(p, /):
    return -np.log(p[np.arange(3), [1, 0, 2]]).mean()


def perplexity(x, /):
    return np.exp(x.mean())


def penalty(w, /):
    return 0.1 * (w * w).sum()


def deviation(x, /):
    return x.std()


def value_range(x, /):
    return x.max() - x.min()


def dot_products(a, b, /):
    return (a * b).sum(1)


def gate(x, /):
    a, b = x[:, :2], x[:, 2:]
    return a * sigmoid(b)


def centred(x, /):
    return x - x.mean(0)


def gate_swapped(g, x):
    a, b = x[:, :2], x[:, 2:]
    return np.concatenate([g * a * sigmoid(b) * (1 - sigmoid(b)), g * sigmoid(b)], 1)


def gate_without_a(g, x):
    _, b = x[:, :2], x[:, 2:]
    return np.concatenate([g * sigmoid(b), g * sigmoid(b) * (1 - sigmoid(b))], 1)


def embedding_overwritten(g, w):
    d = np.zeros_like(w)
    d[[0, 2, 1, 0]] += g.reshape(4, -1)
    return d


LECTURE = [
    mistake(
        "neuron: dw without the derivative of sigmoid",
        neuron,
        (3,),
        (3,),
        (),
        says=r"multiply by out \* \(1 - out\)",
        w=lambda g, x: g * x,
    ),
    mistake(
        "neuron: dw with z for out",
        neuron,
        (3,),
        (3,),
        (),
        says="",
        w=lambda g, w, x, b: g * (w @ x + b) * (1 - (w @ x + b)) * x,
    ),
    mistake(
        "neuron: dx with x", neuron, (3,), (3,), (), says=r"w instead of x", x=lambda g, x, out: g * out * (1 - out) * x
    ),
    mistake("neuron: db times x", neuron, (3,), (3,), (), says="", b=lambda g, x, out: (g * out * (1 - out) * x).sum()),
    mistake(
        "layer: dW without 1 - out * out",
        layer,
        (3, 4),
        (4,),
        (3,),
        says=r"multiply by \(1 - out \* out\)",
        W=lambda g, x: np.outer(g, x),
    ),
    mistake(
        "layer: dW with out",
        layer,
        (3, 4),
        (4,),
        (3,),
        says=r"multiply by \(1 \+ out\)",
        W=lambda g, x, out: np.outer(g * (1 - out), x),
    ),
    mistake(
        "layer: dx without W.T",
        layer,
        (3, 3),
        (3,),
        (3,),
        says=r"W transposed",
        x=lambda g, W, out: W @ (g * (1 - out**2)),
    ),
    mistake(
        "layer: db is g",
        layer,
        (3, 4),
        (4,),
        (3,),
        says=r"g unchanged; multiply it by the derivative",
        b=lambda g: g * 1,
    ),
    mistake("mse: divided by all", mse, (4, 3), (4, 3), says=r"multiply by 3$", y=lambda g, y, t: g * 2 * (y - t) / 12),
    mistake("mse: the minus of dt", mse, (4, 3), (4, 3), says=r"wrong sign", t=lambda g, y, t: g * 2 * (y - t) / 4),
    mistake("mse: a plus", mse, (4, 3), (4, 3), says=r"subtract g \* t$", y=lambda g, y, t: g * 2 * (y + t) / 4),
    mistake(
        "mse: the target forgotten", mse, (4, 3), (4, 3), says=r"subtract g \* t / 2", y=lambda g, y: g * 2 * y / 4
    ),
    mistake(
        "gelu: the first term alone",
        gelu,
        (6,),
        says=r"as if out / x did not depend on the input",
        x=lambda g, x, out: g * out / x,
    ),
    mistake(
        "gelu: the 3 of the cube",
        gelu,
        (6,),
        says="",
        x=lambda g, x: (
            lambda t: g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * np.sqrt(2 / np.pi) * (1 + 0.044715 * x * x))
        )(np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    ),
    mistake(
        "scores: dq without the scale", scores, (3, 5), (3, 5), says=r"which is 1 / sqrt\(5\)", q=lambda g, k: g @ k
    ),
    mistake(
        "scores: dq times the root", scores, (3, 5), (3, 5), says=r"multiply by 1/5", q=lambda g, k: g @ k * np.sqrt(5)
    ),
    mistake(
        "scores: dk not transposed",
        scores,
        (3, 3),
        (3, 3),
        says=r"is 1 / sqrt\(3\) \* g\.T @ q, but",
        k=lambda g, q: g @ q / np.sqrt(3),
    ),
    mistake(
        "scores in batches: dk not transposed",
        scores,
        (2, 3, 4),
        (2, 3, 4),
        says=r"is g\.swapaxes\(-1, -2\) @ q / 2, but",
        k=lambda g, q: g @ q / 2,
    ),
    mistake("mix: dp with v", mix, (3, 3), (3, 3), says=r"v transposed", p=lambda g, v: g @ v),
    mistake("mix: dv with p", mix, (2, 3, 3), (2, 3, 3), says=r"p transposed", v=lambda g, p: p @ g),
    mistake(
        "mix in batches: dv with p.T",
        mix,
        (3, 3, 3),
        (3, 3, 3),
        says=r"is p\.swapaxes\(-1, -2\) @ g, but .*reverses all three",
        v=lambda g, p: p.T @ g,
    ),
    mistake(
        "layer norm: g alone", layer_norm, (2, 4), says=r"a term is missing for the other elements", x=lambda g: g * 1
    ),
    mistake(
        "layer norm: a sum for a mean",
        layer_norm,
        (2, 4),
        says=r"the term mean\(g\) has a sum where it must have a mean",
        x=lambda g, x, out: (
            (g - g.sum(-1, keepdims=True) - out * (g * out).mean(-1, keepdims=True))
            / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        ),
    ),
    mistake(
        "layer norm: var for std",
        layer_norm,
        (2, 4),
        says=r"once per slice, such as a sum or a norm",
        x=lambda g, x, out: (
            (g - g.mean(-1, keepdims=True) - out * (g * out).mean(-1, keepdims=True))
            / (x.var(-1, keepdims=True) + 1e-5)
        ),
    ),
    mistake(
        "positions: the first example",
        add_positions,
        (2, 3, 4),
        (3, 4),
        says=r"only slice 0 of axis 0",
        p=lambda g: g[0] * 1,
    ),
    mistake(
        "positions: a mean over the batch",
        add_positions,
        (2, 3, 4),
        (3, 4),
        says=r"that of a mean, but the op is a sum \(2",
        p=lambda g: g.mean(0),
    ),
    mistake("embedding: += with repeated tokens", embedding, (3, 4), says=r"np\.add\.at", w=embedding_overwritten),
    mistake(
        "unembedding: dw transposed", unembedding, (3, 3), (3, 3), says=r"gradient transposed", w=lambda g, x: x.T @ g
    ),
    mistake("unembedding: dx with w.T", unembedding, (3, 3), (3, 3), says=r"w transposed", x=lambda g, w: g @ w.T),
    mistake("residual: x forgotten", residual, (8,), says=r"add g$", x=lambda g, x: g * (x > 0)),
    mistake("residual: the branch forgotten", residual, (8,), says=r"g unchanged; multiply", x=lambda g: g * 1),
    mistake(
        "temperature: forgotten",
        tempered,
        (2, 3),
        says=r"multiply by 1/2",
        x=lambda g, out: out * (g - (g * out).sum(-1, keepdims=True)),
    ),
    mistake(
        "temperature: multiplied",
        tempered,
        (2, 3),
        says=r"multiply by 1/4",
        x=lambda g, out: 2 * out * (g - (g * out).sum(-1, keepdims=True)),
    ),
    mistake(
        "slice: the wrong half",
        second_half,
        (2, 6),
        says=r"stand at index 0, 1, 2 of axis 1; put them at index 3, 4, 5",
        x=lambda g: np.concatenate([2 * g, np.zeros((2, 3))], 1),
    ),
    mistake(
        "causal mask: the upper triangle",
        causal,
        (3, 3),
        says=r"not 0 at the elements below the diagonal, but is 0 at the elements above",
        x=lambda g: np.where(np.tri(3, dtype=bool).T, g, 0),
    ),
    mistake(
        "nll: the minus forgotten",
        negative_log_likelihood,
        [[0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]],
        says=r"wrong sign",
        p=lambda g, p: g * np.eye(3)[[1, 0, 2]] / p / 3,
    ),
    mistake(
        "nll: everywhere",
        negative_log_likelihood,
        [[0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]],
        says=r"mask is missing",
        p=lambda g, p: -g / p / 3,
    ),
    mistake(
        "nll: 1 / p forgotten",
        negative_log_likelihood,
        [[0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]],
        says=r"divide by p$",
        p=lambda g, p: -g * np.eye(3)[[1, 0, 2]] / 3,
    ),
    mistake(
        "nll: not a mean",
        negative_log_likelihood,
        [[0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]],
        says=r"sum, but the op is a mean",
        p=lambda g, p: -g * np.eye(3)[[1, 0, 2]] / p,
    ),
    mistake("perplexity: out forgotten", perplexity, (4,), says=r"multiply by out$", x=lambda g, x: g / 4 + 0 * x),
    mistake(
        "perplexity: not divided by n",
        perplexity,
        (4,),
        says=r"sum, but the op is a mean \(4",
        x=lambda g, x, out: g * out + 0 * x,
    ),
    mistake("penalty: its factor", penalty, (2, 3), says=r"multiply by 1/10", w=lambda g, w: g * 2 * w),
    mistake(
        "std: not divided by n",
        deviation,
        (5,),
        says=r"sum, but the op is a mean \(5",
        x=lambda g, x, out: g * (x - x.mean()) / out,
    ),
    mistake(
        "std: not centred",
        deviation,
        (5,),
        says=r"multiply by \(x - x\.mean\(\)\) / x",
        x=lambda g, x, out: g * x / out / 5,
    ),
    mistake(
        "std: the rule of var",
        deviation,
        (5,),
        says=r"multiply by 1 / \(2 \* out\)",
        x=lambda g, x, out: g * 2 * (x - x.mean()) / 5,
    ),
    mistake(
        "range: the minimum forgotten",
        value_range,
        (5,),
        says=r"leaves out index \d",
        x=lambda g, x: g * (x == x.max()),
    ),
    mistake(
        "range: a plus at the minimum",
        value_range,
        (5,),
        says=r"wrong sign at index \d",
        x=lambda g, x: g * ((x == x.max()) + 0.0 + (x == x.min())),
    ),
    mistake(
        "dot products: g along the wrong axis",
        dot_products,
        (3, 3),
        (3, 3),
        says=r"along axis 0 .* along 1",
        a=lambda g, b: g * b,
    ),
    mistake(
        "dot products: the wrong input",
        dot_products,
        (3, 3),
        (3, 3),
        says=r"b instead of a",
        a=lambda g, a: g[:, None] * a,
    ),
    mistake("gate: halves swapped", gate, (2, 4), says=r"shifted along axis 1: two places", x=gate_swapped),
    mistake(
        "gate: a factor of the second half",
        gate,
        (2, 4),
        says=r"wrong exactly at index 2, 3 of axis 1",
        x=gate_without_a,
    ),
    mistake(
        "centring over axis 0: g alone",
        centred,
        (3, 2),
        says=r"a term is missing for the other elements",
        x=lambda g: g * 1,
    ),
    mistake(
        "centring over axis 0: a sum",
        centred,
        (3, 2),
        says=r"a sum and a mean are mixed up in the term g\.sum\(0",
        x=lambda g: g - g.sum(0),
    ),
    mistake(
        "centring over axis 0: the mean of everything",
        centred,
        (3, 2),
        says=r"axis \(0, 1\), but must go over 0",
        x=lambda g: g - g.mean(),
    ),
]

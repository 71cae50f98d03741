"""Planted mistakes that were written after the hints, without a look at them, to see how general the hints are."""

import numpy as np

from .mistake import mistake


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def attention(q, k, v, /):
    return softmax(q @ k.T / 2) @ v


def distances(a, b, /):
    return ((a[:, None] - b[None]) ** 2).sum(-1)


def standardised(x, /):
    return (x - x.mean(0)) / x.std(0)


def weighted_mean(x, w, /):
    return (w * x).sum() / w.sum()


def cosine(a, b, /):
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def maximum_of_blocks(x, /):
    return x.reshape(2, 2, 2, 2).max((1, 3))


def conv_stride_2(x, k, /):
    return np.array([x[i : i + 3] @ k for i in range(0, len(x) - 2, 2)])


def conv_stride_2_dx(g, x, k):
    dx = np.zeros_like(x)
    for i in range(len(g)):
        dx[i : i + 3] += g[i] * k
    return dx


def conv2d(x, k, /):
    return np.array([[(x[i : i + 2, j : j + 2] * k).sum() for j in range(3)] for i in range(3)])


def conv2d_dk_short(g, x):
    dk = np.zeros((2, 2))
    for i in range(2):
        for j in range(3):
            dk += g[i, j] * x[i : i + 2, j : j + 2]
    return dk


def conv2d_dx_flipped(g, k):
    dx = np.zeros((4, 4))
    for i in range(3):
        for j in range(3):
            dx[i : i + 2, j : j + 2] += g[i, j] * k[::-1, ::-1]
    return dx


def embedding_overwritten(g, w):
    dw = np.zeros_like(w)
    dw[TOKENS] = g
    return dw


def rotate(x, /):
    a, b = x[:, 0], x[:, 1]
    return np.stack([a * COS - b * SIN, a * SIN + b * COS], 1)


def rotate_again(g):
    a, b = g[:, 0], g[:, 1]
    return np.stack([a * COS - b * SIN, a * SIN + b * COS], 1)


def top_left(g, x):
    dx = np.zeros_like(x)
    dx[::2, ::2] = g
    return dx


def first_of_sorted(g, x):
    return g[np.argsort(-x)]


TOKENS = [1, 3, 1, 0, 1]
COS, SIN = np.cos(np.arange(1.0, 5)), np.sin(np.arange(1.0, 5))
LABELS = np.array([1.0, 0.0, 0.0, 1.0, 1.0])
PROBABILITIES = [0.2, 0.7, 0.4, 0.9, 0.55]
CLASSES = np.array([0, 2, 1, 2])
KEPT = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
POSITIVE = [0.3, 0.7, 1.6, 2.4, 3.3]

HELD_OUT = [
    mistake(
        "softplus: not divided by 1 + exp(x)",
        lambda x, /: np.log(1 + np.exp(x)),
        (6,),
        says=r"is \(1 / \(1 \+ exp\(-x\)\)\), but the rule multiplies g by exp\(x\)",
        x=lambda g, x: g * np.exp(x),
    ),
    mistake(
        "softplus: sigmoid of out",
        lambda x, /: np.log(1 + np.exp(x)),
        (6,),
        says=r"x instead of out",
        x=lambda g, out: g * sigmoid(out),
    ),
    mistake(
        "elu: out for out + 1",
        lambda x, /: np.where(x > 0, x, np.exp(x) - 1),
        (8,),
        says=r"where the input is negative",
        x=lambda g, x, out: g * np.where(x > 0, 1, out),
    ),
    mistake(
        "arctan: the square forgotten",
        lambda x, /: np.arctan(x),
        (5,),
        says=r"is 1 / \(1 \+ x \* x\), but",
        x=lambda g, x: g / (1 + x),
    ),
    mistake(
        "arcsin: the root forgotten",
        lambda x, /: np.arcsin(x),
        [-0.8, -0.3, 0.1, 0.4, 0.6],
        says=r"is 1 / cos\(out\), but the rule multiplies g by 1 / \(1 - x \* x\)",
        x=lambda g, x: g / (1 - x * x),
    ),
    mistake(
        "log10: the constant",
        lambda x, /: np.log10(x),
        POSITIVE,
        says=r"multiply by 0\.434294, which is 1 / log\(10\)",
        x=lambda g, x: g / x,
    ),
    mistake(
        "2 ** x: log 2 multiplied twice",
        lambda x, /: 2**x,
        (5,),
        says=r"multiply by 1\.4427, which is 1 / log\(2\)",
        x=lambda g, out: g * out * np.log(2) ** 2,
    ),
    mistake(
        "cube root: the exponent",
        lambda x, /: x ** (1 / 3),
        POSITIVE,
        says=r"divide by x$",
        x=lambda g, out: g * out / 3,
    ),
    mistake(
        "a Gaussian: the minus forgotten",
        lambda x, /: np.exp(-x * x / 2),
        (2, 3),
        says=r"wrong sign",
        x=lambda g, x, out: g * x * out,
    ),
    mistake(
        "a Gaussian: only the outer derivative",
        lambda x, /: np.exp(-x * x / 2),
        (2, 3),
        says=r"multiply by -x$",
        x=lambda g, out: g * out,
    ),
    mistake(
        "softsign: the square forgotten",
        lambda x, /: x / (1 + np.abs(x)),
        (6,),
        says=r"g \* out / x, as if out / x did not depend on the input",
        x=lambda g, x: g / (1 + np.abs(x)),
    ),
    mistake(
        "x * x + 3 x: times for plus",
        lambda x, /: x * x + 3 * x,
        (4,),
        says=r"multiplies g by 6 \* x, which is not the derivative",
        x=lambda g, x: g * 2 * x * 3,
    ),
    mistake(
        "x * x + 3 x: the second term", lambda x, /: x * x + 3 * x, (4,), says=r"add 3 \* g", x=lambda g, x: g * 2 * x
    ),
    mistake(
        "5 x ** 3: one exponent too few",
        lambda x, /: 5 * x**3,
        [1, 2, 3],
        says=r"multiply by x",
        x=lambda g, x: 15 * g * x,
    ),
    mistake(
        "a / (a + b): the quotient rule forgotten",
        lambda a, b, /: a / (a + b),
        POSITIVE,
        POSITIVE[::-1],
        says=r"multiply by \(1 - out\)",
        a=lambda g, a, b: g / (a + b),
    ),
    mistake(
        "a b c: dc without b",
        lambda a, b, c, /: a * b * c,
        (5,),
        (5,),
        (5,),
        says=r"multiply by b",
        c=lambda g, a: g * a,
    ),
    mistake(
        "a b c: da with a",
        lambda a, b, c, /: a * b * c,
        (5,),
        (5,),
        (5,),
        says=r"c instead of a",
        a=lambda g, a, b: g * a * b,
    ),
    mistake(
        "lerp: da with t",
        lambda a, b, t, /: a + t * (b - a),
        (5,),
        (5,),
        (5,),
        says=r"\(1 - t\)",
        a=lambda g, t: g * t,
    ),
    mistake(
        "lerp: dt with a - b",
        lambda a, b, t, /: a + t * (b - a),
        (5,),
        (5,),
        (5,),
        says=r"wrong sign",
        t=lambda g, a, b: g * (a - b),
    ),
    mistake(
        "hypot: not divided by out",
        lambda a, b, /: np.sqrt(a * a + b * b),
        (4,),
        (4,),
        says=r"divide by out",
        a=lambda g, a: g * a,
    ),
    mistake(
        "a quick gelu: the inner factor of the second term",
        lambda x, /: x * sigmoid(1.702 * x),
        (6,),
        says="",
        x=lambda g, x: g * (sigmoid(1.702 * x) + x * sigmoid(1.702 * x) * (1 - sigmoid(1.702 * x))),
    ),
    mistake("dropout: not scaled", lambda x, /: x * KEPT / 0.75, (6,), says=r"multiply by 4/3", x=lambda g: g * KEPT),
    mistake("dropout: no mask", lambda x, /: x * KEPT / 0.75, (6,), says=r"mask is missing", x=lambda g: g / 0.75),
    mistake(
        "hinge: the label's sign",
        lambda x, /: np.maximum(0, 1 - x).sum(),
        [-0.4, 0.2, 1.5, 0.7, 2.2],
        says=r"wrong sign",
        x=lambda g, x: g * (x < 1),
    ),
    mistake(
        "huber: no bound",
        lambda x, /: np.where(np.abs(x) < 1, x * x / 2, np.abs(x) - 0.5),
        [-3.0, -2.0, -0.6, 0.3, 0.8, 1.5, 2.5],
        says=r"wrong exactly at the elements with the largest absolute inputs",
        x=lambda g, x: g * x,
    ),
    mistake(
        "bce: only the positive term",
        lambda p, /: -(LABELS * np.log(p) + (1 - LABELS) * np.log(1 - p)).mean(),
        PROBABILITIES,
        says=r"leaves out index 1, 2",
        p=lambda g, p: -g * LABELS / p / 5,
    ),
    mistake(
        "bce: not divided by p (1 - p)",
        lambda p, /: -(LABELS * np.log(p) + (1 - LABELS) * np.log(1 - p)).mean(),
        PROBABILITIES,
        says=r"multiply by 1 / \(p \* \(1 - p\)\)",
        p=lambda g, p: g * (p - LABELS) / 5,
    ),
    mistake(
        "bce of logits: no sigmoid",
        lambda x, /: (np.log(1 + np.exp(x)) - LABELS * x).mean(),
        (5,),
        says=r"has x where the gradient has sigmoid\(x\)",
        x=lambda g, x: g * (x - LABELS) / 5,
    ),
    mistake(
        "entropy: the second term of the product rule",
        lambda p, /: -(p * np.log(p)).sum(),
        PROBABILITIES,
        says=r"subtract g$",
        p=lambda g, p: -g * np.log(p),
    ),
    mistake(
        "weighted mean: dw without the second term",
        weighted_mean,
        (5,),
        POSITIVE,
        says=r"constant along axis 0: a term that sums or averages",
        w=lambda g, x, w: g * x / w.sum(),
    ),
    mistake(
        "weight decay: its term forgotten",
        lambda w, /: np.sin(w).sum() + 0.5 * (w * w).sum(),
        (2, 3),
        says=r"add g \* w",
        w=lambda g, w: g * np.cos(w),
    ),
    mistake(
        "cosine similarity: the norm a constant",
        cosine,
        (5,),
        (5,),
        says=r"divided by a is constant along axis 0: a term that sums",
        a=lambda g, a, b: g * b / np.sqrt((a * a).sum() * (b * b).sum()),
    ),
    mistake(
        "distances: the minus of db",
        distances,
        (3, 2),
        (4, 2),
        says=r"wrong sign",
        b=lambda g, a, b: (2 * g[..., None] * (a[:, None] - b)).sum(0),
    ),
    mistake(
        "distances: da summed over the wrong axis",
        distances,
        (3, 2),
        (3, 2),
        says=r"right numbers, but goes to other input elements",
        a=lambda g, a, b: (2 * g[..., None] * (a[:, None] - b)).sum(0),
    ),
    mistake(
        "linear in batches: dw of the first example",
        lambda x, w, /: x @ w,
        (2, 3, 4),
        (4, 5),
        says=r"only slice 0 of axis 0",
        w=lambda g, x: x[0].T @ g[0],
    ),
    mistake(
        "x @ w square: dx without .T", lambda x, w, /: x @ w, (4, 4), (4, 4), says=r"w transposed", x=lambda g, w: g @ w
    ),
    mistake(
        "x @ w: dw = g.T @ x",
        lambda x, w, /: x @ w,
        (5, 4),
        (4, 4),
        says=r"gradient transposed",
        w=lambda g, x: g.T @ x,
    ),
    mistake(
        "bilinear form: dw transposed",
        lambda x, w, y, /: x @ w @ y,
        (3,),
        (3, 3),
        (3,),
        says=r"gradient transposed",
        w=lambda g, x, y: g * np.outer(y, x),
    ),
    mistake(
        "bilinear form: dx with w.T",
        lambda x, w, y, /: x @ w @ y,
        (3,),
        (3, 3),
        (3,),
        says=r"w transposed",
        x=lambda g, w, y: g * (w.T @ y),
    ),
    mistake(
        "attention: dv with the weights not transposed",
        attention,
        (3, 3),
        (3, 3),
        (3, 3),
        says=r"multiply by its transpose",
        v=lambda g, q, k: softmax(q @ k.T / 2) @ g,
    ),
    mistake(
        "attention: dq without the scale",
        attention,
        (3, 4),
        (3, 4),
        (3, 2),
        says=r"multiply by 1/2",
        q=lambda g, q, k, v: (
            (lambda p, dp: p * (dp - (p * dp).sum(-1, keepdims=True)))(softmax(q @ k.T / 2), g @ v.T) @ k
        ),
    ),
    mistake(
        "attention: dq through softmax as if it were elementwise",
        attention,
        (3, 4),
        (3, 4),
        (3, 2),
        says=r"a sum is missing in the derivative of softmax",
        q=lambda g, q, k, v: (softmax(q @ k.T / 2) * (g @ v.T)) @ k / 2,
    ),
    mistake(
        "batch norm: the mean a constant",
        standardised,
        (5, 2),
        says=r"the term mean\(g\) is missing",
        x=lambda g, x, out: (g - out * (g * out).mean(0)) / x.std(0),
    ),
    mistake(
        "batch norm: means over axis 1",
        standardised,
        (4, 4),
        says=r"\(0, 0\) to input element \(0, 1\), on which it does not depend",
        x=lambda g, x, out: (g - g.mean(1, keepdims=True) - out * (g * out).mean(0)) / x.std(0),
    ),
    mistake(
        "log-sum-exp with a temperature: 1 / T",
        lambda x, /: np.log(np.exp(x / 3).sum(1)),
        (2, 4),
        says=r"multiply by 1/3",
        x=lambda g, x: g[:, None] * softmax(x / 3),
    ),
    mistake(
        "cross-entropy: one-hot rows shifted",
        lambda x, /: -np.log(softmax(x))[np.arange(4), CLASSES].sum(),
        (4, 3),
        says=r"-1 at the target.* stands at the wrong element",
        x=lambda g, x: g * (softmax(x) - np.eye(3)[np.roll(CLASSES, 1)]),
    ),
    mistake(
        "max of blocks: to the first of each",
        maximum_of_blocks,
        (4, 4),
        says=r"in the wrong places",
        x=top_left,
    ),
    mistake(
        "convolution with stride 2: stride forgotten in dx",
        conv_stride_2,
        (7,),
        (3,),
        says=r"output element 1 to index 1, 2, 3 .* must go to index 2, 3, 4 .*stride",
        x=conv_stride_2_dx,
    ),
    mistake(
        "convolution 2-d: a row of windows left out",
        conv2d,
        (4, 4),
        (2, 2),
        says=r"not used at index 2 of axis 0",
        k=conv2d_dk_short,
    ),
    mistake(
        "convolution 2-d: kernel flipped in dx",
        conv2d,
        (4, 4),
        (2, 2),
        says=r"kernel must be flipped",
        x=conv2d_dx_flipped,
    ),
    mistake(
        "upsampling: every other element",
        lambda x, /: x.repeat(2, 0).repeat(2, 1),
        (2, 3),
        says=r"only one contribution is kept",
        x=lambda g: g[::2, ::2] + 0,
    ),
    mistake(
        "cumsum over axis 0: reversed over axis 1",
        lambda x, /: x.cumsum(0),
        (3, 3),
        says=r"axes 0 and 1 are mixed up",
        x=lambda g: g[:, ::-1].cumsum(1)[:, ::-1],
    ),
    mistake("embedding: overwritten", lambda w, /: w[TOKENS], (4, 3), says=r"np\.add\.at", w=embedding_overwritten),
    mistake(
        "descending sort: permuted once more",
        lambda x, /: -np.sort(-x),
        (6,),
        says=r"inverse shift or permutation",
        x=first_of_sorted,
    ),
    mistake(
        "transpose(1, 2, 0): the wrong inverse",
        lambda x, /: x.transpose(1, 2, 0),
        (3, 3, 3),
        says=r"permuted",
        x=lambda g: g.transpose(1, 2, 0),
    ),
    mistake(
        "swapaxes on a square: forgotten",
        lambda x, /: 2 * x.swapaxes(0, 1),
        (3, 3),
        says=r"gradient transposed",
        x=lambda g: 2 * g,
    ),
    mistake(
        "join along axis 1: split off by one",
        lambda a, b, /: np.concatenate([a, b], 1),
        (2, 3),
        (2, 3),
        says=r"shifted along axis 1: one place",
        a=lambda g: g[:, 1:4],
    ),
    mistake(
        "stack: the other slice",
        lambda a, b, /: np.stack([a, b]),
        (3,),
        (3,),
        says=r"takes index 1 .* reaches index 0",
        a=lambda g: g[1] + 0,
    ),
    mistake("rotation: turned again", rotate, (4, 2), says=r"multiply by its transpose", x=rotate_again),
    mistake(
        "g clipped to 1",
        lambda x, /: np.exp(x),
        (6,),
        says=r"uses only the sign of the upstream gradient g",
        x=lambda g, out: np.clip(g, -1, 1) * out,
    ),
    mistake(
        "g divided by its norm",
        lambda x, /: np.exp(x),
        (6,),
        says=r"not linear in g",
        x=lambda g, out: g / np.sqrt((g * g).sum()) * out,
    ),
    mistake(
        "g of a batch averaged",
        lambda x, /: np.tanh(x),
        (3, 4),
        says=r"mean of the upstream gradient g along axis 0",
        x=lambda g, out: g.mean(0) * (1 - out * out),
    ),
    mistake(
        "pi as 3.14",
        lambda x, /: np.sin(np.pi * x),
        (5,),
        says=r"too few digits",
        x=lambda g, x: g * 3.14 * np.cos(np.pi * x),
    ),
    mistake("a 0-d input: a factor", lambda x, /: x**4, (), says=r"multiply by x$", x=lambda g, x: g * 4 * x * x),
    mistake(
        "two elements: tanh with x",
        lambda x, /: np.tanh(x),
        (2,),
        says=r"out instead of x",
        x=lambda g, x: g * (1 - x**2),
    ),
    mistake(
        "sqrt: times 2 out",
        lambda x, /: np.sqrt(x),
        [0.4, 1.0, 4.0],
        says=r"is 1 / \(2 \* out\), but the rule multiplies g by 2 \* out",
        x=lambda g, out: g * 2 * out,
    ),
]

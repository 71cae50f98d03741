"""Planted mistakes that were written after the first batch had been mended, again without a look at the hints."""

import numpy as np

from .mistake import mistake


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def mlp(x, w, b, /):
    return np.maximum(x @ w + b, 0)


def glu(a, b, /):
    return a * sigmoid(b)


def focal(p, /):
    return (-((1 - p) ** 2) * np.log(p)).sum()


def moving_mean(x, /):
    return np.convolve(x, np.ones(3) / 3, "valid")


def rms_norm(x, /):
    return x / np.sqrt((x * x).mean(-1, keepdims=True))


def gram(x, /):
    return x.T @ x


def pairs(x, /):
    return x[:, None] * x[None]


def variances(x, /):
    d = x - x.mean(0)
    return (d * d).sum(0) / (len(x) - 1)


def divergence(p, q, /):
    return (p * np.log(p / q)).sum()


def log_mean(x, /):
    return np.log(x.mean(1))


def geometric_mean(x, /):
    return np.exp(np.log(x).mean())


def polynomial(x, /):
    return 2 * x**3 - 4 * x * x + x


def maximum(a, b, /):
    return np.maximum(a, b)


def logsumexp(x, /):
    return np.log(np.exp(x).sum(0))


def outer_products(a, b, /):
    return np.einsum("bi,bj->bij", a, b)


def heads(x, /):
    return x.reshape(2, 2, 3).transpose(1, 0, 2)


def masked(x, /):
    return np.where(np.tri(3) > 0, x, -5.0)


def l1(x, /):
    return np.abs(x).sum(1)


def cross_entropy(x, t, /):
    return -(t * np.log(softmax(x))).sum()


POSITIVE = [0.4, 0.9, 1.7, 2.6]
P = [0.1, 0.2, 0.3, 0.4]
Q = [0.25, 0.35, 0.15, 0.25]


def overwritten(g, x):
    dx = np.zeros_like(x)
    for i in range(len(g)):
        dx[i : i + 3] = g[i] / 3
    return dx


def not_divided(g, x):
    dx = np.zeros_like(x)
    for i in range(len(g)):
        dx[i : i + 3] += g[i]
    return dx


def too_short(g, x):
    dx = np.zeros_like(x)
    for i in range(len(g)):
        dx[i : i + 2] += g[i] / 3
    return dx


HELD_OUT_SECOND = [
    mistake(
        "mlp: relu mask forgotten in dw",
        mlp,
        (4, 3),
        (3, 2),
        (2,),
        says=r"contributions too many.*on which it does not depend, as if a mask were missing",
        w=lambda g, x: x.T @ g,
    ),
    mistake(
        "mlp: relu mask forgotten in db",
        mlp,
        (4, 3),
        (3, 2),
        (2,),
        says=r"contributions too many.*on which it does not depend, as if a mask were missing",
        b=lambda g: g.sum(0),
    ),
    mistake(
        "mlp: dx without mask",
        mlp,
        (4, 3),
        (3, 3),
        (3,),
        says=r"contributions too many.*on which it does not depend, as if a mask were missing",
        x=lambda g, w: g @ w.T,
    ),
    mistake(
        "glu: da without sigmoid",
        glu,
        (5,),
        (5,),
        says=r"derivative of the op is \(1 / \(1 \+ exp\(-b\)\)\), but the rule multiplies g by b",
        a=lambda g, b: g * b,
    ),
    mistake(
        "glu: db without a", glu, (5,), (5,), says=r"multiply by a$", b=lambda g, b: g * sigmoid(b) * (1 - sigmoid(b))
    ),
    mistake(
        "glu: db with a sigmoid",
        glu,
        (5,),
        (5,),
        says=r"multiply by \(1 / \(1 \+ exp\(b\)\)\)",
        b=lambda g, a, b: g * a * sigmoid(b),
    ),
    mistake(
        "focal: second term",
        focal,
        POSITIVE[:2] + [0.5],
        says=r"add g \* 2 \* \(1 - p\) \* log\(p\)",
        p=lambda g, p: -g * (1 - p) ** 2 / p,
    ),
    mistake("moving mean: overwritten", moving_mean, (6,), says=r"only one contribution is kept", x=overwritten),
    mistake("moving mean: not divided", moving_mean, (6,), says=r"multiply by 1/3$", x=not_divided),
    mistake(
        "moving mean: a window too short",
        moving_mean,
        (6,),
        says=r"contributions are missing: output element 0 depends on input element 2",
        x=too_short,
    ),
    mistake(
        "rms: mean for the sum of squares",
        rms_norm,
        (2, 4),
        says=r"the term y \* mean\(g \* y\) has a sum",
        x=lambda g, x, out: (g - out * (g * out).sum(-1, keepdims=True)) / np.sqrt((x * x).mean(-1, keepdims=True)),
    ),
    mistake(
        "rms: second term missing",
        rms_norm,
        (2, 4),
        says=r"the term y \* mean\(g \* y\) is missing",
        x=lambda g, x: g / np.sqrt((x * x).mean(-1, keepdims=True)),
    ),
    mistake("gram: x @ g alone", gram, (4, 3), says=r"add x @ g\.T", x=lambda g, x: x @ g),
    mistake("gram: 2 x @ g", gram, (4, 3), says=r"is x @ g \+ x @ g\.T, but", x=lambda g, x: 2 * x @ g),
    mistake("all pairs: one side", pairs, (4,), says=r"add g\.T @ x", x=lambda g, x: g @ x),
    mistake(
        "variance over axis 0: n", variances, (4, 2), says="n and n - 1", x=lambda g, x: 2 * g * (x - x.mean(0)) / 4
    ),
    mistake(
        "variance over axis 0: mean over axis 1",
        variances,
        (3, 3),
        says=r"has the term -g \* x\.mean\(1.* where the gradient has -g \* x\.mean\(0",
        x=lambda g, x: 2 * g * (x - x.mean(1, keepdims=True)) / 2,
    ),
    mistake(
        "variance: no square's 2", variances, (4, 2), says=r"multiply by 2$", x=lambda g, x: g * (x - x.mean(0)) / 3
    ),
    mistake("kl: dp without + 1", divergence, P, Q, says=r"add g$", p=lambda g, p, q: g * np.log(p / q)),
    mistake("kl: dq with a plus", divergence, P, Q, says="wrong sign", q=lambda g, p, q: g * p / q),
    mistake(
        "kl: dq inverted",
        divergence,
        P,
        Q,
        says=r"is -p / q, but the rule multiplies g by -q / p",
        q=lambda g, p, q: -g * q / p,
    ),
    mistake(
        "log of a mean: not divided by n",
        log_mean,
        [POSITIVE, POSITIVE[::-1]],
        says=r"sum, but the op is a mean \(4",
        x=lambda g, x: (g / x.mean(1))[:, None] + 0 * x,
    ),
    mistake(
        "log of a mean: chain factor",
        log_mean,
        [POSITIVE, [0.2, 0.3, 0.9, 1.1]],
        says=r"is 1 / \(4 \* exp\(out\)\), but the rule multiplies g by 1/4",
        x=lambda g, x: g[:, None] / 4 + 0 * x,
    ),
    mistake(
        "geometric mean: not divided by x",
        geometric_mean,
        POSITIVE,
        says=r"divide by x$",
        x=lambda g, out, x: g * out / 4 + 0 * x,
    ),
    mistake(
        "polynomial: a term", polynomial, (5,), says=r"term is missing; add g$", x=lambda g, x: g * (6 * x * x - 8 * x)
    ),
    mistake(
        "polynomial: sign of a term",
        polynomial,
        (5,),
        says=r"term too many; subtract 16 \* g \* x$",
        x=lambda g, x: g * (6 * x * x + 8 * x + 1),
    ),
    mistake(
        "polynomial: a coefficient",
        polynomial,
        (5,),
        says=r"term too many; subtract 4 \* g \* x$",
        x=lambda g, x: g * (6 * x * x - 4 * x + 1),
    ),
    mistake(
        "maximum: g halved everywhere",
        maximum,
        (6,),
        (6,),
        says=r"multiplies g by 1/2, which is not the derivative",
        a=lambda g, a, b: g / 2,
    ),
    mistake(
        "lse over axis 0: softmax over axis 1",
        logsumexp,
        (3, 3),
        says=r"softmax\(x, axis=1\) where the gradient has softmax\(x, axis=0\)",
        x=lambda g, x: g * softmax(x),
    ),
    mistake(
        "lse over axis 0: g in the wrong shape",
        logsumexp,
        (3, 3),
        says="along axis 1 .* along 0",
        x=lambda g, x, out: g[:, None] * np.exp(x - out),
    ),
    mistake(
        "batched outer: da over the wrong axis",
        outer_products,
        (2, 3),
        (2, 3),
        says=r"elements of the upstream gradient g in the wrong order, as after a reshape, transpose",
        a=lambda g, b: (g * b[:, :, None]).sum(1),
    ),
    mistake(
        "batched outer: batch summed",
        outer_products,
        (2, 3),
        (2, 4),
        says=r"one axis too many .* over axis 0",
        a=lambda g, b: np.broadcast_to((g * b[:, None]).sum((0, 2)), (2, 3)) + 0,
    ),
    mistake(
        "heads: transpose not undone", heads, (4, 3), says=r"permutation\).*move it back", x=lambda g: g.reshape(4, 3)
    ),
    mistake("causal mask: mask forgotten", masked, (3, 3), says="mask is missing", x=lambda g: g * 1),
    mistake("causal mask: strict", masked, (3, 3), says="leaves out the diagonal", x=lambda g: g * np.tri(3, k=-1)),
    mistake(
        "causal mask: transposed",
        masked,
        (3, 3),
        says=r"not 0 at the elements below the diagonal, but is 0 at the elements above",
        x=lambda g: g * np.tri(3).T,
    ),
    mistake(
        "l1 over axis 1: sign of out",
        l1,
        (3, 4),
        says=r"wrong sign at the elements where the input is negative",
        x=lambda g, x, out: (g * np.sign(out))[:, None] + 0 * x,
    ),
    mistake(
        "l1 over axis 1: x for its sign",
        l1,
        (3, 4),
        says=r"is sign\(x\), but the rule multiplies g by x",
        x=lambda g, x: g[:, None] * x,
    ),
    mistake(
        "soft targets: softmax alone",
        cross_entropy,
        (2, 3),
        [[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]],
        says=r"subtract g \* t",
        x=lambda g, x: g * softmax(x),
    ),
    mistake(
        "soft targets: dt with softmax",
        cross_entropy,
        (2, 3),
        [[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]],
        says=r"",
        t=lambda g, x: -g * softmax(x),
    ),
    mistake(
        "g summed over the batch first",
        lambda x, w, /: x * w,
        (4, 3),
        (3,),
        says=r"multiply, then sum",
        w=lambda g, x: g.sum(0) * x.mean(0),
    ),
    mistake(
        "flatten: Fortran order",
        lambda x, /: x.ravel() * 2,
        (2, 3),
        says=r"transposed",
        x=lambda g: 2 * g.reshape(3, 2).T,
    ),
    mistake("double g", lambda x, /: np.sin(x), (5,), says=r"multiply by 1/2$", x=lambda g, x: (g + g) * np.cos(x)),
    mistake(
        "g with the wrong sign by halves",
        lambda a, b, /: a - b * b,
        (5,),
        (5,),
        says="wrong sign",
        b=lambda g, b: g * 2 * b,
    ),
    mistake(
        "tan: cos for cos squared", lambda x, /: np.tan(x), (5,), says=r"1 \+ out \* out", x=lambda g, x: g / np.cos(x)
    ),
    mistake(
        "sinh: sinh for cosh",
        lambda x, /: np.sinh(x),
        (5,),
        says=r"multiply by 1 / tanh\(x\)",
        x=lambda g, out: g * out,
    ),
    mistake(
        "square root of a sum: chain",
        lambda x, /: np.sqrt(1 + x * x),
        (5,),
        says=r"multiply by x$",
        x=lambda g, out: g / out,
    ),
    mistake(
        "reciprocal square root", lambda x, /: x**-0.5, POSITIVE, says=r"divide by x$", x=lambda g, out: -g * out / 2
    ),
]

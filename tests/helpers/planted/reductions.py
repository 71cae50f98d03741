"""Planted mistakes in rules of sums, means, norms and other reductions, and of broadcasting."""

import numpy as np

from .mistake import mistake


def norm(x, /):
    return np.sqrt((x * x).sum())


def row_norms(x, /):
    return np.sqrt((x * x).sum(1))


def logsumexp(x, /):
    return np.log(np.exp(x).sum(1))


REDUCTIONS = [
    mistake(
        "sum: repeated along the wrong axis",
        lambda x, /: x.sum(1),
        (3, 3),
        says=r"along axis 0 .* along 1",
        x=lambda g, x: g + 0 * x,
    ),
    mistake(
        "mean: not divided",
        lambda x, /: x.mean(1),
        (2, 3),
        says=r"sum, but the op is a mean",
        x=lambda g, x: g[:, None] + 0 * x,
    ),
    mistake(
        "mean: divided by the other axis",
        lambda x, /: x.mean(1),
        (2, 3),
        says=r"divides by 2, but must divide by 3, the size of another axis",
        x=lambda g, x: g[:, None] / len(x) + 0 * x,
    ),
    mistake(
        "var: n for n - 1",
        lambda x, /: x.var(ddof=1),
        (4,),
        says=r"n and n - 1",
        x=lambda g, x: g * 2 * (x - x.mean()) / 4,
    ),
    mistake(
        "var: x not centred",
        lambda x, /: x.var(),
        (4,),
        says=r"subtract g \* x\.mean\(\)",
        x=lambda g, x: g * 2 * x / 4,
    ),
    mistake(
        "var: the mean of everything",
        lambda x, /: x.var(1),
        (3, 3),
        says=r"constant along axis 1: a term that sums or averages over this axis",
        x=lambda g, x: g[:, None] * 2 * (x - x.mean()) / 3,
    ),
    mistake(
        "std: not divided by out",
        lambda x, /: x.std(1),
        (3, 4),
        says=r"divide by out|multiply by 1 / out",
        x=lambda g, x: g[:, None] * (x - x.mean(1, keepdims=True)) / 4,
    ),
    mistake("norm: not divided by out", norm, (4,), says=r"divide by out", x=lambda g, x: g * x),
    mistake(
        "norms of slices: not divided by out", row_norms, (3, 4), says=r"divide by out", x=lambda g, x: g[:, None] * x
    ),
    mistake(
        "norm: out times x", norm, (4,), says=r"divide by out squared|divide by out", x=lambda g, x, out: g * x * out
    ),
    mistake("norm: 2 x", norm, (4,), says=r"multiply by 1 / \(2 \* out\)", x=lambda g, x: g * 2 * x),
    mistake("prod: out alone", lambda x, /: x.prod(), (4,), says=r"divide by x", x=lambda g, x, out: g * out + 0 * x),
    mistake("prod: times x", lambda x, /: x.prod(), (4,), says=r"divide by x", x=lambda g, x, out: g * out * x),
    mistake("cumsum: not reversed", lambda x, /: x.cumsum(), (4,), says=r"transpose", x=lambda g: g.cumsum()),
    mistake(
        "cumsum: reversed once", lambda x, /: x.cumsum(), (4,), says=r"order|revers|flip", x=lambda g: g[::-1].cumsum()
    ),
    mistake(
        "cumsum: the element itself left out",
        lambda x, /: x.cumsum(),
        (4,),
        says=r"add g",
        x=lambda g: g[::-1].cumsum()[::-1] - g,
    ),
    mistake(
        "max: everywhere", lambda x, /: x.max(1), (3, 3), says=r"mask is missing", x=lambda g, x: g[:, None] + 0 * x
    ),
    mistake(
        "max: g along the wrong axis",
        lambda x, /: x.max(1),
        (3, 3),
        says=r"along axis 0 .* along 1",
        x=lambda g, x: g * (x == x.max(1, keepdims=True)),
    ),
    mistake(
        "max: mask over the wrong axis",
        lambda x, /: x.max(1),
        (3, 3),
        says=r"mask selects wrong elements",
        x=lambda g, x: g[:, None] * (x == x.max(0)),
    ),
    mistake(
        "max: the mask of the minimum",
        lambda x, /: x.max(1),
        (3, 3),
        says=r"wrong (places|elements)",
        x=lambda g, x: g[:, None] * (x == x.min(1, keepdims=True)),
    ),
    mistake(
        "logsumexp: not normalised",
        logsumexp,
        (3, 4),
        says=r"1 / exp\(out\)",
        x=lambda g, x: g[:, None] * np.exp(x),
    ),
    mistake("logsumexp: g alone", logsumexp, (3, 4), says=r"g unchanged; multiply", x=lambda g, x: g[:, None] + 0 * x),
    mistake(
        "logsumexp: divided by out",
        logsumexp,
        (3, 4),
        says=r"once per slice.*here it is out / exp\(out\)",
        x=lambda g, x, out: (g / out)[:, None] * np.exp(x),
    ),
    mistake(
        "bias: the first slice only", lambda x, b, /: x + b, (4, 3), (3,), says=r"only slice 0", b=lambda g: g[0] + 0
    ),
    mistake("bias: a mean", lambda x, b, /: x + b, (4, 3), (3,), says=r"that of a mean", b=lambda g: g.mean(0)),
    mistake("bias: a maximum", lambda x, b, /: x + b, (4, 3), (3,), says=r"maximum over axis 0", b=lambda g: g.max(0)),
    mistake(
        "bias on a square: the wrong axis",
        lambda x, b, /: x + b,
        (3, 3),
        (3,),
        says=r"axis 1 .* over 0",
        b=lambda g: g.sum(1),
    ),
    mistake(
        "bias: one axis too many",
        lambda x, b, /: x + b,
        (4, 3),
        (3,),
        says=r"one axis too many",
        b=lambda g: np.full(3, g.sum()),
    ),
    mistake(
        "bias of images: one axis too few",
        lambda x, b, /: x + b,
        (2, 3, 3),
        (3,),
        says=r"only slice 0",
        b=lambda g: g[0].sum(0),
    ),
    mistake(
        "scale: summed before it is multiplied",
        lambda x, s, /: x * s,
        (4, 3),
        (3,),
        says=r"multiply, then sum",
        s=lambda g, x: g.sum(0) * x.sum(0),
    ),
    mistake(
        "scale: x left out",
        lambda x, s, /: x * s,
        (4, 3),
        (3,),
        says=r"g unchanged; multiply",
        s=lambda g: g.sum(0),
    ),
    mistake(
        "centring: axis 0 for 1",
        lambda x, /: x - x.mean(1, keepdims=True),
        (3, 3),
        says=r"axis 0, but must go over 1",
        x=lambda g: g - g.mean(0),
    ),
    mistake(
        "centring: one axis too many",
        lambda x, /: x - x.mean(1, keepdims=True),
        (3, 3),
        says=r"axis \(0, 1\), but must go over 1",
        x=lambda g: g - g.mean(),
    ),
    mistake(
        "mean absolute value: sign forgotten",
        lambda x, /: np.abs(x).mean(),
        (5,),
        says=r"wrong sign at the elements where the input is negative",
        x=lambda g, x: g / 5 + 0 * x,
    ),
    mistake(
        "mse: not divided by n",
        lambda a, b, /: ((a - b) ** 2).mean(),
        (5,),
        (5,),
        says=r"sum, but the op is a mean",
        a=lambda g, a, b: 2 * g * (a - b),
    ),
    mistake(
        "mse: the 2 forgotten",
        lambda a, b, /: ((a - b) ** 2).mean(),
        (5,),
        (5,),
        says=r"multiply by 2$",
        a=lambda g, a, b: g * (a - b) / 5,
    ),
]

"""Planted mistakes in what a rule does with the upstream gradient g, its arguments and its result."""

import numpy as np

from .mistake import mistake


def exp(x, /):
    return np.exp(x)


def square(x, /):
    return x * x


def out_times_g_in_place(g, out):
    out *= g
    return out


UPSTREAM = [
    mistake("g ignored", exp, (2, 3), says=r"ignores the upstream", x=lambda g, out: out * 1),
    mistake(
        "g left out of the signature",
        square,
        (4,),
        says=r"as its first parameter, which is the upstream gradient",
        x=lambda x: 2 * x,
    ),
    mistake("g after x in the signature", square, (4,), says=r"first|it may ask for", x=lambda x, g: 2 * g * x),
    mistake("g twice", exp, (4,), says=r"g twice", x=lambda g, out: g * g * out),
    mistake("g added", square, (4,), says=r"plus the derivative; multiply", x=lambda g, x: g + 2 * x),
    mistake("g alone", lambda x, /: np.sin(x), (4,), says=r"g unchanged; multiply", x=lambda g: g * 1),
    mistake(
        "the size of g", exp, (5,), says=r"absolute value of the upstream gradient", x=lambda g, out: np.abs(g) * out
    ),
    mistake(
        "the sign of g", exp, (5,), says=r"only the sign of the upstream gradient g", x=lambda g, out: np.sign(g) * out
    ),
    mistake(
        "the mean of g", exp, (5,), says=r"uses the mean of the upstream gradient g", x=lambda g, out: g.mean() * out
    ),
    mistake(
        "the sum of g", exp, (2, 3), says=r"uses the sum of the upstream gradient g", x=lambda g, out: g.sum() * out
    ),
    mistake("the first element of g", exp, (5,), says=r"one element of g, g\[0\]", x=lambda g, out: g[0] * out),
    mistake("divided by g", exp, (5,), says=r"divide[sd] by .*g", x=lambda g, out: out / g),
    mistake(
        "g divided by the derivative",
        exp,
        (5,),
        says=r"multiply by out squared|divides? g by",
        x=lambda g, out: g / out,
    ),
    mistake(
        "cast to int",
        lambda x, /: x**3,
        (5,),
        says=r"do not cast a gradient to integers",
        x=lambda g, x: (3 * g * x * x).astype(int),
    ),
    mistake(
        "rounded",
        lambda x, /: x**3,
        (5,),
        says=r"rounded to integers; do not cast .* nor round",
        x=lambda g, x: np.round(3 * g * x * x),
    ),
    mistake("the output changed in place", exp, (4,), says=r"in place: its output out", x=out_times_g_in_place),
    mistake("nothing", exp, (4,), says=r"gives 0 everywhere", x=lambda g: g * 0),
    mistake("float32", exp, (4,), says=r"float32", x=lambda g, out: (g * out).astype(np.float32)),
    mistake("a rounded constant", lambda x, /: x / 3, (4,), says=r"too few digits", x=lambda g: g * 0.3333),
    mistake(
        "nan where x is 0", square, [0.0, 1.0, 2.0], says=r"divides by x, which is 0", x=lambda g, x: g * 2 * x * x / x
    ),
    mistake(
        "a seed of ones for g of a sum",
        lambda x, /: (x * x).sum(),
        (4,),
        says=r"ignores the upstream",
        x=lambda g, x: 2 * x,
    ),
    mistake(
        "the same gradient for both inputs",
        lambda a, b, /: a - 2 * b,
        (4,),
        (4,),
        says=r"multiply by -2",
        b=lambda g: g * 1,
    ),
]

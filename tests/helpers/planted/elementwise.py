"""Planted mistakes in rules of elementwise ops."""

import numpy as np

from .mistake import mistake


def sigmoid(x, /):
    return 1 / (1 + np.exp(-x))


def silu(x, /):
    return x * sigmoid(x)


def clip(x, /):
    return np.clip(x, -0.5, 0.8)


BOTH_SIDES = [-1.2, -0.7, -0.2, 0.3, 0.6, 1.1, 1.4]

ELEMENTWISE = [
    mistake(
        "tanh: 1 - out", lambda x, /: np.tanh(x), (5,), says=r"out \* out|out squared", x=lambda g, out: g * (1 - out)
    ),
    mistake("tanh: x for out", lambda x, /: np.tanh(x), (5,), says=r"out instead of x", x=lambda g, x: g * (1 - x * x)),
    mistake(
        "tanh: 1 + out * out",
        lambda x, /: np.tanh(x),
        (5,),
        says=r"1 - out \* out|subtract 2 g \* out \* out",
        x=lambda g, out: g * (1 + out * out),
    ),
    mistake(
        "tanh: the 1 forgotten", lambda x, /: np.tanh(x), (5,), says=r"add g|1 - out", x=lambda g, out: -g * out * out
    ),
    mistake(
        "sigmoid: 1 - out forgotten", sigmoid, (5,), says=r"1 - out|subtract g \* out \* out", x=lambda g, out: g * out
    ),
    mistake("sigmoid: out forgotten", sigmoid, (5,), says=r"multiply by out", x=lambda g, out: g * (1 - out)),
    mistake("sigmoid: x for out", sigmoid, (5,), says=r"out instead of x", x=lambda g, x: g * x * (1 - x)),
    mistake(
        "sigmoid: the derivative of tanh", sigmoid, (5,), says=r"out \* \(1 - out\)", x=lambda g, out: g * (1 - out**2)
    ),
    mistake(
        "exp(-x): the minus forgotten", lambda x, /: np.exp(-x), (4,), says=r"wrong sign", x=lambda g, out: g * out
    ),
    mistake(
        "exp(2 x): the 2 forgotten", lambda x, /: np.exp(2 * x), (4,), says=r"multiply by 2", x=lambda g, out: g * out
    ),
    mistake(
        "exp(x * x): the chain factor forgotten",
        lambda x, /: np.exp(x * x),
        (4,),
        says=r"multiply by 2 \* x|multiply by 2 x",
        x=lambda g, out: g * out,
    ),
    mistake(
        "exp(x * x): the 2 of the chain factor forgotten",
        lambda x, /: np.exp(x * x),
        (4,),
        says=r"multiply by 2$",
        x=lambda g, out, x: g * out * x,
    ),
    mistake("cos: the minus forgotten", lambda x, /: np.cos(x), (4,), says=r"wrong sign", x=lambda g, x: g * np.sin(x)),
    mistake("sin: sin for cos", lambda x, /: np.sin(x), (4,), says=r"cos\(x\)", x=lambda g, x: g * np.sin(x)),
    mistake(
        "sin(x * x): the chain factor forgotten",
        lambda x, /: np.sin(x * x),
        (4,),
        says=r"multiply by 2 \* x|multiply by 2 x",
        x=lambda g, x: g * np.cos(x * x),
    ),
    mistake(
        "sin(3 x): the 3 forgotten",
        lambda x, /: np.sin(3 * x),
        (4,),
        says=r"multiply by 3",
        x=lambda g, x: g * np.cos(3 * x),
    ),
    mistake(
        "sin(x): g inside cos",
        lambda x, /: np.sin(x),
        (4,),
        says=r"not linear in g.*inside of a function",
        x=lambda g, x: np.cos(g * x),
    ),
    mistake(
        "x ** 3: the exponent not lowered", lambda x, /: x**3, (4,), says=r"divide by x", x=lambda g, x: 3 * g * x**3
    ),
    mistake("x ** 3: the 3 forgotten", lambda x, /: x**3, (4,), says=r"multiply by 3", x=lambda g, x: g * x * x),
    mistake("x ** 3: 3 x", lambda x, /: x**3, (2,), says=r"multiply by x", x=lambda g, x: 3 * g * x),
    mistake(
        "sqrt: times out",
        lambda x, /: np.sqrt(x),
        [0.3, 0.8, 1.7, 2.5],
        says=r"divide by (x|out squared)|divide by out",
        x=lambda g, out: 0.5 * g * out,
    ),
    mistake("1 / x: -out", lambda x, /: 1 / x, (4,), says=r"multiply by out|divide by x", x=lambda g, out: -g * out),
    mistake("1 / x: the minus forgotten", lambda x, /: 1 / x, (4,), says=r"wrong sign", x=lambda g, out: g * out * out),
    mistake(
        "log: product for quotient",
        lambda x, /: np.log(x),
        [0.3, 0.8, 1.7, 2.5],
        says=r"divide by x squared|divide .* by x, .* not multiply|is 1 / x",
        x=lambda g, x: g * x,
    ),
    mistake(
        "log: out for x",
        lambda x, /: np.log(x),
        [0.3, 0.8, 1.7, 2.5],
        says=r"x instead of out",
        x=lambda g, out: g / out,
    ),
    mistake(
        "log1p: the 1 forgotten",
        lambda x, /: np.log1p(x),
        [0.3, 0.8, 1.7, 2.5],
        says=r"1 \+ x",
        x=lambda g, x: g / x,
    ),
    mistake(
        "a / b: the minus of db", lambda a, b, /: a / b, (4,), (4,), says=r"wrong sign", b=lambda g, a, b: g * a / b**2
    ),
    mistake(
        "a / b: db with 1 / b", lambda a, b, /: a / b, (4,), (4,), says=r"divide by b", b=lambda g, a, b: -g * a / b
    ),
    mistake("a / b: db without a", lambda a, b, /: a / b, (4,), (4,), says=r"multiply by a", b=lambda g, b: -g / b**2),
    mistake(
        "a / b: da times b",
        lambda a, b, /: a / b,
        (4,),
        (4,),
        says=r"divide by b squared|is 1 / b",
        a=lambda g, b: g * b,
    ),
    mistake("a * b: the wrong input", lambda a, b, /: a * b, (4,), (4,), says=r"b instead of a", a=lambda g, a: g * a),
    mistake(
        "a * b: rules swapped",
        lambda a, b, /: a * b * b,
        (4,),
        (4,),
        says=r"with respect to b .*swapped",
        a=lambda g, a, b: 2 * g * a * b,
        b=lambda g, b: g * b * b,
    ),
    mistake(
        "x exp(x): a term of the product rule",
        lambda x, /: x * np.exp(x),
        (4,),
        says=r"a term is missing; add g \* (out / x|exp\(x\))",
        x=lambda g, out: g * out,
    ),
    mistake(
        "silu: the second term", silu, (5,), says=r"term (must be added|is missing)", x=lambda g, x: g * sigmoid(x)
    ),
    mistake(
        "(a - b) squared: the minus of db",
        lambda a, b, /: (a - b) ** 2,
        (4,),
        (4,),
        says=r"wrong sign",
        b=lambda g, a, b: 2 * g * (a - b),
    ),
    mistake("relu: no mask", lambda x, /: np.maximum(x, 0), BOTH_SIDES, says=r"a mask is missing", x=lambda g: g),
    mistake(
        "relu: out for its sign",
        lambda x, /: np.maximum(x, 0),
        BOTH_SIDES,
        says=r"divide by (x|out)\b",
        x=lambda g, out: g * out,
    ),
    mistake(
        "relu: a mask of g",
        lambda x, /: np.maximum(x, 0),
        BOTH_SIDES,
        says=r"sign of g.*masks are made from the inputs",
        x=lambda g: g * (g > 0),
    ),
    mistake(
        "relu: the opposite mask",
        lambda x, /: np.maximum(x, 0),
        BOTH_SIDES,
        says=r"opposite mask",
        x=lambda g, x: g * (x < 0),
    ),
    mistake(
        "abs: no sign",
        lambda x, /: np.abs(x),
        BOTH_SIDES,
        says=r"wrong sign at the elements where the input is negative",
        x=lambda g: g * 1.0,
    ),
    mistake(
        "leaky relu: no slope",
        lambda x, /: np.where(x > 0, x, 0.1 * x),
        BOTH_SIDES,
        says=r"0 .*where the input is negative",
        x=lambda g, x: g * (x > 0),
    ),
    mistake(
        "clip: upper side of the mask only",
        clip,
        BOTH_SIDES,
        says=r"should be 0 at .*smallest inputs.*mask",
        x=lambda g, x: g * (x < 0.8),
    ),
    mistake(
        "clip: lower side of the mask only",
        clip,
        BOTH_SIDES,
        says=r"should be 0 at .*largest inputs.*mask",
        x=lambda g, x: g * (x > -0.5),
    ),
    mistake("clip: no mask", clip, BOTH_SIDES, says=r"mask is missing", x=lambda g: g * 1),
    mistake(
        "maximum: no mask",
        lambda a, b, /: np.maximum(a, b),
        (6,),
        (6,),
        says=r"mask is missing",
        a=lambda g: g * 1,
    ),
    mistake(
        "maximum: the mask of b",
        lambda a, b, /: np.maximum(a, b),
        (6,),
        (6,),
        says=r"opposite mask",
        a=lambda g, a, b: g * (a < b),
    ),
    mistake(
        "a ** b: da keeps the exponent",
        lambda a, b, /: a**b,
        [0.5, 0.8, 1.4, 2.0],
        (4,),
        says=r"divide by a",
        a=lambda g, b, out: g * b * out,
    ),
    mistake(
        "a ** b: db with log b",
        lambda a, b, /: a**b,
        [0.5, 0.8, 1.4, 2.0],
        [1.5, 2.2, 0.7, 3.0],
        says=r"a instead of b|log\(a\)",
        b=lambda g, b, out: g * out * np.log(b),
    ),
    mistake(
        "a ** b: db without the logarithm",
        lambda a, b, /: a**b,
        [0.5, 0.8, 1.4, 2.0],
        (4,),
        says=r"multiply by log\(a\)",
        b=lambda g, out: g * out,
    ),
]

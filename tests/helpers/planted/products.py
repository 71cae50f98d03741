"""Planted mistakes in rules of matrix products."""

import numpy as np

from .mistake import mistake


def product(a, b, /):
    return a @ b


def scores(q, k, /):
    return q @ k.swapaxes(-1, -2)


def linear(x, w, b, /):
    return x @ w.T + b


def quadratic(x, /):
    return x @ FORM @ x


FORM = np.array([[1.0, 2.0, -0.5], [0.3, -1.0, 0.7], [1.4, 0.2, 0.9]])
SQUARE, CUBE = (3, 3), (3, 3, 3)

PRODUCTS = [
    mistake("dA: factors swapped", product, SQUARE, SQUARE, says=r"is g @ b\.T", a=lambda g, b: b.T @ g),
    mistake("dB: factors swapped", product, SQUARE, SQUARE, says=r"is a\.T @ g", b=lambda g, a: g @ a.T),
    mistake("dA: B not transposed", product, SQUARE, SQUARE, says=r"b transposed", a=lambda g, b: g @ b),
    mistake("dB: A not transposed", product, SQUARE, SQUARE, says=r"a transposed", b=lambda g, a: a @ g),
    mistake("dA: transposed", product, SQUARE, SQUARE, says=r"gradient transposed", a=lambda g, b: b @ g.T),
    mistake("dB: g transposed", product, SQUARE, SQUARE, says=r"is a\.T @ g|g transposed", b=lambda g, a: a.T @ g.T),
    mistake("dA: B alone, factors swapped", product, SQUARE, SQUARE, says=r"is g @ b\.T", a=lambda g, b: b @ g),
    mistake("dA: the other input", product, SQUARE, SQUARE, says=r"b instead of a", a=lambda g, a: g @ a.T),
    mistake(
        "dA of 3-d arrays: .T reverses all axes",
        product,
        CUBE,
        CUBE,
        says=r"g @ b\.swapaxes\(-1, -2\).*reverses all three",
        a=lambda g, b: g @ b.T,
    ),
    mistake(
        "dB of 3-d arrays: .T reverses all axes",
        product,
        CUBE,
        CUBE,
        says=r"a\.swapaxes\(-1, -2\) @ g.*reverses all three",
        b=lambda g, a: a.T @ g,
    ),
    mistake(
        "dA of 3-d arrays: not transposed",
        product,
        CUBE,
        CUBE,
        says=r"b transposed|swap.*last two",
        a=lambda g, b: g @ b,
    ),
    mistake(
        "attention dk: not transposed", scores, SQUARE, SQUARE, says=r"is g\.T @ q|g transposed", k=lambda g, q: g @ q
    ),
    mistake("attention dk: q.T @ g", scores, SQUARE, SQUARE, says=r"gradient transposed", k=lambda g, q: q.T @ g),
    mistake(
        "attention dq: k transposed", scores, SQUARE, SQUARE, says=r"k transposed|is g @ k\b", q=lambda g, k: g @ k.T
    ),
    mistake(
        "attention dk in batches: not transposed",
        scores,
        (2, 3, 3),
        (2, 3, 3),
        says=r"is g\.swapaxes\(-1, -2\) @ q",
        k=lambda g, q: g @ q,
    ),
    mistake(
        "a quadratic form: 2 A x for (A + A^T) x",
        quadratic,
        (3,),
        says=r"is g \* FORM @ x \+ g \* FORM\.T @ x",
        x=lambda g, x: g * 2 * FORM @ x,
    ),
    mistake(
        "a quadratic form: A x alone",
        quadratic,
        (3,),
        says=r"add g \* FORM\.T @ x",
        x=lambda g, x: g * (FORM @ x),
    ),
    mistake(
        "x @ x.T: one of two terms",
        lambda x, /: x @ x.T,
        SQUARE,
        says=r"add g\.T @ x",
        x=lambda g, x: g @ x,
    ),
    mistake(
        "x @ x.T: twice the first term",
        lambda x, /: x @ x.T,
        (3, 2),
        says=r"is g @ x \+ g\.T @ x",
        x=lambda g, x: 2 * g @ x,
    ),
    mistake("x @ x: one of two terms", lambda x, /: x @ x, SQUARE, says=r"add x\.T @ g", x=lambda g, x: g @ x.T),
    mistake(
        "x @ x: twice the first term",
        lambda x, /: x @ x,
        SQUARE,
        says=r"is g @ x\.T \+ x\.T @ g",
        x=lambda g, x: 2 * g @ x.T,
    ),
    mistake(
        "outer: da with g.T",
        lambda a, b, /: np.outer(a, b),
        (3,),
        (3,),
        says=r"is g @ b, but",
        a=lambda g, b: g.T @ b,
    ),
    mistake("A x: dA transposed", product, SQUARE, (3,), says=r"gradient transposed", a=lambda g, b: np.outer(b, g)),
    mistake("A x: dx = A g", product, SQUARE, (3,), says=r"transpose", b=lambda g, a: a @ g),
    mistake("linear: dw transposed", linear, SQUARE, SQUARE, (3,), says=r"gradient transposed", w=lambda g, x: x.T @ g),
    mistake(
        "linear: dx with w.T", linear, SQUARE, SQUARE, (3,), says=r"w transposed|is g @ w\b", x=lambda g, w: g @ w.T
    ),
    mistake("linear: db over axis 1", linear, SQUARE, SQUARE, (3,), says=r"axis 1 .* over 0", b=lambda g: g.sum(1)),
    mistake(
        "trace of a product: B not transposed",
        lambda a, b, /: np.trace(a @ b),
        SQUARE,
        SQUARE,
        says=r"transposed",
        a=lambda g, b: g * b,
    ),
    mistake(
        "inverse: not transposed",
        lambda x, /: np.linalg.inv(x),
        SQUARE,
        says=r"out transposed|is -out\.T @ g @ out\.T",
        x=lambda g, out: -out @ g @ out,
    ),
    mistake(
        "inverse: the minus forgotten",
        lambda x, /: np.linalg.inv(x),
        SQUARE,
        says=r"wrong sign",
        x=lambda g, out: out.T @ g @ out.T,
    ),
    mistake(
        "a @ b @ c: db not transposed",
        lambda a, b, c, /: a @ b @ c,
        SQUARE,
        SQUARE,
        SQUARE,
        says=r"is a\.T @ g @ c\.T",
        b=lambda g, a, c: a @ g @ c,
    ),
]

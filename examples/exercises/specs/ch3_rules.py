"""Chapter 3: rules of functions that work element by element."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_lecture as tl
from tinygrad_lecture.testing import (
    CheckFailed,
    Exercise,
    Mistake,
    arrays,
    check_function,
    check_rule,
    same_shape,
    shapes,
)
from tinygrad_lecture.testing.calls import call

from .shared.racing import normal, race
from .shared.telling import explaining

SIZE = "10,000 numbers"
BIG = normal((10_000,), (10_000,))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _check_add(m: Any) -> None:
    check_rule(
        lambda x, y: x + y,
        m.add_rule,
        same_shape(2),
        mistakes=[
            Mistake("extra-factor", "the derivative of x + y is 1 for both: g has no factor", lambda g, x, y: (g * x, g * y)),
            Mistake("as-product", "this is the rule of x * y; the derivative of x + y is 1 for both", lambda g, x, y: (g * y, g * x)),
        ],
    )  # fmt: skip


def _check_mul(m: Any) -> None:
    with explaining(("matmul", "matrix-product", "`@` is a matrix product; element by element is `*`")):
        check_rule(
            lambda x, w: x * w,
            m.mul_rule,
            same_shape(2),
            mistakes=[
                Mistake("swapped", "the two are swapped: the gradient of x is g * w, that of w is g * x",
                        lambda g, x, w: (g * x, g * w)),
                Mistake("result", "this is g times the result; the derivative of x * w with respect to x is w alone",
                        lambda g, x, w: (g * x * w, g * x * w)),
            ],
        )  # fmt: skip


def _check_power(m: Any) -> None:
    inputs = st.tuples(arrays(shapes(max_dims=2)), st.fixed_dictionaries({"n": st.integers(1, 4)}))
    check_rule(
        lambda x, n: x**n,
        m.power_rule,
        inputs,
        mistakes=[
            Mistake("factor-missing", "the factor n is missing", lambda g, x, n: g * x ** (n - 1)),
            Mistake("exponent", "the exponent must become n - 1", lambda g, x, n: g * n * x**n),
            Mistake("exponent", "the two are exchanged: the factor is n, and the exponent becomes n - 1",
                    lambda g, x, n: g * (n - 1) * x**n),
            Mistake("only-square", "this is right for n = 2 only: 2 x", lambda g, x, n: g * 2 * x),
            Mistake("factor", "the factor is n, the old exponent, not n - 1", lambda g, x, n: g * (n - 1) * x ** (n - 1)),
            Mistake("upstream-ignored", "this is the derivative alone; multiply it by g", lambda g, x, n: n * x ** (n - 1)),
            Mistake("integral", "this is the integral, not the derivative", lambda g, x, n: g * x ** (n + 1) / (n + 1)),
            Mistake("result", "this is g times the result, not the derivative", lambda g, x, n: g * x**n),
            Mistake("at-zero", "at x = 0 this is 0 / 0, which is nan; let the exponent be n - 1 instead of dividing by x",
                    lambda g, x, n: g * n * x**n / x),
        ],
    )  # fmt: skip


def _check_exp(m: Any) -> None:
    check_rule(
        np.exp,
        m.exp_rule,
        [arrays(shapes(max_dims=2), low=-2, high=2)],
        mistakes=[
            Mistake("power", "exp(x) is no power of x: x * exp(x - 1) would be the rule of x ** n; exp is its own "
                    "derivative", lambda g, x: g * x * np.exp(x - 1)),
            Mistake("extra-factor", "x is a factor too many: exp(x) is its own derivative", lambda g, x: g * x * np.exp(x)),
            Mistake("of-upstream", "exp is taken of g too; g is only a factor", lambda g, x: np.exp(g * x)),
            Mistake("inverse", "this is the derivative of log, the inverse function", lambda g, x: g / x),
        ],
    )  # fmt: skip


def _check_log(m: Any) -> None:
    check_rule(
        np.log,
        m.log_rule,
        [arrays(shapes(max_dims=2), low=0.25, high=4)],
        mistakes=[
            Mistake("of-log", "this divides by log(x); divide by x", lambda g, x: g / np.log(x)),
            Mistake("multiplied", "this multiplies by x; divide by it", lambda g, x: g * x),
            Mistake("result", "this is g times the result; the derivative of log(x) is 1 / x", lambda g, x: g * np.log(x)),
            Mistake("wrong-sign", "the sign is wrong: -1 / x is not the derivative of log", lambda g, x: -g / x),
            Mistake("squared", "1 / x**2 belongs to the derivative of 1 / x", lambda g, x: g / x**2),
            Mistake("squared", "-1 / x**2 is the derivative of 1 / x, not of log(x)", lambda g, x: -g / x**2),
            Mistake("upstream-divided", "x is divided by g; divide g by x", lambda g, x: x / g),
        ],
    )  # fmt: skip


def _check_tanh(m: Any) -> None:
    check_rule(
        np.tanh,
        m.tanh_rule,
        [arrays(shapes(max_dims=2))],
        mistakes=[
            Mistake("square-missing", "tanh(x) must be squared", lambda g, x: g * (1 - np.tanh(x))),
            Mistake("of-input", "the square is of x; it must be of tanh(x)", lambda g, x: g * (1 - x**2)),
            Mistake("as-sigmoid", "this is the formula of the sigmoid, s (1 - s)", lambda g, x: g * np.tanh(x) * (1 - np.tanh(x))),
            Mistake("brackets", "g multiplies only the 1; put brackets around 1 - tanh(x) ** 2", lambda g, x: g - np.tanh(x) ** 2),
            Mistake("sign-inside", "the sign inside: 1 - tanh(x) ** 2", lambda g, x: g * (1 + np.tanh(x) ** 2)),
        ],
    )  # fmt: skip


def _check_sigmoid(m: Any) -> None:
    mistakes = [
        Mistake("sign-in-exp", "the sign in the exponent: exp(-x), with a minus", lambda x: 1 / (1 + np.exp(x))),
        Mistake("one-missing", "the 1 + below the line is missing", lambda x: np.exp(x)),
        Mistake("tanh", "this is tanh", np.tanh),
        Mistake("large-numbers", "for large x this is inf / inf, which is nan; divide 1 by (1 + exp(-x))",
                lambda x: np.exp(x) / (1 + np.exp(x))),
    ]  # fmt: skip
    check_function(
        m.sigmoid, _sigmoid, [arrays(shapes(max_dims=2))], mistakes=mistakes, examples=[(np.array([1000.0, -1000.0]),)]
    )
    with explaining(("'function'", "not-called", "sigmoid alone is the function; sigmoid(x) is its result")):
        check_rule(
            _sigmoid,
            m.sigmoid_rule,
            [arrays(shapes(max_dims=2))],
            mistakes=[
                Mistake("of-input", "the formula is of s = sigmoid(x), not of x", lambda g, x: g * x * (1 - x)),
                Mistake("as-tanh", "1 - s ** 2 is the formula of tanh", lambda g, x: g * (1 - _sigmoid(x) ** 2)),
                Mistake("factor-missing", "the factor s is missing: s (1 - s)", lambda g, x: g * (1 - _sigmoid(x))),
                Mistake("result", "this is g times the result", lambda g, x: g * _sigmoid(x)),
                Mistake("of-upstream", "g is the upstream gradient, not the result of the sigmoid", lambda g, x: g * (1 - g)),
            ],
        )  # fmt: skip


def _check_relu(m: Any) -> None:
    two, signs = np.array([2.0, 2.0]), np.array([1.0, -1.0])
    mask: Any = None
    with suppress(CheckFailed):  # what else is wrong is found below
        mask = call(m.relu_rule, (two, signs))
    if getattr(mask, "dtype", None) == np.dtype(bool):
        raise CheckFailed("relu_rule returns True and False, not a gradient.", kind="type", hint="upstream-ignored",
                          shown=["g = [2, 2]", "x = [1, -1]", "expected [2, 0]", f"got      {mask.tolist()}"],
                          cause="this is the mask alone; multiply it by g")  # fmt: skip
    check_rule(
        lambda x: np.maximum(x, 0),
        m.relu_rule,
        [arrays(shapes(max_dims=2))],
        reference=lambda g, x: g * (x > 0),
        mistakes=[
            Mistake("of-upstream", "the mask is made from g; it must be made from x", lambda g, x: np.maximum(g, 0)),
            Mistake("of-upstream", "the mask is made from g; it must be made from x", lambda g, x: g * (g > 0)),
            Mistake("array-truth", "`if` asks about one number, and x may be a whole array: multiply by the mask x > 0",
                    lambda g, x: g if x > 0 else 0),
            Mistake("at-zero", "at exactly 0 the gradient must be 0: x > 0, not x >= 0", lambda g, x: g * (x >= 0)),
            Mistake("result", "this multiplies by the result; where x is positive, the derivative is 1",
                    lambda g, x: g * np.maximum(x, 0)),
            Mistake("inverted", "the mask is the wrong way round", lambda g, x: g * (x < 0)),
            Mistake("leaky", "where x is negative, nothing must get through", lambda g, x: np.where(x > 0, g, 0.01 * g)),
            Mistake("sign", "where x is negative, the derivative is 0, not -1", lambda g, x: g * np.sign(x)),
        ],
    )  # fmt: skip


EXERCISES = [
    Exercise(
        "3.1",
        "ch3_rules/ex1_add.py",
        _check_add,
        title="The rule of a sum",
        solution="return g, g",
        hints=(
            "Move x by 1: by how much does x + y move? Then the cost moves by how much, if g is known?",
            "The derivative is 1 for both. Two results are returned with a comma between them.",
            "g times 1 is g: return it twice.",
        ),
        meaning="A sum hands its gradient on, unchanged, to all that was added. So a bias learns as fast as its neuron.",
        engine="tinygrad_lecture/ops/basics.py:add",
        another="return 1.0 * g, 1.0 * g             # new arrays; the engine shares one, and copies before it adds",
        race=race("add_rule", tl.add, *BIG, of=SIZE),
    ),
    Exercise(
        "3.2",
        "ch3_rules/ex2_mul.py",
        _check_mul,
        title="The rule of a product",
        solution="return g * w, g * x",
        hints=(
            "You know it from 2.2: what is d (x * w) / d x?",
            "Each input's gradient is g times the other input.",
            "First the gradient of x, which is g * w.",
        ),
        meaning="A weight learns most where its input is large: an input of 0 teaches its weight nothing.",
        engine="tinygrad_lecture/ops/basics.py:mul",
        another="return np.multiply(g, w), np.multiply(g, x)",
        race=race("mul_rule", tl.mul, *BIG, of=SIZE),
    ),
    Exercise(
        "3.3",
        "ch3_rules/ex3_power.py",
        _check_power,
        title="The rule of a power",
        solution="return g * n * x ** (n - 1)",
        hints=(
            "What is the derivative of x ** 2, and of x ** 3? Where does the exponent go?",
            "Three factors: g, n, and x to the power n - 1.",
            "Mind the brackets: x ** (n - 1).",
        ),
        meaning="With n = 2 this is the slope of the squared error, 2 times the error: far off means a steep slope.",
        engine="tinygrad_lecture/ops/elementwise.py:pow",
        another="return g * n * x**n / x             # but wrong at 0",
    ),
    Exercise(
        "3.4",
        "ch3_rules/ex4_exp.py",
        _check_exp,
        title="The rule of exp",
        solution="return g * np.exp(x)",
        hints=(
            "Which function is its own derivative?",
            "g times the derivative; the derivative is np.exp(x).",
            "return g * ... with exp of x.",
        ),
        meaning="The derivative is the result itself, so the engine keeps only the result and computes nothing anew.",
        engine="tinygrad_lecture/ops/basics.py:exp",
        another="return g * out                      # if the rule is given the result",
        race=race("exp_rule", tl.exp, BIG[0], of=SIZE),
    ),
    Exercise(
        "3.5",
        "ch3_rules/ex5_log.py",
        _check_log,
        title="The rule of log",
        solution="return g / x",
        hints=(
            "How steep is log(x) at x = 1, and how steep at x = 0.01?",
            "g times 1 / x.",
            "g times 1 / x is g / x.",
        ),
        meaning="-log(p) as a cost is steep where the right answer got a small p: a sure mistake teaches most.",
        engine="tinygrad_lecture/ops/elementwise.py:log",
        another="return g * x ** -1.0",
        race=race("log_rule", tl.log, np.abs(BIG[0]) + 0.1, of=SIZE),
    ),
    Exercise(
        "3.6",
        "ch3_rules/ex6_tanh.py",
        _check_tanh,
        title="The rule of tanh",
        solution="return g * (1 - np.tanh(x) ** 2)",
        hints=(
            "How large is the derivative at 0, and how large at 10?",
            "g times a bracket; in the bracket stands 1 minus a square.",
            "The square is of np.tanh(x).",
        ),
        meaning="At x = 3 only one hundredth of the gradient is left. After five such layers, nothing is.",
        engine="tinygrad_lecture/ops/elementwise.py:tanh",
        another="return g / np.cosh(x) ** 2",
        race=race("tanh_rule", tl.tanh, BIG[0], of=SIZE),
    ),
    Exercise(
        "3.7",
        "ch3_rules/ex7_sigmoid.py",
        _check_sigmoid,
        title="The sigmoid and its rule",
        solution=(
            "return 1 / (1 + np.exp(-x))",
            """
            s = sigmoid(x)
            return g * s * (1 - s)
            """,
        ),
        hints=(
            "Where is the sigmoid steepest, and how steep is it there?",
            "Compute s = sigmoid(x) first; the derivative is made of s alone.",
            "g times s times (1 - s).",
        ),
        meaning="A sigmoid lets through at most a quarter of the gradient; so deep networks came to use ReLU.",
        engine="tinygrad_lecture/ops/elementwise.py:sigmoid",
        another="return (1 + np.tanh(x / 2)) / 2     # the same function, without overflow",
        race=race("sigmoid_rule", tl.sigmoid, BIG[0], of=SIZE),
    ),
    Exercise(
        "3.8",
        "ch3_rules/ex8_relu.py",
        _check_relu,
        title="ReLU's rule",
        solution="return g * (x > 0)",
        hints=(
            "x = [2, -2]: which of the two does the result depend on?",
            "x > 0 is an array of True and False; as numbers these are 1 and 0.",
            "Multiply g by (x > 0).",
        ),
        meaning="A ReLU that is negative for every example learns no more: it is dead. You will meet one in chapter 7.",
        engine="tinygrad_lecture/ops/basics.py:relu",
        another="return np.where(x > 0, g, 0.0)",
        race=race("relu_rule", tl.relu, BIG[0], of=SIZE),
    ),
]

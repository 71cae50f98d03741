"""Chapter 5: how wrong is it?"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_lecture as tl
from tinygrad_lecture.testing import Exercise, Mistake, arrays, check_function, check_rule, indices, shapes

from .shared.racing import normal, race
from .shared.tensors import cross_entropy, log_softmax, one_hot, softmax

ROWS = shapes(min_dims=1, max_dims=3)
BIG = normal((100, 1000))[0]
LARGE = np.array([[1000.0, 1000.0, 0.0], [-1000.0, 0.0, -999.0]])


@st.composite
def _predictions(draw: st.DrawFn) -> tuple[Any, ...]:
    shape = draw(shapes(min_dims=2, max_dims=2))
    return draw(arrays(shape)), {"y": draw(arrays(shape, low=0, high=1))}


@st.composite
def _classified(draw: st.DrawFn) -> tuple[Any, ...]:
    batch, classes = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    return draw(arrays((batch, classes))), draw(indices(classes, (batch,)))


def _check_squared(m: Any) -> None:
    check_function(
        m.squared_error,
        lambda a, y: ((a - y) ** 2).sum(axis=1).mean(),
        _predictions(),
        mistakes=[
            Mistake("mean-of-all", "this is the mean over all numbers; sum over the neurons, then the mean over the examples",
                    lambda a, y: ((a - y) ** 2).mean()),
            Mistake("sum-of-all", "this is the sum over the whole batch; take the mean over its examples",
                    lambda a, y: ((a - y) ** 2).sum()),
            Mistake("axes-swapped", "the sum goes over the examples and the mean over the neurons; swap them",
                    lambda a, y: ((a - y) ** 2).sum(axis=0).mean()),
            Mistake("not-squared", "the differences are not squared", lambda a, y: (a - y).sum(axis=1).mean()),
            Mistake("absolute", "these are absolute values; square them", lambda a, y: np.abs(a - y).sum(axis=1).mean()),
            Mistake("squared-sum", "square each difference first, then sum", lambda a, y: ((a - y).sum(axis=1) ** 2).mean()),
            Mistake("half", "there is no 1/2 in this cost", lambda a, y: 0.5 * ((a - y) ** 2).sum(axis=1).mean()),
            Mistake("not-averaged", "a cost is a single number: take the mean over the examples", lambda a, y: ((a - y) ** 2).sum(axis=1)),
            Mistake("root", "this is the root of the sum; leave it out", lambda a, y: np.sqrt(((a - y) ** 2).sum(axis=1)).mean()),
        ],
    )  # fmt: skip
    check_rule(
        lambda a, y: ((a - y) ** 2).sum(axis=1).mean(),
        m.squared_error_rule,
        _predictions(),
        mistakes=[
            Mistake("batch-missing", "the mean over the examples is missing: divide by len(a)", lambda g, a, y: g * 2 * (a - y)),
            Mistake("all-counted", "divide by the number of examples, len(a), not by that of all numbers", lambda g, a, y: g * 2 * (a - y) / a.size),
            Mistake("factor-missing", "the 2 of the square is missing", lambda g, a, y: g * (a - y) / len(a)),
            Mistake("wrong-sign", "the sign: the error is a - y", lambda g, a, y: g * 2 * (y - a) / len(a)),
            Mistake("target-missing", "y does not occur: the error is a - y", lambda g, a, y: g * 2 * a / len(a)),
            Mistake("upstream-ignored", "g is ignored", lambda g, a, y: 2 * (a - y) / len(a)),
            Mistake("neurons-counted", "divide by the number of examples, len(a), not of neurons", lambda g, a, y: g * 2 * (a - y) / a.shape[1]),
            Mistake("floor", "`//` divides to whole numbers; write /", lambda g, a, y: g * 2 * (a - y) // len(a)),
            Mistake("not-derived", "this is the square itself; its derivative is 2 (a - y)", lambda g, a, y: g * (a - y) ** 2 / len(a)),
        ],
    )  # fmt: skip


def _check_softmax(m: Any) -> None:
    def exp_only(x: Any) -> Any:
        return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)

    def exponentials(x: Any) -> Any:
        return np.exp(x - x.max(axis=-1, keepdims=True))

    check_function(
        m.softmax,
        softmax,
        [arrays(ROWS)],
        examples=[(LARGE,), (np.array([[1.0, 2.0, 3.0], [2.0, 0.0, -1.0]]),)],
        mistakes=[
            Mistake("whole-array", "all numbers of the array share one sum; sum over the last axis: axis=-1, keepdims=True",
                    lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum()),
            Mistake("whole-array", "all numbers of the array share one sum; sum over the last axis: axis=-1, keepdims=True",
                    lambda x: np.exp(x) / np.exp(x).sum()),
            Mistake("wrong-axis", "the sum goes over axis 0; softmax is along the last axis, -1",
                    lambda x: np.exp(x - x.max(0)) / np.exp(x - x.max(0)).sum(0)),
            Mistake("wrong-axis", "the sum goes over axis 0; softmax is along the last axis, -1", lambda x: exponentials(x) / exponentials(x).sum(0)),
            Mistake("wrong-axis", "the sum goes over axis 0; softmax is along the last axis, -1",
                    lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(0)),
            Mistake("keepdims", "the sums have lost their axis and meet the wrong numbers: keepdims=True", lambda x: exponentials(x) / exponentials(x).sum(-1)),
            Mistake("overflow", "right for small scores; for large ones exp overflows: subtract the largest first", exp_only),
            Mistake("overflow", "the largest score of the whole array is subtracted; in another row all may vanish: "
                    "take that of each row", lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(-1, keepdims=True)),
            Mistake("not-exponential", "the scores are divided by their sum; take exp first", lambda x: x / x.sum(-1, keepdims=True)),
            Mistake("not-exponential", "exp is missing, and the division by the sum", lambda x: x - x.max(-1, keepdims=True)),
            Mistake("overflow", "the smallest score is subtracted, so exp overflows; subtract the largest",
                    lambda x: exp_only(x - x.min(-1, keepdims=True))),
            Mistake("not-divided", "they do not sum up to 1: divide by the sum", lambda x: np.exp(x - x.max(-1, keepdims=True))),
            Mistake("logarithm", "this is the logarithm of softmax", log_softmax),
            Mistake("wrong-sign", "the sign in the exponent: the largest score must get the largest probability", lambda x: softmax(-x)),
        ],
    )  # fmt: skip


def _check_softmax_rule(m: Any) -> None:
    check_rule(
        softmax,
        m.softmax_rule,
        [arrays(ROWS)],
        mistakes=[
            Mistake("diagonal", "only i = j is counted: each probability depends on the other scores too",
                    lambda g, x: g * softmax(x) * (1 - softmax(x))),
            Mistake("sum-of-all", "s is the sum over the whole array; take one for each row: axis=-1, keepdims=True",
                    lambda g, x: softmax(x) * (g - (g * softmax(x)).sum())),
            Mistake("sum-missing", "s is not subtracted", lambda g, x: g * softmax(x)),
            Mistake("not-weighted", "s is the sum of g_i p_i, not of g_i", lambda g, x: softmax(x) * (g - g.sum(-1, keepdims=True))),
            Mistake("mean", "s is a sum, not a mean", lambda g, x: softmax(x) * (g - (g * softmax(x)).mean(-1, keepdims=True))),
            Mistake("factor-missing", "the factor p in front is missing", lambda g, x: g - (g * softmax(x)).sum(-1, keepdims=True)),
            Mistake("keepdims", "s has lost its axis and meets the wrong numbers: keepdims=True",
                    lambda g, x: softmax(x) * (g - (g * softmax(x)).sum(-1))),
            Mistake("of-scores", "p must be softmax(x), not x", lambda g, x: x * (g - (g * x).sum(-1, keepdims=True))),
            Mistake("wrong-axis", "the sum goes over axis 0; it must go over the last", lambda g, x: softmax(x) * (g - (g * softmax(x)).sum(0))),
            Mistake("upstream-ignored", "g is ignored", lambda g, x: softmax(x) * (1 - softmax(x))),
        ],
    )  # fmt: skip


def _check_log_softmax(m: Any) -> None:
    check_function(
        m.log_softmax,
        log_softmax,
        [arrays(ROWS)],
        examples=[(np.array([[1.0, 2.0, 3.0], [2.0, 0.0, -1.0]]),), (LARGE,)],
        mistakes=[
            Mistake("through-softmax", "right, until a probability becomes 0 and its logarithm -inf: use the formula", lambda x: np.log(softmax(x))),
            Mistake("sum-of-all", "one sum for the whole array; sum over the last axis",
                    lambda x: x - x.max(-1, keepdims=True) - np.log(np.exp(x - x.max(-1, keepdims=True)).sum())),
            Mistake("wrong-axis", "the sum goes over axis 0; it must go over the last, -1",
                    lambda x: x - x.max(-1, keepdims=True) - np.log(np.exp(x - x.max(-1, keepdims=True)).sum(0))),
            Mistake("log-missing", "the logarithm of the sum is missing",
                    lambda x: x - x.max(-1, keepdims=True) - np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)),
            Mistake("sum-of-logs", "the logarithm is taken of each before the sum; sum first",
                    lambda x: x - x.max(-1, keepdims=True) - (x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)),
            Mistake("no-log", "this is softmax itself", softmax),
            Mistake("wrong-sign", "the sign: subtract the logarithm", lambda x: 2 * (x - x.max(-1, keepdims=True)) - log_softmax(x)),
            Mistake("mean", "this is the mean of the exponentials; take the sum",
                    lambda x: x - x.max(-1, keepdims=True) - np.log(np.exp(x - x.max(-1, keepdims=True)).mean(-1, keepdims=True))),
        ],
    )  # fmt: skip
    check_rule(
        log_softmax,
        m.log_softmax_rule,
        [arrays(ROWS)],
        mistakes=[
            Mistake("sum-missing", "this is right only if the g of a row sum up to 1: multiply softmax(x) by their sum", lambda g, x: g - softmax(x)),
            Mistake("sum-missing", "each score meets its own g alone: multiply softmax(x) by the sum of g of its row", lambda g, x: g - softmax(x) * g),
            Mistake("sum-of-all", "the sum of g goes over the whole array; take each row's", lambda g, x: g - softmax(x) * g.sum()),
            Mistake("wrong-axis", "the sum of g goes over axis 0; it must go over the last, -1", lambda g, x: g - softmax(x) * g.sum(0)),
            Mistake("exponential", "exp(x) does not sum up to 1; the formula has softmax(x)", lambda g, x: g - np.exp(x) * g.sum(-1, keepdims=True)),
            Mistake("keepdims", "the sum of g has lost its axis and meets the wrong numbers: keepdims=True", lambda g, x: g - softmax(x) * g.sum(-1)),
            Mistake("softmax-missing", "softmax(x) is missing", lambda g, x: g - g.sum(-1, keepdims=True)),
            Mistake("as-softmax", "this is the rule of softmax", lambda g, x: softmax(x) * (g - (g * softmax(x)).sum(-1, keepdims=True))),
            Mistake("logarithm", "this multiplies by log_softmax(x); the formula has softmax(x)", lambda g, x: g - log_softmax(x) * g.sum(-1, keepdims=True)),
            Mistake("wrong-sign", "the sign: subtract", lambda g, x: g + softmax(x) * g.sum(-1, keepdims=True)),
        ],
    )  # fmt: skip


def _check_cross_entropy(m: Any) -> None:
    def rows(x: Any, t: Any) -> Any:
        return log_softmax(x)[np.arange(len(t)), t]

    check_function(
        m.cross_entropy,
        cross_entropy,
        _classified(),
        examples=[(np.array([[0.0, 1000.0]]), np.array([0]))],
        mistakes=[
            Mistake("through-softmax", "right, until a probability becomes 0 and its logarithm -inf: use log_softmax",
                    lambda x, t: -np.log(softmax(x))[np.arange(len(t)), t].mean()),
            Mistake("wrong-sign", "a cost is positive: the minus is missing", lambda x, t: rows(x, t).mean()),
            Mistake("not-averaged", "take the mean over the examples", lambda x, t: -rows(x, t)),
            Mistake("sum", "this is the sum over the examples; take the mean", lambda x, t: -rows(x, t).sum()),
            Mistake("log-missing", "the logarithm is missing", lambda x, t: -softmax(x)[np.arange(len(t)), t].mean()),
            Mistake("all-classes", "all classes count; only the right one of each row does", lambda x, t: -log_softmax(x).mean()),
            Mistake("all-rows", "log_softmax(x)[:, targets] takes every target from every row; use [rows, targets]",
                    lambda x, t: -log_softmax(x)[:, t].mean()),
            Mistake("too-early", "log_softmax needs all scores of a row; take [rows, targets] from its result",
                    lambda x, t: -log_softmax(x[np.arange(len(t)), t]).mean()),
            Mistake("no-softmax", "the scores themselves are taken; take their log_softmax", lambda x, t: -x[np.arange(len(t)), t].mean()),
        ],
    )  # fmt: skip
    check_rule(
        cross_entropy,
        m.cross_entropy_rule,
        _classified(),
        mistakes=[
            Mistake("target-missing", "1 must be subtracted at the right class of each row", lambda g, x, t: g * softmax(x) / len(x)),
            Mistake("batch-missing", "the mean over the batch is missing: divide by len(targets)", lambda g, x, t: g * (softmax(x) - one_hot(x, t))),
            Mistake("wrong-sign", "the sign is wrong: softmax minus the target", lambda g, x, t: g * (one_hot(x, t) - softmax(x)) / len(x)),
            Mistake("upstream-ignored", "g is ignored", lambda g, x, t: (softmax(x) - one_hot(x, t)) / len(x)),
            Mistake("all-rows", "grad[:, targets] changes every row at every target; use grad[rows, targets]",
                    lambda g, x, t: g * (softmax(x) - one_hot(x, t).max(0)) / len(x)),
            Mistake("all-counted", "divide by the number of examples, not by that of all scores", lambda g, x, t: g * (softmax(x) - one_hot(x, t)) / x.size),
            Mistake("classes-counted", "divide by the number of examples, not of classes", lambda g, x, t: g * (softmax(x) - one_hot(x, t)) / x.shape[1]),
            Mistake("everywhere", "1 is subtracted at every class; only grad[rows, targets] is to change", lambda g, x, t: g * (softmax(x) - 1) / len(x)),
            Mistake("whole-rows", "grad[targets] are whole rows; grad[rows, targets] is one number of each row",
                    lambda g, x, t: g * (softmax(x) - np.isin(np.arange(len(x)), t)[:, None]) / len(x)),
            Mistake("replaced", "the probability is replaced by -1; subtract 1 from it", lambda g, x, t: g * np.where(one_hot(x, t), -1, softmax(x)) / len(x)),
            Mistake("added", "1 is added at the right class; subtract it", lambda g, x, t: g * (softmax(x) + one_hot(x, t)) / len(x)),
        ],
    )  # fmt: skip


EXERCISES = [
    Exercise(
        "5.1",
        "ch5_losses/ex1_squared.py",
        _check_squared,
        title="The squared error",
        solution=("return ((a - y) ** 2).sum(axis=1).mean()", "return g * 2 * (a - y) / len(a)"),
        hints=(
            "In the example above, where do 0.05 and 0.45 come from, and why is their sum divided by 2?",
            "Square the differences, sum over axis 1, take the mean. The rule: 2 times the difference, and the mean's 1 / batch.",
            "g * 2 * (a - y) / len(a).",
        ),
        meaning="The gradient is the error itself, times a constant: neurons that are far off are pulled most.",
        engine="nn/functional/loss.py:mse_loss",
        another="np.square(a - y).sum() / len(a)",
    ),
    Exercise(
        "5.2",
        "ch5_losses/ex2_softmax.py",
        _check_softmax,
        title="Softmax",
        solution="""
            e = np.exp(x - x.max(axis=-1, keepdims=True))
            return e / e.sum(axis=-1, keepdims=True)
        """,
        hints=(
            "softmax([0, 0]) is [0.5, 0.5]. What is softmax([1000, 1000]), and what does np.exp(1000) give?",
            "Three steps: subtract the row's maximum, exp, divide by the row's sum. keepdims=True keeps rows aligned.",
            "e = np.exp(x - x.max(axis=-1, keepdims=True)); then e / its sum, in the same way.",
        ),
        meaning="The largest score gets the largest probability, but the others keep a share. So it has a gradient.",
        engine="tinygrad_lecture/ops/fused.py:softmax",
        another="np.exp(x - np.logaddexp.reduce(x, axis=-1, keepdims=True))",
    ),
    Exercise(
        "5.3",
        "ch5_losses/ex3_softmax_rule.py",
        _check_softmax_rule,
        title="The rule of softmax",
        solution="""
            p = softmax(x)
            s = (g * p).sum(axis=-1, keepdims=True)
            return p * (g - s)
        """,
        hints=(
            "If g is 1 everywhere, all probabilities count alike. They sum up to 1 always: what must the gradient be?",
            "p first, then s = the sum of g * p along the last axis, with keepdims=True.",
            "return p * (g - s).",
        ),
        meaning="What counts is how much better than the average a probability is valued: g minus s.",
        engine="tinygrad_lecture/ops/fused.py:softmax",
        another="J = np.diag(p) - np.outer(p, p); g @ J        # for one row: the whole Jacobian",
        race=race("softmax_rule", lambda x: tl.softmax(x, -1), BIG, of="100 rows of 1,000"),
    ),
    Exercise(
        "5.4",
        "ch5_losses/ex4_log_softmax.py",
        _check_log_softmax,
        title="The logarithm of softmax",
        solution=(
            "return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))",
            "return g - softmax(x) * g.sum(axis=-1, keepdims=True)",
        ),
        hints=(
            "What is log(exp(a) / b), written without a division?",
            "The sum goes along the last axis, with keepdims=True, in both formulas.",
            "x - np.log(np.exp(x).sum(axis=-1, keepdims=True)); the rule is written out above.",
        ),
        meaning="Rearranging a formula is no cosmetics: log(softmax(x)) is -inf where this is -1000.",
        engine="tinygrad_lecture/ops/fused.py:log_softmax",
        another="x - np.logaddexp.reduce(x, axis=-1, keepdims=True)",
        race=race("log_softmax_rule", lambda x: tl.log_softmax(x, -1), BIG, of="100 rows of 1,000"),
    ),
    Exercise(
        "5.5",
        "ch5_losses/ex5_cross_entropy.py",
        _check_cross_entropy,
        title="Cross-entropy",
        solution=(
            "return -log_softmax(logits)[rows, targets].mean()",
            """
            grad[rows, targets] -= 1
            grad = g * grad / len(targets)
            """,
        ),
        hints=(
            "The network says [0.7, 0.2, 0.1], and class 1 is right. Which scores should grow, and how much?",
            "log_softmax(logits)[rows, targets] are the logarithms of the right classes. Minus, and the mean.",
            "grad[rows, targets] -= 1, then grad = g * grad / len(targets).",
        ),
        meaning="Probability minus truth: the exponential and the logarithm have cancelled each other.",
        engine="nn/functional/loss.py:cross_entropy",
        another="g * (softmax(logits) - np.eye(n_classes)[targets]) / len(targets)",
    ),
]

"""Chapter 7: programs with one planted mistake each."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import (
    CheckFailed,
    Exercise,
    Mistake,
    arrays,
    check_function,
    check_property,
    numbers,
    shapes,
)
from tinygrad_lecture.testing.calls import call
from tinygrad_lecture.testing.sandbox.remote import kept

from .shared.tensors import softmax


def _losses(x: Any, y: Any, steps: int, lr: float, begin: str = "zero") -> list[float]:
    """What train returns; begin: what happens with grad at the beginning of a step."""
    value, grad, losses = np.zeros(2), np.zeros(2), []
    for _ in range(steps):
        if begin == "zero":
            grad = np.zeros(2)
        elif begin == "value":
            value = np.zeros(2)
        elif begin == "half":
            grad = grad / 2
        elif begin == "first":
            grad[0] = 0
        error = value[0] * x + value[1] - y
        grad = grad + np.array([(2 * error * x).mean(), (2 * error).mean()])
        losses.append(float((error**2).mean()))
        value = value - lr * grad
    return losses


def _check_zero_grad(m: Any) -> None:
    lengths = st.integers(2, 4).flatmap(lambda n: st.tuples(arrays((n,), low=-1, high=1), arrays((n,), low=-1, high=1)))
    inputs = st.tuples(lengths, st.integers(2, 5)).map(lambda d: (*d[0], d[1], 0.1))
    variants = [
        ("keep", "not-reset", "grad still holds the sum of all steps before: set it to 0 at the beginning of each"),
        ("value", "value-reset", "this sets the weights to 0, not the gradient: what was learnt is lost"),
        ("half", "not-whole", "a part of the old gradient is left; set it to 0"),
        ("first", "not-whole", "only one of the two gradients is set to 0"),
    ]
    check_function(
        m.train,
        lambda x, y, steps, lr: _losses(x, y, steps, lr),
        inputs,
        names=("x", "y", "steps", "lr"),
        mistakes=[
            Mistake(hint, says, lambda x, y, steps, lr, _b=begin: _losses(x, y, steps, lr, _b)) for begin, hint, says in variants
        ],
    )  # fmt: skip


def _check_axis(m: Any) -> None:
    def e(x: Any) -> Any:
        return np.exp(x - x.max(axis=1, keepdims=True))

    check_function(
        m.probabilities,
        softmax,
        [arrays(shapes(min_dims=2, max_dims=2))],
        mistakes=[
            Mistake("wrong-axis", "still over axis 0: that makes the examples of the batch share a sum", lambda x: e(x) / e(x).sum(axis=0, keepdims=True)),
            Mistake("whole-array", "without an axis, everything shares one sum", lambda x: e(x) / e(x).sum()),
            Mistake("keepdims", "keepdims=True is missing: the sums meet the wrong numbers", lambda x: e(x) / e(x).sum(axis=1)),
            Mistake("mean", "this divides by the mean; divide by the sum", lambda x: e(x) / e(x).mean(axis=1, keepdims=True)),
            Mistake("not-divided", "nothing is divided, or only by the largest, which is 1: divide by the sum, and assign it to e", e),
        ],
    )  # fmt: skip


def _check_dead(m: Any) -> None:
    n_in, n_hidden = 400, 200
    lines = [f"W1, b1 = initial({n_in}, {n_hidden}, rng)"]
    W, b = call(m.initial, (n_in, n_hidden, np.random.default_rng(0)), watch=False, shown=lines)
    if np.shape(W) != (n_in, n_hidden) or np.shape(b) != (n_hidden,):
        raise CheckFailed("The shapes are wrong.", kind="shape", hint="shape",
                          shown=[*lines, f"expected shapes {(n_in, n_hidden)} and {(n_hidden,)}", f"got {np.shape(W)} and {np.shape(b)}"],
                          cause="W1 is (n_in, n_hidden), b1 is (n_hidden,)")  # fmt: skip
    W, b = np.asarray(W, float), np.asarray(b, float)
    x = np.random.default_rng(1).random((100, n_in))
    z = x @ W + b
    alive = float((z > 0).mean())
    size = float(z.std())
    shown = [*lines, f"share of positive sums {alive:.2f}", f"size of the sums {size:.3g}"]
    spread = float(W.std())
    if not W.any():
        raise CheckFailed("All weights are 0.", kind="zeros", shown=shown, hint="zeros",
                          cause="then all neurons are alike and stay so: they get the same gradient; weights begin at random")  # fmt: skip
    if spread < 1e-9 or np.allclose(W, W[:, :1]):
        raise CheckFailed("All neurons are alike.", kind="zeros", shown=shown, hint="alike",
                          cause="they get the same gradient and stay alike; draw each weight for itself")  # fmt: skip
    if not 0.3 < alive < 0.7:
        cause = ("the weights are of one sign; draw them around 0: rng.standard_normal" if (W > 0).all() or (W < 0).all()
                 else "the bias pushes all sums to one side; begin with 0")  # fmt: skip
        hint = "one-sign" if (W > 0).all() or (W < 0).all() else "bias"
        raise CheckFailed(
            "About half of the sums should be positive.", kind="alive", shown=shown, cause=cause, hint=hint
        )
    right = (2 / n_in) ** 0.5
    if not 0.8 * right < spread < 1.25 * right:
        large = spread > right
        raise CheckFailed(f"The weights are too {'large' if large else 'small'}.", kind="size", hint="too-large" if large else "too-small",
                          shown=[*shown, f"standard deviation of W1: expected about {right:.3f}, got {spread:.3f}"],
                          cause="multiply by sqrt(2 / n_in), so that sums neither grow nor vanish from layer to layer")  # fmt: skip
    if np.abs(b).max() > 1e-12:
        raise CheckFailed(
            "The bias is not 0.", kind="bias", shown=shown, hint="bias", cause="begin with np.zeros(n_hidden)"
        )
    other, _ = m.initial(n_in, n_hidden, np.random.default_rng(1))
    again, _ = m.initial(n_in, n_hidden, np.random.default_rng(0))
    if np.allclose(W, other) or not np.allclose(W, again):
        raise CheckFailed("The weights do not come from rng.", kind="rng", shown=lines, hint="own-random",
                          cause="use rng.standard_normal(...): then the same seed gives the same network")  # fmt: skip


def _check_rate(m: Any) -> None:
    one = st.one_of(numbers(0.25, 8), arrays(shapes(min_dims=1, max_dims=1), low=0.25, high=8))
    check_function(
        m.largest_rate,
        lambda curvature: 2 / np.max(curvature),
        [one],
        mistakes=[
            Mistake("best", "this is the rate that reaches the lowest point at once; the largest is twice that", lambda c: 1 / np.max(c)),
            Mistake("flattest", "the steepest direction decides, the one with the largest curvature", lambda c: 2 / np.min(c)),
            Mistake("each", "one number: in all directions the same rate is used, so the steepest decides", lambda c: 2 / np.asarray(c)),
            Mistake("multiplied", "the steeper the valley, the smaller the rate: divide by the curvature", lambda c: 2 * np.max(c)),
            Mistake("mean", "the mean curvature is not enough: the steepest direction would explode", lambda c: 2 / np.mean(c)),
            Mistake("hard-coded", "it depends on the curvature", lambda c: 2.0),
            Mistake("inverse", "the other way round: 2 / curvature", lambda c: np.max(c) / 2),
        ],
    )  # fmt: skip
    check_function(
        m.best_rate,
        lambda curvature: 1 / curvature,
        [one],
        mistakes=[
            Mistake("largest", "this is the largest rate; it jumps to the other side, just as far", lambda c: 2 / c),
            Mistake("one-number", "one for each direction: divide 1 by the array", lambda c: 1 / np.max(c)),
            Mistake("half", "x - lr * curvature * x must be 0", lambda c: 1 / (2 * c)),
            Mistake("inverse", "the other way round: 1 / curvature", lambda c: c),
        ],
    )  # fmt: skip


def _check_leak(m: Any) -> None:
    writers = st.lists(st.integers(0, 3), min_size=1, max_size=6).map(np.array)
    some = st.lists(st.integers(0, 3), max_size=3, unique=True)

    def split(writers: Any, test: Any) -> Any:
        inside = np.isin(writers, test)
        return np.flatnonzero(~inside), np.flatnonzero(inside)

    def half(writers: Any, test: Any) -> Any:
        k = len(np.flatnonzero(~np.isin(writers, test)))
        return np.arange(k), np.arange(k, len(writers))

    check_function(
        m.split,
        split,
        [writers, some],
        mistakes=[
            Mistake("swapped", "the two are swapped: first those for training", lambda w, t: split(w, t)[::-1]),
            Mistake("masks", "these are True and False; the numbers of the pictures are asked for: np.flatnonzero",
                    lambda w, t: (~np.isin(w, t), np.isin(w, t))),
            Mistake("writers", "these are writers; the numbers of their pictures are asked for",
                    lambda w, t: (w[~np.isin(w, t)], w[np.isin(w, t)])),
            Mistake("all-in-train", "the test pictures are in the training data too", lambda w, t: (np.arange(len(w)), split(w, t)[1])),
            Mistake("by-order", "this cuts by order: pictures of a writer may land in both parts", half),
        ],
    )  # fmt: skip

    def prepared(train: Any, test: Any, mean: Any, std: Any, mean2: Any = None, std2: Any = None) -> Any:
        return (train - mean) / std, (test - (mean if mean2 is None else mean2)) / (std if std2 is None else std2)

    def all_of(train: Any, test: Any) -> Any:
        both = np.concatenate([train, test])
        return prepared(train, test, both.mean(0), both.std(0))

    both = st.tuples(arrays((4, 2)), arrays((st.integers(1, 3), 2))).map(
        lambda d: (d[0] + np.arange(8.0).reshape(4, 2) ** 2 / 3, d[1])
    )
    check_function(
        m.prepare,
        lambda train, test: prepared(train, test, train.mean(0), train.std(0)),
        both,
        mistakes=[
            Mistake("leak", "mean and std are those of all data: the test data leaks into the training", all_of),
            Mistake("test-own", "the test data is prepared with its own mean and std; new data must be treated as the training data was",
                    lambda train, test: prepared(train, test, train.mean(0), train.std(0), test.mean(0), test.std(0))),
            Mistake("test-raw", "the test data must be prepared too, in the same way", lambda train, test: (prepared(train, test, train.mean(0), train.std(0))[0], test)),
            Mistake("one-mean", "one mean of all pixels; take that of each, axis 0", lambda train, test: prepared(train, test, train.mean(), train.std())),
            Mistake("not-divided", "the std is missing: divide by it", lambda train, test: (train - train.mean(0), test - train.mean(0))),
            Mistake("of-test", "mean and std are those of the test data", lambda train, test: prepared(train, test, test.mean(0), test.std(0))),
        ],
    )  # fmt: skip


def _check_in_place(m: Any) -> None:
    def increased(x: Any, by: float) -> None:
        lines = [
            f"x = np.array({x.tolist()})",
            "tape = Tape()",
            "y = tape.square(x)",
            f"z = increase(x, {by:g})",
            "tape.rule(g=1)",
        ]
        tape, given = m.Tape(), kept(m, x.copy())  # the tape and increase get the same array
        tape.square(given)
        z = call(m.increase, (given, by), watch=False, shown=lines)
        z = np.array(z.tolist()) if z is given else z
        if z is None or not np.allclose(z, x + by):
            hint = "not-increased" if z is not None and np.allclose(z, x) else "result"
            cause = "x + by is not assigned to x" if hint == "not-increased" else "the result must be x + by"
            raise CheckFailed("increase gives another result than x + by.", kind="result", hint=hint, cause=cause,
                              shown=[*lines, f"z   expected {(x + by).tolist()}   got {np.asarray(z).tolist()}"])  # fmt: skip
        got = tape.rule(1.0)
        if not np.allclose(got, 2 * x):
            raise CheckFailed("The tape's rule reads a value that was changed.", kind="changed-later", hint="in-place",
                              shown=[*lines, f"expected {(2 * x).tolist()}", f"got      {np.asarray(got).tolist()}"],
                              cause="x += by, np.add(..., out=x) and x[...] = write into the array that the tape keeps; "
                              "x = x + by makes a new one")  # fmt: skip

    check_property(increased, [arrays(shapes(min_dims=1, max_dims=2)), numbers(zero=False)])
    tape = m.Tape()
    x = kept(m, np.array([3.0]))
    tape.square(x)
    if tape.x is not x:
        raise CheckFailed("The tape copies its input now.", kind="tape", hint="tape-changed", shown=[],
                          cause="repair increase; a copy for every op would double the memory")  # fmt: skip


EXERCISES = [
    Exercise(
        "7.1",
        "ch7_debugging/ex1_zero_grad.py",
        _check_zero_grad,
        title="It learns, then it does not",
        solution="line.grad[:] = 0",
        hints=(
            "Print line.grad at the beginning of each step. What should it be?",
            "backward adds to grad, so that several batches may be summed. Who sets it back to 0?",
            "line.grad[:] = 0, as optimizer.zero_grad() does.",
        ),
        meaning="The old gradients act like a momentum that never fades: it swings to and fro.",
        engine="nn/optim/optimizer.py:Optimizer",
        another="line.grad = np.zeros(2)",
    ),
    Exercise(
        "7.2",
        "ch7_debugging/ex2_axis.py",
        _check_axis,
        title="The wrong axis",
        solution="e = e / e.sum(axis=1, keepdims=True)",
        hints=(
            "What does the sum over axis 0 add up: classes or examples?",
            "Each row is an example, and its probabilities must sum up to 1.",
            "axis=1, and keepdims=True.",
        ),
        meaning="Shapes do not show it: a sum over the wrong axis broadcasts as well. A sum that must be 1 does.",
        engine="tinygrad_lecture/ops/fused.py:softmax",
        another="assert np.allclose(p.sum(axis=1), 1)          # an invariant finds it at once",
    ),
    Exercise(
        "7.3",
        "ch7_debugging/ex3_dead.py",
        _check_dead,
        title="Dead neurons",
        solution=("W1 = rng.standard_normal((n_in, n_hidden)) * np.sqrt(2 / n_in)", "b1 = np.zeros(n_hidden)"),
        hints=(
            "Inputs are positive, weights negative: what is the sign of each sum, and of ReLU's derivative there?",
            "Draw around 0: rng.standard_normal((n_in, n_hidden)), times a factor. The bias begins at 0.",
            "W1 = rng.standard_normal((n_in, n_hidden)) * np.sqrt(2 / n_in); b1 = np.zeros(n_hidden).",
        ),
        meaning="Half of the neurons fire for an example, each for others. That is where learning can begin.",
        engine="nn/init.py:kaiming_normal_",
        another="rng.uniform(-1, 1, (n_in, n_hidden)) * np.sqrt(6 / n_in)",
    ),
    Exercise(
        "7.4",
        "ch7_debugging/ex4_rate.py",
        _check_rate,
        title="It explodes",
        solution=("return 2 / np.max(curvature)", "return 1 / curvature"),
        hints=(
            "x becomes (1 - lr * curvature) x. For which factors does it get closer to 0?",
            "The factor must lie between -1 and 1; at -1 it jumps to the other side, just as far.",
            "1 - lr * curvature = -1 gives the largest rate, 1 - lr * curvature = 0 the best.",
        ),
        meaning="The steepest direction limits the rate, and the flattest then takes long. Adam gives each its own.",
        engine="examples/03_gradient_descent.py",
        another="Newton's method steps by gradient / curvature in each direction.",
    ),
    Exercise(
        "7.5",
        "ch7_debugging/ex5_leak.py",
        _check_leak,
        title="Too good to be true",
        solution=(
            "return np.flatnonzero(~in_test), np.flatnonzero(in_test)",
            """
            mean, std = train.mean(axis=0), train.std(axis=0)
            return (train - mean) / std, (test - mean) / std
            """,
        ),
        hints=(
            "Which numbers of the program depend on the test data before the test?",
            "np.flatnonzero(mask) gives the places of True. mean and std are train's, and used for both.",
            "np.flatnonzero(~in_test), np.flatnonzero(in_test); then (test - train.mean(axis=0)) / train.std(axis=0).",
        ),
        meaning="A test measures something only if nothing of it was known before.",
        engine="nn/data/dataset.py:random_split",
        another="np.where(in_test)[0]",
    ),
    Exercise(
        "7.6",
        "ch7_debugging/ex6_in_place.py",
        _check_in_place,
        title="Changed after it was used",
        solution="x = x + by",
        hints=(
            "Which arrays does `x += by` write to, and who else holds one of them?",
            "x = x + by gives the name x to a new array, and leaves the old one alone.",
            "x = x + by",
        ),
        meaning="The engine of this project counts changes of each array, and refuses a gradient that would be wrong.",
        engine="tinygrad_lecture/autograd/versions.py:written_since",
        another="x = np.add(x, by)",
    ),
]

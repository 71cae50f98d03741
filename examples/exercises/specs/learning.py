"""Checks of chapters 6 and 7: going downhill, the digit network, and programs with a planted mistake."""

from __future__ import annotations

import gzip
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import arrays, check_property, numbers, same_shape, shapes

from . import observers
from .spec import Spec
from .steps import call, fail, function, look, recording, why_not_learning

DATA = Path(__file__).parent.parent.parent / "data"


class Valley:
    """The gradient of sum of a * (x - b)**2, printed as a lambda."""

    def __init__(self, a: float, b: float) -> None:
        self.a, self.b = a, b

    def __call__(self, x: Any) -> Any:
        return 2 * self.a * (x - self.b)

    def __repr__(self) -> str:
        return f"lambda x: {2 * self.a:g} * (x - {self.b:g})"


def batches(m: Any, spec: Spec) -> None:
    def partition(n: int, size: int, seed: int) -> None:
        lines = [f"mini_batches({n}, {size}, rng)"]
        (got,) = look(m, observers.drawn, "mini_batches", (n, size), seed, name="mini_batches", shown=lines)
        if not isinstance(got, (list, tuple)):
            fail("mini_batches must return a list.", lines, "nothing" if got is None else "type",
                 "return a list of arrays, one for each batch", "type")  # fmt: skip
        parts = [np.asarray(part) for part in got]
        shown = [*lines, f"got   {[part.tolist() for part in parts]}"]
        flat = np.concatenate([np.atleast_1d(part).ravel() for part in parts]) if parts else np.array([])
        missing = sorted(set(range(n)) - set(flat.tolist()))
        what = f"These examples are in no batch: {missing}."
        if missing and len(missing) == n % size:
            spec.fail(what, shown, "last-missing", "missing")
        if missing:
            spec.fail(what, shown, "missing")
        if len(flat) != n:
            spec.fail("An example is in several batches.", shown, "twice")
        sizes = [len(part) for part in parts]
        if sizes != [size] * (n // size) + ([n % size] if n % size else []):
            fail("The batches have wrong sizes.", [*shown, f"sizes {sizes}"], "sizes",
                 f"each has `size` = {size} examples, only the last may have fewer")  # fmt: skip

    def drawn(seed: int, times: int = 1) -> list[list[int]]:
        epochs = look(m, observers.drawn, "mini_batches", (50, 7), seed, times)
        return [np.concatenate(epoch).tolist() for epoch in epochs]

    check_property(partition, [st.integers(1, 9), st.integers(1, 4), st.integers(0, 3)])
    (one,), (two,), (again,) = map(drawn, (0, 1, 0))
    lines = ["mini_batches(50, 7, rng)"]
    if one == list(range(50)):
        spec.fail("The examples are not shuffled.", lines, "not-shuffled", "order")
    if one != again or one == two:
        spec.fail("The order does not depend on rng.", lines, "own-random", "order")
    first, second = drawn(0, times=2)
    if first == second:
        fail("Two epochs have the same order.", lines, "own-random", "draw a new permutation from rng in each call",
             "order")  # fmt: skip


@st.composite
def moments(draw: st.DrawFn) -> tuple[Any, ...]:
    shape = draw(shapes(max_dims=1))
    w, grad, mean = (draw(arrays(shape, zero=False)) for _ in range(3))
    square, t = draw(arrays(shape, low=0.25, high=3)), draw(st.integers(1, 4))
    return w, grad, mean, square, t, {"lr": 0.5, "beta1": 0.5, "beta2": 0.75, "eps": 0.25}


# --- the digit network ------------------------------------------------------------------------------------------------


@cache
def digits() -> tuple[Any, Any, Any, Any]:
    """Images (n, 784) from 0 to 1 and labels, to learn from and to test with."""
    with gzip.open(DATA / "digits-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784) / 255.0
    with gzip.open(DATA / "digits-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)
    return images[:6000], labels[:6000], images[8500:], labels[8500:]


def weights(sizes: list[int], seed: int = 0) -> list[Any]:
    """Random weights, and biases of 0."""
    rng = np.random.default_rng(seed)
    found = []
    for n_in, n_out in pairwise(sizes):
        found += [rng.standard_normal((n_in, n_out)) * (2 / n_in) ** 0.5, np.zeros(n_out)]
    return found


def _scores(module: Any, parameters: list[Any], x: Any, **options: Any) -> Any:
    """The data of what network returns, in a dict."""
    return look(module, observers.result, "network", {"parameters": parameters, "x": x}, **options)


def _small() -> tuple[list[Any], Any]:
    """The parameters of a small network, and an input."""
    parameters = weights([5, 4, 4, 3], seed=1)
    for k in (1, 3, 5):
        parameters[k] = np.linspace(-0.5, 0.5, parameters[k].size)
    return parameters, np.random.default_rng(2).standard_normal((6, 5))


def network(m: Any, spec: Spec) -> None:
    lines = ["network(parameters, x) of a small network, sizes 5, 4, 4, 3"]
    out = recording(lambda: _scores(m, *_small(), name="network", shown=lines), lines)
    if not isinstance(out, dict):
        spec.fail("network must return a Tensor.", lines, "type")
    expected, got = _scores(spec.right, *_small())["data"], np.asarray(out["data"])
    if got.shape != expected.shape or not np.allclose(got, expected):
        shown = [*lines, f"expected {expected[0].round(3).tolist()} for the first example",
                 f"got      {got[0].round(3).tolist()}"]  # fmt: skip
        found = spec.cause(m, lambda module: _scores(module, *_small())["data"])
        fail("network computes wrong scores.", shown, *found, "network")


def learns_digits(m: Any, spec: Spec) -> None:
    images, labels, test_images, test_labels = digits()
    before, lines = weights([784, 16, 16, 10]), ["train(parameters, images, labels)"]
    losses, after = recording(lambda: look(m, observers.trained, before, images, labels, name="train", shown=lines),
                              lines)  # fmt: skip
    read = _scores(spec.right, after, test_images)["data"].argmax(1)
    accuracy = float((read == test_labels).mean())
    if accuracy >= 0.9 and len(losses) == 3 * 94:
        return
    shown = [f"loss at the beginning {losses[0]:.3f}, at the end {np.mean(losses[-20:]):.3f}"]
    shown += [f"new digits read rightly: {accuracy:.1%}"]
    names = [f"{letter}{k}" for k in (1, 2, 3) for letter in "Wb"]
    found = why_not_learning(names, before, after, falls=bool(np.mean(losses[-20:]) < losses[0]))
    slow = "it learns too slowly: is lr=lr given to adam_step, and does state[k] keep the m and v that it returns?"
    fail("It does not learn to read 90% of new digits.", shown, *(found or (None, slow)), "accuracy")


# --- programs with a mistake ------------------------------------------------------------------------------------------


def initial(m: Any, spec: Spec) -> None:
    n_in, n_hidden = 400, 200
    lines = [f"W1, b1 = initial({n_in}, {n_hidden}, rng)"]
    W, b = call(m.initial, (n_in, n_hidden, np.random.default_rng(0)), watch=False, shown=lines)
    if np.shape(W) != (n_in, n_hidden) or np.shape(b) != (n_hidden,):
        lines += [f"expected shapes {(n_in, n_hidden)} and {(n_hidden,)}", f"got {np.shape(W)} and {np.shape(b)}"]
        spec.fail("The shapes are wrong.", lines, "shape")
    W, b = np.asarray(W, float), np.asarray(b, float)
    z = np.random.default_rng(1).random((100, n_in)) @ W + b
    alive, spread, right = float((z > 0).mean()), float(W.std()), (2 / n_in) ** 0.5
    shown = [*lines, f"share of positive sums {alive:.2f}", f"size of the sums {z.std():.3g}"]
    if not W.any():
        spec.fail("All weights are 0.", shown, "zeros")
    if spread < 1e-9 or np.allclose(W, W[:, :1]):
        spec.fail("All neurons are alike.", shown, "alike", "zeros")
    if not 0.3 < alive < 0.7:
        found = "bias", "the bias pushes all sums to one side; begin with 0"
        if (W > 0).all() or (W < 0).all():
            found = "one-sign", "the weights are of one sign; draw them around 0: rng.standard_normal"
        fail("About half of the sums should be positive.", shown, *found, "alive")
    if not 0.8 * right < spread < 1.25 * right:
        size = "large" if spread > right else "small"
        shown += [f"standard deviation of W1: expected about {right:.3f}, got {spread:.3f}"]
        why = "multiply by sqrt(2 / n_in), so that sums neither grow nor vanish from layer to layer"
        fail(f"The weights are too {size}.", shown, f"too-{size}", why, "size")
    if np.abs(b).max() > 1e-12:
        spec.fail("The bias is not 0.", shown, "bias")
    other, _ = m.initial(n_in, n_hidden, np.random.default_rng(1))
    again, _ = m.initial(n_in, n_hidden, np.random.default_rng(0))
    if np.allclose(W, other) or not np.allclose(W, again):
        spec.fail("The weights do not come from rng.", lines, "own-random", "rng")


def in_place(m: Any, spec: Spec) -> None:
    def increased(x: Any, by: float) -> None:
        lines = [f"x = np.array({x.tolist()})", "tape = Tape()", "y = tape.square(x)", f"z = increase(x, {by:g})",
                 "tape.rule(g=1)"]  # fmt: skip
        z, got, _ = look(m, observers.increased, x.copy(), by, name="increase", shown=lines)
        if z is None or not np.allclose(z, x + by):
            found = "result", "the result must be x + by"
            if z is not None and np.allclose(z, x):
                found = "not-increased", "x + by is not assigned to x"
            shown = [*lines, f"z   expected {(x + by).tolist()}   got {np.asarray(z).tolist()}"]
            fail("increase gives another result than x + by.", shown, *found, "result")
        if not np.allclose(got, 2 * x):
            shown = [*lines, f"expected {(2 * x).tolist()}", f"got      {np.asarray(got).tolist()}"]
            spec.fail("The tape's rule reads a value that was changed.", shown, "in-place", "changed-later")

    check_property(increased, [arrays(shapes(min_dims=1, max_dims=2)), numbers(zero=False)])
    if not look(m, observers.increased, np.array([3.0]), 1.0)[2]:
        spec.fail("The tape copies its input now.", [], "tape-changed", "tape")


LINES = st.integers(2, 4).flatmap(lambda n: st.tuples(arrays((n,), low=-1, high=1), arrays((n,), low=-1, high=1)))
CURVATURES = st.one_of(numbers(0.25, 8), arrays(shapes(min_dims=1, max_dims=1), low=0.25, high=8))
WRITERS = st.lists(st.integers(0, 3), min_size=1, max_size=6).map(np.array)
SPREAD = np.arange(8.0).reshape(4, 2) ** 2 / 3  # so that no pixel is the same in all pictures
RATES = st.fixed_dictionaries({"lr": st.sampled_from([0.5, 0.25, 2.0]), "beta": st.sampled_from([0.5, 0.75, 0.25])})
STARTS = arrays(shapes(max_dims=1))
VALLEYS = st.builds(Valley, st.sampled_from([1.0, 0.5, 0.25]), numbers())
DESCENTS = [VALLEYS, STARTS, st.sampled_from([0.5, 0.25, 0.125]), st.integers(0, 4)]
TRAININGS = st.tuples(LINES, st.integers(2, 5)).map(lambda d: (*d[0], d[1], 0.1))
PICTURES = st.tuples(arrays((4, 2)), arrays((st.integers(1, 3), 2))).map(lambda d: (d[0] + SPREAD, d[1]))
CHECKS = {
    "6.1": [function("descend", DESCENTS, examples=[(Valley(1.0, 1.0), np.zeros(1), 2.0**-22, 4)])],
    "6.2": [batches],
    "6.3": [function("momentum_step", st.tuples(same_shape(3, zero=False), RATES).map(lambda d: (*d[0], d[1])))],
    "6.4": [function("adam_step", moments())],
    "6.5": [network, learns_digits],
    "7.1": [function("train", TRAININGS, names=("x", "y", "steps", "lr"))],
    "7.2": [function("probabilities", [arrays(shapes(min_dims=2, max_dims=2))])],
    "7.3": [initial],
    "7.4": [function("largest_rate", [CURVATURES]), function("best_rate", [CURVATURES])],
    "7.5": [
        function("split", [WRITERS, st.lists(st.integers(0, 3), max_size=3, unique=True)]),
        function("prepare", PICTURES),
    ],
    "7.6": [in_place],
}

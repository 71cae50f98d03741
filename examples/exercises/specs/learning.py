"""Checks of chapters 6 and 7: going downhill, the digit network, and programs with a planted mistake."""

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
from .steps import Lambda, call, function, look, of_tensors, parts, trained

DATA = Path(__file__).parent.parent.parent / "data"


def valley(a: float, b: float) -> Lambda:
    """The gradient of sum of a * (x - b)**2."""
    return Lambda(f"{2 * a:g} * (x - {b:g})")


def batches(m: Any, spec: Spec) -> None:
    def partition(n: int, size: int, seed: int) -> None:
        lines = [f"mini_batches({n}, {size}, rng)"]
        (got,) = look(m, observers.drawn, "mini_batches", (n, size), seed, name="mini_batches", shown=lines)
        if not isinstance(got, (list, tuple)):
            spec.fail("type", lines)
        parts = [np.asarray(part) for part in got]
        shown = [*lines, f"got   {[part.tolist() for part in parts]}"]
        flat = np.concatenate([np.atleast_1d(part).ravel() for part in parts]) if parts else np.array([])
        missing = sorted(set(range(n)) - set(flat.tolist()))
        if missing:
            spec.fail("last-missing" if len(missing) == n % size else "missing", shown, kind="missing", missing=missing)
        if len(flat) != n:
            spec.fail("twice", shown)
        sizes = [len(part) for part in parts]
        if sizes != [size] * (n // size) + ([n % size] if n % size else []):
            spec.fail("sizes", [*shown, f"sizes {sizes}"])

    def drawn(seed: int, times: int = 1) -> list[list[int]]:
        epochs = look(m, observers.drawn, "mini_batches", (50, 7), seed, times)
        return [np.concatenate(epoch).tolist() for epoch in epochs]

    check_property(partition, [st.integers(1, 9), st.integers(1, 4), st.integers(0, 3)])
    (one, second), (other,), (again,) = drawn(0, times=2), drawn(1), drawn(0)
    lines = ["mini_batches(50, 7, rng)"]
    if one == list(range(50)):
        spec.fail("not-shuffled", lines)
    if one != again or one == other:
        spec.fail("own-random", lines)
    if one == second:
        spec.fail("one-order", lines)


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


def small_network() -> dict[str, Any]:
    """The parameters of a small network, and an input."""
    parameters = weights([5, 4, 4, 3], seed=1)
    for k in (1, 3, 5):
        parameters[k] = np.linspace(-0.5, 0.5, parameters[k].size)
    return {"parameters": parameters, "x": np.random.default_rng(2).standard_normal((6, 5))}


def learns_digits(m: Any, spec: Spec) -> None:
    images, labels, test_images, test_labels = digits()
    start, data = weights([784, 16, 16, 10]), (images, labels)
    losses, after, shown, told = trained(m, spec, start, data, "train(parameters, images, labels)")
    scores = look(spec.right, observers.result, "network", {"parameters": after, "x": test_images})["data"]
    accuracy = float((scores.argmax(1) == test_labels).mean())
    if accuracy < 0.9 or len(losses) != 3 * 94:
        spec.fail(told or "accuracy", [*shown, f"new digits read rightly: {accuracy:.1%}"])


# --- programs with a mistake ------------------------------------------------------------------------------------------


def initial(m: Any, spec: Spec) -> None:
    n_in, n_hidden = 400, 200
    lines = [f"W1, b1 = initial({n_in}, {n_hidden}, rng)"]
    W, b = call(m.initial, (n_in, n_hidden, np.random.default_rng(0)), watch=False, shown=lines)
    if np.shape(W) != (n_in, n_hidden) or np.shape(b) != (n_hidden,):
        lines += [f"expected shapes {(n_in, n_hidden)} and {(n_hidden,)}", f"got {np.shape(W)} and {np.shape(b)}"]
        spec.fail("shape", lines)
    W, b = np.asarray(W, float), np.asarray(b, float)
    z = np.random.default_rng(1).random((100, n_in)) @ W + b
    positive, spread, right = float((z > 0).mean()), float(W.std()), (2 / n_in) ** 0.5
    shown = [*lines, f"share of positive sums {positive:.2f}", f"size of the sums {z.std():.3g}",
             f"standard deviation of W1: expected about {right:.3f}, got {spread:.3f}"]  # fmt: skip
    other, _ = m.initial(n_in, n_hidden, np.random.default_rng(1))
    again, _ = m.initial(n_in, n_hidden, np.random.default_rng(0))
    found = {
        "zeros": not W.any(),
        "alike": spread < 1e-9 or np.allclose(W, W[:, :1]),
        "bias": np.abs(b).max() > 1e-12,
        "one-sign": not 0.3 < positive < 0.7,
        "too-large": spread > 1.25 * right,
        "too-small": spread < 0.8 * right,
        "own-random": np.allclose(W, other) or not np.allclose(W, again),
    }
    for what, is_so in found.items():
        if is_so:
            spec.fail(what, shown)


def increased(x: Any, by: float) -> list[str]:
    """7.6 as a program."""
    return [f"x = np.array({x.tolist()})", "tape = Tape()", "y = tape.square(x)", f"z = increase(x, {by:g})"]


LINES = st.integers(2, 4).flatmap(lambda n: st.tuples(arrays((n,), low=-1, high=1), arrays((n,), low=-1, high=1)))
CURVATURES = st.one_of(numbers(0.25, 8), arrays(shapes(min_dims=1, max_dims=1), low=0.25, high=8))
WRITERS = st.lists(st.integers(0, 3), min_size=1, max_size=6).map(np.array)
SPREAD = np.arange(8.0).reshape(4, 2) ** 2 / 3  # so that no pixel is the same in all pictures
RATES = st.fixed_dictionaries({"lr": st.sampled_from([0.5, 0.25, 2.0]), "beta": st.sampled_from([0.5, 0.75, 0.25])})
VALLEYS = st.builds(valley, st.sampled_from([1.0, 0.5, 0.25]), numbers())
DESCENTS = [VALLEYS, arrays(shapes(max_dims=1)), st.sampled_from([0.5, 0.25, 0.125]), st.integers(0, 4)]
TRAININGS = st.tuples(LINES, st.integers(2, 5)).map(lambda d: (*d[0], d[1], 0.1))
PICTURES = st.tuples(arrays((4, 2)), arrays((st.integers(1, 3), 2))).map(lambda d: (d[0] + SPREAD, d[1]))
CHECKS = {
    "6.1": [function("descend", DESCENTS, examples=[(valley(1.0, 1.0), np.zeros(1), 2.0**-22, 4)])],
    "6.2": [batches],
    "6.3": [function("momentum_step", st.tuples(same_shape(3, zero=False), RATES).map(lambda d: (*d[0], d[1])))],
    "6.4": [function("adam_step", moments())],
    "6.5": [
        of_tensors("network", small_network(), ["network(parameters, x) of a small network, sizes 5, 4, 4, 3"]),
        learns_digits,
    ],
    "7.1": [function("train", TRAININGS, names=("x", "y", "steps", "lr"))],
    "7.2": [function("probabilities", [arrays(shapes(min_dims=2, max_dims=2))])],
    "7.3": [initial],
    "7.4": [function("largest_rate", [CURVATURES]), function("best_rate", [CURVATURES])],
    "7.5": [
        function("split", [WRITERS, st.lists(st.integers(0, 3), max_size=3, unique=True)]),
        function("prepare", PICTURES),
    ],
    "7.6": [
        parts(observers.increased, [arrays(shapes(min_dims=1, max_dims=2)), numbers(zero=False)], increased,
              [(np.array([3.0]), 1.0)])
    ],
}  # fmt: skip

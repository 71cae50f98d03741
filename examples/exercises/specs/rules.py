"""Checks of chapters 3, 4 and 5: backward rules, and an engine for arrays that uses them."""

from contextlib import suppress
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_lecture.testing import arrays, broadcastable, indices, matrices, same_shape, shapes, with_axis

from . import observers
from .spec import Spec
from .steps import call, function, parts, rule

PLAIN = arrays(shapes(max_dims=2))
ROWS = arrays(shapes(min_dims=1, max_dims=3))


def relu_mask(m: Any, spec: Spec) -> None:
    """The mask alone is no gradient, though True counts as 1."""
    two, signs = np.array([2.0, 2.0]), np.array([1.0, -1.0])
    mask: Any = None
    with suppress(AssertionError):  # CheckFailed: what else is wrong is found below
        mask = call(m.relu_rule, (two, signs))
    if getattr(mask, "dtype", None) == np.dtype(bool):
        shown = ["g = [2, 2]", "x = [1, -1]", "expected [2, 0]", f"got      {mask.tolist()}"]
        spec.fail("upstream-ignored", shown, kind="type")


# --- inputs -----------------------------------------------------------------------------------------------------------


@st.composite
def reshaped(draw: st.DrawFn) -> tuple[Any, ...]:
    a, b, c = (draw(st.integers(1, 3)) for _ in range(3))
    options: list[tuple[int, ...]] = [(a * b * c,), (a, b * c), (a * b, c), (b, c, a), (c, a * b)]
    return draw(arrays((a, b, c))), {"shape": draw(st.sampled_from(options))}


@st.composite
def transposed(draw: st.DrawFn) -> tuple[Any, ...]:
    x = draw(arrays(shapes(min_dims=2, max_dims=3)))
    return x, {"axes": tuple(draw(st.permutations(range(x.ndim))))}


@st.composite
def taken(draw: st.DrawFn, dims: int = 2) -> tuple[Any, ...]:
    x = draw(arrays(shapes(min_dims=1, max_dims=dims)))
    return x, draw(indices(len(x)) if dims > 1 else st.integers(1, 4).flatmap(lambda n: indices(len(x), (n,))))


@st.composite
def batched(draw: st.DrawFn) -> tuple[Any, ...]:
    n, k, m = (draw(st.integers(1, 3)) for _ in range(3))
    batch = draw(shapes(max_dims=2, max_side=2))
    found = []
    for matrix in ((n, k), (k, m)):
        kept = draw(st.integers(0, len(batch)))
        front = tuple(1 if draw(st.booleans()) else size for size in batch[len(batch) - kept :])
        found.append(draw(arrays((*front, *matrix))))
    return tuple(found)


@st.composite
def classified(draw: st.DrawFn) -> tuple[Any, ...]:
    batch, classes = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    return draw(arrays((batch, classes))), draw(indices(classes, (batch,)))


STRETCHED = st.tuples(shapes(max_dims=2), st.lists(st.sampled_from([(2, 1), (2, 2), (3, 1)]), max_size=2)).flatmap(
    lambda d: st.tuples(arrays((*d[0], *(n for n, _ in d[1]))), st.just(tuple(before for _, before in d[1])))
)
PREDICTIONS = matrices("nm", "nm").map(lambda d: (d[0], {"y": d[1]}))
N = st.fixed_dictionaries({"n": st.integers(1, 4)})
POWERS = {zero: st.tuples(arrays(shapes(max_dims=2), zero=zero), N) for zero in (False, True)}
TIES = arrays(shapes(min_dims=1, max_dims=2), low=-0.5, high=0.5).flatmap(
    lambda x: st.sampled_from(range(x.ndim)).map(lambda axis: (x, {"axis": axis}))
)


PAIR = shapes(max_dims=1).flatmap(lambda s: st.tuples(arrays(s, zero=False), arrays(s, zero=False)))


def product(x: Any, y: Any, *more: str) -> list[str]:
    """4.10 as a program."""
    return [f"x = Tensor({x.tolist()})", f"w = Tensor({y.tolist()})", "z = record(mul, mul_rule, x, w)", *more]


def summed(x: Any, y: Any, twice: bool) -> list[str]:
    """Its backward as a program."""
    again = ["z = record(add, add_rule, z, x)"] if twice else []
    return product(x, y, *again, "loss = record(sum_of, sum_rule, z)", "backward(loss)")


SUMMED_ROWS = ["x = Tensor([[0, 1], [2, 3]])", "s = record(sum_of, sum_rule, x, axis=1)"]
TELLING = [(np.array([2.0, 3.0]), np.array([5.0, 7.0]), twice) for twice in (False, True)]
TWO_ROWS = np.array([[1.0, 2.0, 3.0], [2.0, 0.0, -1.0]])
OVERFLOWING = [(np.array(x),) for x in ([1000.0], [1000.0, 0.0], [[1000.0], [0.0]])]  # the smallest for each mistake
CHECKS = {
    "3.1": [rule("add_rule", lambda x, y: x + y, same_shape(2))],
    "3.2": [rule("mul_rule", lambda x, w: x * w, same_shape(2))],
    "3.3": [rule("power_rule", lambda x, n: x**n, POWERS[zero]) for zero in (False, True)],  # with 0 is less plain
    "3.4": [
        rule("exp_rule", "exp", [arrays(shapes(max_dims=2), low=-2, high=2)]),
        rule("log_rule", "log", [arrays(shapes(max_dims=2), low=0.25, high=4)]),
    ],
    "3.5": [
        rule("tanh_rule", "tanh", [PLAIN]),
        function("sigmoid", [PLAIN], examples=[(np.array([x]),) for x in (1000.0, -1000.0)]),
        rule("sigmoid_rule", "sigmoid", [PLAIN]),
    ],
    "3.6": [relu_mask, rule("relu_rule", "relu", [PLAIN], solved=True)],
    "3.7": [rule("add_bias_rule", lambda x, b: x + b, matrices("nm", "m"))],
    "3.8": [rule("index_rule", lambda x, ids: x[ids], taken(dims=1))],
    "4.1": [function("unbroadcast", STRETCHED, draws=80)],
    "4.2": [rule("add_rule", "add", broadcastable(2)), rule("mul_rule", "mul", broadcastable(2))],
    "4.3": [rule("sum_rule", "sum_of", with_axis())],
    "4.4": [rule("mean_rule", "mean", with_axis(), draws=60)],
    "4.5": [rule("max_rule", "maximum_of", TIES, solved=True, draws=60)],  # with 40, no oblong x along axis 1
    "4.6": [rule("reshape_rule", "reshape", reshaped()), rule("transpose_rule", "transpose", transposed())],
    "4.7": [rule("take_rule", "take", taken())],
    "4.8": [rule("matmul_rule", lambda a, b: a @ b, matrices("nk", "km"))],
    "4.9": [rule("matmul_rule", "matmul", batched())],
    "4.10": [
        parts(observers.recorded, PAIR, product),
        parts(observers.recorded_rule, PAIR, lambda x, y: product(x, y, "z.rule(1)")),
        parts(observers.recorded_sum, [], lambda: SUMMED_ROWS),
        parts(observers.three_grads, st.tuples(PAIR, st.booleans()).map(lambda d: (*d[0], d[1])), summed, TELLING),
    ],
    "5.1": [function("squared_error", PREDICTIONS), rule("squared_error_rule", "squared_error", PREDICTIONS)],
    "5.2": [function("softmax", [ROWS], examples=[*OVERFLOWING, (TWO_ROWS,)])],
    "5.3": [rule("softmax_rule", "softmax", [ROWS])],
    "5.4": [
        function("log_softmax", [ROWS], examples=[*OVERFLOWING, (TWO_ROWS,)]),
        rule("log_softmax_rule", "log_softmax", [ROWS]),
    ],
    "5.5": [
        function("cross_entropy", classified(), examples=[(np.array([[0.0, 1000.0]]), np.array([0]))]),
        rule("cross_entropy_rule", "cross_entropy", classified()),
    ],
}

"""The engine's subgradients: where there is no derivative, or where a formula would give nan."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tinygrad_lecture as tl
from numeric import assert_close
from tinygrad_lecture import ops

INF, NAN = math.inf, math.nan
Values = Any


def leaf(values: Values) -> tl.Tensor:
    return tl.tensor(values, dtype=tl.float64, requires_grad=True)


def gradients(function: Callable[..., tl.Tensor], *values: Values) -> list[NDArray[Any]]:
    """The gradients of a function with respect to each argument, computed with upstream gradient 4, divided by 4."""
    inputs = [leaf(v) for v in values]
    out = function(*inputs)
    return [g.numpy() / 4 for g in tl.grad(out, inputs, tl.full_like(out, 4))]


def check(function: Callable[..., tl.Tensor], *values: Values, expected: list[Values], what: str) -> None:
    for position, (got, wanted) in enumerate(zip(gradients(function, *values), expected, strict=True)):
        assert_close(got, np.array(wanted, dtype=float), f"gradient of {what} by input {position}", rtol=1e-12)


# --- one point each: what is asked, the function, its inputs, the gradient by each ------------------------------

NAN_ROWS = [[NAN, 1.0, 2.0], [NAN, 3.0, NAN], [1.0, 1.0, 1.0]]
NAN_TAKES = [[1, 0, 0], [0.5, 0, 0.5], [1 / 3, 1 / 3, 1 / 3]]
ZEROS = [[0.0, 2.0, 3.0], [4.0, 0.0, 0.0]]
STEPS = [-1.0, 0.0, 0.5, 2.0]
ENDS = [-2.0, -1.0, 0.0, 1.0, 2.0]
TIED, TIES_OF_ROWS = np.array([[3.0, 1.0, 3.0], [2.0, 2.0, 2.0]]), [[0.5, 0, 0.5], [1 / 3, 1 / 3, 1 / 3]]
ZERO, ANY = np.zeros((2, 2)), [-2.0, -1.0, 0.0, -0.0, 1e-300, 0.5, 1.0, 3.0, INF, -INF]
NOTHING = (0, 0.0, np.zeros(()), np.zeros((), int))


CASES: list[tuple[str, Callable[..., tl.Tensor], list[Values], list[Values]]] = [
    ("relu is 0 at 0", ops.relu, [[-1.0, 0.0, -0.0, 1.0]], [[0, 0, 0, 1]]),
    ("leaky_relu has the slope at 0", lambda x: ops.leaky_relu(x, 0.25), [[-1.0, 0.0, 1.0]], [[0.25, 0.25, 1]]),
    ("abs is 0 at 0", ops.abs, [[-2.0, 0.0, -0.0, 2.0]], [[-1, 0, 0, 1]]),
    *((f"{step.__name__} is 0", step, [STEPS], [[0] * 4]) for step in (ops.sign, ops.floor, ops.ceil, ops.round)),
    ("clip passes at both bounds", lambda x: ops.clip(x, -1, 1), [ENDS], [[0, 1, 1, 1, 0]]),
    ("clip passes at its min", lambda x: ops.clip(x, min=-1), [ENDS], [[0, 1, 1, 1, 1]]),
    ("clip passes at its max", lambda x: ops.clip(x, max=1), [ENDS], [[1, 1, 1, 1, 0]]),
    ("sqrt is inf at 0", ops.sqrt, [[0.0, 4.0]], [[INF, 0.25]]),
    ("root is 0 at 0", ops.elementwise.root, [[0.0, 4.0]], [[0, 0.25]]),
    (  # the branch not taken has an infinite derivative, and 0 * inf would be nan
        "where lets no nan through",
        lambda x: ops.where(x > 0, ops.sqrt(ops.where(x > 0, x, 1)), 0),
        [[0.0, 4.0]],
        [[0, 0.25]],
    ),
    (
        "where lets no nan of its inputs through",
        lambda a, b: ops.where(tl.tensor([False, True]), a, b),
        [[NAN, 1.0], [1.0, NAN]],
        [[0, 1], [1, 0]],
    ),
    ("nan takes it all of amax", lambda x: ops.amax(x, axis=1), [NAN_ROWS], [NAN_TAKES]),
    ("nan takes it all of amin", lambda x: ops.amin(x, axis=1), [NAN_ROWS], [NAN_TAKES]),
    ("ties of norm, inf", lambda x: ops.norm(x, INF), [[3.0, -3.0, 1.0]], [[0.5, -0.5, 0]]),
    ("ties of norm, -inf", lambda x: ops.norm(x, -INF), [[3.0, -1.0, 1.0]], [[0, -0.5, 0.5]]),
    ("a median along an axis", lambda x: ops.median(x, 0).values, [[5.0, 1.0, 3.0, 2.0]], [[0, 0, 0, 1]]),
    ("ties of a median of all", ops.median, [[2.0, 1.0, 3.0, 2.0]], [[0.5, 0, 0, 0.5]]),
    ("nan takes a median of all", ops.median, [[2.0, NAN, 3.0, 1.0]], [[0, 1, 0, 0]]),
    ("norm of a zero row", lambda x: ops.norm(x, axis=1), [[[0.0, 0.0], [3.0, 4.0]]], [[[0, 0], [0.6, 0.8]]]),
    ("norm, 3, of a zero row", lambda x: ops.norm(x, 3, axis=1), [[[0.0, 0.0], [2.0, 0.0]]], [[[0, 0], [1, 0]]]),
    ("norm, 0.5, at an element of 0", lambda x: ops.norm(x, 0.5), [[0.0, 4.0, -4.0]], [[0, 2, -2]]),
    (
        "std is 0 where all are equal",
        lambda x: ops.std(x, axis=1),
        [[[2.0, 2.0], [1.0, 3.0]]],
        [[[0, 0], [-(0.5**0.5), 0.5**0.5]]],
    ),
    ("std without correction", lambda x: ops.std(x, correction=0), [[1.0, 1.0, 1.0]], [[0, 0, 0]]),
    ("prod of rows with zeros", lambda x: ops.prod(x, axis=1), [ZEROS], [[[6, 0, 0], [0, 0, 0]]]),
    ("prod of columns with zeros", lambda x: ops.prod(x, axis=0, keepdims=True), [ZEROS], [[[4, 0, 0], [0, 2, 3]]]),
    ("cumprod with zeros", lambda x: ops.cumprod(x, 0), [[2.0, 0.0, 3.0, 0.0]], [[1, 8, 0, 0]]),
    ("relu passes nan and inf", ops.relu, [[NAN, -1.0, INF]], [[1, 0, 1]]),
    ("nan gets nothing of clip by min", lambda x, y: ops.clip(x, min=y), [[NAN, 1.0], [0.0, NAN]], [[0, 0], [0, 0]]),
    ("nan gets nothing of clip by max", lambda x, y: ops.clip(x, max=y), [[NAN, 1.0], [0.0, NAN]], [[0, 0], [0, 0]]),
    ("nan gets nothing of clip", lambda x: ops.clip(x, -1, 1), [[NAN, 1.0, -1.0, 2.0]], [[0, 1, 1, 0]]),
    ("nan gets nothing of abs", ops.abs, [[NAN, -INF, 0.0]], [[0, -1, 0]]),
    *(
        (
            f"ties and nan of {op.__name__}",
            op,
            [[1.0, 0.0, INF, -INF, NAN, 1.0, NAN], [1.0, -0.0, INF, -INF, 2.0, NAN, NAN]],
            [[0.5] * 4 + [1] * 3] * 2,
        )
        for op in (ops.maximum, ops.minimum)
    ),
    *(
        (f"ties of {op.__name__} over {over}", lambda x, op=op, over=over: op(x, **over), [sign * TIED], [wanted])
        for op, sign in ((ops.amax, 1), (ops.amin, -1))
        for over, wanted in [
            *((over, [[0.5, 0, 0.5], [0, 0, 0]]) for over in ({}, {"axis": (0, 1)})),
            *((over, TIES_OF_ROWS) for over in ({"axis": 1}, {"axis": -1, "keepdims": True})),
            ({"axis": -2}, [[1, 0, 1], [0, 1, 0]]),
        ]
    ),
    ("ties of infinities of amax", ops.amax, [[INF, 1.0, INF]], [[0.5, 0, 0.5]]),
    ("ties of infinities of amin", ops.amin, [[-INF, 1.0, -INF]], [[0.5, 0, 0.5]]),
    *(
        (f"norm, {ord}, at 0", lambda x, ord=ord, k=k: ops.norm(x, ord, axis=1, keepdims=k), [ZERO], [ZERO])
        for ord in (0.5, 1, 1.5, 2, 3, INF, -INF)
        for k in (False, True)
    ),
    # powers
    *(("x ** 0 is 0", lambda x, zero=zero: x**zero, [ANY], [[0] * 10]) for zero in NOTHING),
    *(("x ** 0 + x is 1", lambda x, zero=zero: x**zero + x, [ANY], [[1] * 10]) for zero in NOTHING),
    *(("x ** 1", lambda x, one=one: x**one, [[-2.0, 0.0, 3.0]], [[1, 1, 1]]) for one in (1, 1.0, np.ones(3))),
    *(("x ** 2", lambda x, two=two: x**two, [[0.0, -3.0]], [[0, -6]]) for two in (2, 2.0, np.full(2, 2.0))),
    ("nan ** 0", lambda x: x ** np.zeros(1), [[NAN]], [[0]]),
    ("x % y where x / y is rounded up", ops.remainder, [[1.0], [0.001]], [[1], [-999]]),
    ("0 ** y by both", ops.pow, [[0.0, 0.0], [0.0, 2.0]], [[0, 0], [0, 0]]),
    ("0.0 ** y", lambda y: 0.0**y, [[0.0, 2.0]], [[0, 0]]),
    ("0 ** y", lambda y: 0**y, [[0.0, 2.0]], [[0, 0]]),
    ("0 ** -1", ops.pow, [[0.0], [-1.0]], [[-INF], [-INF]]),
    ("(-2) ** 2 by both", ops.pow, [[-2.0], [2.0]], [[-4], [NAN]]),
]


@pytest.mark.filterwarnings("ignore:divide by zero")  # 0 ** -1
@pytest.mark.parametrize(("what", "function", "inputs", "expected"), CASES, ids=[case[0] for case in CASES])
def test_at_a_point(
    what: str, function: Callable[..., tl.Tensor], inputs: list[Values], expected: list[Values]
) -> None:
    check(function, *inputs, expected=expected, what=what)


# --- kinks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [ops.elementwise.root, ops.norm], ids=["root", "norm"])
def test_second_derivative_of_root_is_0_at_0(function: Callable[..., tl.Tensor]) -> None:
    """The branch not taken must not divide by 0 either: 0 * inf would be nan."""
    x = leaf([0.0])
    (first,) = tl.grad(function(x).sum(), x, create_graph=True)
    (second,) = tl.grad((first + x).sum(), x)
    assert second.tolist() == [1]

    upstream = leaf([1.0] if function is ops.elementwise.root else 1.0)
    (first,) = tl.grad(function(x), x, upstream, create_graph=True)
    (by_upstream,) = tl.grad(first.sum(), upstream)
    assert by_upstream.tolist() == ([0] if function is ops.elementwise.root else 0)


# --- norm and std -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "correction"), [(0, 0), (0, 1), (1, 1), (2, 2), (1, 2)])
def test_var_and_std_are_nan_of_too_few(count: int, correction: int) -> None:
    x = leaf(np.ones(count))
    assert math.isnan(ops.var(x, correction=correction).detach().item())
    assert math.isnan(ops.std(x, correction=correction).detach().item())


def test_mean_is_nan_of_nothing() -> None:
    assert math.isnan(ops.mean(leaf(np.zeros((2, 0)))).detach().item())
    assert np.isnan(ops.mean(leaf(np.zeros((2, 0))), axis=1).tolist()).all()
    assert gradients(ops.mean, np.zeros((2, 0)))[0].shape == (2, 0)


# --- numbers too large for exp ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [tl.float16, tl.float32, tl.float64])
@pytest.mark.parametrize(
    ("name", "ends", "slopes"), [("sigmoid", (0, 1), (0, 0)), ("silu", (0, 1e4), (0, 1)), ("tanh", (-1, 1), (0, 0))]
)
def test_flat_ends(name: str, ends: tuple[float, float], slopes: tuple[float, float], dtype: Any) -> None:
    """For large |x| there is no overflow, warning or nan, and the values are exact."""
    x = tl.tensor([-1e4, 1e4], dtype=dtype, requires_grad=True)
    out = getattr(ops, name)(x)
    assert tuple(out.tolist()) == ends
    (gradient,) = tl.grad(out, x, tl.ones(2))
    assert tuple(gradient.tolist()) == slopes


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_sigmoid_is_right_to_the_last_digits(dtype: Any) -> None:
    x = np.linspace(-750, 60, 100_001).astype(dtype)
    exact = 1 / (1 + np.exp(-x.astype(np.longdouble)))
    error = np.abs(ops.sigmoid(x).astype(np.longdouble) - exact)  # type: ignore[attr-defined]
    assert np.all(error <= 5 * np.spacing(exact.astype(dtype)))


# --- powers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [-2.0, 0.0, 0.5, 3.0])
def test_x_to_the_0_has_second_derivative_0(x: float) -> None:
    for zero in (0, 0.0, np.zeros(1)):
        v = leaf([x])
        (first,) = tl.grad((v**zero + v * v).sum(), v, create_graph=True)
        assert first is not None
        (second,) = tl.grad(first.sum(), v)
        assert second is not None
        assert second.tolist() == [2]


def test_the_mixed_derivative_at_exponent_0() -> None:
    """d/dy (y x^(y-1)) at y = 0 is 1 / x."""
    x, y = leaf([2.0, 0.25]), leaf([0.0, 0.0])
    (by_x,) = tl.grad((x**y).sum(), x, create_graph=True)
    (mixed,) = tl.grad(by_x.sum(), y)
    assert mixed.tolist() == [0.5, 4]


# --- products with zeros ------------------------------------------------------------------------------------


def product_rule(x: list[float], order: int) -> NDArray[Any]:
    """All derivatives of a product of this order: the product of the other factors, 0 for a factor taken twice."""
    found = np.zeros((len(x),) * order)
    for named in itertools.product(range(len(x)), repeat=order):
        if len(set(named)) == order:
            found[named] = math.prod(v for i, v in enumerate(x) if i not in named)
    return found


@pytest.mark.parametrize(
    "x", [[2.0], [0.0], [2.0, 3.0, 4.0], [2.0, 0.0, 4.0], [0.0, 3.0, 0.0, 5.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 3.0]]
)
def test_prod_is_exact_with_zeros(x: list[float]) -> None:
    """The first, second and third derivatives, with zero to three zeros among the factors."""
    assert_close(gradients(ops.prod, x)[0], product_rule(x, 1), f"gradient of prod at {x}", rtol=1e-15)
    hessian = tl.func.hessian(ops.prod)(leaf(x))
    assert_close(hessian.detach().numpy(), product_rule(x, 2), f"second derivative of prod at {x}", rtol=1e-15)
    third = tl.func.jacobian(tl.func.hessian(ops.prod))(leaf(x))
    assert_close(third.detach().numpy(), product_rule(x, 3), f"third derivative of prod at {x}", rtol=1e-15)


# --- rows of -inf -------------------------------------------------------------------------------------------


ROWS = [[-INF, -INF], [0.0, -INF], [0.0, 0.0]]
LOGS, TAKES, HALF = [-INF, 0, math.log(2)], [[0, 0], [1, 0], [0.5, 0.5]], math.log(0.5)
MASKED: dict[str, tuple[Callable[..., tl.Tensor], Values, Values, Values]] = {  # upstream of each row, value, gradient
    "logsumexp": (lambda x: ops.logsumexp(x, axis=1), 1.0, LOGS, TAKES),
    "logsumexp, keepdims": (lambda x: ops.logsumexp(x, -1, keepdims=True), 1.0, [[log] for log in LOGS], TAKES),
    "logsumexp of all": (lambda x: ops.logsumexp(x - INF), 1.0, -INF, [[0, 0]] * 3),
    "softmax": (ops.softmax, [1.0, 3.0], TAKES, [[0, 0], [0, 0], [-0.5, 0.5]]),
    "log_softmax": (ops.log_softmax, [1.0, 3.0], [[-INF, -INF], [0, -INF], [HALF] * 2], [[1, 3], [-3, 3], [-1, 1]]),
}


@pytest.mark.parametrize("definition", [False, True], ids=["kernel", "definition"])
@pytest.mark.parametrize("name", MASKED)
def test_a_row_of_minus_infinity_gives_no_nan(name: str, definition: bool) -> None:
    """A fully masked row of attention: no warning, and no nan in other rows."""
    function, upstream, value, gradient = MASKED[name]
    x = leaf(ROWS)
    with tl.reference() if definition else tl.enable_grad():
        out = function(x)
        out.backward(tl.ones_like(out) * tl.tensor(upstream))
    assert x.grad is not None
    assert_close(out.detach(), np.array(value), name, rtol=1e-15)
    assert_close(x.grad, np.array(gradient), f"gradient of {name}", rtol=1e-15)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_logsumexp_of_infinity_is_infinity() -> None:
    for row in ([INF, 1.0], [INF, INF], [-INF, INF], [1.0, INF, -INF]):
        assert ops.logsumexp(leaf(row)).item() == INF
    assert math.isnan(ops.logsumexp(leaf([INF, NAN])).detach().item())


# --- an element written twice: the last value counts --------------------------------------------------------


def test_the_last_value_written_to_an_element_gets_the_gradient() -> None:
    x, value = leaf([1.0, 2.0, 3.0]), leaf([10.0, 20.0, 30.0])
    out = ops.indexing.setitem(x, [0, 2, 0], value)
    assert out.tolist() == [30, 2, 20]
    out.backward(tl.tensor([1.0, 10.0, 100.0]))
    assert x.grad.tolist() == [0, 10, 0]
    assert value.grad.tolist() == [0, 100, 1]


# --- infinite upstream gradients ----------------------------------------------------------------------------

BLOCKED = {  # an op at a point where its derivative is 0
    "relu": (ops.relu, 0.0),
    "abs": (ops.abs, 0.0),
    "sign": (ops.sign, 3.0),
    "floor": (ops.floor, 2.5),
    "clip": (lambda x: ops.clip(x, 1, 2), 0.0),
    "clip by tensors": (lambda x: ops.clip(x, tl.tensor(1.0), tl.tensor(2.0)), 3.0),
    "maximum": (lambda x: ops.maximum(x, 1), 0.0),
    "max": (lambda x: ops.max(ops.stack([x, tl.ones_like(x)])), 0.0),
    "where": (lambda x: ops.where(x > 0, x, 0), -1.0),
    "masked_fill": (lambda x: ops.masked_fill(x, tl.tensor(True), 0.0), 1.0),
    "x[0] = 0": (lambda x: ops.indexing.setitem(x, ..., 0.0), 1.0),
    "floor_divide": (lambda x: ops.floor_divide(x, 2.0), 2.5),
    "floor_divide by": (lambda y: ops.floor_divide(2.5, y), 2.0),
    "trunc_divide": (lambda x: ops.elementwise.trunc_divide(x, 2.0), -2.5),
    "trunc_divide by": (lambda y: ops.elementwise.trunc_divide(-2.5, y), 1.0),
    "tril": (lambda x: ops.tril(ops.reshape(x, (1, 1)), -1).sum(), 1.0),
}


@pytest.mark.parametrize(("function", "x"), BLOCKED.values(), ids=BLOCKED)
def test_where_the_derivative_is_0_an_infinite_upstream_gradient_is_blocked(
    function: Callable[..., tl.Tensor], x: float
) -> None:
    at = leaf(x)
    out = function(at)
    for infinity in (INF, -INF):
        (g,) = tl.grad(out, at, tl.full_like(out, infinity), retain_graph=True)
        assert g is not None
        assert g.item() == 0


def test_dropout_lets_no_infinite_gradient_through_a_dropped_element() -> None:
    from nn import functional as F

    x = leaf([0.5] * 20)
    tl.manual_seed(0)
    y = F.dropout(x, 0.5)
    y.backward(tl.full_like(y, INF))
    assert set(x.grad.tolist()) == {0.0, INF}


def test_a_power_of_infinity_has_its_limit_as_second_derivative() -> None:
    x, y = leaf(INF), leaf(0.0)
    (g,) = tl.grad(x**y, [x], create_graph=True)
    (second,) = tl.grad(g, [y])
    assert second.item() == 0

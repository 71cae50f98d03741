"""More rows of the op table: elementwise functions, linear algebra and statistics beyond the lecture's."""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any

import numpy as np
from hypothesis import strategies as st

import strategies as some
from op_table import (
    alone,
    always,
    erf,
    first_of,
    its_axis,
    one_array,
    reductions,
    regular,
    remainders,
    row,
    special,
    tied,
    unary,
    with_setting,
)
from strategies import Array, Draw, Sample

# --- special functions ----------------------------------------------------------------------------------------


def each(function: Any) -> Any:
    """The function of a number, on arrays."""
    return lambda x: np.asarray(np.vectorize(function, otypes=[float])(x))


def euler_digamma(x: float) -> float:
    """By its series, DLMF 5.7.6, with the tail as an integral (Euler and Maclaurin)."""
    n = 2000
    k = np.arange(n)
    tail = math.log(n + x) - math.log(n + 1) - 0.5 / (n + x) + 0.5 / (n + 1)
    tail += -1 / (12 * (n + x) ** 2) + 1 / (12 * (n + 1) ** 2)
    return float(-np.euler_gamma + np.sum(1 / (k + 1) - 1 / (k + x)) + tail)


def trigamma(x: float) -> float:
    """The sum of (x + k)^-2, with the tail as an integral."""
    n = 2000
    a = n + x
    return float(np.sum((x + np.arange(n)) ** -2.0) + 1 / a + 0.5 / a**2 + 1 / (6 * a**3))


def inverse_of_erf(y: Array) -> Array:
    """By bisection."""
    low, high = np.full(y.shape, -4.0), np.full(y.shape, 4.0)
    for _ in range(80):
        middle = (low + high) / 2
        below = erf(middle) < y
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2)


@st.composite
def entropies(draw: Draw) -> Sample:
    """Any x, some of them 0, with positive y."""
    a, b = draw(some.broadcastable())
    x = draw(some.numbers(a))
    return Sample((np.where(draw(some.masks(a)), x, x * 0), draw(some.numbers(b, 0.3, 2))))


row("erfc", unary(), each(math.erfc), kinds="fi", smooth=True, keeps="x")
row("erfinv", unary(-0.9, 0.9).map(lambda s: Sample((erf(s.inputs[0]),))), inverse_of_erf, keeps="out")
row("lgamma", unary(0.4, 4), each(math.lgamma), kinds="fi", keeps="x")
row("digamma", unary(0.4, 4), each(euler_digamma), kinds="fi", keeps="x")
row(
    "derivative_of_digamma",
    unary(0.5, 4).map(lambda s: Sample(s.inputs, {"n": 1})),
    lambda x, n: each(trigamma)(x),
    kinds="fi",
    keeps="x",
)
row("log_odds", unary(0.2, 0.8), lambda x: np.log(x / (1 - x)), smooth=True, keeps="x")
row(
    "logit",
    with_setting(unary(0.2, 0.8), eps=st.sampled_from([0.1, 1e-3])),
    lambda x, eps=0.0: np.log(np.clip(x, eps, 1 - eps) / (1 - np.clip(x, eps, 1 - eps))),
    kinks="the bounds",
    smooth=True,
)
row("xlogy", entropies(), lambda x, y: x * np.log(y), mixes=True, keeps="x y")


# --- signs and steps ----------------------------------------------------------------------------------------


@st.composite
def numbers_or_nan(draw: Draw) -> Sample:
    """Numbers and nans. (An inf has no differences.)"""
    (x,) = draw(unary()).inputs
    return Sample((np.where(draw(some.masks(x.shape)), x, np.nan),))


row("signbit", special(), np.signbit, differentiable=False)
row("fmod", remainders(), np.fmod, kinks="whole quotients", keeps="x y")
row(
    "nan_to_num",
    with_setting(numbers_or_nan(), nan=st.just(2.5)).map(
        lambda s: Sample(s.inputs, {**s.settings, "posinf": 3.0, "neginf": -4.0})
    ),
    lambda x, posinf, neginf, nan=0.0: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    kinks="nan and inf",
)


# --- factorizations and powers --------------------------------------------------------------------------------


@st.composite
def tall_or_wide(draw: Draw, ranks: bool = False) -> Sample:
    """Matrices (..., m, n) far from singular: part of a square one. Without 0, where LAPACK's signs of Q and R jump."""
    a = draw(regular(low=2))
    a = np.where(a == 0, 0.25, a)
    n = a.shape[-1]
    rows, columns = draw(st.sampled_from([(n, n), (n, n - 1), (n - 1, n)]))
    a = a[..., :rows, :columns]
    return Sample((a * np.where(np.arange(columns) > 0, 0.0, 1.0) if ranks and draw(st.booleans()) else a,))


@st.composite
def least_squares(draw: Draw) -> Sample:
    (a,) = draw(tall_or_wide()).inputs
    a = a[(0,) * (a.ndim - 2)] if 0 not in a.shape else np.eye(2)
    shape = (a.shape[0],) if draw(st.booleans()) else (a.shape[0], draw(st.integers(1, 2)))
    return Sample((a, draw(some.numbers(shape))))


@st.composite
def triangular(draw: Draw) -> Sample:
    a = draw(regular(low=1))
    n, k = a.shape[-1], draw(st.integers(1, 2))
    settings = {"upper": draw(st.booleans()), "left": draw(st.booleans()), "unitriangular": draw(st.booleans())}
    b = draw(some.numbers((n, k) if settings["left"] else (k, n)))
    return Sample((a, b), settings)


def triangle(a: Array, upper: bool, unitriangular: bool = False) -> Array:
    t = (np.triu if upper else np.tril)(a)
    return np.where(np.eye(a.shape[-1], dtype=bool), 1, t) if unitriangular else t


def solve_triangular(a: Array, b: Array, upper: bool, left: bool, unitriangular: bool) -> Array:
    inverse = np.linalg.inv(triangle(a, upper, unitriangular))
    return np.asarray(inverse @ b if left else b @ inverse)


@st.composite
def factors(draw: Draw, right: bool) -> Sample:
    """Cholesky factors, and right-hand sides."""
    a = np.linalg.cholesky(draw(regular(low=1, definite=True)))
    settings = {"upper": True} if draw(st.booleans()) else {}
    lower = a.swapaxes(-1, -2) if settings else a
    b = (draw(some.numbers((a.shape[-1], 2))),) if right else ()
    return Sample((*b, np.asarray(lower)), settings)


def whole(l: Array, upper: bool = False) -> Array:  # noqa: E741 - a lower triangle
    l = np.tril(l.swapaxes(-1, -2) if upper else l)  # noqa: E741
    return np.asarray(l @ l.swapaxes(-1, -2))


row("qr", tall_or_wide(), lambda a: tuple(np.linalg.qr(a)))
row(
    "qr_stacked",
    tall_or_wide().filter(lambda s: s.inputs[0].shape[-2] >= s.inputs[0].shape[-1]),
    lambda a: np.concatenate(np.linalg.qr(a), -2),
    keeps="out",
)
row("pinv", tall_or_wide(), np.linalg.pinv, keeps="a out")
row("lstsq", least_squares(), lambda a, b: np.linalg.pinv(a) @ b, call=lambda op, a, b: op(a, b).solution, waits=always)
row(
    "matrix_rank",
    tall_or_wide(ranks=True).filter(lambda s: s.inputs[0].size),
    np.linalg.matrix_rank,
    differentiable=False,
)
row("solve_triangular", triangular(), solve_triangular, mixes=False)
row("cholesky_solve", factors(right=True), lambda b, a, upper=False: np.linalg.inv(whole(a, upper)) @ b)
row("logdet", alone(regular(definite=True)), lambda a: np.linalg.slogdet(a).logabsdet, smooth=True)
row(
    "matrix_power",
    regular().flatmap(lambda a: st.integers(-2, 4).map(lambda n: Sample((a,), {"n": n}))),
    np.linalg.matrix_power,
)

# --- distances, diagonals and blocks ------------------------------------------------------------------------


@st.composite
def points(draw: Draw) -> Sample:
    """Points of two kinds, with no coordinate in common."""
    batch = draw(some.shapes(max_dims=1))
    n, m, d = (draw(st.integers(1, 3)) for _ in range(3))
    x, y = draw(some.numbers((*batch, n, d), -2, -0.3)), draw(some.numbers((*batch, m, d), 0.3, 2))
    return Sample((x, y), {"p": draw(st.sampled_from([1, 2.0, 3.0]))} if draw(st.booleans()) else {})


def cdist(x: Array, y: Array, p: float = 2.0) -> Any:
    return (np.abs(x[..., :, None, :] - y[..., None, :, :]) ** p).sum(-1) ** (1 / p)


def diagonals_to_embed(draw: Draw, x: Array) -> dict[str, Any]:
    settings = {"offset": draw(st.integers(-2, 2))} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        axes = draw(st.permutations(range(x.ndim + 1)))[:2]
        settings.update(zip(draw(st.sampled_from([("axis1", "axis2"), ("dim1", "dim2")])), axes, strict=True))
    return settings


def diag_embed(x: Array, offset: int = 0, axis1: int = -2, axis2: int = -1, **named: int) -> Array:
    axis1, axis2 = named.get("dim1", axis1), named.get("dim2", axis2)
    n = x.shape[-1] + abs(offset)
    full = np.zeros((*x.shape[:-1], n, n), x.dtype)
    for i in range(x.shape[-1]):
        full[..., i + max(-offset, 0), i + max(offset, 0)] = x[..., i]
    return np.moveaxis(full, (-2, -1), (axis1, axis2))


@st.composite
def numbers_of_places(draw: Draw) -> Sample:
    shape = draw(some.shapes(min_dims=1, min_side=1))
    return Sample((draw(some.integers(draw(some.shapes()), 0, int(np.prod(shape)))),), {"shape": shape})


row("cross_along", some.numbers((2, 2, 3)).map(lambda x: Sample((x[0], x[1]))), np.cross, kinds="fi", mixes=True)
row("cdist", points(), cdist, kinks="0")
row("diag_embed", one_array(diagonals_to_embed, min_dims=1), diag_embed, kinds="fi")
row("unravel_index", numbers_of_places(), np.unravel_index, kinds="i", differentiable=False)


# --- counts and runs ------------------------------------------------------------------------------------------


@st.composite
def counts(draw: Draw) -> Sample:
    """Integers with weights."""
    x = draw(some.integers((draw(st.integers(0, 5)),), 0, 4))
    settings = {"minlength": draw(st.integers(0, 6))} if draw(st.booleans()) else {}
    return Sample((x, draw(some.numbers(x.shape))), settings)


def bincount(x: Array, weights: Array, minlength: int = 0) -> Array:
    total = np.zeros(max(int(x.max(initial=-1)) + 1, minlength), weights.dtype)
    for i, place in enumerate(x):
        total[place] += weights[i]
    return total


def runs(x: Array) -> Array:
    return np.array([key for key, _ in groupby(x.reshape(-1).tolist())], x.dtype)


row("bincount", counts(), bincount, waits=always)
row(
    "count_nonzero",
    reductions(lambda shape: some.integers(shape, 0, 2)).map(
        lambda s: Sample(s.inputs, {k: v for k, v in s.settings.items() if k[:4] != "keep"})
    ),
    lambda x, axis=None: np.asarray(np.count_nonzero(x, axis)),
    kinds="fib",
    differentiable=False,
)
row("unique_consecutive", first_of(tied()), runs, kinds="fib", differentiable=False, waits=always)

# --- sorted numbers -----------------------------------------------------------------------------------------


@st.composite
def sorted_and_values(draw: Draw) -> Sample:
    """A sorted vector with values of any shape, or rows of both."""
    if draw(st.booleans()):
        shape, n = draw(some.shapes(max_dims=2)), draw(st.integers(0, 4))
        inputs = draw(some.integers((*shape, n), 0, 4)), draw(some.integers((*shape, draw(st.integers(0, 3))), 0, 5))
    else:
        inputs = draw(some.integers((draw(st.integers(0, 4)),), 0, 4)), draw(some.integers(draw(some.shapes()), 0, 5))
    setting = draw(st.sampled_from([{}, {"right": True}, {"side": "right"}, {"side": "left"}]))
    return Sample((np.sort(inputs[0] * 0.5, -1), inputs[1] * 0.5), setting)


def searchsorted(rows: Array, values: Array, right: bool = False, side: str = "left") -> Array:
    after = right or side == "right"
    found = np.empty(values.shape, np.int64)
    for place in np.ndindex(values.shape):
        row = rows if rows.ndim == 1 else rows[place[:-1]]
        found[place] = sum((x <= values[place]) if after else (x < values[place]) for x in row)
    return found


@st.composite
def members(draw: Draw) -> Sample:
    x, y = (draw(some.integers(draw(some.shapes(max_dims=2)), 0, 4)) * 0.5 for _ in range(2))
    return Sample((x, y), {"invert": draw(st.booleans())} if draw(st.booleans()) else {})


row("searchsorted", sorted_and_values(), searchsorted, kinds="f", differentiable=False)
row(
    "bucketize",
    sorted_and_values()
    .filter(lambda s: s.inputs[0].ndim == 1)
    .map(lambda s: Sample(s.inputs[::-1], {k: v for k, v in s.settings.items() if k == "right"})),
    lambda x, boundaries, right=False: searchsorted(boundaries, x, right),
    differentiable=False,
)
row("isin", members(), lambda x, y, invert=False: np.isin(x, y, invert=invert), kinds="fi", differentiable=False)

# --- quantiles and nans -------------------------------------------------------------------------------------


@st.composite
def quantiles(draw: Draw) -> Sample:
    """Numbers without ties; quantiles that lie between two of them, where a kink is far."""
    shape = draw(some.shapes(min_side=1))
    x = draw(some.distinct(shape))
    q = draw(st.sampled_from([0.31, 0.77, 0.0, 1.0]))
    settings: dict[str, Any] = {"q": draw(st.sampled_from([q, [q, 0.43]]))}
    if shape and draw(st.booleans()):
        settings.update(draw(some.named(axis=draw(some.one_axis(len(shape))))))
    if draw(st.booleans()):
        settings.update(draw(some.named(keepdims=True)))
    if draw(st.booleans()):
        settings["interpolation"] = draw(st.sampled_from(["linear", "lower", "higher", "midpoint", "nearest"]))
    return Sample((x,), settings)


def quantile(x: Array, q: Any, axis: Any = None, keepdims: bool = False, interpolation: str = "linear") -> Any:
    return np.quantile(x, q, axis, keepdims=keepdims, method=interpolation)


@st.composite
def gaps(draw: Draw) -> Sample:
    """A reduction of numbers, some of them nan."""
    return draw(with_gaps(draw(reductions(some.distinct, at_least=1))))  # type: ignore[no-any-return]


@st.composite
def with_gaps(draw: Draw, sample: Sample) -> Sample:
    """The sample with some elements nan, but no whole row of those that are reduced to one."""
    (x,) = sample.inputs
    holes = np.where(draw(some.masks(x.shape)), x, np.nan)
    empty = np.isnan(holes).all(sample.numpy_settings.get("axis"), keepdims=True)
    return Sample((np.where(empty, x, holes),), sample.settings)


def nan_mean(x: Array, axis: Any = None, keepdims: bool = False) -> Any:
    with np.errstate(all="ignore"):
        return np.nansum(x, axis, keepdims=keepdims) / np.sum(~np.isnan(x), axis, keepdims=keepdims)


row("quantile", quantiles(), quantile, kinks="ties")
row("nansum", gaps(), np.nansum)
row("nanmean", gaps(), nan_mean)

# --- covariance and differences -----------------------------------------------------------------------------


@st.composite
def variables(draw: Draw) -> Sample:
    n = draw(st.integers(3, 5))
    x = draw(some.numbers((draw(st.integers(1, 3)), n) if draw(st.booleans()) else (n,)))
    return Sample((x,), {"correction": 0} if draw(st.booleans()) else {})


def neighbours(draw: Draw, x: Array) -> dict[str, Any]:
    settings = draw(st.sampled_from([{}, {"n": 2}, {"n": 0}]))
    return {**settings, **its_axis(draw, x)} if draw(st.booleans()) else settings  # type: ignore[no-any-return]


row("cov", variables(), lambda x, correction=1: np.cov(x, ddof=correction))
row("diff", one_array(neighbours, min_dims=1), lambda x, n=1, axis=-1: np.diff(x, n, axis), kinds="fi")

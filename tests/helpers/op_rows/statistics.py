"""Rows of the statistics: counts, quantiles, places in sorted numbers, covariance, differences."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np
from hypothesis import strategies as st

import strategies as some
from op_table import its_axis, one_array, picked, reductions, row, selections_along, tied
from strategies import Array, Draw, Sample


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


@st.composite
def bins(draw: Draw) -> Sample:
    """Limits that no element is on, or those of the elements."""
    x = draw(some.numbers(draw(some.shapes(min_side=1))))
    own = x.min() < x.max() and draw(st.booleans())
    return Sample((x,), {"bins": draw(st.integers(1, 5)), **({} if own else {"min": -1.0301, "max": 1.5607})})


def histc(x: Array, bins: int, min: float = 0, max: float = 0) -> Array:
    low, high = (x.min(), x.max()) if min == max else (min, max)
    low, high = (low - 1, high + 1) if low == high else (low, high)
    return np.histogram(x, bins, (low, high))[0].astype(x.dtype)


def runs(x: Array) -> Array:
    return np.array([key for key, _ in groupby(x.reshape(-1).tolist())], x.dtype)


waits = {"waits": lambda sample: True}
row("bincount", counts(), bincount, **waits)
row(
    "count_nonzero",
    reductions(lambda shape: some.integers(shape, 0, 2)).map(
        lambda s: Sample(s.inputs, {k: v for k, v in s.settings.items() if k[:4] != "keep"})
    ),
    lambda x, axis=None: np.asarray(np.count_nonzero(x, axis)),
    kinds="fib",
    differentiable=False,
)
row("histc", bins(), histc, differentiable=False, **waits)
row(
    "unique_consecutive",
    tied().map(lambda s: Sample(s.inputs[:1])),
    runs,
    kinds="fib",
    differentiable=False,
    **waits,
)

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
def quantiles(draw: Draw, nans: bool = False) -> Sample:
    """Numbers without ties; quantiles that lie between two of them, where a kink is far."""
    shape = draw(some.shapes(min_side=1))
    x = draw(some.distinct(shape))
    if nans:
        gaps = draw(some.masks(shape))
        x = np.where(gaps, np.nan, x) if x.ndim and not gaps.all(0).any() and draw(st.booleans()) else x
    q = draw(st.sampled_from([0.31, 0.77, 0.0, 1.0]))
    settings: dict[str, Any] = {"q": draw(st.sampled_from([q, [q, 0.43]]))}
    if shape and draw(st.booleans()):
        settings.update(draw(some.named(axis=0 if nans else draw(some.one_axis(len(shape))))))
    if draw(st.booleans()):
        settings.update(draw(some.named(keepdims=True)))
    if draw(st.booleans()):
        settings["interpolation"] = draw(st.sampled_from(["linear", "lower", "higher", "midpoint", "nearest"]))
    return Sample((x,), settings)


def quantile(function: Callable[..., Any]) -> Callable[..., Any]:
    def reference(x: Array, q: Any, axis: Any = None, keepdims: bool = False, interpolation: str = "linear") -> Any:
        return function(x, q, axis, keepdims=keepdims, method=interpolation)

    return reference


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


def nanmedian(x: Array, axis: int, keepdims: bool = False) -> Any:
    def middle(line: Array) -> int:
        order = np.argsort(line, kind="stable")
        return int(order[max(np.count_nonzero(~np.isnan(line)) - 1, 0) // 2])

    return picked(x, np.expand_dims(np.apply_along_axis(middle, axis, x), axis), axis, keepdims)


@st.composite
def gaps_along(draw: Draw) -> Sample:
    return draw(with_gaps(draw(selections_along())))  # type: ignore[no-any-return]


@st.composite
def kth(draw: Draw) -> Sample:
    sample = draw(selections_along())
    axis = sample.numpy_settings["axis"]
    return Sample(sample.inputs, {"k": draw(st.integers(1, sample.inputs[0].shape[axis])), **sample.settings})


def kthvalue(x: Array, k: int, axis: int, keepdims: bool = False) -> Any:
    return picked(x, np.take(np.argsort(x, axis, kind="stable"), [k - 1], axis), axis, keepdims)


def nan_mean(x: Array, axis: Any = None, keepdims: bool = False) -> Any:
    with np.errstate(all="ignore"):
        return np.nansum(x, axis, keepdims=keepdims) / np.sum(~np.isnan(x), axis, keepdims=keepdims)


row("quantile", quantiles(), quantile(np.quantile), kinks="ties")
row("nanquantile", quantiles(nans=True), quantile(np.nanquantile), kinks="ties")
row("kthvalue", kth(), kthvalue, kinks="ties", kinds="fi")
row("nansum", gaps(), np.nansum)
row("nanmean", gaps(), nan_mean)
row("nanmedian", gaps_along(), nanmedian, kinks="ties")
row("logcumsumexp", one_array(its_axis, min_dims=1), lambda x, axis: np.log(np.cumsum(np.exp(x), axis)))

# --- covariance and differences -----------------------------------------------------------------------------


@st.composite
def variables(draw: Draw, weighted: bool = False) -> Sample:
    n = draw(st.integers(3, 5))
    x = draw(some.numbers((draw(st.integers(1, 3)), n) if draw(st.booleans()) else (n,)))
    if not weighted:
        return Sample((x,))
    counts = draw(some.integers((n,), 1, 4)) if draw(st.booleans()) else None
    weights = draw(some.numbers((n,), 0.5, 1.5)) if draw(st.booleans()) else None
    return Sample((x, counts, weights), {"correction": 0} if draw(st.booleans()) else {})


def cov(x: Array, counts: Any, weights: Any, correction: int = 1) -> Any:
    return np.cov(x, ddof=correction, fweights=counts, aweights=weights)


@st.composite
def neighbours(draw: Draw) -> Sample:
    x = draw(some.numbers(draw(some.shapes(min_dims=1))))
    settings = draw(st.sampled_from([{}, {"n": 2}, {"n": 0}]))
    return Sample((x,), {**settings, **its_axis(draw, x)} if draw(st.booleans()) else settings)


@st.composite
def curves(draw: Draw) -> Sample:
    """Heights with places, one for each or a vector of them, or with a step."""
    y = draw(some.numbers(draw(some.shapes(min_dims=1, min_side=1))))
    axis = draw(some.one_axis(y.ndim))
    settings = draw(some.named(axis=axis))
    kind = draw(st.sampled_from(["plain", "step", "vector", "each"]))
    if kind in ("plain", "step"):
        return Sample((y,), {**settings, **({"dx": 0.5} if kind == "step" else {})})
    shape = y.shape if kind == "each" else (y.shape[axis],)
    return Sample((y, np.cumsum(draw(some.numbers(shape, 0.2, 1)), axis if kind == "each" else 0)), settings)


def cumulative(y: Array, x: Any = None, dx: float = 1, axis: int = -1) -> Array:
    y = np.moveaxis(y, axis, -1)
    steps = dx if x is None else np.diff(x if x.ndim == 1 else np.moveaxis(x, axis, -1))
    return np.moveaxis(np.cumsum((y[..., 1:] + y[..., :-1]) / 2 * steps, -1), -1, axis)


row(
    "cov",
    variables(weighted=True),
    cov,
    call=lambda op, x, counts, weights, **settings: op(x, fweights=counts, aweights=weights, **settings),
)
row("corrcoef", variables(), np.corrcoef, kinks="the bounds 1 and -1 of the diagonal")
row("diff", neighbours(), lambda x, n=1, axis=-1: np.diff(x, n, axis), kinds="fi")
row("trapezoid", curves(), np.trapezoid)
row("cumulative_trapezoid", curves(), cumulative)

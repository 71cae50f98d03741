"""Rows of the statistics: counts, quantiles, places in sorted numbers, covariance, differences."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
from hypothesis import strategies as st

import strategies as some
from op_table import its_axis, reductions, row, tied
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


row(
    "cov",
    variables(weighted=True),
    cov,
    call=lambda op, x, counts, weights, **settings: op(x, fweights=counts, aweights=weights, **settings),
)
row("corrcoef", variables(), np.corrcoef, kinks="the bounds 1 and -1 of the diagonal")
row("diff", neighbours(), lambda x, n=1, axis=-1: np.diff(x, n, axis), kinds="fi")

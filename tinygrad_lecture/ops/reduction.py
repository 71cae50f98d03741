"""Sums, means, extremes and what is made of them.

`axis` is None (all axes), an int or a tuple; with `keepdims` the reduced axes stay, with size 1. Also as in
PyTorch: `dim` and `keepdim`.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

from ..autograd.op import Value, op
from ..backend import FLOAT16, FLOAT32, Shape, xp
from .composite import composite
from .elementwise import abs as absolute
from .elementwise import isnan, root, where
from .half import in_float32
from .shape import axes_over, flip, own_axis, permute, reshape

Axes: TypeAlias = int | tuple[int, ...] | None


@op(analytic=True)
def sum(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """The sum over axes; of nothing, 0. Of float16 it is added up in float32."""
    if x.dtype == FLOAT16:
        return x.sum(axis=own_axis(x, axis), keepdims=keepdims, dtype=FLOAT32).astype(FLOAT16)
    return x.sum(axis=own_axis(x, axis), keepdims=keepdims)


@sum.backward
def _(g: Value, x_shape: Shape, axis: Axes, keepdims: bool) -> Value:
    return spread(g, x_shape, axis, keepdims)


@op(analytic=True)
def spread(x: Value, /, shape: Shape, axis: Axes = None, keepdims: bool = False) -> Value:
    """The transpose of `sum`: repeat a reduced array along the axes it was reduced over, to the full `shape`."""
    full = xp(x).empty(shape, x.dtype)
    full[...] = x.reshape(reduced_shape(shape, axis) if axis is not None else ())
    return full


@spread.backward
def _(g: Value, axis: Axes, keepdims: bool) -> Value:
    return sum(g, axis, keepdims)


@op(analytic=True)
def mean(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """The mean over axes; nan of nothing. Of float16 it is computed in float32."""
    if x.dtype == FLOAT16:
        return mean(x.astype(FLOAT32), axis, keepdims).astype(FLOAT16)
    total = x.sum(axis=own_axis(x, axis), keepdims=keepdims)
    n = count(x.shape, axis)
    return total / n if n else total * math.nan


@mean.backward
def _(g: Value, x_shape: Shape, axis: Axes, keepdims: bool) -> Value:
    return spread(g / count(x_shape, axis), x_shape, axis, keepdims)


@composite
@in_float32
def var(
    x: Value,
    /,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    correction: float = 1,
    unbiased: bool | None = None,
) -> Value:
    """The variance over axes: squared distances from the mean, summed, over (n - correction).

    correction=1 as in PyTorch gives the unbiased estimate, correction=0 NumPy's default; nan where n <= correction.
    unbiased: PyTorch's older word for a correction of 1 (True) or 0 (False).
    """
    correction = correction if unbiased is None else int(unbiased)
    centred = x - mean(x, axis, keepdims=True)
    total = sum(centred * centred, axis, keepdims)
    n = count(x.shape, axis) - correction
    if n > 0:
        return total / n
    with np.errstate(all="ignore"):
        return total * 0 / 0  # not times nan, of which detect_anomaly would say that it came in


@composite
@in_float32
def std(
    x: Value,
    /,
    axis: Axes = None,
    keepdims: bool = False,
    *,
    correction: float = 1,
    unbiased: bool | None = None,
) -> Value:
    """The standard deviation, sqrt(var); its subgradient is 0 where it is 0."""
    return root(var(x, axis, keepdims, correction=correction, unbiased=unbiased))


@op
def max(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """The largest element over axes, a nan if there is one; ties share the gradient equally. (Its place: `argmax`.)"""
    return xp(x).max(x, axis=own_axis(x, axis), keepdims=keepdims)


@op
def min(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """The smallest element over axes, a nan if there is one; ties share the gradient equally. (Its place: `argmin`.)"""
    return xp(x).min(x, axis=own_axis(x, axis), keepdims=keepdims)


@max.backward
@min.backward
def _(g: Value, x: Value, out: Value, axis: Axes, keepdims: bool) -> Value:
    chosen = (x == spread(out, x.shape, axis, keepdims)) | isnan(x)
    ties = sum(chosen.astype(x.dtype), axis, keepdims)
    return where(chosen, spread(g / ties, x.shape, axis, keepdims), 0)


@max.explains
@min.explains
def _(x: Value, axis: Axes = None, keepdims: bool = False) -> str | None:
    if 0 in x.shape:
        return f"there is no largest or smallest element of nothing, and a tensor of shape {x.shape} has none"
    return None


@composite
def prod(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """The product over axes; of nothing, 1.

    A tree of multiplications, halving the factors at each level, so that the gradient never divides: it is exact
    with any number of zeros, to any order.
    """
    axes = axes_over(x.ndim, axis)
    kept = tuple(a for a in range(x.ndim) if a not in axes)
    n = count(x.shape, axis)
    if n == 0:
        return sum(x, axis, keepdims) + 1
    factors = reshape(permute(x, axes + kept), (n, *(x.shape[a] for a in kept)))  # (factors, ...kept)
    odd_ones = []
    while n > 1:
        if n % 2:
            odd_ones.append(factors[n - 1])
        n //= 2
        factors = factors[:n] * factors[n : 2 * n]
    product = math.prod(odd_ones, start=factors[0])
    return reshape(product, reduced_shape(x.shape, axis) if keepdims else tuple(x.shape[a] for a in kept))


@op(analytic=True)
def cumsum(x: Value, /, axis: int) -> Value:
    """The running sum along an axis."""
    return xp(x).cumsum(x, axis=axis) if x.ndim else sum(x, axis)


@cumsum.backward
def _(g: Value, axis: int) -> Value:
    return flip(cumsum(flip(g, axis), axis), axis)  # what comes at i is in every sum from i on


@composite
@in_float32
def norm(x: Value, /, ord: float = 2, axis: Axes = None, keepdims: bool = False) -> Value:
    """The vector norm (sum |x|^ord)^(1/ord) over axes; also 1, inf (the largest |x|) and -inf (the smallest).

    Subgradients: 0 where the norm is 0; ties of inf and -inf share equally. Raises ValueError for ord <= 0.
    """
    if ord == 2:
        return root(sum(x * x, axis, keepdims))
    if ord == 1:
        return sum(absolute(x), axis, keepdims)
    if ord == math.inf:
        return max(absolute(x), axis, keepdims)
    if ord == -math.inf:
        return min(absolute(x), axis, keepdims)
    if not isinstance(ord, (int, float)) or ord <= 0:
        raise ValueError(f"ord must be positive, inf or -inf, not {ord!r}")
    powers = (
        absolute(x) ** ord if ord >= 1 else where(x == 0, 0, absolute(where(x == 0, 1, x)) ** ord)
    )  # no slope inf at 0
    powers = sum(powers, axis, keepdims)
    return where(powers == 0, 0, where(powers == 0, 1, powers) ** (1 / ord))


@op(differentiable=False)
def argmax(x: Value, /, axis: int | None = None, keepdims: bool = False) -> Value:
    """The place of the first largest element along an axis (None: in the flattened tensor), as int64."""
    return xp(x).argmax(x, axis=own_axis(x, axis), keepdims=keepdims)


@op(differentiable=False)
def argmin(x: Value, /, axis: int | None = None, keepdims: bool = False) -> Value:
    """The place of the first smallest element along an axis (None: in the flattened tensor), as int64."""
    return xp(x).argmin(x, axis=own_axis(x, axis), keepdims=keepdims)


@op(differentiable=False)
def any(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """Whether any element over axes is true."""
    return xp(x).any(x, axis=own_axis(x, axis), keepdims=keepdims)


@op(differentiable=False)
def all(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """Whether all elements over axes are true."""
    return xp(x).all(x, axis=own_axis(x, axis), keepdims=keepdims)


# --- axes ---------------------------------------------------------------------------------------------------


def count(shape: Shape, axis: Axes) -> int:
    """How many elements go into each result of a reduction."""
    if axis is None:
        return math.prod(shape)
    return math.prod(shape[a] for a in axes_over(len(shape), axis))


def reduced_shape(shape: Shape, axis: Axes) -> Shape:
    """The shape after a reduction with keepdims."""
    axes = axes_over(len(shape), axis)
    return tuple(1 if a in axes else size for a, size in enumerate(shape))

"""Reductions: mean, var, max, norm and others over one axis, several, or all. (`sum` is in `basics.py`.)

Everywhere, `axis` is an int, a tuple or None (all axes), and `keepdims` keeps the reduced axes with size 1. PyTorch's
`dim` and `keepdim` work too. Results are in row-major order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.op import Value, op
from ..autograd.operands import constant
from ..backend import FLOAT16, FLOAT32, Shape, row_major, xp
from ..tensor_base import array_of
from .basics import sum, where
from .composite import as_floats, composite, converted, in_float32, takes_dtype
from .elementwise import abs as absolute, isnan, root
from .shape import Axes, axes_over, cat, clone, contiguous, count, expand_copy, flip, numpy_axis, reduced_shape, reshape

__all__ = ["all", "amax", "amin", "any", "argmax", "argmin", "cumprod", "cumsum", "mean", "norm", "prod", "std", "var"]


@op(analytic=True)
def mean(x: Value, /, axis: Axes = None, keepdims: bool = False, *, dtype: Any = None) -> Value:
    """The mean over axes; nan if there are no elements.

    axis (also `dim`): the axes to reduce, an int or a tuple; None for all.
    keepdims (also `keepdim`): whether to keep them, with size 1.
    dtype: convert x to this dtype first, as in PyTorch; None (the default) for x's own.
    The result has x's dtype: float16 is computed in float32, integers give the default dtype.
    Raises IndexError for an axis out of range.

        tl.mean(tl.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)    # tensor([1.5000, 3.5000])
    """
    if x.dtype == FLOAT16:
        return mean(x.astype(FLOAT32), axis, keepdims).astype(FLOAT16)
    total = row_major(x.sum(axis=numpy_axis(x, axis), keepdims=keepdims))
    n = count(x.shape, axis)
    return total / n if n else total * math.nan


@mean.backward
def _(g: Value, x_shape: Shape, axis: Axes) -> Value:
    return expand_copy(g.reshape(reduced_shape(x_shape, axis)) / count(x_shape, axis), x_shape)


@composite
@in_float32
def var(
    x: Value, /, axis: Axes = None, unbiased: bool | None = None, keepdims: bool = False, *,
    correction: float | None = 1,
) -> Value:  # fmt: skip
    """The variance over axes: sum((x - mean)²) / (n - correction) for n elements.

    axis (also `dim`): the axes to reduce, an int or a tuple; None for all.
    keepdims (also `keepdim`): whether to keep them, with size 1; give it by name.
    correction: 1 or None for the unbiased estimate (default, as in PyTorch), 0 for the mean square (NumPy's default).
    unbiased: PyTorch's older argument, True for correction=1 and False for correction=0. As in PyTorch it comes after
    the axis, or stands alone: x.var(0, False), x.var(False).
    The result has x's dtype, and if n <= correction it is inf, or nan where all elements are equal.
    Raises IndexError for an axis out of range.

        x = tl.tensor([1.0, 2.0, 3.0, 4.0])
        tl.var(x, correction=0)     # tensor(1.2500)
    """
    if isinstance(axis, bool):  # x.var(False)
        axis, unbiased = None, axis
    if constant(unbiased, "unbiased", "var") is not None or correction is None:
        correction = int(unbiased is not False)
    y = centred(x, axis)
    total = sum(y * y, axis, keepdims)
    n = max(count(x.shape, axis) - correction, 0)
    with np.errstate(all="ignore"):
        return total / n


def centred(x: Value, axis: Axes) -> Value:
    """x less its mean over axes.

    Both are taken from the first element: the mean itself has as many digits as x has, and where x is nearly constant
    its rounding would be what remains.
    """
    axes = axes_over(x.ndim, axis)
    first = array_of(x)[tuple(slice(1) if a in axes else slice(None) for a in range(x.ndim))]
    y = as_floats(x) - first
    return y - mean(y, axis, keepdims=True)


@composite
@in_float32
def std(
    x: Value, /, axis: Axes = None, unbiased: bool | None = None, keepdims: bool = False, *,
    correction: float | None = 1,
) -> Value:  # fmt: skip
    """The standard deviation over axes, sqrt(var); arguments, dtype and errors are those of `var`.

    axis (also `dim`): the axes to reduce, an int or a tuple; None for all.
    correction: 1 (default) divides by n - 1, 0 divides by n.  unbiased: PyTorch's older argument for the same.
    keepdims (also `keepdim`): give it by name, since PyTorch's x.std(0, False) is x.std(0, unbiased=False).
    Subgradient: 0 where all elements are equal.

        tl.std(tl.tensor([1.0, 3.0]), correction=0)     # tensor(1.)
    """
    return root(var(x, axis, unbiased, keepdims=keepdims, correction=correction))


@op
def amax(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """The largest element over axes; nan if there is a nan. (With its index: `max`.)

    axis (also `dim`): the axes to reduce, an int or a tuple; None for all.
    keepdims (also `keepdim`): whether to keep them, with size 1.
    The result has x's dtype. Raises ValueError if there are no elements, IndexError for an axis out of range.
    Subgradient: ties share the gradient equally; nans take all of it.

        tl.amax(tl.tensor([[1.0, 2.0], [5.0, 4.0]]), axis=1)      # tensor([2., 5.])
    """
    return row_major(xp(x).max(x, axis=numpy_axis(x, axis), keepdims=keepdims))


@op
def amin(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """The smallest element over axes; nan if there is a nan. (With its index: `min`.)

    axis (also `dim`): the axes to reduce, an int or a tuple; None for all.
    keepdims (also `keepdim`): whether to keep them, with size 1.
    The result has x's dtype. Raises ValueError if there are no elements, IndexError for an axis out of range.
    Subgradient: ties share the gradient equally; nans take all of it.

        tl.amin(tl.tensor([[1.0, 2.0], [5.0, 4.0]]), axis=1)      # tensor([1., 4.])
    """
    return row_major(xp(x).min(x, axis=numpy_axis(x, axis), keepdims=keepdims))


@amax.backward
@amin.backward
def shared_by_ties(g: Value, x: Value, out: Value, axis: Axes) -> Value:
    """The rule of what picks elements over axes: all that equal the one that was picked share the gradient."""
    kept = reduced_shape(x.shape, axis)
    chosen = (x == out.reshape(kept)) | isnan(x)
    ties = sum(chosen.astype(x.dtype), axis, keepdims=True)
    return where(chosen, g.reshape(kept) / ties, 0)


@op
def lower_median(x: Value, /) -> Value:
    """The median of all elements, of two middle ones the lower; nan if there is a nan. Ties share the gradient."""
    lib = xp(x)
    ordered = lib.sort(x.reshape(-1))
    last = ordered[-1]  # sort puts nan last
    return lib.where(last != last, last, ordered[(x.size - 1) // 2])


lower_median.backward(lambda g, x, out: shared_by_ties(g, x, out, None))


@composite
def prod(x: Value, /, axis: Axes = None, keepdims: bool = False, *, dtype: Any = None) -> Value:
    """The product over axes; 1 if there are no elements.

    axis (also `dim`): the axes to reduce, an int or a tuple; None for all.
    keepdims (also `keepdim`): whether to keep them, with size 1.
    dtype: convert x to this dtype first, as in PyTorch; None (the default) for x's own, but int64 for bools and
    integers. Raises IndexError for an axis out of range.
    The factors are multiplied in pairs, then the products in pairs, and so on. The gradient never divides by a factor,
    so it is exact with any number of zeros, to any order.

        tl.prod(tl.tensor([2.0, 3.0, 4.0]))     # tensor(24.)
    """
    x = converted(x, np.int64 if dtype is None and x.dtype.kind in "iub" else dtype)
    axes = axes_over(x.ndim, axis)
    kept = tuple(a for a in range(x.ndim) if a not in axes)
    n = count(x.shape, axis)
    if n == 0:
        return sum(x, axis, keepdims) + 1
    factors = reshape(x.transpose(axes + kept), (n, *(x.shape[a] for a in kept)))  # (factors, ...kept)
    left_over = []
    while n > 1:
        if n % 2:
            left_over.append(factors[n - 1])
        n //= 2
        factors = factors[:n] * factors[n : 2 * n]
    product = math.prod(left_over, start=factors[0])
    if count(x.shape, axis) == 1:
        product = clone(product)  # not a view of x
    return reshape(contiguous(product), reduced_shape(x.shape, axis) if keepdims else tuple(x.shape[a] for a in kept))


@op(analytic=True)
def cumsum(x: Value, /, axis: int, *, dtype: Any = None) -> Value:
    """The running sum along an axis: result[i] = x[0] + ... + x[i].

    axis: an int (also `dim`).  dtype: convert x to this dtype first; None (the default) for x's own, but int64 for
    bools and integers. The result has x's shape. Raises IndexError for an axis out of range.

        tl.cumsum(tl.tensor([1.0, 2.0, 3.0]), axis=0)       # tensor([1., 3., 6.])
    """
    if not x.ndim:
        return sum(x, axis)
    return row_major(xp(x).cumsum(x, axis=axis, dtype=None if x.dtype.kind in "fc" else np.int64))


@cumsum.backward
def _(g: Value, axis: int) -> Value:
    return flip(cumsum(flip(g, axis), axis), axis)  # x[i] contributes to every later partial sum


@composite
def cumprod(x: Value, axis: int, *, dtype: Any = None) -> Value:
    """The running product along an axis: result[i] = x[0] * ... * x[i].

    axis: an int (also `dim`).  dtype: convert x to this dtype first; None (the default) for x's own,
    but int64 for bools and integers. The result has x's shape. Raises IndexError for an axis out of range.

    Computed in about log2(n) passes: after each, an element knows twice as many before it (Hillis and Steele, 1986).
    So the gradient never divides by a factor, and is exact with zeros.

        tl.cumprod(tl.tensor([1.0, 2.0, 3.0]), axis=0)      # tensor([1., 2., 6.])
    """
    y = clone(converted(x, np.int64 if dtype is None and x.dtype.kind in "iub" else dtype))
    if not axes_over(x.ndim, axis):
        return y
    y = y.swapaxes(0, axis)
    step = 1
    while step < y.shape[0]:
        y = cat([y[:step], y[step:] * y[:-step]])
        step *= 2
    return contiguous(y.swapaxes(0, axis))


@op(analytic=True)
def root_of_squares(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """The root of the sum of squares over axes; its subgradient is 0 where it is 0."""
    return row_major(xp(x).sqrt((x * x).sum(axis=numpy_axis(x, axis), keepdims=keepdims)))


@root_of_squares.backward
def _(g: Value, x: Value, out: Value, axis: Axes) -> Value:
    kept = reduced_shape(x.shape, axis)
    out = out.reshape(kept)
    return g.reshape(kept) * where(out == 0, 0, x / where(out == 0, 1, out))  # g / out alone may overflow


@composite
@in_float32
def norm(
    x: Value, /, ord: Any = 2, axis: Axes = None, keepdims: bool = False, *, p: Any = None, dtype: Any = None
) -> Value:
    """The vector norm over axes: (sum |x|^ord)^(1/ord).

    ord: a number > 0, or inf (the largest |x|) or -inf (the smallest |x|); 2, the Euclidean norm, by default.
    p: PyTorch's name for ord, where "fro" means 2.
    axis (also `dim`): the axes to reduce, an int or a tuple; None for all.
    keepdims (also `keepdim`): whether to keep them, with size 1.
    dtype: convert x to this dtype first, as in PyTorch; None (the default) for x's own.
    The result has x's dtype, but floats for integers; float16 is computed in float32. Raises ValueError for another
    ord, IndexError for an axis out of range.
    Subgradients: 0 where the norm is 0; for inf and -inf, ties share equally.

        tl.norm(tl.tensor([3.0, -4.0]))             # tensor(5.)
        tl.norm(tl.tensor([3.0, -4.0]), ord=1)      # tensor(7.)
    """
    x, ord = as_floats(converted(x, dtype)), ord if p is None else p
    if ord in (2, "fro"):
        return root_of_squares(x, axis, keepdims)
    if ord == 1:
        return sum(absolute(x), axis, keepdims)
    if ord in (math.inf, -math.inf):
        return (amax if ord > 0 else amin)(absolute(x), axis, keepdims)
    if not isinstance(ord, (int, float)) or ord <= 0:
        raise ValueError(f"ord must be positive, inf or -inf, not {ord!r}")
    # if ord < 1, |x|^ord has slope inf at 0; the subgradient there is 0
    powers = absolute(x) ** ord if ord >= 1 else where(x == 0, 0, absolute(where(x == 0, 1, x)) ** ord)
    powers = sum(powers, axis, keepdims)
    return where(powers == 0, 0, where(powers == 0, 1, powers) ** (1 / ord))


@op(differentiable=False)
def argmax(x: Value, /, axis: int | None = None, keepdims: bool = False) -> Value:
    """The index of the largest element along an axis, the first one if there are ties. (Its value: `max`.)

    axis (also `dim`): an int, or None for the index in the flattened x.
    keepdims (also `keepdim`): whether to keep the axis, with size 1. The result is int64 and has no gradient.
    Raises ValueError if there are no elements, IndexError for an axis out of range.

        tl.argmax(tl.tensor([[1.0, 2.0], [5.0, 4.0]]), axis=1)       # tensor([1, 0])
    """
    return xp(x).argmax(x, axis=numpy_axis(x, axis), keepdims=keepdims)


@op(differentiable=False)
def argmin(x: Value, /, axis: int | None = None, keepdims: bool = False) -> Value:
    """The index of the smallest element along an axis, the first one if there are ties. (Its value: `min`.)

    axis (also `dim`): an int, or None for the index in the flattened x.
    keepdims (also `keepdim`): whether to keep the axis, with size 1. The result is int64 and has no gradient.
    Raises ValueError if there are no elements, IndexError for an axis out of range.

        tl.argmin(tl.tensor([[1.0, 2.0], [5.0, 4.0]]), axis=1)       # tensor([0, 1])
    """
    return xp(x).argmin(x, axis=numpy_axis(x, axis), keepdims=keepdims)


@amax.explains
@amin.explains
@argmax.explains
@argmin.explains
@lower_median.explains
def nothing_to_choose(x: Value, axis: Axes = None, keepdims: bool = False) -> str | None:
    """That there are no elements, as a sentence."""
    return None if x.size else f"a tensor of shape {x.shape} has no elements, so no largest or smallest, and no median"


@op(differentiable=False)
def any(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """Whether any element over axes is true, as bools; False if there are none.

    axis, keepdims: those of `sum`; `dim` and `keepdim` work too. Numbers other than 0 are true.
    """
    return row_major(xp(x).any(x, axis=numpy_axis(x, axis), keepdims=keepdims))


@op(differentiable=False)
def all(x: Value, /, axis: Axes = None, keepdims: bool = False) -> Value:
    """Whether all elements over axes are true, as bools; True if there are none.

    axis, keepdims: those of `sum`; `dim` and `keepdim` work too. Numbers other than 0 are true.
    """
    return row_major(xp(x).all(x, axis=numpy_axis(x, axis), keepdims=keepdims))


takes_dtype(sum)
takes_dtype(mean)
takes_dtype(cumsum)

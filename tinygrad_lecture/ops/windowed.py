"""Windows that slide over the last axes: their elements and their sum, convolutions, and the largest element of each.

A convolution is the product of windows with filters, as of neurons that each see one window and share their weights.
The windows of some images are the columns of one matrix, so it is a matrix product (im2col: Chellapilla et al., 2006).
The matrix is as many times as large as the input as a filter has places. It is not kept for backward, which makes it
again. A convolution, its transpose and the gradient of its filters are each linear in two arrays, and each is made of
the other two in backward. The mean of each window needs no op of its own: it is a mean.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd.op import Value, op
from ..backend import Shape, xp
from ..kernels import windows as kernels
from ..kernels.fused import in_place
from ..kernels.windows import Each, Grid, Padding, add_windows, columns, covered
from .basics import sum
from .composite import fused, in_float32
from .shape import pad, reshape
from .sorting import max as max_and_indices

__all__ = ["convolution", "max_pool", "overlap_add", "transposed_convolution", "windows"]


# --- windows ------------------------------------------------------------------------------------------------


@op(analytic=True)
def windows(x: Value, /, size: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1) -> Value:
    """The elements of all windows on the last axes, also called im2col: (..., *axes) -> (..., *size, *places); a copy.

    size: a tuple, the window's size along each of these axes.
    stride: from one window to the next.  dilation: from one element of a window to the next.
    padding: how far windows reach beyond the axes, where they read 0; a width, or for each axis a pair (before, after).
    A setting is an int, or a tuple with one for each axis.
    Raises ValueError for settings of another length and for windows that do not fit.

        tl.windows(tl.tensor([1, 2, 3, 4]), (2,))                   # tensor([[1, 2, 3], [2, 3, 4]])
        tl.windows(tl.zeros(5, 28, 28), (3, 3), stride=2).shape     # (5, 3, 3, 13, 13)
    """
    return columns(x, _grid(x, x.shape[max(x.ndim - len(size), 0) :], size, stride, padding, dilation))


@windows.backward
def _(g: Value, x_shape: Shape, size: Shape, stride: Each, padding: Padding, dilation: Each) -> Value:
    return overlap_add(g, x_shape[len(x_shape) - len(size) :], stride, padding, dilation)


@op(analytic=True)
def overlap_add(x: Value, /, shape: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1) -> Value:
    """The sum of overlapping windows, also called col2im: (..., *size, *places) -> (..., *shape).

    The transpose of `windows`: each element of a window is added where that function reads it.
    shape: a tuple, the sizes of the axes that the windows lie on.
    stride, padding, dilation: those of `windows`. What lies beyond the axes, in the padding, is left out.
    Raises ValueError unless x has just the windows that these axes have.

        tl.overlap_add(tl.ones(2, 3), (4,))         # tensor([1., 2., 2., 1.])
    """
    n = len(shape)
    grid = _grid(x, shape, x.shape[max(x.ndim - 2 * n, 0) : x.ndim - n], stride, padding, dilation)
    if x.shape[x.ndim - n :] != grid.places:
        raise ValueError(f"windows of {grid.size} have {grid.places} places in {shape}, not {x.shape[x.ndim - n :]}")
    total = xp(x).zeros((*x.shape[: x.ndim - 2 * n], *shape), x.dtype)
    add_windows(total, x, grid)
    return total


@overlap_add.backward
def _(g: Value, x_shape: Shape, shape: Shape, stride: Each, padding: Padding, dilation: Each) -> Value:
    n = len(shape)
    return windows(g, x_shape[len(x_shape) - 2 * n : len(x_shape) - n], stride, padding, dilation)


def _grid(x: Value, shape: Shape, size: Shape, stride: Each, padding: Padding, dilation: Each) -> Grid:
    if len(shape) != len(size):
        raise ValueError(f"windows of {len(max(shape, size, key=len))} axes do not fit shape {x.shape}")
    return Grid(shape, size, stride, padding, dilation)


# --- convolutions -------------------------------------------------------------------------------------------


@op(analytic=True)
@in_float32
def convolution(
    x: Value, weight: Value, bias: Value = None, /,
    stride: Each = 1, padding: Padding = 0, dilation: Each = 1, groups: int = 1,
) -> Value:  # fmt: skip
    """The product of every filter with every window: (batch, in, *axes) -> (batch, out, *places).

    weight: (out, in / groups, *size), one filter for each output channel.  bias: (out,) or None.
    stride, padding, dilation: those of `windows`.
    groups: the channels are split into so many groups, and each filter sees those of its group.
    As in PyTorch the filters are not reversed, so mathematicians would say cross-correlation. float16 is computed in
    float32. Raises ValueError for shapes that do not fit. (LeCun et al., Neural Computation 1(4), 1989.)

        tl.convolution(tl.ones(5, 3, 28, 28), tl.ones(8, 3, 3, 3), padding=1).shape     # (5, 8, 28, 28)
    """
    _check(x.shape, weight.shape, bias, groups)
    grid = Grid(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    return _biased(kernels.convolve(x, weight, grid, groups), bias)


@convolution.backward("x")
def _(g: Value, weight: Value, x_shape: Shape, stride: Each, padding: Padding, dilation: Each, groups: int) -> Value:
    return transposed_convolution(g, weight, None, x_shape[2:], stride, padding, dilation, groups)


@convolution.backward("weight")
def _(g: Value, x: Value, weight_shape: Shape, stride: Each, padding: Padding, dilation: Each, groups: int) -> Value:
    return filter_gradient(g, x, weight_shape[2:], stride, padding, dilation, groups)


@op(analytic=True)
@in_float32
def transposed_convolution(
    x: Value, weight: Value, bias: Value = None, /,
    shape: Shape | None = None, stride: Each = 1, padding: Padding = 0, dilation: Each = 1, groups: int = 1,
) -> Value:  # fmt: skip
    """The sum of filters at all places, each times the number there: (batch, in, *places) -> (batch, out, *shape).

    The transpose of a `convolution` with the same weight: what its backward does to the gradient of its output.
    weight: (in, out / groups, *size), one filter for each input channel.  bias: (out,) or None.
    shape: the sizes of the result's axes; None for those that end where the last filter ends.
    stride, padding, dilation, groups: those of that convolution.
    float16 is computed in float32. Raises ValueError for shapes that do not fit. (Dumoulin & Visin, arXiv:1603.07285.)

        tl.transposed_convolution(tl.ones(5, 8, 13, 13), tl.ones(8, 3, 4, 4), stride=2).shape       # (5, 3, 28, 28)
    """
    _check(x.shape, weight.shape, bias, groups, transposed=True)
    size, places = weight.shape[2:], x.shape[2:]
    if shape is None:
        shape = covered(places, size, stride, padding, dilation)
        if min(shape) < 1:
            raise ValueError(f"the padding {padding} leaves nothing of the result, whose axes would have sizes {shape}")
    grid = Grid(shape, size, stride, padding, dilation)
    if grid.places != places:
        raise ValueError(f"windows of {size} lie at {grid.places} places of {shape}, not at {places}")
    return _biased(kernels.lay_filters(x, weight, grid, groups), bias)


@transposed_convolution.backward("x")
def _(g: Value, weight: Value, stride: Each, padding: Padding, dilation: Each, groups: int) -> Value:
    return convolution(g, weight, None, stride, padding, dilation, groups)


@transposed_convolution.backward("weight")
def _(g: Value, x: Value, weight_shape: Shape, stride: Each, padding: Padding, dilation: Each, groups: int) -> Value:
    return filter_gradient(x, g, weight_shape[2:], stride, padding, dilation, groups)


@convolution.backward("bias")
@transposed_convolution.backward("bias")
def _(g: Value) -> Value:
    return sum(g, (0, *range(2, g.ndim)))


@op(analytic=True)
@in_float32
def filter_gradient(
    narrow: Value, wide: Value, /,
    size: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1, groups: int = 1,
) -> Value:  # fmt: skip
    """The gradient of a convolution's filters: how far its upstream gradient goes with the windows that it has seen.

    narrow: (batch, out, *places).  wide: (batch, in, *axes).
    Returns (out, in / groups, *size). size, stride, padding, dilation, groups: those of the convolution.
    """
    return kernels.filter_gradient(narrow, wide, Grid(wide.shape[2:], size, stride, padding, dilation), groups)


@filter_gradient.backward("narrow")
def _(g: Value, wide: Value, stride: Each, padding: Padding, dilation: Each, groups: int) -> Value:
    return convolution(wide, g, None, stride, padding, dilation, groups)


@filter_gradient.backward("wide")
def _(g: Value, narrow: Value, wide_shape: Shape, stride: Each, padding: Padding, dilation: Each, groups: int) -> Value:
    return transposed_convolution(narrow, g, None, wide_shape[2:], stride, padding, dilation, groups)


def _biased(y: Any, bias: Any) -> Any:
    """An array with a bias for each channel added."""
    return y if bias is None else in_place(xp(y).add, y, bias.reshape(-1, *[1] * (y.ndim - 2)))


def _check(x: Shape, weight: Shape, bias: Any, groups: int, transposed: bool = False) -> None:
    """Raise ValueError for shapes that do not fit."""
    order = "(in, out / groups, *window)" if transposed else "(out, in / groups, *window)"
    if len(x) != len(weight) or len(x) < 3:
        raise ValueError(f"needs an input (batch, channels, *axes) and a weight {order}, not {x} and {weight}")
    if groups < 1 or weight[0] % groups:
        raise ValueError(f"{groups} groups do not divide the {weight[0]} filters of a weight of shape {weight}")
    channels = weight[0] if transposed else weight[1] * groups
    if x[1] != channels:
        raise ValueError(f"the weight {weight}, {order}, with {groups} groups needs {channels} channels in x, not {x}")
    out = weight[1] * groups if transposed else weight[0]
    if bias is not None and bias.shape != (out,):
        raise ValueError(f"the bias must have shape ({out},), a number for each output channel, not {bias.shape}")


# --- pooling ------------------------------------------------------------------------------------------------


@fused
def max_pool(x: Value, /, size: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1) -> Value:
    """The largest element of each window on the last axes: (..., *axes) -> (..., *places).

    size, stride, padding, dilation: those of `windows`; the padding is -inf (of integers the smallest), so that it is
    never the largest.
    The first of equal elements gets the whole gradient, as in PyTorch.
    Raises ValueError for windows that do not fit.

        tl.max_pool(tl.tensor([1.0, 3.0, 2.0, 0.0]), (2,), stride=2)      # tensor([3., 2.])
    """
    grid = kernels.pooling_grid(x, size, stride, padding, dilation)
    if not grid.full:
        beyond = [(0, 0)] * (x.ndim - len(size)) + [(max(a, 0), max(b, 0)) for a, b in grid.padding]
        x, padding = pad(x, beyond, kernels.lowest(x.dtype)), tuple((min(a, 0), min(b, 0)) for a, b in grid.padding)
    seen = windows(x, size, stride, padding, dilation)  # (..., *size, *places)
    lead = seen.shape[: x.ndim - len(size)]
    return max_and_indices(reshape(seen, (*lead, math.prod(size), *grid.places)), len(lead)).values


max_pool.kernel(kernels.max_pool, kernels.max_pool_backward, views=False)

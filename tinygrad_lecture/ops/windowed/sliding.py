"""The elements of windows that slide over the last axes, and the sum of windows: each is the transpose of the other."""

from __future__ import annotations

from ...autograd.op import Value, op
from ...backend import Shape, xp
from ...kernels.windows import Each, Grid, Padding, add_windows, columns

__all__ = ["overlap_add", "windows"]


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
        raise ValueError(
            f"windows of {grid.size} lie at {grid.places} places of {shape}, not at {x.shape[x.ndim - n :]}"
        )
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

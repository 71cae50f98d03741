"""Elements in another order or place, composed of ops: roll, diag, meshgrid, windows, joining rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.op import Value, op
from ..backend import Shape, row_major, to_host, xp
from ..errors import brief
from ..tensor_base import array_of
from .composite import composite
from .copying import clone, contiguous
from .elementwise import floor_divide, remainder
from .gather_scatter import take
from .indexing import diagonal, diagonal_matrix, getitem
from .shape import broadcast_to, cat, moveaxis, normal_axes, numpy_axis, pad, reshape
from .windowed import overlap_add

__all__ = [
    "column_stack", "diag", "diag_embed", "hstack", "masked_select", "meshgrid", "repeat_interleave", "roll",
    "unravel_index", "vstack",
]  # fmt: skip


@op(analytic=True)
def roll(x: Value, /, shifts: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None) -> Value:
    """x with its elements moved `shifts` places on along an axis; what leaves at the end comes in at the front.

    The result has x's shape.

    axis (also `dim`, `dims`): an int, or a tuple with a shift for each; None (the default) rolls the flattened x.
    Raises IndexError for an axis out of range, ValueError for another number of shifts than of axes, TypeError for
    shifts that are not ints.

        tl.roll(tl.tensor([1, 2, 3]), 1)        # tensor([3, 1, 2])
    """
    if not all(hasattr(shift, "__index__") for shift in (shifts if isinstance(shifts, (tuple, list)) else [shifts])):
        raise TypeError(f"shifts must be ints, not {brief(shifts)}")
    return row_major(xp(x).roll(x, shifts, axis=numpy_axis(x, axis)))


@roll.backward
def _(g: Value, shifts: Any, axis: Any) -> Value:
    back = -shifts if isinstance(shifts, int) else tuple(-shift for shift in shifts)
    return roll(g, back, axis)


@composite
def unravel_index(indices: Value, shape: int | Sequence[int]) -> tuple[Value, ...]:
    """The places in an array of `shape` of elements that are numbered in row-major order: a tuple, one for each axis.

    tl.unravel_index(tl.tensor([5, 2]), (2, 3))     # (tensor([1, 0]), tensor([2, 2]))
    """
    places: list[Value] = []
    indices = indices.astype(np.int64)
    for n in reversed((shape,) if isinstance(shape, int) else tuple(shape)):
        places.insert(0, remainder(indices, n))
        indices = floor_divide(indices, n)
    return tuple(places)


@composite
def diag(x: Value, diagonal: int = 0) -> Value:
    """A vector as the diagonal of a matrix of zeros or, of a matrix, its diagonal as a vector.

    diagonal: 0 for the main one, 1 for the one above it, -1 for the one below.
    (n,) -> (n, n), or (n, m) -> (min(n, m),). Raises ValueError for more than two axes.

        tl.diag(tl.tensor([1, 2]))                      # tensor([[1, 0], [0, 2]])
        tl.diag(tl.tensor([[1, 2], [3, 4]]), 1)         # tensor([2])
    """
    if x.ndim == 1:
        return diag_embed(x, diagonal)
    if x.ndim == 2:
        return clone(_diagonal(x, diagonal))
    raise ValueError(f"needs a vector or a matrix, not shape {x.shape}; see also diagonal")


_diagonal = diagonal  # in `diag`, diagonal is a number, as in PyTorch


@composite
def diag_embed(x: Value, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Value:
    """Matrices with the vectors of x's last axis as diagonals and 0 elsewhere: (..., n) -> (..., n, n).

    offset: 0 for the main diagonal, 1 for the one above it, -1 for the one below; the matrices grow by as much.
    axis1, axis2 (also `dim1`, `dim2`): where in the result the axes of the matrices go, the last two by default.
    Raises ValueError for one axis named twice, IndexError for one out of range.

        tl.diag_embed(tl.tensor([1, 2]))        # tensor([[1, 0], [0, 2]])
    """
    below, above = max(-offset, 0), max(offset, 0)
    matrices = pad(diagonal_matrix(x), [(0, 0)] * (x.ndim - 1) + [(below, above), (above, below)])
    return contiguous(moveaxis(matrices, (-2, -1), normal_axes(matrices.ndim, (axis1, axis2))))


@composite
def repeat_interleave(x: Value, repeats: Any, axis: int | None = None) -> Value:
    """x with each element, or each slice along an axis, repeated: 1 2 becomes 1 1 2 2.

    repeats: how often, one int for all or a vector of ints with one for each: (n, ...) -> (sum of repeats, ...).
    axis (also `dim`): an int; None (the default) repeats the elements of the flattened x.
    Raises ValueError for another number of repeats, IndexError for an axis out of range.

        tl.repeat_interleave(tl.tensor([1, 2]), 2)                          # tensor([1, 1, 2, 2])
        tl.repeat_interleave(tl.tensor([1, 2]), tl.tensor([3, 1]))          # tensor([1, 1, 1, 2])
    """
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    (axis,) = normal_axes(x.ndim, axis)
    times = np.asarray(to_host(array_of(repeats)))
    if times.size not in (1, x.shape[axis]):
        raise ValueError(f"{times.size} repeats do not fit the size {x.shape[axis]} of axis {axis} of shape {x.shape}")
    return take(x, np.repeat(np.arange(x.shape[axis]), times), axis)


@op(analytic=True)
def unfold(x: Value, /, dimension: int, size: int, step: int = 1) -> Value:
    """Windows of `size` neighbours along an axis, one every `step` elements, as a new last axis; a view.

    Shape (2, 7) with dimension=1, size=3, step=2 gives (2, 3, 3): three windows of three.
    Raises ValueError for a window longer than the axis or a step below 1, IndexError for an axis out of range.
    """
    (axis,) = normal_axes(x.ndim, dimension)
    n = x.shape[axis]
    if not 0 <= size <= n or step < 1:
        raise ValueError(f"size must be from 0 to {n}, and step at least 1; they are {size} and {step}")
    places, strides = (n - size) // step + 1, list(x.strides)
    strides[axis] *= step
    shape = (*x.shape[:axis], places, *x.shape[axis + 1 :], size)
    return xp(x).lib.stride_tricks.as_strided(x, shape, (*strides, x.strides[axis]))


@unfold.backward
def _(g: Value, x_shape: Shape, dimension: int, step: int) -> Value:
    (axis,) = normal_axes(len(x_shape), dimension)
    return moveaxis(overlap_add(moveaxis(g, axis, -1), (x_shape[axis],), step), -1, axis)


@composite
def masked_select(x: Value, mask: Value) -> Value:
    """The elements of x where the mask is true, as a vector, in row-major order.

    mask: bools that broadcast with x. Raises TypeError for a mask of another dtype.

        tl.masked_select(tl.tensor([1.0, 2.0, 3.0]), tl.tensor([True, False, True]))        # tensor([1., 3.])
    """
    if mask.dtype != bool:
        raise TypeError(f"the mask must be bools, not {mask.dtype}; mask != 0 makes bools of numbers")
    shape = np.broadcast_shapes(x.shape, mask.shape)
    return getitem(broadcast_to(x, shape), broadcast_to(mask, shape))


@composite
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Value, ...]:
    """The coordinates of a grid from those of its axes: vectors of n and m numbers give two tensors of shape (n, m).

    indexing: "ij" (the default, as in PyTorch) or "xy" (NumPy's), which exchanges the first two axes.
    Raises ValueError for another indexing or tensors that are not vectors.

        rows, columns = tl.meshgrid(tl.tensor([1, 2]), tl.tensor([5, 6, 7]))
        rows            # tensor([[1, 1, 1], [2, 2, 2]])
        columns         # tensor([[5, 6, 7], [5, 6, 7]])
    """
    vectors = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    if indexing not in ("ij", "xy"):
        raise ValueError(f'indexing must be "ij" or "xy", not {indexing!r}')
    if any(v.ndim > 1 for v in vectors):
        raise ValueError(f"needs vectors, not shapes {', '.join(str(v.shape) for v in vectors)}")
    axes = list(range(len(vectors)))
    if indexing == "xy":
        axes[:2] = axes[1::-1]
    sizes = [reshape(v, (-1,)).shape[0] for v in vectors]
    shape = tuple(sizes[a] for a in axes)
    lines = (reshape(v, tuple(-1 if a == i else 1 for a in axes)) for i, v in enumerate(vectors))
    return tuple(broadcast_to(line, shape) for line in lines)


# --- joining as rows and columns ----------------------------------------------------------------------------


@composite
def vstack(tensors: Sequence[Value]) -> Value:
    """Tensors joined one below the other: along axis 0, where a vector counts as a row. Raises the errors of `cat`.

    (n, m) and (k, m) -> (n + k, m).

    tl.vstack([tl.tensor([1, 2]), tl.tensor([3, 4])])       # tensor([[1, 2], [3, 4]])
    """
    return cat([t if t.ndim > 1 else reshape(t, (1, -1)) for t in tensors])


@composite
def hstack(tensors: Sequence[Value]) -> Value:
    """Tensors joined side by side: vectors end to end, all others along axis 1. Raises the errors of `cat`.

    (n, m) and (n, k) -> (n, m + k).

    tl.hstack([tl.tensor([1, 2]), tl.tensor([3, 4])])       # tensor([1, 2, 3, 4])
    """
    wide = [t if t.ndim else reshape(t, (1,)) for t in tensors]
    return cat(wide, 1 if wide and wide[0].ndim > 1 else 0)


@composite
def column_stack(tensors: Sequence[Value]) -> Value:
    """Tensors joined side by side along axis 1, where a vector counts as a column. Raises the errors of `cat`.

    (n, m) and (n, k) -> (n, m + k).

    tl.column_stack([tl.tensor([1, 2]), tl.tensor([3, 4])])     # tensor([[1, 3], [2, 4]])
    """
    return cat([t if t.ndim > 1 else reshape(t, (-1, 1)) for t in tensors], 1)

"""The same numbers in another form: shape and order of the axes, joined and split; memory, dtype and device.

Results are views where NumPy's are.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np

from ..autograd.op import Value, op
from ..backend import Shape, is_array, move, row_major, xp
from ..conversion import narrowed
from ..errors import axis_message, brief
from ..tensor_base import TensorBase, array_of
from .composite import composite

__all__ = [
    "broadcast_to", "cat", "chunk", "clone", "expand", "flatten", "flip", "moveaxis", "pad", "permute", "reshape",
    "roll", "split", "squeeze", "stack", "swapaxes", "transpose", "unbind", "unsqueeze",
]  # fmt: skip


Axes: TypeAlias = int | tuple[int, ...] | None


@op(analytic=True)
def reshape(x: Value, /, shape: Shape) -> Value:
    """The elements of x in another shape, in the same row-major order.

    shape: a tuple of ints with as many elements as x; one size may be -1 and follows from the others. A view where
    possible, else a copy. Raises ValueError for a shape that does not fit.

        tl.reshape(tl.arange(6), (2, -1)).shape     # (2, 3)
    """
    return x.reshape(shape)


reshape.backward(lambda g, x_shape: reshape(g, x_shape))


@reshape.explains
def _(x: Value, shape: Shape) -> str:
    known = math.prod(size for size in shape if size != -1)
    remedy = "; only one size may be -1" if shape.count(-1) > 1 else ""
    if shape.count(-1) == 1 and known:
        remedy = f", since {x.size} is no multiple of {known}"
    return f"the {x.size} elements of shape {x.shape} do not fill shape {shape}{remedy}"


@op(analytic=True)
def permute(x: Value, /, axes: tuple[int, ...]) -> Value:
    """A view of x with its axes in another order: axis i of the result is axis axes[i] of x.

    axes: a tuple that names each axis of x once. Raises ValueError for other axes.

        tl.permute(tl.zeros(2, 3, 4), (2, 0, 1)).shape      # (4, 2, 3)
    """
    return x.transpose(axes)


@permute.backward
def _(g: Value, axes: tuple[int, ...]) -> Value:
    inverse = sorted(range(len(axes)), key=lambda i: axes[i] % len(axes))
    return permute(g, tuple(inverse))


@permute.explains
def _(x: Value, axes: tuple[int, ...]) -> str:
    return f"axes {axes} must name each of the {x.ndim} axes of shape {x.shape} once"


@op(analytic=True)
def swapaxes(x: Value, /, axis0: int, axis1: int) -> Value:
    """A view of x with two axes exchanged: (..., n, ..., m, ...) -> (..., m, ..., n, ...).

    Raises IndexError for an axis out of range.
    """
    if x.ndim == 0 and not axes_over(0, axis0) and not axes_over(0, axis1):
        return x[...]
    return x.swapaxes(axis0, axis1)


swapaxes.backward(lambda g, axis0, axis1: swapaxes(g, axis0, axis1))


@op(analytic=True)
def split_heads(x: Value, /, heads: int) -> Value:
    """(..., tokens, heads * d) -> (..., heads, tokens, d): each head's part of the last axis. A view where possible.

    Raises ValueError unless `heads` divides the last axis.
    """
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads).swapaxes(-3, -2)  # (..., tokens, heads, d), swapped


@split_heads.explains
def _(x: Value, heads: int) -> str:
    if x.ndim < 2:
        return f"expected (..., tokens, heads * d), got {x.shape}"
    return f"an axis of {x.shape[-1]}, the last of shape {x.shape}, does not divide into {heads} heads"


@op(analytic=True)
def merge_heads(x: Value, /) -> Value:
    """(..., heads, tokens, d) -> (..., tokens, heads * d): the heads side by side. The inverse of `split_heads`."""
    *lead, heads, tokens, d = x.shape
    return x.swapaxes(-3, -2).reshape(*lead, tokens, heads * d)


split_heads.backward(lambda g: merge_heads(g))
merge_heads.backward(lambda g, x_shape: split_heads(g, x_shape[-3]))


@op(analytic=True)
def broadcast_to(x: Value, /, shape: Shape) -> Value:
    """x repeated to a larger shape, as broadcasting does: along new axes in front, and along axes of size 1.

    shape: a tuple. The result is a view and takes no memory.
    Raises ValueError for a shape that x does not broadcast to.

        tl.broadcast_to(tl.tensor([1, 2]), (3, 2))      # tensor([[1, 2], [1, 2], [1, 2]])
    """
    return xp(x).broadcast_to(x, shape)


@broadcast_to.explains
def _(x: Value, shape: Shape) -> str:
    return f"shape {x.shape} does not broadcast to {shape}: only a size of 1 may change, and new axes go in front"


@op(analytic=True)
def expand_copy(x: Value, /, shape: Shape) -> Value:
    """`broadcast_to` as a copy."""
    full = xp(x).empty(shape, x.dtype)
    full[...] = x
    return full


@broadcast_to.backward
@expand_copy.backward
def _(g: Value) -> Value:
    return g  # unbroadcast sums over the stretched axes


@op(analytic=True)
def flip(x: Value, /, axis: int | tuple[int, ...] | None = None) -> Value:
    """x reversed along `axis` (also `dim`, `dims`), in x's shape: an int, a tuple, or None for all axes.

    Raises IndexError for an axis out of range.
    """
    return clone(xp(x).flip(x, numpy_axis(x, axis)))  # NumPy's is a view


flip.backward(lambda g, axis: flip(g, axis))


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


@op(analytic=True)
def pad(x: Value, /, pad_width: Sequence[tuple[int, int]], value: float = 0) -> Value:
    """x with `value` added around it.

    pad_width: a pair (before, after) for each axis or, as in NumPy, one pair or one int for all axes.
    value: the number to add, 0 by default. Raises ValueError for a pad_width that does not fit x.

        tl.pad(tl.ones(2, 3), ((0, 0), (1, 2))).shape       # (2, 6)
    """
    return row_major(xp(x).pad(x, pad_width, mode="constant", constant_values=value))


@pad.backward
def _(g: Value, x_shape: Shape, pad_width: Any) -> Value:
    pairs = np.broadcast_to(pad_width, (len(x_shape), 2)).tolist()
    return g[tuple(slice(before, before + n) for (before, _), n in zip(pairs, x_shape, strict=True))]


@pad.explains
def _(x: Value, pad_width: Any, value: float = 0) -> str:
    return (
        f"pad_width {pad_width} does not fit shape {x.shape}: give a pair (before, after) of ints, 0 or more, for each "
        f"axis, as in {((0, 0),) * (x.ndim - 1) + ((1, 2),)} for the last axis only, or one pair or int for all axes"
    )


@op(analytic=True)
def concatenate(*arrays: Value, axis: int = 0) -> Value:
    """Arrays joined along an existing axis; their other sizes must be equal."""
    return row_major(xp(*arrays).concatenate(arrays, axis=axis))


@concatenate.backward
def _(g: Value, index: int, shapes: list[Shape], axis: int) -> Value:
    start = sum(shape[axis] for shape in shapes[:index])
    return g[(*[slice(None)] * (axis % g.ndim), slice(start, start + shapes[index][axis]))]


@concatenate.explains
def _(*arrays: Value, axis: int = 0) -> str:
    if not arrays:
        return "there are no tensors to join"
    if len({a.ndim for a in arrays}) == 1 and not -arrays[0].ndim <= axis < arrays[0].ndim:
        return f"axis {axis} is out of range for shape {arrays[0].shape}; to join along a new axis, use tl.stack"
    return f"shapes {', '.join(str(a.shape) for a in arrays)} must be equal in every axis except axis {axis}"


# --- composites ---------------------------------------------------------------------------------------------


@composite
def cat(tensors: Sequence[Value], axis: int = 0) -> Value:
    """Tensors joined along an existing axis. Also called `concat`.

    tensors: a list or tuple; their shapes must be equal in every axis except `axis` (also `dim`). As in PyTorch, one of
    shape (0,) may stand beside tensors with more axes: `result = tl.tensor([])` before a loop.
    Raises ValueError for other shapes, TypeError for tensors that are not in a list, IndexError for an axis out of
    range.

        tl.cat([tl.ones(2, 3), tl.zeros(1, 3)]).shape       # (3, 3)
    """
    arrays = _listed("cat", tensors, axis)
    ranks = {array.ndim for array in arrays}
    if len(ranks) > 1 and -max(ranks) <= axis < max(ranks):
        empty = list(next(array.shape for array in arrays if array.ndim == max(ranks)))
        empty[axis] = 0
        arrays = [reshape(array, tuple(empty)) if array.shape == (0,) else array for array in arrays]
    return concatenate(*arrays, axis=axis)


@composite
def stack(tensors: Sequence[Value], axis: int = 0) -> Value:
    """Tensors of one shape joined along a new axis.

    tensors: a list or tuple.  axis (also `dim`): where the new axis goes, 0 for the front and -1 for the end.
    Raises ValueError for different shapes, TypeError for tensors that are not in a list, IndexError for an axis out of
    range.

        tl.stack([tl.ones(3), tl.zeros(3)], axis=1).shape       # (3, 2)
    """
    tensors = _listed("stack", tensors, axis)
    if len({t.shape for t in tensors}) > 1:
        raise ValueError(f"the shapes {', '.join(str(t.shape) for t in tensors)} must be the same")
    shape = tensors[0].shape if tensors else ()
    before = axis + len(shape) + 1 if axis < 0 else axis
    if not 0 <= before < len(shape):  # at the end, or an error
        return concatenate(*(unsqueeze(t, axis) for t in tensors), axis=axis)
    joined = concatenate(*tensors, axis=before)  # (..., k * n, ...): one op, where k of unsqueeze would be slow
    return reshape(joined, (*shape[:before], len(tensors), *shape[before:]))  # (..., k, n, ...)


def _listed(name: str, tensors: Any, axis: Any) -> list[Value]:
    """The tensors to join, as a list. Raises TypeError for tensors passed one by one."""
    if any(isinstance(x, TensorBase) or is_array(x) for x in (tensors, axis)):
        raise TypeError(f"pass the tensors as a list, as in {name}([a, b]), and the axis after it")
    return list(tensors)


@composite
def unsqueeze(x: Value, axis: int) -> Value:
    """x with a new axis of size 1.

    axis (also `dim`): the position of the new axis. Raises IndexError for an axis out of range.

        tl.unsqueeze(tl.zeros(2, 3), 1).shape       # (2, 1, 3)
    """
    if not -x.ndim - 1 <= axis <= x.ndim:
        raise IndexError(f"axis {axis} is out of range; shape {x.shape} takes {-x.ndim - 1} to {x.ndim}")
    axis %= x.ndim + 1
    return reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))


@composite
def squeeze(x: Value, axis: int | tuple[int, ...] | None = None) -> Value:
    """x without its axes of size 1.

    axis (also `dim`): remove only these, an int or a tuple; an axis of another size stays, as in PyTorch.
    Raises IndexError for an axis out of range.

        tl.squeeze(tl.zeros(2, 1, 3, 1)).shape          # (2, 3)
        tl.squeeze(tl.zeros(2, 1, 3, 1), 1).shape       # (2, 3, 1)
    """
    gone = axes_over(x.ndim, axis)
    return reshape(x, tuple(n for a, n in enumerate(x.shape) if not (a in gone and n == 1)))


@composite
def flatten(x: Value, start_dim: int = 0, end_dim: int = -1) -> Value:
    """x with the axes from start_dim to end_dim (inclusive) merged into one; a 0-d tensor gets shape (1,).

    Raises IndexError for an axis out of range, ValueError for start_dim after end_dim.

        tl.flatten(tl.zeros(2, 3, 4), 1).shape      # (2, 12)
    """
    if x.ndim == 0:
        return reshape(x, (1,))
    (start,), (end,) = normal_axes(x.ndim, start_dim), normal_axes(x.ndim, end_dim)
    if start > end:
        raise ValueError(f"start_dim {start_dim} comes after end_dim {end_dim} for shape {x.shape}")
    return reshape(x, (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


@composite
def expand(x: Value, shape: Shape) -> Value:
    """A view of x broadcast to `shape`; PyTorch's `broadcast_to`, in which -1 keeps a size.

    Raises ValueError for a shape that x does not broadcast to.

        tl.expand(tl.ones(3, 1), (-1, 4)).shape     # (3, 4)
    """
    new = len(shape) - x.ndim
    return broadcast_to(x, tuple(x.shape[a - new] if n == -1 and a >= new else n for a, n in enumerate(shape)))


@composite
def repeat(x: Value, times: Shape) -> Value:
    """x repeated `times[i]` times along axis i, new axes in front: PyTorch's `repeat`, NumPy's `tile`.

    Shape (2, 3) with times (4, 1) gives (8, 3). Raises ValueError for fewer counts than x has axes.
    """
    if len(times) < x.ndim or min(times, default=0) < 0:
        raise ValueError(f"shape {x.shape} needs a count, 0 or more, for each of its {x.ndim} axes, not {times}")
    shape = (1,) * (len(times) - x.ndim) + x.shape
    apart = [n for size in shape for n in (1, size)]  # (1, n0, 1, n1, ...)
    wide = [n for k, size in zip(times, shape, strict=True) for n in (k, size)]  # (k0, n0, k1, n1, ...)
    result = tuple(k * size for k, size in zip(times, shape, strict=True))
    return reshape(row_major_copy(broadcast_to(reshape(x, tuple(apart)), tuple(wide))), result)


@composite
def transpose(x: Value, *axes: Any, axis0: int | None = None, axis1: int | None = None) -> Value:
    """A view of x with its axes exchanged, reversed or reordered.

    transpose(x, 0, 1) exchanges two axes, as in PyTorch; transpose(x) reverses all axes and transpose(x, (1, 2, 0))
    reorders them, as in NumPy. axis0, axis1: the two axes to exchange by name (also `dim0`, `dim1`).
    Raises IndexError for an axis out of range, TypeError for other arguments.

        x = tl.zeros(2, 3, 4)
        tl.transpose(x, 0, 1).shape         # (3, 2, 4)
        tl.transpose(x).shape               # (4, 3, 2)
        tl.transpose(x, (1, 2, 0)).shape    # (3, 4, 2)
    """
    axes = (*([] if axis0 is None else [axis0]), *axes, *([] if axis1 is None else [axis1]))
    if not axes:
        return permute(x, tuple(reversed(range(x.ndim))))
    if len(axes) == 1 and isinstance(axes[0], (tuple, list)):
        return permute(x, tuple(axes[0]))
    if len(axes) == 2:
        return swapaxes(x, *axes)
    raise TypeError(f"it exchanges two axes, not {axes}; to reorder all, write permute, as in x.permute(2, 0, 1)")


@composite
def moveaxis(x: Value, source: int | Sequence[int], destination: int | Sequence[int]) -> Value:
    """A view of x with the axes `source` moved to the positions `destination`. Also called `movedim`.

    The other axes keep their order. Raises IndexError for an axis out of range, ValueError for another number of
    destinations than of sources.

        tl.moveaxis(tl.zeros(2, 3, 4), 0, -1).shape     # (3, 4, 2)
    """
    sources, places = (axes_over(x.ndim, a if isinstance(a, int) else tuple(a)) for a in (source, destination))
    if len(sources) != len(places):
        raise ValueError(f"source {source} and destination {destination} must name the same number of axes")
    axes = [a for a in range(x.ndim) if a not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        axes.insert(place, axis)
    return permute(x, tuple(axes))


@composite
def split(x: Value, split_size: int | Sequence[int], axis: int = 0) -> tuple[Value, ...]:
    """x split into pieces along an axis: a tuple of views.

    split_size: the size of each piece (the last may be smaller), or a list with the size of each, which must add up to
    the axis's.  axis (also `dim`). Raises ValueError for other sizes, IndexError for an axis out of range.

        [part.shape for part in tl.split(tl.zeros(5, 2), 2)]            # [(2, 2), (2, 2), (1, 2)]
        [part.shape for part in tl.split(tl.zeros(5, 2), [1, 4])]       # [(1, 2), (4, 2)]
    """
    (axis,) = normal_axes(x.ndim, axis)
    n = x.shape[axis]
    if isinstance(split_size, int):
        if split_size <= 0:
            raise ValueError(f"split_size must be positive, not {split_size}")
        sizes = [min(split_size, n - start) for start in range(0, n, split_size)] or [0]
    else:
        sizes = list(split_size)
        if sum(sizes) != n or min(sizes, default=0) < 0:
            raise ValueError(f"sizes {sizes} do not add up to {n}, the size of axis {axis} of {x.shape}")
    ends = accumulate(sizes)
    return tuple(x[(*[slice(None)] * axis, slice(end - n, end))] for n, end in zip(sizes, ends, strict=True))


@composite
def chunk(x: Value, chunks: int, axis: int = 0) -> tuple[Value, ...]:
    """x split into at most `chunks` pieces of equal size along an axis (the last may be smaller): a tuple of views.

    axis (also `dim`). As in PyTorch, there may be fewer pieces: shape (5,) in 4 chunks gives (2,), (2,), (1,).
    Raises ValueError for chunks < 1, IndexError for an axis out of range.
    """
    if chunks <= 0:
        raise ValueError(f"the number of chunks must be positive, not {chunks}")
    (axis,) = normal_axes(x.ndim, axis)
    return split(x, max(math.ceil(x.shape[axis] / chunks), 1), axis)


@composite
def unbind(x: Value, axis: int = 0) -> tuple[Value, ...]:
    """The slices of x along an axis (also `dim`), without that axis: a tuple of views, one for each index.

    (n, ...) -> n times (...).

    Raises IndexError for an axis out of range.
    """
    (axis,) = normal_axes(x.ndim, axis)
    return tuple(x[(*[slice(None)] * axis, i)] for i in range(x.shape[axis]))


# --- memory, dtype and device -------------------------------------------------------------------------------


@op(analytic=True)
def clone(x: Value, /) -> Value:
    """A copy of x, of its shape, in its own memory, with its axes in the same order there; gradients flow through."""
    return x.copy(order="C" if 0 in x.strides else "K")  # NumPy would put an expanded axis last


def contiguous(x: Value) -> Value:
    """x itself if its memory is in row-major order, else a copy that is."""
    return x if array_of(x).flags.c_contiguous else row_major_copy(x)


@op(analytic=True)
def row_major_copy(x: Value, /) -> Value:
    """A copy of x whose memory is in row-major order."""
    return x.copy()


@clone.backward
@row_major_copy.backward
def _(g: Value) -> Value:
    return g


@op
def to_device(x: Value, /, device: str) -> Value:
    """x on another device, or x itself if it is there; the gradient moves back to x's device."""
    return move(x, device)


to_device.backward(lambda g, x_device: to_device(g, x_device))


@op(casts=True)
def astype(x: Value, /, dtype: Any) -> Value:
    """x with another dtype; the gradient has x's own dtype."""
    return narrowed(x, np.dtype(dtype), "C" if 0 in x.strides else "K", copy=False)


astype.backward(lambda g: g)  # the tape casts every gradient to its input's dtype


# --- axes ---------------------------------------------------------------------------------------------------


def normal_axes(ndim: int, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """The axes as a tuple, counted from 0; None is all. Raises IndexError for an axis out of range, ValueError for one
    that is named twice."""
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    for a in axes:
        if not hasattr(a, "__index__"):
            raise TypeError(f"axis must be an int, such as 0 or -1, not {brief(axis)}")
        if not -ndim <= a < ndim:
            raise IndexError(axis_message(a, ndim))
    axes = tuple(a % ndim for a in axes)
    if len(set(axes)) < len(axes):
        raise ValueError(f"an axis is named twice in {axis}")
    return axes


def axes_over(ndim: int, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """`normal_axes`, but for a 0-d tensor axis 0 or -1 means no axis, as in PyTorch."""
    return () if ndim == 0 and axis in (0, -1, (0,), (-1,)) else normal_axes(ndim, axis)


def numpy_axis(x: Any, axis: Any) -> Any:
    """The axis as the array libraries take it: None for axis 0 or -1 of a 0-d array, see `axes_over`."""
    return axis if x.ndim else axes_over(0, axis) or None


def count(shape: Shape, axis: Axes) -> int:
    """The number of elements that are reduced to one."""
    return math.prod(shape[a] for a in axes_over(len(shape), axis))


def reduced_shape(shape: Shape, axis: Axes) -> Shape:
    """The shape after a reduction with keepdims."""
    axes = axes_over(len(shape), axis)
    return tuple(1 if a in axes else size for a, size in enumerate(shape))


def scalar_as_vector(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function along an axis that takes a 0-d x for a vector of one number, and returns it 0-d, as in PyTorch."""

    @functools.wraps(function)
    def called(x: Value, *args: Any, **settings: Any) -> Any:
        if getattr(x, "ndim", 1):
            return function(x, *args, **settings)
        found = function(reshape(x, (1,)), *args, **settings)
        return type(found)(*(reshape(part, ()) for part in found)) if isinstance(found, tuple) else reshape(found, ())

    return called

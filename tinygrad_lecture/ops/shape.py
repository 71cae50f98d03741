"""The same elements in another shape or order, joined and cut. Where NumPy gives a view, so do these."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..autograd.op import Value, op
from ..backend import Shape, is_array, xp
from ..traced import Traced
from .composite import composite


@op(analytic=True)
def reshape(x: Value, /, shape: Shape) -> Value:
    """The elements of x, row by row, in another shape; one size may be -1 and is worked out."""
    return x.reshape(shape)


@reshape.backward
def _(g: Value, x_shape: Shape) -> Value:
    return reshape(g, x_shape)


@reshape.explains
def _(x: Value, shape: Shape) -> str:
    return f"the {x.size} elements of shape {x.shape} do not fill shape {shape}"


@op(analytic=True)
def permute(x: Value, /, axes: tuple[int, ...]) -> Value:
    """The axes of x in the order given: result axis i is x's axis axes[i]."""
    return x.transpose(axes)


@permute.backward
def _(g: Value, axes: tuple[int, ...]) -> Value:
    inverse = sorted(range(len(axes)), key=lambda i: axes[i] % len(axes))
    return permute(g, tuple(inverse))


@permute.explains
def _(x: Value, axes: tuple[int, ...]) -> str:
    return f"axes {axes} are no order of the {x.ndim} axes of shape {x.shape}; name each once"


@op(analytic=True)
def swapaxes(x: Value, /, axis0: int, axis1: int) -> Value:
    """Two axes exchanged."""
    return x.swapaxes(axis0, axis1)


@swapaxes.backward
def _(g: Value, axis0: int, axis1: int) -> Value:
    return swapaxes(g, axis0, axis1)


@op(analytic=True)
def broadcast_to(x: Value, /, shape: Shape) -> Value:
    """x repeated along new axes, and axes of size 1, to a shape; a view that takes no memory."""
    return xp(x).broadcast_to(x, shape)


@broadcast_to.backward
def _(g: Value) -> Value:
    return g  # the tape sums over the axes that were stretched


@broadcast_to.explains
def _(x: Value, shape: Shape) -> str:
    return f"shape {x.shape} does not broadcast to {shape}: a size may change only from 1, and axes are added in front"


@op(analytic=True)
def flip(x: Value, /, axis: int | tuple[int, ...] | None = None) -> Value:
    """Reversed along axes, all by default."""
    return xp(x).flip(x, own_axis(x, axis))


@flip.backward
def _(g: Value, axis: int | tuple[int, ...] | None) -> Value:
    return flip(g, axis)


@op(analytic=True)
def pad(x: Value, /, pad_width: Sequence[tuple[int, int]], value: float = 0) -> Value:
    """`value` added around x.

    pad_width: (before, after) for each axis or, as in NumPy, one pair or number for all.
    """
    return xp(x).pad(x, pad_width, mode="constant", constant_values=value)


@pad.backward
def _(g: Value, x_shape: Shape, pad_width: Any) -> Value:
    pairs = _pairs(pad_width, len(x_shape))
    return g[tuple(slice(before, before + n) for (before, _), n in zip(pairs, x_shape, strict=True))]


@pad.explains
def _(x: Value, pad_width: Any, value: float = 0) -> str:
    return (
        f"pad_width {pad_width} does not fit shape {x.shape}: it is a pair (before, after) of ints, 0 or more, for "
        f"each axis, as {((0, 0),) * (x.ndim - 1) + ((1, 2),)} for the last alone, or one pair or int for all"
    )


def _pairs(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """NumPy's short forms of pad_width written out."""
    if isinstance(pad_width, int):
        return [(pad_width, pad_width)] * ndim
    if isinstance(pad_width[0], int):
        before, after = pad_width if len(pad_width) == 2 else pad_width * 2
        return [(before, after)] * ndim
    pairs = [tuple(pair) for pair in pad_width]
    return [(pair[0], pair[-1]) for pair in (pairs * ndim if len(pairs) == 1 else pairs)]


@op(analytic=True)
def concatenate(*arrays: Value, axis: int = 0) -> Value:
    """Arrays joined along an axis that they have; their other sizes agree."""
    return xp(*arrays).concatenate(arrays, axis=axis)


@concatenate.backward
def _(g: Value, index: int, shapes: list[Shape], axis: int) -> Value:
    start = sum(shape[axis] for shape in shapes[:index])
    cut = [slice(None)] * g.ndim
    cut[axis] = slice(start, start + shapes[index][axis])
    return g[tuple(cut)]


@concatenate.explains
def _(*arrays: Value, axis: int = 0) -> str:
    if not arrays:
        return "there is nothing to join"
    if len({a.ndim for a in arrays}) == 1 and not -arrays[0].ndim <= axis < arrays[0].ndim:
        return f"axis {axis} is out of range for shape {arrays[0].shape}; to join along a new axis see tl.stack"
    return f"shapes {', '.join(str(a.shape) for a in arrays)} must agree in all sizes but that of axis {axis}"


# --- composed of the above ----------------------------------------------------------------------------------


@composite
def cat(tensors: Sequence[Value], axis: int = 0) -> Value:
    """A sequence of tensors joined along an axis that they have; their other sizes agree."""
    return concatenate(*_listed("cat", tensors, axis), axis=axis)


@composite
def stack(tensors: Sequence[Value], axis: int = 0) -> Value:
    """Tensors of one shape joined along a new axis."""
    tensors = _listed("stack", tensors, axis)
    if len({t.shape for t in tensors}) > 1:
        raise ValueError(f"the shapes {', '.join(str(t.shape) for t in tensors)} must be the same")
    return concatenate(*(unsqueeze(t, axis) for t in tensors), axis=axis)


def _listed(name: str, tensors: Any, axis: Any) -> list[Value]:
    """The tensors to join. Raises TypeError for tensors that are given one by one."""
    if any(isinstance(x, Traced) or is_array(x) for x in (tensors, axis)):
        raise TypeError(f"the tensors stand in a list, as in {name}([a, b]), and an axis after it")
    return list(tensors)


@composite
def unsqueeze(x: Value, axis: int) -> Value:
    """A new axis of size 1 at a place: (2, 3) at 1 becomes (2, 1, 3). Raises IndexError where it cannot go."""
    if not -x.ndim - 1 <= axis <= x.ndim:
        raise IndexError(f"axis {axis} is out of range; shape {x.shape} takes {-x.ndim - 1} to {x.ndim}")
    axis %= x.ndim + 1
    return reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))


@composite
def squeeze(x: Value, axis: int | tuple[int, ...] | None = None) -> Value:
    """Without axes of size 1, all or those named; an axis of another size stays, as in PyTorch."""
    gone = axes_over(x.ndim, axis)
    return reshape(x, tuple(n for a, n in enumerate(x.shape) if not (a in gone and n == 1)))


@composite
def flatten(x: Value, start_dim: int = 0, end_dim: int = -1) -> Value:
    """The axes from start to end, both included, as one; a 0-d tensor becomes (1,)."""
    if x.ndim == 0:
        return reshape(x, (1,))
    (start,), (end,) = normal_axes(x.ndim, start_dim), normal_axes(x.ndim, end_dim)
    if start > end:
        raise ValueError(f"start_dim {start_dim} comes after end_dim {end_dim} for shape {x.shape}")
    return reshape(x, (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


@composite
def expand(x: Value, shape: Shape) -> Value:
    """`broadcast_to` as PyTorch has it: a size of -1 stays what it is."""
    new = len(shape) - x.ndim
    return broadcast_to(x, tuple(x.shape[a - new] if n == -1 and a >= new else n for a, n in enumerate(shape)))


@composite
def repeat(x: Value, times: Shape) -> Value:
    """x side by side so many times along each axis, new axes in front: PyTorch's `repeat`, NumPy's `tile`.

    (2, 3), 4 times and once, gives (8, 3). Raises ValueError for fewer numbers than x has axes.
    """
    if len(times) < x.ndim or min(times, default=0) < 0:
        raise ValueError(f"shape {x.shape} needs a number, 0 or more, for each of its {x.ndim} axes, not {times}")
    shape = (1,) * (len(times) - x.ndim) + x.shape
    apart = [n for size in shape for n in (1, size)]  # (1, n0, 1, n1, ...)
    wide = [n for k, size in zip(times, shape, strict=True) for n in (k, size)]  # (k0, n0, k1, n1, ...)
    result = tuple(k * size for k, size in zip(times, shape, strict=True))
    return reshape(broadcast_to(reshape(x, tuple(apart)), tuple(wide)), result)


@composite
def transpose(x: Value, *axes: Any) -> Value:
    """Two axes exchanged, `transpose(x, 0, 1)`, as in PyTorch; all of them reversed, `transpose(x)`;
    or in an order given as a tuple, `transpose(x, (1, 2, 0))`, as in NumPy."""
    if not axes:
        return permute(x, tuple(reversed(range(x.ndim))))
    if len(axes) == 1 and isinstance(axes[0], (tuple, list)):
        return permute(x, tuple(axes[0]))
    if len(axes) == 2:
        return swapaxes(x, *axes)
    raise TypeError(f"transpose takes no axes, two to exchange, or a tuple with all of them, not {axes}; see permute")


@composite
def split(x: Value, split_size: int | Sequence[int], axis: int = 0) -> tuple[Value, ...]:
    """Pieces of `split_size` along an axis, the last maybe smaller; or of the sizes listed, which must add up."""
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
    pieces, start = [], 0
    for size in sizes:
        cut = [slice(None)] * x.ndim
        cut[axis] = slice(start, start + size)
        pieces.append(x[tuple(cut)])
        start += size
    return tuple(pieces)


@composite
def chunk(x: Value, chunks: int, axis: int = 0) -> tuple[Value, ...]:
    """At most `chunks` pieces of equal size along an axis, the last maybe smaller, as in PyTorch."""
    if chunks <= 0:
        raise ValueError(f"the number of chunks must be positive, not {chunks}")
    (axis,) = normal_axes(x.ndim, axis)
    return split(x, max(math.ceil(x.shape[axis] / chunks), 1), axis)


@composite
def unbind(x: Value, axis: int = 0) -> tuple[Value, ...]:
    """The slices along an axis, without that axis."""
    (axis,) = normal_axes(x.ndim, axis)
    return tuple(x[(*[slice(None)] * axis, i)] for i in range(x.shape[axis]))


# --- axes ---------------------------------------------------------------------------------------------------


def normal_axes(ndim: int, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """The axes meant, counted from 0. Raises IndexError for one that is not there, ValueError for one twice."""
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    for a in axes:
        if not -ndim <= a < ndim:
            raise IndexError(f"axis {a} is out of range for a tensor with {ndim} axes")
    axes = tuple(a % ndim for a in axes)
    if len(set(axes)) < len(axes):
        raise ValueError(f"an axis is named twice in {axis}")
    return axes


def axes_over(ndim: int, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """The axes that a function goes over. As in PyTorch, 0 and -1 are no error for a 0-d tensor, but all that it has:
    none."""
    return () if ndim == 0 and axis in (0, -1, (0,), (-1,)) else normal_axes(ndim, axis)


def own_axis(x: Any, axis: Any) -> Any:
    """An axis to go over as the array libraries take it: None for a 0-d array, see `axes_over`."""
    return axis if x.ndim else axes_over(0, axis) or None

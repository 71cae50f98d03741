"""Picking elements and putting them back: indexing with everything NumPy knows, and functions built on it.

An index is a setting, not an input. `normal_index` turns Tensors and lists in it into arrays where they are
needed, and copies the arrays of others, so that what a record keeps cannot change underneath it.
"""

from __future__ import annotations

import builtins
import math
from typing import Any, NamedTuple

import numpy as np

from ..autograd.op import Value, op
from ..backend import Array, Shape, device_of, is_array, move, xp
from ..kernels.scatter import scatter_add as scatter_add_kernel
from ..traced import Traced, wrap
from .composite import composite
from .elementwise import where
from .shape import normal_axes, own_axis, permute, reshape

# --- x[index] and x[index] = value --------------------------------------------------------------------------


@op(analytic=True)
def pick(x: Value, /, index: Any) -> Value:
    """x[index] for an index that `normal_index` made: a view for slices and ints, a copy for arrays."""
    return x[index]


@pick.backward
def _(g: Value, x_shape: Shape, index: Any) -> Value:
    return index_add(g, x_shape, index)


@op(analytic=True)
def index_add(x: Value, /, shape: Shape, index: Any) -> Value:
    """The transpose of `pick`: zeros of `shape` with x added at `index`, as often as an element is named there."""
    full = xp(x).zeros(shape, x.dtype)
    if _has_integer_arrays(index):
        scatter_add_kernel(full, index, x)
    else:
        full[index] = x
    return full


@index_add.backward
def _(g: Value, index: Any) -> Value:
    return pick(g, index)


@op(analytic=True)
def put(x: Value, value: Value, /, index: Any) -> Value:
    """A copy of x with `value`, broadcast, at `index`; of an element named twice the last value counts."""
    full = xp(x).array(x)
    full[index] = value
    return full


@put.backward("x")
def _(g: Value, index: Any) -> Value:
    return put(g, 0, index)


@put.backward("value")
def _(g: Value, x_shape: Shape, index: Any) -> Value:
    picked = pick(g, index)
    if not _has_integer_arrays(index):
        return picked
    # Of several values written to one place only the last is there, and only it gets the gradient.
    lib = xp(*(i for i in index if is_array(i)))
    turn = lib.arange(math.prod(picked.shape)).reshape(picked.shape)
    written = lib.zeros(x_shape, dtype=turn.dtype)
    written[index] = turn
    return where(written[index] == turn, picked, 0)


@put.explains
def _(x: Value, value: Value, index: Any) -> str | None:
    return _does_not_fit(value.shape, x[index].shape)


def _does_not_fit(value: Shape, there: Shape) -> str:
    return f"a value of shape {value} does not broadcast to x[index], which has shape {there}"


@composite(name="x[index]")
def getitem(x: Value, index: Any) -> Value:
    """x[index], with ints, slices, None, Ellipsis, integer or boolean arrays, Tensors or lists, or a tuple of these."""
    return pick(x, normal_index(x, index))


@composite(name="x[index] = value")
def setitem(x: Value, index: Any, value: Value) -> Value:
    """A copy of x in which x[index] is `value`: what `x[index] = value` computes while recording."""
    return put(x, value, normal_index(x, index))


@composite(name="x[index] = value")
def write(x: Array, index: Any, value: Any) -> None:
    """x[index] = value in the array x itself: what it does while not recording."""
    index = normal_index(x, index)
    try:
        x[index] = value
    except ValueError as error:
        if "broadcast" not in str(error):
            raise
        raise ValueError(_does_not_fit(np.shape(value), x[index].shape)) from None


def normal_index(x: Value, index: Any) -> tuple[Any, ...]:
    """An index as a tuple of ints, bools, slices, None, Ellipsis, and integer or boolean arrays on x's device.

    Raises IndexError, where the index is on the host, for an integer array out of range on a library that would not
    notice itself.
    """
    parts = index if isinstance(index, tuple) else (index,)
    if builtins.all(type(part) in _BASIC for part in parts):
        return parts
    array = x._array if isinstance(x, Traced) else x
    parts = tuple(_plain(part) for part in parts)
    if xp(array) is not np:
        _check_range(array.shape, parts)
        parts = tuple(move(part, device_of(array)) if is_array(part) else part for part in parts)
    return parts


_BASIC = frozenset({int, slice, type(None), type(Ellipsis)})


def _plain(part: Any) -> Any:
    if isinstance(part, Traced):
        return part._array
    if isinstance(part, np.generic):
        return part.item()
    if isinstance(part, (list, tuple, range)):
        part = np.asarray(part)
        return part if part.size else part.astype(np.int64)
    return part.copy() if is_array(part) else part


def _check_range(shape: Shape, parts: tuple[Any, ...]) -> None:
    axes_used = [_axes_used(part) for part in parts]
    axis = 0
    for part, used in zip(parts, axes_used, strict=True):
        if part is Ellipsis:
            axis = len(shape) - sum(axes_used) + axis
        if isinstance(part, np.ndarray) and part.dtype.kind in "iu" and part.size and axis < len(shape):
            n = shape[axis]
            if part.min() < -n or part.max() >= n:
                wrong = part[(part < -n) | (part >= n)].flat[0]
                raise IndexError(f"index {wrong} is out of range for axis {axis} of shape {shape}")
        axis += used


def _axes_used(part: Any) -> int:
    """How many axes a part of an index takes up; an Ellipsis takes what is left."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    return part.ndim if is_array(part) and part.dtype == bool else 1


def _has_integer_arrays(index: tuple[Any, ...]) -> bool:
    """Whether one element may be named twice by an index."""
    return builtins.any(is_array(part) and part.dtype != bool for part in index)


# --- along one axis -----------------------------------------------------------------------------------------


@composite
def gather(x: Value, axis: int, index: Value) -> Value:
    """result[i, j, ...] = x[i, index[i, j, ...], ...] for axis 1, and so on, as in PyTorch.

    index: integers, with as many axes as x and, but for `axis`, no size larger than x's. The result has its shape.
    """
    return getitem(x, _along(x.shape, axis, index))


@composite
def scatter_add(x: Value, axis: int, index: Value, src: Value) -> Value:
    """A copy of x with src[i, j, ...] added to [i, index[i, j, ...], ...] for axis 1, and so on, as in PyTorch.

    Elements named more than once receive every addition. index and src: as many axes as x, src no smaller than index.
    """
    places = normal_index(x, _along(x.shape, axis, index))
    return add_at(x, src[tuple(slice(n) for n in index.shape)], places)


def _along(shape: Shape, axis: int, index: Value) -> tuple[Any, ...]:
    index = _plain(index)
    if not -len(shape) <= axis < len(shape):
        raise IndexError(f"axis {axis} is out of range for shape {shape}")
    if index.dtype.kind not in "iu":
        raise IndexError(f"the index holds integers, which element to take along axis {axis}, not {index.dtype}")
    axis %= len(shape)
    if index.ndim != len(shape) or builtins.any(
        m > n for a, (m, n) in enumerate(zip(index.shape, shape, strict=True)) if a != axis
    ):
        raise ValueError(f"an index of shape {index.shape} does not fit shape {shape} along axis {axis}")
    lib = xp(index)
    grid: list[Any] = []
    for a, n in enumerate(index.shape):
        sizes = [1] * len(shape)
        sizes[a] = n
        grid.append(index if a == axis else lib.arange(n).reshape(sizes))
    return tuple(grid)


@op(analytic=True)
def add_at(x: Value, src: Value, /, index: Any) -> Value:
    """A copy of x with src added at an index that `normal_index` made, as often as an element is named."""
    total = xp(x).array(x)
    scatter_add_kernel(total, index, src)
    return total


@add_at.backward("x")
def _(g: Value) -> Value:
    return g


@add_at.backward("src")
def _(g: Value, index: Any) -> Value:
    return pick(g, index)


@composite
def take(x: Value, indices: Any, axis: int | None = None) -> Value:
    """Elements of the flattened x or, with an axis, the slices of x at `indices` along it, as in NumPy."""
    if axis is None:
        return getitem(reshape(x, (-1,)), indices)
    (axis,) = normal_axes(x.ndim, axis)
    return getitem(x, (*[slice(None)] * axis, indices))


@composite
def index_select(x: Value, axis: int, index: Any) -> Value:
    """`take` as PyTorch has it: the slices of x along an axis that a vector of integers names."""
    return take(x, index, axis)


@composite
def diagonal(x: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """The elements of two axes whose second index is the first + offset, along a new last axis.

    (2, 3, 4) gives (4, 2); on axes 1 and 2, (2, 3). Raises ValueError if both axes are one.
    """
    axes = normal_axes(x.ndim, (axis1, axis2))
    rows, columns = (x.shape[a] for a in axes)
    start, n = builtins.max(-offset, 0), builtins.max(builtins.min(rows, rows + offset, columns, columns - offset), 0)
    along = xp(x._array if isinstance(x, Traced) else x).arange(start, start + n)
    square = permute(x, (*(a for a in range(x.ndim) if a not in axes), *axes))  # (..., rows, columns)
    return getitem(square, (..., along, along + offset))


@op(differentiable=False)
def nonzero(x: Value, /) -> Value:
    """Where x is not 0: the places in order, one per row, shape (how many, x.ndim), int64, as in PyTorch."""
    return xp(x).argwhere(x).astype(np.int64)


# --- order --------------------------------------------------------------------------------------------------


class Ordered(NamedTuple):
    """What `sort` and `topk` return: the elements, and where in x they were, as int64."""

    values: Any
    indices: Any


@op(differentiable=False)
def argsort(x: Value, /, axis: int = -1, descending: bool = False) -> Value:
    """Where the elements of the sorted x are, along an axis; equals keep their order, nan counts as largest."""
    lib = xp(x)
    if not x.ndim:
        own_axis(x, axis)  # raises for an axis that a 0-d tensor does not have
        return lib.zeros((), np.int64)
    stable = {"kind": "stable"} if lib is np else {}  # CuPy's sort always is
    if not descending:
        return lib.argsort(x, axis=axis, **stable)
    backwards = lib.argsort(lib.flip(x, axis), axis=axis, **stable)
    return x.shape[axis] - 1 - lib.flip(backwards, axis)


@composite
def sort(x: Value, axis: int = -1, descending: bool = False) -> Ordered:
    """x sorted along an axis, and the places where the elements were: a pair (values, indices), as in PyTorch."""
    if x.ndim == 0:
        return Ordered(x, argsort(x, axis))
    indices = argsort(x, axis, descending)
    return Ordered(gather(x, axis, indices), indices)


@composite
def topk(x: Value, k: int, axis: int = -1, largest: bool = True) -> Ordered:
    """The k largest (or smallest) elements along an axis, in order, and their places: a pair (values, indices)."""
    (axis,) = normal_axes(x.ndim, axis)
    if not 0 <= k <= x.shape[axis]:
        raise ValueError(f"k = {k} of the {x.shape[axis]} elements along axis {axis} of shape {x.shape}")
    indices = argsort(x, axis, largest)[(*[slice(None)] * axis, slice(k))]
    return Ordered(gather(x, axis, indices), indices)


# --- masks --------------------------------------------------------------------------------------------------


@op(analytic=True)
def tril(x: Value, /, diagonal: int = 0) -> Value:
    """The lower triangle of the last two axes, 0 above; diagonal=1 keeps one more, -1 one less."""
    return xp(x).tril(x, diagonal)


@tril.backward
def _(g: Value, diagonal: int) -> Value:
    return tril(g, diagonal)


@op(analytic=True)
def triu(x: Value, /, diagonal: int = 0) -> Value:
    """The upper triangle of the last two axes, 0 below; diagonal=1 keeps one less, -1 one more."""
    return xp(x).triu(x, diagonal)


@triu.backward
def _(g: Value, diagonal: int) -> Value:
    return triu(g, diagonal)


@composite
def masked_fill(x: Value, mask: Value, value: Value) -> Value:
    """`value` where the mask holds, x elsewhere; the mask broadcasts to x. For x of bools a number counts as a bool."""
    if x.dtype == np.bool_ and isinstance(value, (int, float)):
        value = bool(value)
    return where(mask, value, x)


@composite
def one_hot(indices: Value, num_classes: int | None = None) -> Value:
    """A 1 at each index and 0 elsewhere along a new last axis, as int64, as in PyTorch.

    num_classes: how many; the largest index + 1 by default. Raises ValueError for an index outside of it; a GPU that is
    told num_classes does not wait to look, and gives a row of zeros.
    """
    array = _plain(indices)
    if array.dtype.kind not in "iu":
        raise TypeError(f"the indices are integers, not {array.dtype}; convert with .long()")
    n = num_classes
    if n is None or xp(array) is np:
        least, largest = (int(array.min()), int(array.max())) if array.size else (0, -1)
        n = largest + 1 if n is None else n
        if least < 0 or largest >= n:
            raise ValueError(f"indices from {least} to {largest} for {n} classes")
    hot = (array[..., None] == xp(array).arange(n)).astype(np.int64)
    return wrap(hot) if isinstance(indices, Traced) else hot

"""Reading and writing the elements that an index names along an axis: gather, take, scatter and their relatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.op import Value
from ..backend import Array, DType, Shape, xp
from ..tensor_base import array_of
from .composite import composite
from .copying import contiguous, where
from .elementwise import div, floor_divide, scaled
from .indexing import add_at, getitem, index_get, index_put, normal_index, plain
from .reduction import amax, amin, prod
from .shape import normal_axes, reshape, scalar_as_vector

__all__ = ["gather", "index_add", "index_select", "scatter", "scatter_add", "scatter_reduce", "take"]


@composite
def gather(x: Value, axis: int, index: Value) -> Value:
    """The elements of x that `index` names along an axis, as in PyTorch.

    For axis 0 result[i, j] = x[index[i, j], j], for axis 1 result[i, j] = x[i, index[i, j]].
    axis: an int (also `dim`).  index: integers with as many axes as x, no longer than x along the other axes. The
    result has index's shape. A 0-d x or index counts as a vector of one. Gradients of elements picked more than once
    add up.
    Raises IndexError for an axis or index out of range or an index that is not integer, ValueError for an index of
    another shape.

        x = tl.tensor([[1.0, 2.0], [3.0, 4.0]])
        tl.gather(x, 1, tl.tensor([[1], [0]]))      # tensor([[2.], [3.]])
    """
    return getitem(x if x.ndim else reshape(x, (1,)), along(x.shape or (1,), axis, index))


@composite
@scalar_as_vector
def scatter_add(x: Value, axis: int, index: Value, src: Value) -> Value:
    """A copy of x with src added at the elements that `index` names along an axis, as in PyTorch.

    For axis 0 result[index[i, j], j] += src[i, j], for axis 1 result[i, index[i, j]] += src[i, j]; repeated indices
    add up.  axis: an int (also `dim`).  index: integers with as many axes as x.  src: at least as long as index along
    every axis. Raises the errors of `gather`.

        tl.scatter_add(tl.zeros(3), 0, tl.tensor([0, 2, 0]), tl.tensor([1.0, 2.0, 3.0]))    # tensor([4., 0., 2.])
    """
    return add_at(x, _fitted(src, index), normal_index(x, along(x.shape, axis, index)))


def along(shape: Shape, axis: int, index: Value) -> tuple[Any, ...]:
    """An index for x[...] that picks, along one axis, the elements that `index` names; raises as `gather` does."""
    index = plain(index)
    if not -len(shape) <= axis < len(shape):
        raise IndexError(f"axis {axis} is out of range for shape {shape}")
    if index.dtype.kind not in "iu":
        raise IndexError(f"index must hold integers (the element to take along axis {axis}), not {index.dtype}")
    axis %= len(shape)
    if max(index.ndim, 1) != len(shape) or any(
        m > n for a, (m, n) in enumerate(zip(index.shape, shape, strict=False)) if a != axis
    ):
        raise ValueError(f"an index of shape {index.shape} does not fit shape {shape} along axis {axis}")
    lib = xp(index)
    grid: list[Any] = [] if index.ndim else [index]
    for a, n in enumerate(index.shape):
        sizes = [1] * len(shape)
        sizes[a] = n
        grid.append(index if a == axis else lib.arange(n).reshape(sizes))
    return tuple(grid)


@composite
def take(x: Value, indices: Any, axis: int | None = None) -> Value:
    """The elements of the flattened x at `indices` or, with an axis, the slices of x along it, as in NumPy.

    indices: integers of any shape, which replaces the axis in the result's shape.  axis: an int (also `dim`) or None.
    Raises IndexError for an index or axis out of range.

        x = tl.tensor([[1.0, 2.0], [3.0, 4.0]])
        tl.take(x, [3, 0])              # tensor([4., 1.])
        tl.take(x, [1, 1], axis=0)      # tensor([[3., 4.], [3., 4.]])
    """
    indices = np.asarray(indices) if isinstance(indices, int) else plain(indices)  # an int would select a view
    if axis is None:
        return getitem(reshape(x, (-1,)), indices)
    (axis,) = normal_axes(x.ndim, axis)
    return getitem(x, (*[slice(None)] * axis, indices))


@composite
@scalar_as_vector
def index_select(x: Value, axis: int, index: Any) -> Value:
    """The slices of x along an axis (also `dim`) at `index`, a vector of integers: `take` with PyTorch's signature.

    A 0-d index counts as a vector of one. Raises IndexError for an index of more axes.
    """
    places = np.asarray(index) if isinstance(index, int) else plain(index)
    if places.ndim > 1:
        raise IndexError(f"index must be a vector, not of shape {places.shape}; take has no such limit")
    return take(x, places.reshape(-1), axis)


@composite
@scalar_as_vector
def index_add(x: Value, axis: int, index: Value, source: Value, *, alpha: float = 1) -> Value:
    """A copy of x with alpha * source added to its slices at `index` along an axis, as in PyTorch.

    For axis 0 result[index[i]] += alpha * source[i]: the sum over the edges that reach each node of a graph. Repeated
    indices add up.  axis: an int (also `dim`).  index: a vector of integers.  source: of the shape of these slices.
    Raises IndexError for an axis or index out of range, and for a source of another shape.

        tl.index_add(tl.zeros(3), 0, tl.tensor([0, 2, 0]), tl.tensor([1.0, 2.0, 3.0]))      # tensor([4., 0., 2.])
    """
    place = normal_index(x, (*[slice(None)] * normal_axes(x.ndim, axis)[0], plain(index).reshape(-1)))
    return add_at(x, scaled(source_for(x, place, source), alpha), place)


def source_for(x: Value, place: tuple[Any, ...], source: Value) -> Value:
    """A source for x[place]. Raises IndexError unless it has the shape of what is there; a number serves for one."""
    wanted = index_get(array_of(x), place).shape
    source = reshape(source, wanted) if not source.ndim and wanted == (1,) else source
    if source.shape != wanted:
        raise IndexError(f"the source must have the shape of what it goes to, {wanted}, not {source.shape}")
    return source


@composite
@scalar_as_vector
def scatter(
    x: Value, axis: int, index: Value, src: Value = None, *, value: float | None = None, reduce: str | None = None
) -> Value:
    """A copy of x with src at the elements that `index` names along an axis, as in PyTorch.

    For axis 0 result[index[i, j], j] = src[i, j], for axis 1 result[i, index[i, j]] = src[i, j].
    axis: an int (also `dim`).  index: integers with as many axes as x.  src: a tensor at least as long as index along
    every axis, or a number; also called `value`. Of a repeated index the last one counts (on a GPU, any).
    reduce: "add" or "multiply" to add src to the elements, or multiply them; see `scatter_reduce` for more.
    Raises the errors of `gather`, and ValueError for another reduce.

        tl.scatter(tl.zeros(3), 0, tl.tensor([2, 0]), tl.tensor([1.0, 5.0]))        # tensor([5., 0., 1.])
    """
    src = value if src is None else src
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise ValueError(f'reduce must be "add" or "multiply", not {reduce!r}')
        array = array_of(x)
        src = xp(array).full(index.shape, src, array.dtype) if isinstance(src, (bool, int, float)) else src
        return scatter_reduce(x, axis, index, src, "sum" if reduce == "add" else "prod")
    return index_put(contiguous(x), _fitted(src, index), normal_index(x, along(x.shape, axis, index)))


@composite
@scalar_as_vector
def scatter_reduce(x: Value, axis: int, index: Value, src: Value, reduce: str, *, include_self: bool = True) -> Value:
    """A copy of x in which each element is reduced with the elements of src whose index names it, as in PyTorch.

    axis (also `dim`), index, src: those of `scatter`.  reduce: "sum", "prod", "mean", "amax" or "amin".
    include_self: False to leave x's own element out where src has one. Elements that no index names stay.
    Gradients are those of `sum`, `prod`, `mean`, `max` and `min`: ties share equally, products are exact with zeros.
    Of bools "sum" and "amax" are or, "prod" and "amin" and. Raises ValueError for another reduce, and the errors of
    `gather`.

        index, src = tl.tensor([0, 0, 2]), tl.tensor([5.0, 2.0, 3.0])
        tl.scatter_reduce(tl.ones(3), 0, index, src, "amax")        # tensor([5., 1., 3.])
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise ValueError(f'reduce must be "sum", "prod", "mean", "amax" or "amin", not {reduce!r}')
    if x.dtype.kind == "b":
        reduce = {"sum": "amax", "prod": "amin"}.get(reduce, reduce)
        reduced = scatter_reduce(
            x.astype(np.uint8), axis, index, src.astype(np.uint8), reduce, include_self=include_self
        )
        return reduced.astype(bool)
    src, places = _fitted(src, index), normal_index(x, along(x.shape, axis, index))
    array = array_of(x)
    lib = xp(array)
    count = add_at(lib.zeros(x.shape, np.int64), lib.ones(index.shape, np.int64), places)  # how often each is named
    own = x if include_self else where(count > 0, _neutral(reduce, array.dtype), x)
    if reduce == "sum":
        return add_at(own, src, places)
    if reduce == "mean":
        number = lib.maximum(count + include_self, 1).astype(array.dtype)
        return (div if array.dtype.kind == "f" else floor_divide)(add_at(own, src, places), number)
    # a table: layer 0 is x, and layer k + 1 holds the k-th element of src for each place; then reduce over the layers
    layer = 1 + _occurrences(places, x.shape)
    table = lib.full((int(layer.max()) + 1 if layer.size else 1, *x.shape), _neutral(reduce, array.dtype), array.dtype)
    table = index_put(index_put(table, own, index=(0,)), src, index=(layer, *places))
    if reduce == "prod":
        return prod(table, (0,), dtype=array.dtype)
    return (amax if reduce == "amax" else amin)(table, (0,))


def _fitted(src: Value, index: Value) -> Value:
    """src cut to the index's shape; a number stays."""
    return src if isinstance(src, (bool, int, float)) else src[tuple(slice(n) for n in index.shape)]


def _neutral(reduce: str, dtype: DType) -> float:
    """The number that changes nothing when it is reduced with others, floats or integers."""
    if reduce in ("sum", "mean", "prod"):
        return int(reduce == "prod")
    if dtype.kind == "f":
        return -math.inf if reduce == "amax" else math.inf
    return int(np.iinfo(dtype).min if reduce == "amax" else np.iinfo(dtype).max)


def _occurrences(places: tuple[Array, ...], shape: Shape) -> Array:
    """For each write to a place, how many earlier writes go to the same place."""
    lib = xp(*places)
    flat: Any = 0
    for place, n in zip(places, shape, strict=True):
        flat = flat * n + place % n  # a negative place counts from the end
    ranked, turn = flat.reshape(-1), lib.zeros(flat.size, np.int64)
    order = lib.argsort(ranked, **({"kind": "stable"} if lib is np else {}))  # CuPy's sort always is
    ranked = ranked[order]
    turn[order] = lib.arange(flat.size) - lib.searchsorted(ranked, ranked)
    return turn.reshape(flat.shape)

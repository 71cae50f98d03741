"""Reading and writing at places that an index, a mask or a slice names. Each returns a copy; `x.name_()` changes x."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import ops
from tinygrad_lecture.errors import PlaceError, TensorError
from tinygrad_lecture.ops.composite import composite
from tinygrad_lecture.ops.elementwise import scaled
from tinygrad_lecture.ops.indexing import normal_index
from tinygrad_lecture.ops.shape import normal_axes, scalar_as_vector

__all__ = [
    "argwhere", "diagonal_scatter", "index_add", "index_copy", "index_fill", "index_put", "masked_scatter", "put",
    "select_scatter", "slice_scatter", "take_along_dim", "where",
]  # fmt: skip


def where(condition: Any, *branches: Any, **named: Any) -> Any:
    """`tl.where`; with a condition alone, the places where it holds, as a tuple of index vectors."""
    if not branches and not named:
        return tl.nonzero(condition, as_tuple=True)
    return tl.where(condition, *branches, *named.values())


def argwhere(input: Any) -> Any:
    """The places of elements that are not 0: (count, number of axes)."""
    return tl.nonzero(input)


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """The elements that indices name along an axis, broadcast; without an axis, of the flattened input."""
    if dim is None:
        return tl.gather(input.reshape(-1), 0, indices.reshape(-1))
    (axis,) = normal_axes(input.ndim, dim)
    sizes = [max(n, m) for n, m in zip(input.shape, indices.shape, strict=True)]
    wide, long = list(sizes), list(sizes)
    wide[axis], long[axis] = indices.shape[axis], input.shape[axis]
    return tl.gather(input.broadcast_to(long), axis, indices.broadcast_to(wide))


def _along(x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """The index of slices of x along an axis."""
    return (*[slice(None)] * normal_axes(x.ndim, dim)[0], index)


def _fitted(x: Any, place: tuple[Any, ...], source: Any) -> Any:
    """A source for x[place]. Raises PlaceError unless it has the shape of what is there; a number serves for one."""
    wanted = x.detach()[place].shape
    source = source.reshape(wanted) if not source.ndim and wanted == (1,) else source
    if source.shape != wanted:
        raise PlaceError(f"the source must have the shape of what it goes to, {wanted}, not {source.shape}")
    return source


@composite
@scalar_as_vector
def index_add(input: Any, axis: int, index: Any, source: Any, *, alpha: float = 1) -> Any:
    """input with alpha * source added to its slices at `index` along an axis; repeated indices add up."""
    place = _along(input, axis, index.reshape(-1))
    source = _fitted(input, place, source)
    return ops.indexing.index_add(input, scaled(source, alpha), normal_index(input, place))


@composite
@scalar_as_vector
def index_copy(input: Any, axis: int, index: Any, source: Any) -> Any:
    """input with source as its slices at `index` along an axis."""
    place = _along(input, axis, index.reshape(-1))
    return ops.indexing.setitem(input, place, _fitted(input, place, source))


@composite
@scalar_as_vector
def index_fill(input: Any, axis: int, index: Any, value: Any) -> Any:
    """input with one value in its slices at `index` along an axis."""
    if getattr(value, "ndim", 0):
        raise TensorError(f"value must be one number, not of shape {value.shape}; index_copy takes several")
    return ops.indexing.setitem(input, _along(input, axis, index), value)


@composite
def index_put(input: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Any:
    """input with values at input[indices]; with accumulate, added there."""
    index = normal_index(input, tuple(slice(None) if i is None else i for i in indices))
    if accumulate:
        return ops.indexing.index_add(input, values.broadcast_to(ops.indexing.index_get(input, index).shape), index)
    return ops.indexing.index_put(input, values, index)


@composite
def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """input with source at places of the flattened input; with accumulate, added there."""
    return index_put(input.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate).reshape(input.shape)


@composite
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """input with the elements of source, one after the other, where the mask is true."""
    mask = mask.broadcast_to(input.shape)
    count = int(mask.sum())
    if source.numel() < count:
        raise TensorError(f"the mask names {count} elements, but source has {source.numel()}")
    return ops.indexing.setitem(input, mask, source.reshape(-1)[:count])


@composite
def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """input with src as one slice of an axis."""
    place = _along(input, dim, index)
    return ops.indexing.setitem(input, place, _fitted(input, place, src))


@composite
def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    """input with src as slices of an axis."""
    place = _along(input, dim, slice(start, end, step))
    return ops.indexing.setitem(input, place, _fitted(input, place, src))


@composite
def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """input with src as the diagonal of two axes."""
    numbers = tl.arange(input.numel()).reshape(input.shape)
    places = tl.diagonal(numbers, offset, dim1, dim2)
    return put(input, places.contiguous(), _fitted(places, (...,), src).contiguous())

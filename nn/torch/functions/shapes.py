"""Axes added, joined, cut and exchanged, under PyTorch's names."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import TensorError
from tinygrad_lecture.ops.shape import normal_axes

from ..dtypes import Size

__all__ = [
    "adjoint", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_shapes", "broadcast_tensors", "cartesian_prod",
    "combinations", "diagflat", "dsplit", "dstack", "fliplr", "flipud", "hsplit",
    "split_with_sizes", "sum_to_size", "swapdims", "tensor_split", "unflatten", "unsafe_chunk",
    "unsafe_split", "vander", "vsplit",
]  # fmt: skip

swapdims, unsafe_chunk, unsafe_split, split_with_sizes = tl.swapaxes, tl.chunk, tl.split, tl.split


def adjoint(input: Any) -> Any:
    """The last two axes exchanged: of real numbers, the transpose."""
    return input.mT


def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """An axis split into several of these sizes; one may be -1."""
    (axis,) = normal_axes(input.ndim, dim)
    shape = tuple(input.shape)
    return input.reshape(*shape[:axis], *sizes, *shape[axis + 1 :])


def sum_to_size(input: Any, *size: Any) -> Any:
    """The tensor summed over the axes along which a tensor of `size` would broadcast to it."""
    shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
    extra = input.ndim - len(shape)
    axes = [a for a in range(input.ndim) if a < extra or (shape[a - extra] == 1 and input.shape[a] > 1)]
    return input.sum(tuple(axes), keepdims=True).reshape(shape) if axes else input


# --- axes in front ------------------------------------------------------------------------------------------


def _each(function: Any) -> Any:
    """The function of a tensor also of several, given one by one or in a list; then it returns a tuple."""

    def of_all(*tensors: Any) -> Any:
        listed = len(tensors) != 1 or isinstance(tensors[0], (tuple, list))
        many = tensors[0] if len(tensors) == 1 and listed else tensors
        return tuple(map(function, many)) if listed else function(tensors[0])

    of_all.__name__, of_all.__doc__ = function.__name__, function.__doc__
    return of_all


@_each
def atleast_1d(x: Any) -> Any:
    """A tensor with at least one axis."""
    return x if x.ndim else x.reshape(1)


@_each
def atleast_2d(x: Any) -> Any:
    """A tensor with at least two axes: a vector becomes a row."""
    return x if x.ndim > 1 else x.reshape(1, -1)


@_each
def atleast_3d(x: Any) -> Any:
    """A tensor with at least three axes: a vector becomes (1, n, 1), a matrix (n, m, 1)."""
    return x if x.ndim > 2 else x[..., None] if x.ndim == 2 else x.reshape(1, -1, 1)


def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that shapes broadcast to."""
    return Size(np.broadcast_shapes(*((s,) if isinstance(s, int) else tuple(s) for s in shapes)))


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """The tensors, each broadcast to the shape of all."""
    shape = broadcast_shapes(*(x.shape for x in tensors))
    return tuple(x.broadcast_to(shape) for x in tensors)


# --- joining and cutting ------------------------------------------------------------------------------------


def dstack(tensors: Sequence[Any]) -> Any:
    """Tensors joined along the third axis."""
    return tl.cat([atleast_3d(x) for x in tensors], 2)


def _either_name(function: Any) -> Any:
    """The function also with PyTorch's other names of its argument `indices_or_sections`."""

    @functools.wraps(function)
    def called(*args: Any, **named: Any) -> Any:
        for name in ("indices", "sections", "tensor_indices_or_sections"):
            if name in named:
                named["indices_or_sections"] = named.pop(name)
        return function(*args, **named)

    return called


@_either_name
def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """The tensor cut along an axis: into a number of almost equal parts, or before each of some indices."""
    (axis,) = normal_axes(input.ndim, dim)
    n, where = input.shape[axis], indices_or_sections
    where = where.tolist() if isinstance(where, Tensor) else where
    if isinstance(where, int):
        small, more = divmod(n, where)
        where = list(itertools.accumulate([small + 1] * more + [small] * (where - more)))[:-1]
    edges = [0, *(slice(i, None).indices(n)[0] for i in where), n]
    front = (slice(None),) * axis
    return tuple(input[(*front, slice(a, b))] for a, b in itertools.pairwise(edges))


@_either_name
def hsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """The tensor cut along axis 1, or 0 of a vector."""
    return _cut("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1, 1)


@_either_name
def vsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """The tensor cut along axis 0."""
    return _cut("vsplit", input, indices_or_sections, 0, 2)


@_either_name
def dsplit(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """The tensor cut along axis 2."""
    return _cut("dsplit", input, indices_or_sections, 2, 3)


def _cut(name: str, x: Any, where: Any, axis: int, least: int) -> tuple[Any, ...]:
    if x.ndim < least:
        raise TensorError(f"{name}: needs a tensor of {least} axes or more, not of shape {x.shape}")
    if isinstance(where, int) and x.shape[axis] % where:
        raise TensorError(f"{name}: axis {axis} of shape {x.shape} does not divide into {where} equal parts")
    return tuple(tensor_split(x, where, axis))


def fliplr(input: Any) -> Any:
    """Axis 1 reversed."""
    return tl.flip(input, 1)


def flipud(input: Any) -> Any:
    """Axis 0 reversed."""
    return tl.flip(input, 0)


def diagflat(input: Any, offset: int = 0) -> Any:
    """All elements as the diagonal of a matrix."""
    return tl.diag(input.reshape(-1), offset)


# --- tables -------------------------------------------------------------------------------------------------


def cartesian_prod(*tensors: Any) -> Any:
    """All tuples of elements, one from each vector: (n, number of vectors). One vector is itself."""
    if len(tensors) == 1:
        return tensors[0]
    return tl.stack([grid.reshape(-1) for grid in tl.meshgrid(*tensors)], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All choices of r elements of a vector, in its order: (count, r)."""
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = list(choose(range(len(input)), r))
    return input[np.array(places, int).reshape(-1, r)]


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Powers of the elements of vectors as rows: (..., n, N), the largest power first unless increasing."""
    x = atleast_1d(x)
    powers = np.arange(x.shape[-1] if N is None else N)
    return x[..., None] ** tl.tensor(powers if increasing else powers[::-1].copy())

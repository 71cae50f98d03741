"""Functions that PyTorch has beside those of the engine, and that take more than a line; `formulas.py` has the others.

What reads and writes at places that an index, a mask or a slice names returns a copy; `x.name_()` changes x.
"""

from __future__ import annotations

import functools
import itertools
import math
import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, ops
from tinygrad_lecture.errors import PlaceError, TensorError
from tinygrad_lecture.ops.composite import composite
from tinygrad_lecture.ops.elementwise import scaled
from tinygrad_lecture.ops.indexing import normal_index
from tinygrad_lecture.ops.shape import normal_axes, scalar_as_vector

from .formulas import ALIASES, FORMULAS

# --- axes and tables ----------------------------------------------------------------------------------------


def einsum(equation: Any, *operands: Any) -> Any:
    """`tl.einsum`; also with lists of numbers for the axes, einsum(a, [0, 1], b, [1, 2], [0, 2])."""
    if isinstance(equation, str):
        return tl.einsum(equation, *operands)
    parts = (equation, *operands)
    pairs = len(parts) // 2 * 2
    terms = ",".join(map(_letters, parts[1:pairs:2]))
    return tl.einsum(terms + (f"->{_letters(parts[-1])}" if len(parts) % 2 else ""), *parts[:pairs:2])


def _letters(axes: Any) -> str:
    """Numbers of axes as letters."""
    return "".join("..." if axis is Ellipsis else string.ascii_letters[axis] for axis in axes)


def pdist(input: Any, p: float = 2.0) -> Any:
    """The distances between all pairs of rows, (n, d) -> (n (n - 1) / 2,)."""
    rows, columns = tl.triu_indices(len(input), len(input), 1)
    return tl.norm(input[rows] - input[columns], p, -1)


@tl.op
def entr(x: Any, /) -> Any:
    """-x log(x), the terms of an entropy: 0 at 0, -inf below."""
    x = 1.0 * x  # integers as floats
    return tl.where(x > 0, x * -tl.log(tl.where(x > 0, x, 1)), tl.where(x < 0, -math.inf, x))


@entr.backward
def _(g: Any, x: Any) -> Any:
    return -g * (1 + tl.log(x))


def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """An axis split into several of these sizes; one may be -1."""
    (axis,) = normal_axes(input.ndim, dim)
    shape = tuple(input.shape)
    return input.reshape(*shape[:axis], *sizes, *shape[axis + 1 :])


def _sections_by_other_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function also with PyTorch's other names of its argument `indices_or_sections`."""

    @functools.wraps(function)
    def called(*args: Any, **named: Any) -> Any:
        for name in ("indices", "sections", "tensor_indices_or_sections"):
            if name in named:
                named["indices_or_sections"] = named.pop(name)
        return function(*args, **named)

    return called


@_sections_by_other_names
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


def _split_along(name: str, axis: int, least: int) -> Callable[..., Any]:
    """A function that cuts a tensor of so many axes, or more, along one of them (a vector along its only one)."""

    def cut(input: Any, indices_or_sections: Any) -> Any:
        if input.ndim < least:
            raise TensorError(f"{name}: needs a tensor of {least} axes or more, not of shape {input.shape}")
        along = axis if input.ndim > 1 else 0
        if isinstance(indices_or_sections, int) and input.shape[along] % indices_or_sections:
            raise TensorError(
                f"{name}: axis {along} of shape {input.shape} does not divide into {indices_or_sections} equal parts"
            )
        return tensor_split(input, indices_or_sections, along)

    cut.__name__, cut.__doc__ = name, f"The tensor cut along axis {axis}."
    return _sections_by_other_names(cut)


hsplit, vsplit, dsplit = _split_along("hsplit", 1, 1), _split_along("vsplit", 0, 2), _split_along("dsplit", 2, 3)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All choices of r elements of a vector, in its order: (count, r)."""
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = list(choose(range(len(input)), r))
    return input[np.array(places, int).reshape(-1, r)]


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Powers of the elements of vectors as rows: (..., n, N), the largest power first unless increasing."""
    x = FORMULAS["atleast_1d"](x)
    powers = np.arange(x.shape[-1] if N is None else N)
    return x[..., None] ** tl.tensor(powers if increasing else powers[::-1].copy())


# --- places -------------------------------------------------------------------------------------------------


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """The elements that indices name along an axis, broadcast; without an axis, of the flattened input."""
    if dim is None:
        return tl.gather(input.reshape(-1), 0, indices.reshape(-1))
    (axis,) = normal_axes(input.ndim, dim)
    sizes = [max(n, m) for n, m in zip(input.shape, indices.shape, strict=True)]
    wide, long = list(sizes), list(sizes)
    wide[axis], long[axis] = indices.shape[axis], input.shape[axis]
    return tl.gather(input.broadcast_to(long), axis, indices.broadcast_to(wide))


def _slices(x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """The index of slices of x along an axis."""
    return (*[slice(None)] * normal_axes(x.ndim, dim)[0], index)


def _fitted(x: Any, place: tuple[Any, ...], source: Any) -> Any:
    """A source for x[place]. Raises PlaceError unless it has the shape of what is there; a number serves for one."""
    wanted = x.detach()[place].shape
    source = source.reshape(wanted) if not source.ndim and wanted == (1,) else source
    if source.shape != wanted:
        raise PlaceError(f"the source must have the shape of what it goes to, {wanted}, not {source.shape}")
    return source


def _replaced(x: Any, dim: int, index: Any, source: Any) -> Any:
    """x with a source as its slices at an index along an axis."""
    place = _slices(x, dim, index)
    return ops.indexing.setitem(ops.copying.contiguous(x), place, _fitted(x, place, source))


@composite
@scalar_as_vector
def index_add(input: Any, axis: int, index: Any, source: Any, *, alpha: float = 1) -> Any:
    """input with alpha * source added to its slices at `index` along an axis; repeated indices add up."""
    place = _slices(input, axis, index.reshape(-1))
    source = _fitted(input, place, source)
    return ops.indexing.index_add(input, scaled(source, alpha), normal_index(input, place))


@composite
@scalar_as_vector
def index_copy(input: Any, axis: int, index: Any, source: Any) -> Any:
    """input with source as its slices at `index` along an axis."""
    return _replaced(input, axis, index.reshape(-1), source)


@composite
@scalar_as_vector
def index_fill(input: Any, axis: int, index: Any, value: Any) -> Any:
    """input with one value in its slices at `index` along an axis."""
    if getattr(value, "ndim", 0):
        raise TensorError(f"value must be one number, not of shape {value.shape}; index_copy takes several")
    return ops.indexing.setitem(input, _slices(input, axis, index), value)


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
    return ops.indexing.setitem(ops.copying.contiguous(input), mask, source.reshape(-1)[:count])


# --- tensors made of data -----------------------------------------------------------------------------------

MEMORY = ("layout", "memory_format", "pin_memory")  # arguments about where the memory is and how it is laid out
MADE = "zeros ones empty full eye rand randn randint randperm linspace logspace tensor as_tensor clone"
MADE_LIKE = "zeros_like ones_like empty_like full_like rand_like randn_like randint_like"


def _without_layout(make: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes tensors, without PyTorch's arguments about memory; `size` may be named."""

    @functools.wraps(make)
    def made(*args: Any, **settings: Any) -> Any:
        if settings:
            for name in MEMORY:
                settings.pop(name, None)
            if "high" in settings and not (args[make is tl.randint_like :] or "low" in settings):
                settings["low"] = settings.pop("high")  # randint(high=5, size=(2,))
            if "size" in settings and make not in (tl.full, tl.randint):
                args = (*args, settings.pop("size"))
            if "input" in settings:
                args = (settings.pop("input"), *args)
        return make(*args, **settings)

    return made


def arange(start: Any = 0, end: Any = None, step: Any = 1, **settings: Any) -> Any:
    """The numbers from start up to but not including end; also arange(end=5)."""
    start, end, step = (x.item() if isinstance(x, Tensor) else x for x in (start, end, step))
    return tl.arange(start, end, step, **{name: value for name, value in settings.items() if name not in MEMORY})


def inclusive_range(start: float = 0, end: float | None = None, step: float = 1, **settings: Any) -> Any:
    """The numbers from start to end, both included, as floats: PyTorch's old function torch.range, see arange."""
    first, last = (0, start) if end is None else (start, end)
    count = int((last - first) / step) + 1
    return first + step * arange(count, **{"dtype": tl.get_default_dtype(), **settings})


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Any:
    """Data as a Tensor; an array shares its memory unless a copy is asked for."""
    shares = isinstance(obj, np.ndarray) and not copy and dtype is None and obj.flags.writeable
    made = tl.from_numpy(obj) if shares else tl.tensor(obj) if copy else tl.as_tensor(obj)
    made = made.to(dtype=dtype, device=device)
    return made.requires_grad_() if requires_grad else made


FUNCTIONS: dict[str, Callable[..., Any]] = {  # all that torch has beside the engine's, by name
    **ALIASES,
    **FORMULAS,
    **{name: _without_layout(getattr(tl, name)) for name in f"{MADE} {MADE_LIKE}".split()},
    **{name: f for name, f in globals().items() if name[0] != "_" and getattr(f, "__module__", "") == __name__},
    "range": inclusive_range,
}

"""Functions that PyTorch has beside those of the engine, and that take more than a line; `formulas.py` has the others.

What reads and writes at places that an index, a mask or a slice names returns a copy; `x.name_()` changes x.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, ops
from tinygrad_lecture.errors import TensorError
from tinygrad_lecture.ops.composite import composite
from tinygrad_lecture.ops.gather_scatter import source_for
from tinygrad_lecture.ops.indexing import normal_index
from tinygrad_lecture.ops.shape import normal_axes, scalar_as_vector

from ..layers import pooling
from .formulas import ALIASES, FORMULAS

# --- axes ---------------------------------------------------------------------------------------------------


def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """An axis split into several of these sizes; one may be -1."""
    return pooling.unflatten(input, dim, sizes)


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """The tensor cut along an axis: into a number of almost equal parts, or before each of some indices."""
    n, where = input.shape[normal_axes(input.ndim, dim)[0]], indices_or_sections
    parts = np.array_split(np.arange(n), where.tolist() if isinstance(where, Tensor) else where)
    spans = (slice(int(part[0]), int(part[-1]) + 1) if len(part) else slice(0, 0) for part in parts)
    return tuple(input[_slices(input, dim, span)] for span in spans)


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


@composite
@scalar_as_vector
def index_copy(input: Any, axis: int, index: Any, source: Any) -> Any:
    """input with source as its slices at `index` along an axis."""
    place = normal_index(input, _slices(input, axis, index.reshape(-1)))
    return ops.indexing.index_put(ops.copying.contiguous(input), source_for(input, place, source), place)


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
        return ops.indexing.add_at(input, values.broadcast_to(ops.indexing.index_get(input, index).shape), index)
    return ops.indexing.index_put(input, values, index)


# --- places in order ----------------------------------------------------------------------------------------


@composite
def kthvalue(input: Any, k: int, axis: int = -1, keepdims: bool = False) -> Any:
    """The k-th smallest elements along an axis, the smallest for k=1: a named pair (values, indices)."""
    found = tl.topk(input, k, axis, largest=False)
    last = [part.narrow(axis, k - 1, 1) if keepdims else part.select(axis, k - 1) for part in found if part.ndim]
    return type(found)(*last) if last else found


class Histogram(NamedTuple):
    """How many elements, or the sum of their weights, between neighbouring edges; and the edges."""

    hist: Any
    bin_edges: Any


def histogram(input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Histogram:
    """A `Histogram` of equal parts of a range, by default the elements' own, or between the edges that bins gives."""
    bins, weight = (x.numpy(force=True) if isinstance(x, Tensor) else x for x in (bins, weight))
    found = np.histogram(input.numpy(force=True), bins, range, density, weight)
    return Histogram(*(tl.tensor(part, dtype=input.dtype, device=input.device) for part in found))


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """How many elements fall into equal parts of [min, max], by default from the smallest to the largest."""
    low, high = (min, max) if min != max else (input.amin().item(), input.amax().item())
    return histogram(input, bins, range=(low, high) if low != high else (low - 1, high + 1)).hist


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
    return tl.arange(start, end, step, **{name: value for name, value in settings.items() if name not in MEMORY})


def asarray(obj: Any, *, copy: bool | None = None, requires_grad: bool = False, **settings: Any) -> Any:
    """Data as a Tensor; an array shares its memory unless a copy is asked for."""
    made = (tl.tensor if copy else tl.as_tensor)(obj, **settings)
    return made.requires_grad_() if requires_grad else made


FUNCTIONS: dict[str, Callable[..., Any]] = {  # all that torch has beside the engine's, by name
    **ALIASES,
    **FORMULAS,
    **{name: _without_layout(getattr(tl, name)) for name in f"{MADE} {MADE_LIKE}".split()},
    **{name: f for name, f in globals().items() if name[0] != "_" and getattr(f, "__module__", "") == __name__},
}

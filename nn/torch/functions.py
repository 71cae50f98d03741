"""Functions that PyTorch has beside those of the engine: other names, formulas of one line, and longer ones.

The engine has what a textbook names. A function whose first argument is called `input` is a method of Tensors as well,
as in PyTorch: `methods.py` gives them to the class. What reads and writes at places that an index, a mask or a slice
names returns a copy; `x.name_()` changes x.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, ops
from tinygrad_lecture.errors import TensorError
from tinygrad_lecture.ops import linalg
from tinygrad_lecture.ops.composite import composite
from tinygrad_lecture.ops.elementwise import scaled
from tinygrad_lecture.ops.indexing import normal_index, source_for
from tinygrad_lecture.ops.shape import normal_axes, scalar_as_vector

from ..layers import pooling
from .dtypes import Size

# --- other names, and formulas of one line ------------------------------------------------------------------


def _product(name: str, a: Any, b: Any, axes: int) -> Any:
    """The product of a matrix and a tensor of so many axes. Raises TensorError for other numbers of axes."""
    if (a.ndim, b.ndim) != (2, axes):
        kind = {1: "a vector", 2: "a matrix"}[axes]
        raise TensorError(f"{name}: needs a matrix and {kind}, not shapes {a.shape} and {b.shape}; see matmul")
    return a @ b


def _sum(x: Any, product: Any, beta: float, alpha: float) -> Any:
    """beta * x + alpha * product; with beta 0, x may be nan."""
    if not isinstance(beta, tl.Tensor) and beta == 0:
        return scaled(product, alpha)
    return scaled(x, beta) + scaled(product, alpha)


def _for_each(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function of a tensor also of several, given one by one or in a list; then it returns a tuple."""

    def of_all(*tensors: Any) -> Any:
        listed = len(tensors) != 1 or isinstance(tensors[0], (tuple, list))
        many = tensors[0] if len(tensors) == 1 and listed else tensors
        return tuple(map(function, many)) if listed else function(tensors[0])

    return of_all


def _volume(x: Any) -> Any:
    """A tensor with at least three axes: a vector becomes (1, n, 1), a matrix (n, m, 1)."""
    return x if x.ndim > 2 else x[..., None] if x.ndim == 2 else x.reshape(1, -1, 1)


def _double(x: Any) -> Any:
    return x.double() if isinstance(x, tl.Tensor) else x


def _common_shape(*shapes: Any) -> Any:
    return Size(np.broadcast_shapes(*((s,) if isinstance(s, int) else tuple(s) for s in shapes)))


ALIASES: dict[str, Any] = {  # a function under the other name, or names, that PyTorch has for it
    "sgn": tl.sign, "expit": tl.sigmoid, "concatenate": tl.cat, "vdot": tl.dot, "ger": tl.outer,
    "swapdims": tl.swapaxes, "unsafe_chunk": tl.chunk, "unsafe_split": tl.split, "split_with_sizes": tl.split,
    "cholesky_solve": linalg.cholesky_solve, "inverse": linalg.inv, "det": linalg.det, "slogdet": linalg.slogdet,
    "cholesky": linalg.cholesky, "absolute": tl.abs, "negative": tl.neg, "multiply": tl.mul, "divide": tl.div,
    "true_divide": tl.div, "subtract": tl.sub, "concat": tl.cat, "not_equal": tl.ne, "less": tl.lt,
    "less_equal": tl.le, "greater": tl.gt, "greater_equal": tl.ge, "movedim": tl.moveaxis, "ravel": tl.flatten,
}  # fmt: skip

FORMULAS: dict[str, Callable[..., Any]] = {
    # --- elementwise
    "addcmul": lambda input, tensor1, tensor2, *, value=1: input + value * (tensor1 * tensor2),
    "addcdiv": lambda input, tensor1, tensor2, *, value=1: input + value * (tensor1 / tensor2),
    "lerp": lambda input, end, weight: input + weight * (end - input),
    "rsub": lambda input, other, *, alpha=1: other - alpha * input,
    "clamp_min": lambda input, min: tl.clip(input, min),
    "clamp_max": lambda input, max: tl.clip(input, None, max),
    "positive": lambda input: input,
    "deg2rad": lambda input: input * (math.pi / 180),
    "rad2deg": lambda input: input * (180 / math.pi),
    "float_power": lambda input, exponent: tl.pow(*map(_double, (input, exponent))),
    "ldexp": lambda input, other: input * 2.0**other,
    "isposinf": lambda input: input == math.inf,
    "isneginf": lambda input: input == -math.inf,
    # --- products: (n, k) @ (k, m), batches (b, n, k) @ (b, k, m)
    "mm": lambda input, mat2: _product("mm", input, mat2, 2),
    "mv": lambda input, vec: _product("mv", input, vec, 1),
    "vecdot": lambda x, y, *, dim=-1: (x * y).sum(dim),
    "multi_dot": lambda tensors: functools.reduce(operator.matmul, tensors),
    "chain_matmul": lambda *matrices: functools.reduce(operator.matmul, matrices),
    "addmm": lambda input, mat1, mat2, *, beta=1, alpha=1: _sum(input, _product("addmm", mat1, mat2, 2), beta, alpha),
    "addmv": lambda input, mat, vec, *, beta=1, alpha=1: _sum(input, _product("addmv", mat, vec, 1), beta, alpha),
    "addr": lambda input, vec1, vec2, *, beta=1, alpha=1: _sum(input, tl.outer(vec1, vec2), beta, alpha),
    "baddbmm": lambda input, batch1, batch2, *, beta=1, alpha=1: _sum(input, tl.bmm(batch1, batch2), beta, alpha),
    "addbmm": lambda input, batch1, batch2, *, beta=1, alpha=1: _sum(input, tl.bmm(batch1, batch2).sum(0), beta, alpha),
    # --- statistics
    "msort": lambda input: tl.sort(input, 0).values,
    "dist": lambda input, other, p=2: tl.norm(input - other, p),
    # --- axes
    "adjoint": lambda input: input.mT,
    "atleast_1d": _for_each(lambda x: x if x.ndim else x.reshape(1)),
    "atleast_2d": _for_each(lambda x: x if x.ndim > 1 else x.reshape(1, -1)),
    "atleast_3d": _for_each(_volume),
    "broadcast_shapes": _common_shape,
    "broadcast_tensors": lambda *tensors: tuple(
        x.broadcast_to(_common_shape(*(y.shape for y in tensors))) for x in tensors
    ),
    "dstack": lambda tensors: tl.cat([_volume(x) for x in tensors], 2),
    "fliplr": lambda input: tl.flip(input, 1),
    "flipud": lambda input: tl.flip(input, 0),
    "select": lambda input, dim, index: input.moveaxis(dim, 0)[index],
    "diagflat": lambda input, offset=0: tl.diag(input.reshape(-1), offset),
    # --- places
    "where": lambda condition, *branches, **named: (
        tl.where(condition, *branches, *named.values()) if branches or named else tl.nonzero(condition, as_tuple=True)
    ),
    "argwhere": lambda input: tl.nonzero(input),
}
for _name, _function in FORMULAS.items():
    _function.__name__ = _function.__qualname__ = _name
    _function.__doc__ = f"PyTorch's {_name}, a formula of nn/torch/functions.py."

# --- axes ---------------------------------------------------------------------------------------------------


def tile(input: Any, *dims: Any) -> Any:
    """The tensor repeated along each axis: tile(x, 2) along the last, tile(x, 4, 1) along the first of two."""
    counts = dims[0] if isinstance(dims[0], (tuple, list)) else dims
    return ops.shape.repeat(input, (1,) * (input.ndim - len(counts)) + tuple(counts))


@composite
def narrow(input: Any, axis: int, start: int, length: int) -> Any:
    """The slices from start to start + length - 1 of an axis, a view. Raises TensorError if it has not so many."""
    (axis,) = normal_axes(input.ndim, axis)
    size = input.shape[axis]
    first = start + size if start < 0 else start
    if not 0 <= first <= first + length <= size:
        raise TensorError(f"{length} slices from {start} on are not all within axis {axis} of shape {input.shape}")
    return input[(*[slice(None)] * axis, slice(first, first + length))]


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
    return ops.indexing.index_put(ops.shape.contiguous(input), source_for(input, place, source), place)


@composite
@scalar_as_vector
def index_fill(input: Any, axis: int, index: Any, value: Any) -> Any:
    """input with one value in its slices at `index` along an axis. Raises ValueError for several values."""
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
    last = [narrow(part, axis, k - 1, 1) if keepdims else part.moveaxis(axis, 0)[k - 1] for part in found if part.ndim]
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
MADE = "zeros ones empty full eye rand randn randint randperm linspace tensor as_tensor clone"
MADE_LIKE = "zeros_like ones_like empty_like full_like rand_like randn_like"


def _without_layout(make: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes tensors, without PyTorch's arguments about memory; `size` may be named."""

    @functools.wraps(make)
    def made(*args: Any, **settings: Any) -> Any:
        if settings:
            for name in MEMORY:
                settings.pop(name, None)
            if "high" in settings and not (args or "low" in settings):
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

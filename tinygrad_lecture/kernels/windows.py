"""Windows that slide over the last axes of an array: where they lie, their elements, their sum and maxima.

The first element of every window is a strided slice of the array, and so is the second. So a loop over the elements of
one window, few in number, moves whole slices; there is no loop over the windows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product as combinations
from typing import Any, TypeAlias

import numpy as np

from ..backend import Array, DType, Shape, xp
from . import compiled
from .arrays import as_rows, batched, product, where
from .compiled import compiles, run_rows
from .fused import Needs
from .threads import PIECE, blas_address

Each: TypeAlias = int | Sequence[int]  # a number for all axes, or one for each
Padding: TypeAlias = int | Sequence[Any]  # a width for all sides, or for each axis a width or a pair (before, after)


class Grid:
    """Where windows lie on axes of the sizes `shape`.

    size: the window's.  stride: from one window to the next.  dilation: from one element of a window to the next.
    padding: how far windows reach beyond the axes.
    places: how many windows there are along each axis.  full: whether they stay within the axes.

    Raises ValueError for other numbers of axes, a stride or dilation below 1, and windows that do not fit. An empty
    axis, as of a batch of no images, has no places.
    """

    def __init__(self, shape: Shape, size: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1) -> None:
        n = len(shape)
        self.shape, self.size = tuple(shape), tuple(size)
        self.stride, self.dilation = _each("stride", stride, n), _each("dilation", dilation, n)
        self.padding = _pairs(padding, n)
        if len(self.size) != n:
            raise ValueError(f"a window of {n} axes needs {n} sizes, not {self.size}")
        if min((*self.stride, *self.dilation), default=1) < 1:
            raise ValueError(f"stride and dilation must be at least 1, not {self.stride} and {self.dilation}")
        long = tuple(d * (k - 1) + 1 for k, d in zip(self.size, self.dilation, strict=True))
        wide = tuple(m + before + after for m, (before, after) in zip(self.shape, self.padding, strict=True))
        self.places = tuple(max((m - k) // s + 1, 0) for m, k, s in zip(wide, long, self.stride, strict=True))
        if any(m < 1 and n for m, n in zip(self.places, self.shape, strict=True)):
            padded = "" if wide == self.shape else f", {wide} with its padding"
            spread = "" if long == self.size else f", {long} with its dilation"
            raise ValueError(f"a window of {self.size}{spread} does not fit into {self.shape}{padded}; shrink or pad")
        self._axes = [list(self._overlaps(axis)) for axis in range(n)]
        reads = [sum(there.stop - there.start for _, _, there in axis) for axis in self._axes]
        self.full = all(k * m == read for k, m, read in zip(self.size, self.places, reads, strict=True))

    def _overlaps(self, axis: int) -> Iterator[tuple[int, slice, slice]]:
        """Along one axis: (which element of a window, the slice of the array, the slice of places that read it)."""
        n, stride, (before, _) = self.shape[axis], self.stride[axis], self.padding[axis]
        for element in range(self.size[axis]):
            first = element * self.dilation[axis] - before  # what the first window reads
            start = max(0, -(first // stride))  # the first place within the array; -(a // b) rounds -a / b up
            stop = max(start, min(self.places[axis], -((first - n) // stride)))
            inside = slice(first + start * stride, first + (stop - 1) * stride + 1, stride)
            yield element, inside if start < stop else slice(0), slice(start, stop)

    def overlaps(self) -> Iterator[tuple[Any, Any, Any]]:
        """For each element of a window, row by row: its index, the index of the array, and that of the places."""
        for along_axes in combinations(*self._axes):
            element, inside, there = zip(*along_axes, strict=True) if along_axes else ((), (), ())
            yield element, (..., *inside), (..., *there)

    def indices(self, lib: Any) -> tuple[Array, Array]:
        """Where the window of each place begins, (places,), and how far from there its elements are, (elements,): they
        count the elements of the array row by row."""
        begin = far = lib.zeros((), np.int64)
        for axis, n in enumerate(self.shape):
            begin = begin[..., None] * n + lib.arange(self.places[axis]) * self.stride[axis] - self.padding[axis][0]
            far = far[..., None] * n + lib.arange(self.size[axis]) * self.dilation[axis]
        return begin.reshape(-1), far.reshape(-1)


def covered(places: Shape, size: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1) -> Shape:
    """The sizes of the axes on which windows lie at just so many places, to the end of the last one."""
    n = len(places)
    settings = zip(places, size, _each("stride", stride, n), _pairs(padding, n), _each("dilation", dilation, n))  # noqa: B905
    return tuple((m - 1) * s + d * (k - 1) + 1 - before - after for m, k, s, (before, after), d in settings)


def columns(x: Array, grid: Grid, out: Array | None = None) -> Array:
    """The elements of all windows, with 0 beyond the array: (..., *shape) -> (..., *size, *places)."""
    lib, lead = xp(x), x.shape[: x.ndim - len(grid.shape)]
    found = lib.empty((*lead, *grid.size, *grid.places), x.dtype) if out is None else out
    if not grid.full:
        found[...] = 0
    for element, inside, there in grid.overlaps():
        found[(..., *element, *there[1:])] = x[inside]
    return found


def add_windows(total: Array, found: Array, grid: Grid) -> None:
    """The transpose of `columns`: add each window's elements to `total`, at the elements that it was read from."""
    for element, inside, there in grid.overlaps():
        target = total[inside]
        target += found[(..., *element, *there[1:])]


def _each(what: str, value: Padding, n: int) -> tuple[int, ...]:
    """A number, or for the padding also a pair, for each of n axes."""
    numbers = (value,) * n if isinstance(value, int) else tuple(value)
    if len(numbers) != n:
        each = "a number or pair" if what == "padding" else "one"
        raise ValueError(f"{what} {value} must be one number, or {each} for each of {n} axes")
    return numbers


def _pairs(padding: Padding, n: int) -> tuple[tuple[int, int], ...]:
    """A pair (before, after) for each of n axes."""
    widths: tuple[Any, ...] = _each("padding", padding, n)
    return tuple((width, width) if isinstance(width, int) else tuple(width) for width in widths)


# --- convolution --------------------------------------------------------------------------------------------
# A few images at a time, so that their columns stay in the cache between the copy and the product.


def convolve(x: Array, weight: Array, grid: Grid, groups: int) -> Array:
    """(batch, in, *shape), (out, in / groups, *size) -> (batch, out, *places)."""
    y = xp(x).empty((len(x), len(weight), *grid.places), np.result_type(x.dtype, weight.dtype))
    _write("NARROW", x, y, weight, grid, groups)
    return y


def lay_filters(y: Array, weight: Array, grid: Grid, groups: int) -> Array:
    """The transpose of `convolve`: (batch, out, *places), (out, in / groups, *size) -> (batch, in, *shape)."""
    x = xp(y).zeros((len(y), weight.shape[1] * groups, *grid.shape), np.result_type(y.dtype, weight.dtype))
    _write("WIDE", x, y, weight, grid, groups)
    return x


def filter_gradient(y: Array, x: Array, grid: Grid, groups: int) -> Array:
    """(batch, out, *places), (batch, in, *shape) -> (out, in / groups, *size)."""
    total = xp(x).zeros((y.shape[1], x.shape[1] // groups, *grid.size), np.result_type(x.dtype, y.dtype))
    _write("FILTERS", x, y, total, grid, groups)
    return total


def _write(written: str, x: Array, y: Array, weight: Array, grid: Grid, groups: int) -> None:
    """Write the NARROW y, or add to the WIDE x or the FILTERS, from the other two."""
    places, lib = max(math.prod(grid.places), 1), xp(x)
    one = max(x.shape[1] * math.prod(grid.size) * places, 1)  # the elements of an image's columns
    cached = len(x) > 1 and 0 < weight.size < 16 * PIECE and one < 64 * PIECE  # else threads share large products
    if cached and len(grid.shape) <= 2 and compiles(x, y, weight) and blas_address("sgemm"):
        loops = compiled.convolutions
        loops.convolve(getattr(loops, written), x, y, weight, grid, groups)
        return
    filters = weight.reshape(groups, len(weight) // groups, math.prod(weight.shape[1:]))
    step = max(PIECE // one, -(-1_024 // places)) if lib is np else max(len(x), 1)
    for start in range(0, len(x), step):
        seen, out = x[start : start + step], y[start : start + step]
        if written == "NARROW":
            rows = _products(filters, _columns(seen, grid, groups))
            out[...] = rows.reshape(len(weight), len(out), *grid.places).swapaxes(0, 1)
        elif written == "FILTERS":
            filters += _products(_rows(out, groups), _columns(seen, grid, groups).swapaxes(1, 2))
        else:
            laid = _products(filters.swapaxes(1, 2), _rows(out, groups))  # (groups, in / groups · window, b · places)
            laid = laid.reshape(x.shape[1], *grid.size, len(out), *grid.places)
            add_windows(seen, lib.moveaxis(laid, 1 + len(grid.size), 0), grid)


def _products(a: Array, b: Array) -> Array:
    """The product of each group: (groups, n, k), (groups, k, m) -> (groups, n, m)."""
    return product(a[0], b[0])[None] if len(a) == 1 else batched(a, b)


def _columns(x: Array, grid: Grid, groups: int) -> Array:
    """(b, channels, *shape) -> (groups, channels / groups · window, b · places)."""
    b, channels = x.shape[:2]
    found = xp(x).empty((channels, *grid.size, b, *grid.places), x.dtype)
    columns(x, grid, out=xp(x).moveaxis(found, 1 + len(grid.size), 0))
    return found.reshape(groups, channels // groups * math.prod(grid.size), b * math.prod(grid.places))


def _rows(y: Array, groups: int) -> Array:
    """(b, channels, *places) -> (groups, channels / groups, b · places)."""
    b, channels = y.shape[:2]
    return y.swapaxes(0, 1).reshape(groups, channels // groups, b * math.prod(y.shape[2:]))


# --- pooling ------------------------------------------------------------------------------------------------


def max_pool(
    x: Array, size: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1, *, keep: bool = False
) -> Any:
    """With keep=True also which element of its window each is: see `_numbers`."""
    lib, grid = xp(x), pooling_grid(x, size, stride, padding, dilation)
    shape = (*x.shape[: x.ndim - len(size)], *grid.places)
    if grid.full and compiles(x) and _number_dtype(grid) == np.uint16:
        rows, indices = as_rows(x, len(size)), grid.indices(lib)
        out, found = np.empty(shape, x.dtype), np.empty(shape, _number_dtype(grid))
        outs, numbers = as_rows(out, len(size)), as_rows(found, len(size))
        run_rows(compiled.loops.max_pool, rows, *indices, outs, numbers)
        return (out, found) if keep else out
    out = lib.full(shape, lowest(x.dtype), x.dtype)
    for _, inside, there in grid.overlaps():
        part = out[there]
        lib.maximum(part, x[inside], out=part)
    return (out, _numbers(x, out, grid)) if keep else out


def max_pool_backward(
    g: Array, needs: Needs, x: Array, size: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1, *,
    kept: Array,
) -> tuple[Any, ...]:  # fmt: skip
    lib, grid = xp(x), pooling_grid(x, size, stride, padding, dilation)
    dx = lib.empty(x.shape, g.dtype)
    rows, gs, numbers = (as_rows(array, len(size)) for array in (dx, g, kept))  # a row for each image and channel
    if compiles(rows, gs) and kept.dtype == np.uint16:
        run_rows(compiled.loops.max_pool_backward, gs, numbers, *grid.indices(lib), rows)
    else:
        dx[...] = 0
        indices = as_rows(_indices(kept, grid), len(size)) + rows.shape[1] * lib.arange(len(rows))[:, None]
        found = gs if grid.full else where(numbers < math.prod(grid.size), gs, 0)
        lib.add.at(dx.reshape(-1), indices.reshape(-1), found.reshape(-1))
    return (dx,)


def _numbers(x: Array, out: Array, grid: Grid) -> Array:
    """Which element of each window is the first that equals the largest; of a window of padding alone, one too many."""
    lib = xp(x)
    numbers, left = lib.zeros(out.shape, _number_dtype(grid)), lib.ones(out.shape, bool)
    has_nan = lib is not np or np.isnan(out).any()  # CuPy would have to wait for the answer
    for _, inside, there in grid.overlaps():
        seen, rest = x[inside], left[there]
        rest &= seen != out[there]
        if has_nan:
            rest &= seen == seen  # nan is the largest, and not equal to itself
        numbers += left
    return numbers


def _number_dtype(grid: Grid) -> DType:
    return np.promote_types(np.uint16, np.min_scalar_type(math.prod(grid.size)))


def _indices(numbers: Array, grid: Grid) -> Array:
    """The elements of the array, counted row by row, that have these numbers in their windows; 0 if there is none."""
    begin, far = grid.indices(xp(numbers))
    there = 1 if grid.full else numbers < len(far)
    return (begin.reshape(grid.places) + far[numbers * there]) * there


def lowest(dtype: DType) -> float:
    """The number that none of a dtype is below."""
    return -math.inf if dtype.kind == "f" else int(np.iinfo(dtype).min)


def pooling_grid(x: Array, size: Shape, stride: Each, padding: Padding, dilation: Each) -> Grid:
    """The grid on the last axes of x. Raises ValueError if x has fewer axes than a window."""
    if x.ndim < len(size):
        raise ValueError(f"a window of {size} needs an input of {len(size)} axes or more, not of shape {x.shape}")
    return Grid(x.shape[x.ndim - len(size) :], size, stride, padding, dilation)

"""Reading and writing elements: x[index] with every kind of index that NumPy takes, and ops built on it.

They are diagonals, triangles and masks, and along an axis gather, take, scatter and their relatives.
An index is a setting, not an input. `normal_index` converts Tensors and lists in it to arrays.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..autograd.op import Value, op
from ..backend import Array, Shape, device_of, is_array, move, row_major, to_host, xp
from ..errors import refuse_mask, warn
from ..kernels.arrays import scatter_add as scatter_add_kernel
from ..tensor_base import TensorBase, array_of, wrap_like
from .basics import where
from .composite import composite
from .elementwise import scaled
from .shape import astype, clone, contiguous, normal_axes, pad, permute, reshape, scalar_as_vector

__all__ = [
    "bincount", "diag", "diagonal", "gather", "index_add", "masked_fill", "nonzero", "one_hot", "repeat_interleave",
    "scatter", "scatter_add", "take", "tril", "triu",
]  # fmt: skip

# --- x[index] and x[index] = value --------------------------------------------------------------------------


@op(analytic=True)
def index_get(x: Value, /, index: Any) -> Value:
    """x[index] for an index from `normal_index`: a view for slices and ints, a copy in row-major order for arrays."""
    picked = x[index]
    if not picked.flags.c_contiguous and any(map(is_array, index)):
        return picked.copy()
    return x[*index, ...] if isinstance(picked, np.generic) else picked  # NumPy gives a scalar, which is a copy


@index_get.explains
def _(x: Value, index: Any) -> str | None:
    for part in index:
        if isinstance(part, int) and abs(part) >= 2**63:
            return f"index {part} is out of range for shape {x.shape}"
        if is_array(part) and part.dtype.kind not in "iub":
            return f"an index must hold integers or bools, not {part.dtype}; convert with .long()"
        if not is_array(part) and type(part) not in (*BASIC, bool):
            return f"an index is an int, a slice, None, ... or a tensor of integers or bools, not {part!r}"
        if is_array(part) and part.dtype == bool and part.ndim == x.ndim and part.shape != x.shape:
            return f"a mask of shape {part.shape} does not fit shape {x.shape}"
    used = sum(map(_axes_used, index))
    return f"{used} indices are too many for shape {x.shape}" if used > x.ndim else None


@op(analytic=True)
def index_transpose(x: Value, /, shape: Shape, index: Any) -> Value:
    """The transpose of `index_get`: zeros of `shape` with x added at `index`, repeated indices adding up."""
    full = xp(x).zeros(shape, x.dtype)
    if _has_integer_arrays(index):
        scatter_add_kernel(full, index, x)
    else:
        full[index] = x
    return full


index_get.backward(lambda g, x_shape, index: index_transpose(g, x_shape, index))
index_transpose.backward(lambda g, index: index_get(g, index))


@op(analytic=True)
def index_put(x: Value, value: Value, /, index: Any) -> Value:
    """A copy of x with `value`, broadcast, at `index`; for a repeated index the last value counts."""
    full = xp(x).array(x)
    full[index] = value
    return full


@index_put.backward("x")
def _(g: Value, index: Any) -> Value:
    return index_put(g, 0, index)  # the overwritten elements of x have no influence


@index_put.backward("value")
def _(g: Value, x_shape: Shape, index: Any) -> Value:
    picked = index_get(g, index)
    if not _has_integer_arrays(index):
        return picked
    # a value that a later one overwrote gets gradient 0: number the writes and see which are still there
    lib = xp(*(i for i in index if is_array(i)))
    turn = lib.arange(math.prod(picked.shape)).reshape(picked.shape)
    written = lib.zeros(x_shape, dtype=turn.dtype)
    written[index] = turn
    return where(written[index] == turn, picked, 0)


@index_put.explains
def _(x: Value, value: Value, index: Any) -> str | None:
    return _does_not_fit(value.shape, x[index].shape)


def _does_not_fit(value: Shape, selected: Shape) -> str:
    """The message about a value of one shape that is written to an index of another."""
    return f"a value of shape {value} does not broadcast to x[index], which has shape {selected}"


@op(analytic=True)
def add_at(x: Value, src: Value, /, index: Any) -> Value:
    """A copy of x with src added at an index from `normal_index`, repeated indices adding up."""
    total = x.copy()
    scatter_add_kernel(total, index, src)
    return total


add_at.backward("x")(lambda g: g)
add_at.backward("src")(lambda g, index: index_get(g, index))


@partial(composite, name="x[index]")
def getitem(x: Value, index: Any) -> Value:
    """x[index]: ints, slices, None, Ellipsis, integer or boolean arrays, Tensors or lists, or a tuple of these.

    As in NumPy, but as in PyTorch an int apart from an array, as in x[0, :, [1, 2]], selects first, so that the array's
    axis stays where it is, and a tensor of uint8 is a mask, with a warning.
    """
    index = normal_index(x, index)
    if ints_apart(index):
        index, arrays = ints_first(index)
        x = index_get(x, index)
        index = arrays
    return index_get(x, index)


@partial(composite, name="x[index] = value")
def setitem(x: Value, index: Any, value: Value) -> Value:
    """A copy of x with `value` at x[index]: computes `x[index] = value` while recording."""
    index = normal_index(x, index)
    if ints_apart(index):
        index, arrays = ints_first(index)
        value = index_put(index_get(x, index), value, arrays)
    return index_put(x, value, index)


@partial(composite, name="x[index] = value")
def write(x: Array, index: Any, value: Any) -> None:
    """Write `x[index] = value` to the array x itself: runs while not recording."""
    if value is None:
        raise TypeError("the value must be a number, tensor or array, not None")  # NumPy would write nan
    refuse_mask(value, "x[index] = value")
    index = normal_index(x, index)
    if ints_apart(index):
        index, arrays = ints_first(index)
        x, index = x[index], arrays  # a view
    try:
        x[index] = value
    except ValueError as error:
        if "broadcast" not in str(error):
            raise
        raise ValueError(_does_not_fit(np.shape(value), x[index].shape)) from None


def normal_index(x: Value, index: Any) -> tuple[Any, ...]:
    """An index as a tuple of ints, bools, slices, None, Ellipsis, and integer or boolean arrays on x's device.

    Raises IndexError for an integer array on the host that is out of range for an array on a GPU, where CuPy would wrap
    it silently. NumPy raises by itself.
    """
    parts = index if isinstance(index, tuple) else (index,)
    if all(type(part) in BASIC for part in parts):
        return parts
    array = array_of(x)
    parts = tuple(int(part) if _is_a_number(part) else plain(part) for part in parts)
    if any(is_array(part) and part.ndim for part in parts):  # else an int would select the same
        parts = tuple(int(part) if type(part) is np.ndarray and not part.ndim and part.dtype.kind in "iu" else part
                      for part in parts)  # fmt: skip
    if xp(array) is not np:
        _check_range(array.shape, parts)
        parts = tuple(move(part, device_of(array)) if is_array(part) else part for part in parts)
    return parts


def _is_a_number(part: Any) -> bool:
    """Whether a part of an index is a 0-d tensor of integers: it counts as an int, so that the result is a view."""
    array = part._array if isinstance(part, TensorBase) else None
    return array is not None and not array.ndim and array.dtype.kind in "iu" and array.dtype != np.uint8


BASIC = frozenset({int, slice, type(None), type(Ellipsis)})


def ints_apart(index: tuple[Any, ...]) -> bool:
    """Whether something stands between an int and an array: NumPy would move the axes of arrays to the front."""
    types = list(map(type, index))
    if int not in types or bool in types or not any(map(is_array, index)):
        return False
    counted = [kind is int or is_array(part) for kind, part in zip(types, index, strict=True)]
    first, last = counted.index(True), len(counted) - counted[::-1].index(True)
    return False in counted[first:last]


def ints_first(index: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """An index with ints and arrays as two, one after the other: of the ints, then of the rest."""
    ints: list[Any] = []
    for part in index:
        if type(part) is int or part is Ellipsis:
            ints.append(part)
        else:
            ints += [slice(None)] * _axes_used(part)
    return tuple(ints), tuple(part for part in index if type(part) is not int)


def plain(part: Any) -> Any:
    """A part of an index without Tensors, NumPy numbers and lists; an array is copied. TypeError for a masked one."""
    if isinstance(part, TensorBase):
        if part._array.dtype == np.uint8:
            warn("a tensor of uint8 is a mask, as in PyTorch: write .bool() for a mask, .long() for numbers of rows")
            return part._array != 0
        return part._array
    if isinstance(part, np.generic):
        return part.item()
    if isinstance(part, (list, tuple, range)):
        part = np.asarray(part)
        return part if part.size else part.astype(np.int64)
    refuse_mask(part, "x[index]")
    return part


def _check_range(shape: Shape, parts: tuple[Any, ...]) -> None:
    """Raise IndexError if an integer array on the host is out of range for its axis."""
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
    """The number of x's axes that a part of an index consumes; 0 for an Ellipsis, which consumes the rest."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    return part.ndim if is_array(part) and part.dtype == bool else 1


def _has_integer_arrays(index: tuple[Any, ...]) -> bool:
    """Whether an index may name an element more than once."""
    return any(is_array(part) and part.dtype != bool for part in index)


# --- diagonals, triangles, masks, one-hot --------------------------------------------------------------------


@composite
def diagonal(x: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """The diagonal of two axes, as a new last axis: elements whose index on axis2 is that on axis1 plus `offset`.

    axis1, axis2: also `dim1`, `dim2`. Shape (2, 3, 4) gives (4, 2); on axes 1 and 2, (2, 3). The result is a view.
    Raises ValueError if both axes are the same, IndexError for an axis out of range.

        tl.diagonal(tl.tensor([[1.0, 2.0], [3.0, 4.0]]))        # tensor([1., 4.])
    """
    axes = normal_axes(x.ndim, (axis1, axis2))
    rows, columns = (x.shape[a] for a in axes)
    n = max(min(rows, rows + offset, columns, columns - offset), 0)
    matrix = permute(x, (*(a for a in range(x.ndim) if a not in axes), *axes))  # (..., rows, columns)
    first = max(-offset, 0), max(offset, 0)
    return main_diagonal(matrix[(..., *(slice(start, start + n) for start in first))])  # (..., n, n) -> (..., n)


@op(analytic=True)
def main_diagonal(x: Value, /) -> Value:
    """A view of the diagonal of square matrices: (..., n, n) to (..., n)."""
    view = xp(x).diagonal(x, 0, -2, -1)
    if isinstance(x, np.ndarray):
        view.flags.writeable = x.flags.writeable  # NumPy alone makes it read-only
    return view


@op(analytic=True)
def diagonal_matrix(x: Value, /) -> Value:
    """The transpose of `main_diagonal`: (..., n) to (..., n, n), with x on the diagonal and 0 elsewhere."""
    n = x.shape[-1]
    full = xp(x).zeros((*x.shape, n), x.dtype)
    full.reshape(*x.shape[:-1], n * n)[..., :: n + 1] = x
    return full


main_diagonal.backward(lambda g: diagonal_matrix(g))
diagonal_matrix.backward(lambda g: main_diagonal(g))


@composite
def diag(x: Value, diagonal: int = 0) -> Value:
    """A vector as the diagonal of a matrix of zeros or, of a matrix, its diagonal as a vector.

    diagonal: 0 for the main one, 1 for the one above it, -1 for the one below.
    (n,) -> (n, n), or (n, m) -> (min(n, m),). Raises ValueError for more than two axes.

        tl.diag(tl.tensor([1, 2]))                      # tensor([[1, 0], [0, 2]])
        tl.diag(tl.tensor([[1, 2], [3, 4]]), 1)         # tensor([2])
    """
    if x.ndim == 1:
        below, above = max(-diagonal, 0), max(diagonal, 0)
        return pad(diagonal_matrix(x), ((below, above), (above, below)))
    if x.ndim == 2:
        return clone(_diagonal(x, diagonal))
    raise ValueError(f"needs a vector or a matrix, not shape {x.shape}; see also diagonal")


_diagonal = diagonal  # in `diag`, diagonal is a number, as in PyTorch


@op(differentiable=False)
def nonzero(x: Value, /, *, as_tuple: bool = False) -> Value:
    """The indices of the elements that are not 0, a matrix of shape (count, x.ndim), int64.

    Each row is the index of one element; they come in row-major order. as_tuple: return a tuple of the columns instead,
    one for each axis, which is an index for x; a tensor without axes counts as a vector.

        tl.nonzero(tl.tensor([[0, 5], [7, 0]]))     # tensor([[0, 1], [1, 0]])
    """
    return xp(x).argwhere(x).astype(np.int64)


@nonzero.option("as_tuple")
def _(x: Value, as_tuple: bool) -> Value:
    places = nonzero(x.reshape(-1) if as_tuple and not x.ndim else x)  # an index has at least one axis
    return tuple(places[:, axis] for axis in range(places.shape[1])) if as_tuple else places


def _matrices(x: Value) -> Value:
    """x. Raises ValueError for fewer than two axes, of which NumPy makes a matrix."""
    if x.ndim < 2:
        raise ValueError(f"needs matrices, (..., n, m), not shape {x.shape}")
    return x


@op(analytic=True)
def tril(x: Value, /, diagonal: int = 0) -> Value:
    """x, (..., n, m), with 0 above the diagonal; diagonal=1 keeps one diagonal more, -1 one fewer.

    Raises ValueError for fewer than two axes.
    """
    return row_major(xp(x).tril(_matrices(x), diagonal))


tril.backward(lambda g, diagonal: tril(g, diagonal))


@op(analytic=True)
def triu(x: Value, /, diagonal: int = 0) -> Value:
    """x, (..., n, m), with 0 below the diagonal; diagonal=1 keeps one diagonal fewer, -1 one more.

    Raises ValueError for fewer than two axes.
    """
    return row_major(xp(x).triu(_matrices(x), diagonal))


triu.backward(lambda g, diagonal: triu(g, diagonal))


@composite
def masked_fill(x: Value, mask: Value, value: Value) -> Value:
    """x with `value` where the mask is true.

    mask: bools that broadcast to x.  value: a number or a 0-d tensor; for x of bools or integers it is converted to x's
    dtype, as in PyTorch. Raises TypeError for a mask of another dtype, ValueError for several values, and for an
    infinite one among integers.

        tl.masked_fill(tl.tensor([1.0, 2.0]), tl.tensor([False, True]), 0.0)        # tensor([1., 0.])
    """
    shape = value.shape if hasattr(value, "shape") else np.shape(value)
    if shape:
        raise ValueError(f"value must be one number, not of shape {shape}; for more, tl.where(mask, value, x)")
    if x.dtype.kind != "f":
        value = _filler(value, x.dtype)
    if getattr(mask, "dtype", np.bool_) != np.bool_:
        raise TypeError(f"the mask of masked_fill(x, mask, value) must be bools, not {mask.dtype}; write mask != 0")
    return where(mask, value, contiguous(x))


def _filler(value: Value, dtype: np.dtype[Any]) -> Value:
    """The number or tensor to fill with, as bools or integers. Raises ValueError for inf and nan among integers."""
    if isinstance(value, TensorBase):
        return astype(value, dtype)
    if dtype != np.bool_ and not math.isfinite(value):
        raise ValueError(f"{value} is not a number of {dtype}")
    return bool(value) if dtype == np.bool_ else int(value)


@composite
def one_hot(indices: Value, num_classes: int | None = -1) -> Value:
    """One-hot vectors: (...) to (..., num_classes), int64, with 1 at the index and 0 elsewhere.

    indices: integers from 0 to num_classes - 1.  num_classes: by default, -1 or None, the largest index + 1.
    Raises TypeError for indices that are not integers, ValueError for an index out of range. On a GPU, if num_classes
    is given, an index out of range gives a row of zeros instead: checking it would have to wait for the GPU.

        tl.one_hot(tl.tensor([0, 2]))       # tensor([[1, 0, 0], [0, 0, 1]])
    """
    array = plain(indices)
    if array.dtype.kind not in "iu":
        raise TypeError(f"indices must be integers, not {array.dtype}; convert with .long()")
    n = None if num_classes == -1 else num_classes
    if n is not None and n < 0:
        raise ValueError(f"num_classes must be 0 or more, or -1 for the largest index + 1, not {n}")
    if n is None or xp(array) is np:
        least, largest = (int(array.min()), int(array.max())) if array.size else (0, -1)
        n = largest + 1 if n is None else n
        if least < 0 or largest >= n:
            raise ValueError(f"indices range from {least} to {largest}, but the classes are 0 to {n - 1}")
    hot = (array[..., None] == xp(array).arange(n)).astype(np.int64)
    return wrap_like(indices, hot)


# --- along an axis: gather, take, scatter -------------------------------------------------------------------


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
def scatter(x: Value, axis: int, index: Value, src: Value = None, *, value: float | None = None) -> Value:
    """A copy of x with src at the elements that `index` names along an axis, as in PyTorch.

    For axis 0 result[index[i, j], j] = src[i, j], for axis 1 result[i, index[i, j]] = src[i, j].
    axis: an int (also `dim`).  index: integers with as many axes as x.  src: a tensor at least as long as index along
    every axis, or a number; also called `value`. Of a repeated index the last one counts (on a GPU, any).
    Raises the errors of `gather`.

        tl.scatter(tl.zeros(3), 0, tl.tensor([2, 0]), tl.tensor([1.0, 5.0]))        # tensor([5., 0., 1.])
    """
    src = value if src is None else src
    return index_put(contiguous(x), _fitted(src, index), normal_index(x, along(x.shape, axis, index)))


def _fitted(src: Value, index: Value) -> Value:
    """src cut to the index's shape; a number stays."""
    return src if isinstance(src, (bool, int, float)) else src[tuple(slice(n) for n in index.shape)]


@composite
def repeat_interleave(x: Value, repeats: Any, axis: int | None = None) -> Value:
    """x with each element, or each slice along an axis, repeated: 1 2 becomes 1 1 2 2.

    repeats: how often, one int for all or a vector of ints with one for each: (n, ...) -> (sum of repeats, ...).
    axis (also `dim`): an int; None (the default) repeats the elements of the flattened x.
    Raises ValueError for another number of repeats, IndexError for an axis out of range.

        tl.repeat_interleave(tl.tensor([1, 2]), 2)                          # tensor([1, 1, 2, 2])
        tl.repeat_interleave(tl.tensor([1, 2]), tl.tensor([3, 1]))          # tensor([1, 1, 1, 2])
    """
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    (axis,) = normal_axes(x.ndim, axis)
    times = np.asarray(to_host(array_of(repeats)))
    if times.size not in (1, x.shape[axis]):
        raise ValueError(f"{times.size} repeats do not fit the size {x.shape[axis]} of axis {axis} of shape {x.shape}")
    return take(x, np.repeat(np.arange(x.shape[axis]), times), axis)


@composite
def bincount(x: Value, weights: Value = None, minlength: int = 0) -> Value:
    """How often each integer from 0 to the largest occurs in a vector, as int64; with weights, their sums.

    x: integers, 0 or more.  weights: a number for each element of x, integers as float64; None (the default) counts 1
    for each.
    minlength: the result has at least this many elements; 0 by default. Gradients flow to the weights.
    Raises ValueError for other shapes, negative integers and another number of weights, TypeError for floats.

        tl.bincount(tl.tensor([1, 3, 1]))       # tensor([0, 2, 0, 1])
    """
    array = array_of(x)
    if array.dtype.kind not in "iu":
        raise TypeError(f"needs integers, not {array.dtype}; convert with .long()")
    if array.ndim != 1 or (weights is not None and weights.shape != array.shape):
        raise ValueError(f"needs a vector and weights like it, not {array.shape}, {getattr(weights, 'shape', None)}")
    least, largest = (int(array.min()), int(array.max())) if array.size else (0, -1)
    if least < 0:
        raise ValueError(f"needs integers of 0 or more, but there is {least}")
    lib, n = xp(array), max(largest + 1, minlength)
    if weights is None:
        return wrap_like(x, add_at(lib.zeros(n, np.int64), lib.ones(array.shape, np.int64), (array,)))
    weights = weights if weights.dtype.kind == "f" else weights.astype(np.float64)
    return add_at(wrap_like(x, lib.zeros(n, weights.dtype)), weights, (array,))

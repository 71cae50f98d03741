"""Conversion of arguments: data to arrays, sizes to shapes, the targets of `x.to(...)` to a dtype and a device."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .backend import FLOAT64, Array, DType, Shape, device_of, get_default_dtype, is_array, move, to_host, xp
from .traced import Traced


def new_array(data: Any, dtype: Any = None, device: str | None = None) -> Array:
    """A new array with a copy of data; see `tl.tensor` for the arguments and errors."""
    if isinstance(data, Traced):
        data = data._array
    array = from_python(data, dtype) if not is_array(data) else np.asarray(data) if xp(data) is np else data
    if array.dtype.kind == "c" or (dtype is not None and np.dtype(dtype).kind == "c"):
        raise TypeError("tensor: tensors hold no complex numbers; split them into .real and .imag, or take abs()")
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"tensor: data must be numbers, nested lists of numbers or arrays of them, not {type(data).__name__}, "
            f"from which NumPy makes an array of {array.dtype}"
        )
    wanted = (array.dtype if dtype is None else np.dtype(dtype)).newbyteorder("=")  # the machine's own byte order
    if array.dtype != wanted:
        array = array.astype(wanted)
    if device is not None:
        array = move(array, device)
    return array.copy()


_PYTHONS = frozenset({bool, int, float, complex})  # numbers without a dtype


def from_python(data: Any, dtype: Any) -> np.ndarray[Any, DType]:
    """An array from numbers, lists and anything that NumPy converts; without a dtype, floats get the default dtype."""
    data = _without_tensors(data)
    try:
        array = np.array(data)
        if dtype is not None and array.dtype.kind in "iu" and np.dtype(dtype).kind in "iu":
            return np.array(data, np.dtype(dtype))  # unlike astype, it raises for ints that do not fit
    except (ValueError, OverflowError) as error:
        ragged = "the rows of nested lists must have the same length: " if "inhomogeneous" in str(error) else ""
        raise ValueError(f"tensor: {ragged}{error}") from None
    chosen = dtype is not None or array.dtype != FLOAT64 or _has_float64(data)
    return array if chosen else array.astype(get_default_dtype())


def _without_tensors(data: Any) -> Any:
    """Nested lists with each Tensor in them replaced by its array."""
    if isinstance(data, Traced):
        return to_host(data._array)
    if isinstance(data, (list, tuple)) and not _PYTHONS.issuperset(map(type, data)):
        return [_without_tensors(item) for item in data]
    return data


def _has_float64(data: Any) -> bool:
    """Whether data is, or its lists contain, a NumPy array or number of float64."""
    if isinstance(data, (list, tuple)):
        return not _PYTHONS.issuperset(map(type, data)) and any(map(_has_float64, data))
    return hasattr(data, "__array__") and np.asarray(data).dtype == FLOAT64


def as_shape(
    sizes: tuple[Any, ...], name: str = "", what: str = "the sizes of a shape", negative: bool = False
) -> Shape:
    """The sizes as a tuple of ints: f(2, 3), f((2, 3)) and f([2, 3]) mean the same.

    name, what: the function that was called and what the sizes are, for errors.  negative: allow numbers below 0.
    Raises TypeError for a size that is not an int, ValueError for one below 0.
    """
    called = f"{name}: " if name else ""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    for n in sizes:
        if not hasattr(n, "__index__"):
            raise TypeError(f"{called}{what} must be ints, not {n!r}")
    shape = tuple(map(operator.index, sizes))
    if not negative and min(shape, default=0) < 0:
        raise ValueError(f"{called}{what} must not be negative, but {min(shape)} is")
    return shape


def parse_target(targets: tuple[Any, ...], dtype: Any = None, device: str | None = None) -> tuple[Any, str | None]:
    """The dtype and the device of x.to(*targets, dtype, device), each None if it stays.

    targets: dtypes or their names, names of devices, or Tensors, which stand for their dtype and device.
    """
    for target in targets:
        if isinstance(target, Traced):
            dtype, device = target._array.dtype, device_of(target._array)
        elif isinstance(target, str) and not _is_dtype(target):
            device = target
        else:
            dtype = target
    return None if dtype is None else np.dtype(dtype), device


def _is_dtype(name: str) -> bool:
    """Whether NumPy knows a dtype of that name; other names are those of devices."""
    try:
        np.dtype(name)
    except TypeError:
        return False
    return True

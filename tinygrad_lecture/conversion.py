"""Arrays from Python data: what `tl.tensor` and `Tensor(data)` make of numbers, lists, arrays and Tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from .backend import FLOAT64, Array, DType, get_default_dtype, is_array, move, to_host, xp
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
    """An array from numbers, lists and whatever NumPy converts; without a dtype, Python's floats get the default."""
    data = _without_tensors(data)
    try:
        array = np.array(data)
        if dtype is not None and array.dtype.kind in "iu" and np.dtype(dtype).kind in "iu":
            return np.array(data, np.dtype(dtype))  # which, other than astype, refuses what does not fit
    except (ValueError, OverflowError) as error:
        ragged = "the rows of nested lists must have the same length: " if "inhomogeneous" in str(error) else ""
        raise ValueError(f"tensor: {ragged}{error}") from None
    chosen = dtype is not None or array.dtype != FLOAT64 or _has_float64(data)
    return array if chosen else array.astype(get_default_dtype())


def _without_tensors(data: Any) -> Any:
    """Nested lists with the arrays of the Tensors in them."""
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

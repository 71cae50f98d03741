"""Conversion of arguments: data to arrays, sizes to shapes, the targets of `x.to(...)` to a dtype and a device.

A device is a text such as "cuda:0" with PyTorch's `type` and `index`.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .backend import FLOAT64, Array, DType, Shape, device_of, get_default_dtype, is_array, move, resolve, to_host, xp
from .errors import DtypeError, TensorError, brief, hide_frames, kind_of, refuse_mask, text_hint, warn
from .tensor_base import TensorBase


def new_array(data: Any, dtype: Any = None, device: str | None = None) -> Array:
    """A new array with a copy of data; see `tl.tensor` for the arguments and errors."""
    if isinstance(data, TensorBase):
        data = _array_of(data)
    refuse_mask(data, "tensor")
    dtype = None if dtype is None else as_dtype(dtype, "tensor")
    array = from_python(data, dtype) if not is_array(data) else np.asarray(data) if xp(data) is np else data
    if array.dtype.kind == "c" or (dtype is not None and dtype.kind == "c"):
        hide_frames()
        raise TypeError("tensor: tensors hold no complex numbers; split them into .real and .imag, or take abs()")
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"tensor: data must be numbers or nested lists of numbers, but {_strange(data)}")
    wanted = (array.dtype if dtype is None else dtype).newbyteorder("=")  # the machine's own byte order
    if array.dtype != wanted:
        array = narrowed(array, wanted)
    if device is not None:
        array = move(array, device)
    return array.copy()


_PYTHONS = frozenset({bool, int, float, complex})  # numbers without a dtype


def from_python(data: Any, dtype: Any) -> np.ndarray[Any, DType]:
    """An array from numbers, lists and anything that NumPy converts; without a dtype, floats get the default dtype."""
    data = _without_tensors(data)
    try:
        array = np.array(data)
        if dtype is not None and array.dtype.kind in "iu" and dtype.kind in "iu":
            return np.array(data, dtype)  # unlike astype, it raises for ints that do not fit
    except (ValueError, OverflowError) as error:
        raise TensorError(f"tensor: {_ragged(data) or error}") from None
    chosen = dtype is not None or array.dtype != FLOAT64 or _has_float64(data)
    return array if chosen else narrowed(array, get_default_dtype())


def narrowed(array: Array, dtype: DType, order: Any = "K", copy: bool = True) -> Array:
    """The array with another dtype. Warns of numbers that are too large for it, which become inf."""
    if dtype.kind != "f" or dtype.itemsize >= array.dtype.itemsize:
        return array.astype(dtype, order, copy=copy)
    with np.errstate(
        over="call", call=lambda *kind: warn(f"numbers above {np.finfo(dtype).max:.5g} are inf in {dtype}")
    ):
        return array.astype(dtype, order, copy=copy)


def _without_tensors(data: Any) -> Any:
    """Nested lists with an array for each Tensor in them, and a number for one of a single element, as in PyTorch."""
    if isinstance(data, TensorBase):
        array = to_host(_array_of(data))
        return array.reshape(()) if array.size == 1 else array
    refuse_mask(data, "tensor")
    if isinstance(data, (list, tuple)) and not _PYTHONS.issuperset(map(type, data)):
        return [_without_tensors(item) for item in data]
    return data


def _array_of(x: TensorBase) -> Array:
    """The array of a Tensor. Warns if it requires grad."""
    if x._node is not None:
        warn("tensor: the data requires grad, but the copy does not; take x.clone(), tl.stack of a list, or detach()")
    return x._array


def _strange(data: Any) -> str:
    """What in nested lists is not a number, and where: "data[1][0] is None"."""
    name, item = next((p for p in _items("data", data) if not _is_number(p[1])), ("data", data))
    if isinstance(item, str):
        return f"{name} is the text {item!r}{text_hint(item)}"
    if callable(item):
        return f"{name} is a function; call it, with parentheses"
    if hasattr(item, "dtype"):
        return f"{name} is an array of {item.dtype}"
    if isinstance(item, int):
        return f"{name} is {item}, which is too large"
    listed = isinstance(item, Iterable) and not isinstance(item, (Mapping, list, tuple))
    return f"{name} is {kind_of(item)}{'; make a list of it' if listed else ''}"


def _items(name: str, data: Any) -> Iterator[tuple[str, Any]]:
    """The items of nested lists, each with its place: ("data[1][0]", 3.0)."""
    if isinstance(data, (list, tuple)):
        for i, item in enumerate(data):
            yield from _items(f"{name}[{i}]", item)
    else:
        yield name, data


def _is_number(item: Any) -> bool:
    return isinstance(item, (bool, int, float, complex)) or np.asarray(item).dtype.kind in "fiubc"


def _ragged(data: Any, name: str = "data") -> str | None:
    """Which rows of nested lists differ in length, as a sentence; None if none do."""
    level = [(name, data)]
    while all(isinstance(row, (list, tuple)) for _, row in level):
        level = [(f"{place}[{i}]", item) for place, row in level for i, item in enumerate(row)]
        sizes = [_size(item) for _, item in level]
        for (place, _), size in zip(level, sizes, strict=True):
            if size != sizes[0]:
                both = f"{level[0][0]} {sizes[0]} and {place} {size}"
                return f"the rows of nested lists must have the same length, but {both}"
    return None


def _size(item: Any) -> str:
    return f"has length {len(item)}" if isinstance(item, (list, tuple)) or np.ndim(item) else "is a number"


def _has_float64(data: Any) -> bool:
    """Whether data is, or its lists contain, a NumPy array or number of float64."""
    if isinstance(data, (list, tuple)):
        return not _PYTHONS.issuperset(map(type, data)) and any(map(_has_float64, data))
    return hasattr(data, "__array__") and np.asarray(data).dtype == FLOAT64


def _no_index(sizes: Iterable[Any]) -> str:
    """The first of the sizes that is no int, in words, and how to write a dtype."""
    n = next((n for n in sizes if isinstance(n, (type, TensorBase)) or not hasattr(n, "__index__")), sizes)
    kind: Any = getattr(np, str(n), None) if isinstance(n, (str, np.dtype)) else n
    is_dtype = isinstance(kind, type) and issubclass(kind, (np.generic, int, float))
    return f"{brief(n)}; write dtype=tl.{np.dtype(kind)}" if is_dtype else brief(n)


ANY = -(2**63)  # of numbers that may be negative


def as_shape(sizes: tuple[Any, ...], name: str = "", what: str = "the sizes of a shape", least: int = 0) -> Shape:
    """The sizes as a tuple of ints: f(2, 3), f((2, 3)) and f([2, 3]) mean the same.

    name, what: the function that was called and what the sizes are, for errors.  least: -1 if that is allowed, or ANY.
    Raises TypeError for a size that is not an int, ValueError for one below the least.
    """
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    called = f"{name}: " if name else ""
    try:
        shape = tuple(map(operator.index, sizes))
    except TypeError:
        hide_frames()
        raise TypeError(f"{called}{what} must be ints, not {_no_index(sizes)}") from None
    if min(shape, default=0) < least:
        allowed = f"below {least}" if least else "negative"
        raise TensorError(f"{called}{what} must not be {allowed}, but {min(shape)} is")
    if name and math.prod(shape) >= 2**59:
        raise TensorError(f"{called}{what} are of {math.prod(shape):,} elements, more than any memory holds")
    return shape


def parse_target(targets: tuple[Any, ...], dtype: Any = None, device: str | None = None) -> tuple[Any, str | None]:
    """The dtype and the device of x.to(*targets, dtype, device), each None if it stays.

    targets: dtypes or their names, names of devices, or Tensors, which stand for their dtype and device.
    """
    for target in targets:
        if isinstance(target, bool) or target is None:
            continue  # non_blocking and copy, which PyTorch takes by position too
        if isinstance(target, TensorBase):
            dtype, device = target._array.dtype, device_of(target._array)
        elif isinstance(target, str) and not _is_dtype(target):
            device = target
        else:
            dtype = target
    if device is not None:
        try:
            resolve(device)
        except ValueError as error:
            raise TensorError(f"to: {error}; dtypes are tl.float32, tl.float64, tl.int64, ...") from None
    return None if dtype is None else as_dtype(dtype, "to"), device


def _is_dtype(name: str) -> bool:
    """Whether NumPy knows a dtype of that name; other names are those of devices."""
    try:
        np.dtype(name)
    except TypeError:
        return False
    return True


_DTYPES = "tl.float16, tl.float32, tl.float64, tl.int32, tl.int64, tl.uint8 or tl.bool"


def as_dtype(dtype: Any, name: str) -> DType:
    """The dtype that a dtype, its name or its class stands for. name: the function that was called, for errors.

    Raises TypeError for anything else.
    """
    try:
        return np.dtype(dtype)  # type: ignore[no-any-return]
    except TypeError:
        number = isinstance(dtype, (int, float))
        several = "; several numbers go into one list, as in tl.tensor([1, 2])" if number else ""
        hide_frames()
        raise TypeError(f"{name}: dtype must be {_DTYPES}, or its name, not {brief(dtype)}{several}") from None


# --- devices ------------------------------------------------------------------------------------------------


class device(str):
    """A device's name, with its parts: `type`, "cpu" or "cuda", and `index`, an int or None.

        tl.device("cuda:1").index           # 1
        tl.device("cuda", 1) == "cuda:1"    # True

    It is a str: it equals its name, and may be given wherever a name may. Raises TensorError for a name that is not of
    this form. Whether there is such a device shows when it is used.
    """

    __slots__ = ()

    def __new__(cls, type: str | int, index: int | None = None) -> device:
        name = f"cuda:{type}" if isinstance(type, int) else type if index is None else f"{type}:{index}"
        kind, colon, number = name.partition(":")
        if not kind.isidentifier() or (colon and not number.isdecimal()):
            raise TensorError(f"device: {name!r} names no device; write 'cpu', 'cuda' or 'cuda:0'")
        return super().__new__(cls, name)

    @property
    def type(self) -> str:
        """The kind of device: "cpu" or "cuda"."""
        return str(self).partition(":")[0]

    @property
    def index(self) -> int | None:  # type: ignore[override]
        """Which of the devices of this kind; None if that is left open."""
        number = str(self).partition(":")[2]
        return int(number) if number else None

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{index})"


as_device = functools.cache(device)

"""Tensors from data, from a shape, from chance. All take dtype, device and requires_grad as PyTorch's do."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import rng
from .backend import FLOAT64, Array, Shape, device_of, get_default_dtype, is_array, move, xp
from .tensor import Tensor
from .traced import Traced, wrap


def tensor(data: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """A new Tensor with a copy of data: numbers, nested lists, NumPy or CuPy arrays, Tensors (their graph is left).

    dtype: that of an array stays; Python floats become the default dtype (float32), ints int64, bools bool.
    device: "cpu", "cuda", ...; where the data is, by default the CPU.
    Raises ValueError for ragged lists, TypeError for what is no number, and for requires_grad with integers.
    """
    if isinstance(data, Traced):
        data = data._array
    if is_array(data) or isinstance(data, np.generic):
        array = data if is_array(data) else np.asarray(data)
        if dtype is not None:
            array = array.astype(np.dtype(dtype), copy=False)
    else:
        array = _from_python(data, dtype)
    array = move(array, device) if device is not None else array
    array = xp(array).array(array, copy=True, order="C")
    return _finish(array, requires_grad)


def _from_python(data: Any, dtype: Any) -> Array:
    data = _plain(data)
    try:
        array = np.array(data)
    except ValueError as error:
        raise ValueError(f"tensor: the rows of nested lists must have the same length ({error})") from None
    if array.dtype.kind not in "fiubc":
        raise TypeError(f"tensor: cannot make numbers of {type(data).__name__} data of dtype {array.dtype}")
    if dtype is not None:
        return array.astype(np.dtype(dtype))
    return array.astype(get_default_dtype()) if array.dtype == FLOAT64 else array


def _plain(data: Any) -> Any:
    """Tensors within lists as the numbers in them."""
    if isinstance(data, Traced):
        return data.tolist()  # type: ignore[attr-defined]
    if isinstance(data, (list, tuple)):
        return [_plain(item) for item in data]
    return data


def _finish(array: Array, requires_grad: bool) -> Tensor:
    result = wrap(array)
    return result.requires_grad_() if requires_grad else result


def _shape(size: tuple[Any, ...]) -> Shape:
    """zeros(2, 3), zeros((2, 3)) and zeros([2, 3]) mean the same."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        return tuple(size[0])
    return size


def full(
    size: int | Shape, fill_value: float, dtype: Any = None, device: str = "cpu", requires_grad: bool = False
) -> Tensor:
    """A Tensor of shape `size` with one value everywhere; dtype as `tensor(fill_value)` has it."""
    if dtype is None:
        dtype = _from_python(fill_value, None).dtype
    array = np.full(size, fill_value, dtype=np.dtype(dtype))
    return _finish(move(array, device), requires_grad)


def zeros(*size: Any, dtype: Any = None, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """zeros(2, 3) or zeros((2, 3)): zeros of the default dtype."""
    return full(_shape(size), 0, dtype or get_default_dtype(), device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """ones(2, 3) or ones((2, 3)): ones of the default dtype."""
    return full(_shape(size), 1, dtype or get_default_dtype(), device, requires_grad)


def empty(*size: Any, dtype: Any = None, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """Memory of that shape with whatever is in it."""
    array = np.empty(_shape(size), dtype=np.dtype(dtype or get_default_dtype()))
    return _finish(move(array, device), requires_grad)


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    dtype: Any = None,
    device: str = "cpu",
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... below end; arange(n) counts from 0. Ints give int64, floats the default dtype."""
    first, last = (0, start) if end is None else (start, end)
    array = np.arange(first, last, step)
    if dtype is None and array.dtype == FLOAT64:
        dtype = get_default_dtype()
    return _finish(move(array.astype(dtype or array.dtype), device), requires_grad)


def linspace(
    start: float, end: float, steps: int, dtype: Any = None, device: str = "cpu", requires_grad: bool = False
) -> Tensor:
    """`steps` numbers evenly spaced from start to end, both included."""
    array = np.linspace(start, end, steps).astype(dtype or get_default_dtype())
    return _finish(move(array, device), requires_grad)


def eye(
    n: int, m: int | None = None, dtype: Any = None, device: str = "cpu", requires_grad: bool = False
) -> Tensor:
    """The (n, m) identity matrix, m = n by default."""
    return _finish(move(np.eye(n, m, dtype=dtype or get_default_dtype()), device), requires_grad)


def rand(*size: Any, dtype: Any = None, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """Random numbers, uniform in [0, 1)."""
    return _finish(rng.uniform(_shape(size), np.dtype(dtype or get_default_dtype()), device), requires_grad)


def randn(*size: Any, dtype: Any = None, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """Random numbers, normal with mean 0 and standard deviation 1."""
    return _finish(rng.normal(_shape(size), np.dtype(dtype or get_default_dtype()), device), requires_grad)


def randint(low: int, high: int | None = None, size: Any = (), dtype: Any = np.int64, device: str = "cpu") -> Tensor:
    """Random integers from low to high - 1; randint(high, size=(3,)) from 0."""
    first, end = (0, low) if high is None else (low, high)
    if end <= first:
        raise ValueError(f"randint: there is no integer from {first} to below {end}")
    return wrap(rng.integers(first, end, _shape((size,)), np.dtype(dtype), device))


def randperm(n: int, device: str = "cpu") -> Tensor:
    """The integers 0 to n - 1 in random order; drawn on the host."""
    return wrap(move(rng.generator().permutation(n), device))


def _like(x: Tensor, dtype: Any, device: str | None) -> dict[str, Any]:
    return {"dtype": dtype or x.dtype, "device": device or device_of(x._array)}


def zeros_like(x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Zeros of x's shape and, unless said otherwise, dtype and device; so with the other `_like` functions."""
    return zeros(x.shape, **_like(x, dtype, device), requires_grad=requires_grad)


def ones_like(x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Ones like x."""
    return ones(x.shape, **_like(x, dtype, device), requires_grad=requires_grad)


def full_like(
    x: Tensor, fill_value: float, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """One value, like x."""
    return full(x.shape, fill_value, **_like(x, dtype, device), requires_grad=requires_grad)


def empty_like(x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Uninitialised memory, like x."""
    return empty(x.shape, **_like(x, dtype, device), requires_grad=requires_grad)


def rand_like(x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers, like x."""
    return rand(x.shape, **_like(x, dtype, device), requires_grad=requires_grad)


def randn_like(x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Normal random numbers, like x."""
    return randn(x.shape, **_like(x, dtype, device), requires_grad=requires_grad)

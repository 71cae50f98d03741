"""Tensors from data, from a shape, from chance. All take dtype, device and requires_grad as PyTorch's do."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from . import random as rng
from .backend import FLOAT64, Array, Shape, device_of, get_default_dtype, move
from .conversion import from_python, new_array
from .tensor import Tensor
from .traced import Traced, wrap


def tensor(data: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """A new Tensor with a copy of data: numbers, nested lists, NumPy or CuPy arrays, Tensors (without their graph).

    dtype: by default that of arrays and Tensors, also within lists; Python's floats become the default dtype (float32),
    ints int64, bools bool.  device: "cpu", "cuda", ...; by default where the data is.
    Raises ValueError for ragged lists and ints that dtype cannot hold, TypeError for data that are not real numbers,
    and for requires_grad with integers.
    """
    return _finish(new_array(data, dtype, device), requires_grad)


def _finish(array: Array, requires_grad: bool) -> Tensor:
    result = wrap(array)
    return result.requires_grad_() if requires_grad else result  # type: ignore[no-any-return]


def _shape(name: str, size: tuple[Any, ...], what: str = "the sizes of a shape") -> Shape:
    """zeros(2, 3), zeros((2, 3)) and zeros([2, 3]) mean the same.

    Raises TypeError for a size that is no int, ValueError for one below 0.
    """
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = tuple(size[0])
    for n in size:
        if not hasattr(n, "__index__"):
            raise TypeError(f"{name}: {what} must be ints, not {n!r}")
    shape = tuple(map(operator.index, size))
    if min(shape, default=0) < 0:
        raise ValueError(f"{name}: {what} must not be negative, as {min(shape)} is")
    return shape


def full(
    size: int | Shape, fill_value: float, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """A Tensor of shape `size` with one value everywhere; dtype as `tensor(fill_value)` has it."""
    if isinstance(fill_value, (Traced, np.generic)):
        fill_value = fill_value.item()
    if not isinstance(fill_value, (bool, int, float)):
        raise TypeError(f"full: fill_value is a number, not {fill_value!r}")
    if dtype is None:
        dtype = from_python(fill_value, None).dtype
    array = np.full(_shape("full", (size,)), fill_value, dtype=np.dtype(dtype))
    return _finish(move(array, device), requires_grad)


def zeros(*size: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """zeros(2, 3) or zeros((2, 3)): zeros of the default dtype."""
    return full(_shape("zeros", size), 0, dtype or get_default_dtype(), device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """ones(2, 3) or ones((2, 3)): ones of the default dtype."""
    return full(_shape("ones", size), 1, dtype or get_default_dtype(), device, requires_grad)


def empty(*size: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Memory of that shape with whatever is in it."""
    array = np.empty(_shape("empty", size), dtype=np.dtype(dtype or get_default_dtype()))
    return _finish(move(array, device), requires_grad)


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... below end; arange(n) counts from 0. Ints give int64, floats the default dtype.

    Raises ValueError for a step of 0.
    """
    for number in (start, end, step):
        if isinstance(number, (str, list, tuple)):
            raise TypeError(f"arange: start, end and step are numbers, not {number!r}")
    if step == 0:
        raise ValueError("arange: a step of 0 never arrives; give a step above or below 0")
    first, last = (0, start) if end is None else (start, end)
    array = np.arange(first, last, step)
    if dtype is None and array.dtype == FLOAT64:
        dtype = get_default_dtype()
    return _finish(move(array.astype(dtype or array.dtype), device), requires_grad)


def linspace(
    start: float, end: float, steps: int, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers evenly spaced from start to end, both included."""
    (steps,) = _shape("linspace", (steps,), "steps")
    array = np.linspace(start, end, steps).astype(dtype or get_default_dtype())
    return _finish(move(array, device), requires_grad)


def eye(
    n: int, m: int | None = None, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """The (n, m) identity matrix, m = n by default."""
    n, m = _shape("eye", (n, n if m is None else m), "n and m")
    return _finish(move(np.eye(n, m, dtype=dtype or get_default_dtype()), device), requires_grad)


def rand(*size: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Random numbers, uniform in [0, 1)."""
    return _finish(rng.uniform(_shape("rand", size), np.dtype(dtype or get_default_dtype()), device), requires_grad)


def randn(*size: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Random numbers, normal with mean 0 and standard deviation 1."""
    return _finish(rng.normal(_shape("randn", size), np.dtype(dtype or get_default_dtype()), device), requires_grad)


def randint(low: int, high: Any = None, size: Any = (), dtype: Any = np.int64, device: str | None = None) -> Tensor:
    """Random integers from low to high - 1, or from 0: randint(2, 10, (3,)), randint(10, (3,)), randint(10, size=3).

    Raises ValueError where there is no such integer, or dtype cannot hold them.
    """
    if isinstance(high, (tuple, list)):
        high, size = None, high
    for bound in (low, high):
        if not (bound is None or hasattr(bound, "__index__")):
            raise TypeError(f"randint: low and high must be ints, not {bound!r}")
    first, end = (0, low) if high is None else (low, high)
    if end <= first:
        raise ValueError(f"randint: there is no integer from {first} to below {end}")
    return wrap(rng.integers(first, end, _shape("randint", (size,)), np.dtype(dtype), device))  # type: ignore[no-any-return]


def randperm(n: int, device: str | None = None) -> Tensor:
    """The integers 0 to n - 1 in random order; drawn on the host."""
    (n,) = _shape("randperm", (n,), "n")
    return wrap(move(rng.generator().permutation(n), device))  # type: ignore[no-any-return]


def _like(
    make: Callable[..., Tensor], x: Tensor, dtype: Any, device: str | None, requires_grad: bool, *values: Any
) -> Tensor:
    """make(shape, *values) with the shape of x and, unless given, its dtype and device."""
    _must_be_a_tensor(f"{make.__name__}_like", x)
    dtype, device = dtype or x._array.dtype, device or device_of(x._array)
    return make(x._array.shape, *values, dtype=dtype, device=device, requires_grad=requires_grad)


def _must_be_a_tensor(name: str, x: Any) -> None:
    if not isinstance(x, Traced):
        raise TypeError(f"{name}: it takes a Tensor to be like, not a {type(x).__name__}")


def zeros_like(x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Zeros of x's shape and, unless said otherwise, dtype and device; so with the other `_like` functions."""
    return _like(zeros, x, dtype, device, requires_grad)


def ones_like(x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Ones like x."""
    return _like(ones, x, dtype, device, requires_grad)


def full_like(
    x: Tensor, fill_value: float, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """One value, like x."""
    return _like(full, x, dtype, device, requires_grad, fill_value)


def empty_like(x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Uninitialised memory, like x."""
    return _like(empty, x, dtype, device, requires_grad)


def rand_like(x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers, like x."""
    return _like(rand, x, dtype, device, requires_grad)


def randn_like(x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Normal random numbers, like x."""
    return _like(randn, x, dtype, device, requires_grad)


def randint_like(x: Tensor, low: int, high: int | None = None, dtype: Any = None, device: str | None = None) -> Tensor:
    """Random integers as `randint` draws them, like x; in the dtype of x, though it be a float's."""
    _must_be_a_tensor("randint_like", x)
    return randint(low, high, x.shape, dtype or x.dtype, device or x.device)

"""Making tensors: from data and of a shape. (Of random numbers: `sampling.py`.)

All take PyTorch's dtype, device and requires_grad.

dtype: by default the default dtype, float32.  device: "cpu" (the default), "cuda", "cuda:1", ...
requires_grad: compute the gradient of this tensor; for floats only.
All raise TypeError for a size that is not an int, ValueError for a negative one or an unknown device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .autograd.operands import constant
from .backend import FLOAT64, Array, DType, Shape, axes_in_memory, device_of, get_default_dtype, move
from .conversion import as_dtype, as_shape, from_python, new_array
from .errors import kind_of
from .tensor import Tensor
from .traced import Traced, wrap

__all__ = [
    "arange",
    "as_tensor",
    "empty",
    "empty_like",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "linspace",
    "logspace",
    "ones",
    "ones_like",
    "tensor",
    "tril_indices",
    "triu_indices",
    "zeros",
    "zeros_like",
]


def tensor(data: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """A new Tensor with a copy of data: numbers, nested lists, NumPy or CuPy arrays, Tensors (without their graph).

        tl.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)     # shape (2, 2), float32

    dtype: by default that of arrays and Tensors, also within lists; Python's floats become the default dtype (float32),
    ints int64, bools bool.  device: by default where the data is.
    Raises ValueError for ragged lists and ints that dtype cannot hold, TypeError for data that are not real numbers,
    and for requires_grad with integers.
    """
    return finished(new_array(data, dtype, device), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: str | None = None) -> Tensor:
    """data as a Tensor, as in PyTorch: a Tensor is returned itself, with its graph; other data are copied by `tensor`.

    But a NumPy array keeps its memory, as with `from_numpy`, unless it must be converted or cannot be written to; see
    there for what backward does not notice.

    dtype, device: what the result must have, by default what data has. A Tensor is converted with `to` if it differs.
    Raises the errors of `tensor`.

        tl.as_tensor([1.0, 2.0])        # tensor([1., 2.])
    """
    if isinstance(data, Tensor):
        return data.to(dtype=dtype, device=device)
    if type(data) is np.ndarray and data.flags.writeable and data.dtype.isnative and data.dtype.kind in "fiub":
        shared = from_numpy(data)
        return shared.to(dtype=dtype, device=device)
    return tensor(data, dtype, device)


def from_numpy(array: Any) -> Tensor:
    """A Tensor that shares memory with a NumPy array: a change of one is seen in the other.

    But backward does not notice a change of the array: gradients computed with the new values are wrong. `tensor`
    copies.

    A read-only one, such as x.numpy() or np.frombuffer(bytes), is copied, since nothing may be written to it.
    Raises TypeError for anything but an array of numbers.

        tl.from_numpy(np.array([1.0, 2.0]))     # tensor([1., 2.], dtype=float64)
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: takes a NumPy array, not {kind_of(array)}; see tl.tensor")
    if array.dtype.kind not in "fiub" or not array.dtype.isnative:
        raise TypeError(f"from_numpy: takes an array of floats, integers or bools, not of {array.dtype}")
    return finished(array.view(np.ndarray) if array.flags.writeable else np.array(array), False)


def finished(array: Array, requires_grad: bool) -> Tensor:
    result: Tensor = wrap(array)
    return result.requires_grad_() if requires_grad else result


# --- of a shape ---------------------------------------------------------------------------------------------


def full(
    size: int | Shape, fill_value: float, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """A Tensor of shape `size` with one value everywhere: full((2, 3), 0.5).

    dtype: by default what `tensor(fill_value)` has. Raises TypeError if fill_value is not a number, or requires grad.
    """
    if isinstance(fill_value, (Traced, np.generic)):
        fill_value = constant(fill_value, "fill_value", "full").item()
    if not isinstance(fill_value, (bool, int, float)):
        raise TypeError(f"full: fill_value must be a number, not {fill_value!r}")
    if dtype is None:
        dtype = from_python(fill_value, None).dtype
    wanted = as_dtype(dtype, "full")
    array = np.full(as_shape((size,), "full"), from_python(fill_value, wanted), wanted)
    return finished(move(array, device), requires_grad)


def chosen_dtype(dtype: Any, name: str) -> DType:
    """The dtype that a function is given; the default dtype for None."""
    return get_default_dtype() if dtype is None else as_dtype(dtype, name)


def zeros(*size: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """A Tensor of zeros: zeros(2, 3) or zeros((2, 3)) for shape (2, 3)."""
    return full(as_shape(size, "zeros"), 0, chosen_dtype(dtype, "zeros"), device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """A Tensor of ones: ones(2, 3) or ones((2, 3)) for shape (2, 3)."""
    return full(as_shape(size, "ones"), 1, chosen_dtype(dtype, "ones"), device, requires_grad)


def empty(*size: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """A Tensor of uninitialised memory: empty(2, 3) or empty((2, 3)). Its values are arbitrary."""
    array = np.empty(as_shape(size, "empty"), dtype=chosen_dtype(dtype, "empty"))
    return finished(move(array, device), requires_grad)


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers start, start + step, ... up to but not including end; arange(n) counts from 0.

    dtype: by default int64 for ints, else the default dtype.
    Raises TypeError for arguments that are not numbers, ValueError for a step of 0 or numbers that dtype cannot hold.
    """
    for number in (start, end, step):
        if isinstance(number, (str, list, tuple)):
            raise TypeError(f"arange: start, end and step must be numbers, not {number!r}")
    if step == 0:
        raise ValueError("arange: step must not be 0")
    first, last = (0, start) if end is None else (start, end)
    array = np.arange(first, last, step)
    wanted = array.dtype if dtype is None and array.dtype != FLOAT64 else chosen_dtype(dtype, "arange")
    if array.size and wanted.kind in "iu":
        limits: Any = np.iinfo(wanted)
        if array.min() < limits.min or array.max() > limits.max:
            raise ValueError(f"arange: numbers from {array.min()} to {array.max()} do not fit {wanted}")
    return finished(move(array.astype(wanted), device), requires_grad)


def linspace(
    start: float, end: float, steps: int, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """`steps` evenly spaced numbers from start to end, both included."""
    (steps,) = as_shape((steps,), "linspace", "steps")
    array = np.linspace(_number(start), _number(end), steps).astype(chosen_dtype(dtype, "linspace"))
    return finished(move(array, device), requires_grad)


def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` numbers from base**start to base**end, both included, whose logarithms are evenly spaced."""
    (steps,) = as_shape((steps,), "logspace", "steps")
    array = np.logspace(_number(start), _number(end), steps, base=base).astype(chosen_dtype(dtype, "logspace"))
    return finished(move(array, device), requires_grad)


def _number(x: Any) -> Any:
    """A number, or a tensor of one as Python's float, to compute in float64 whatever its dtype is."""
    return x.numpy().item() if isinstance(x, Tensor) else x


def eye(
    n: int, m: int | None = None, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """The (n, m) identity matrix; m = n by default."""
    n, m = as_shape((n, n if m is None else m), "eye", "n and m")
    return finished(move(np.eye(n, m, dtype=chosen_dtype(dtype, "eye")), device), requires_grad)


def tril_indices(row: int, col: int, offset: int = 0, dtype: Any = None, device: str | None = None) -> Tensor:
    """The places at and below a diagonal of a (row, col) matrix: (2, count), row numbers and column numbers, int64.

    offset: 0 for the main diagonal, 1 for the one above it, -1 for the one below.
    """
    return _places(np.tri(row, col, offset, bool), dtype, device, "tril_indices")


def triu_indices(row: int, col: int, offset: int = 0, dtype: Any = None, device: str | None = None) -> Tensor:
    """The places at and above a diagonal of a (row, col) matrix: (2, count), row numbers and column numbers, int64.

    offset: 0 for the main diagonal, 1 for the one above it, -1 for the one below.
    """
    return _places(~np.tri(row, col, offset - 1, bool), dtype, device, "triu_indices")


def _places(mask: Any, dtype: Any, device: str | None, name: str) -> Tensor:
    places = np.stack(np.nonzero(mask)).astype(as_dtype(np.int64 if dtype is None else dtype, name))
    return finished(move(places, device), False)


# --- like another tensor; PyTorch's memory_format has no effect ---------------------------------------------


def zeros_like(
    x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Zeros with the shape of x and, by default, its dtype and device."""
    return made_like(zeros, x, dtype, device, requires_grad)


def ones_like(
    x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Ones with the shape of x and, by default, its dtype and device."""
    return made_like(ones, x, dtype, device, requires_grad)


def full_like(
    x: Tensor, fill_value: float, dtype: Any = None, device: str | None = None, requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """A Tensor with one value everywhere and the shape of x and, by default, its dtype and device."""
    return made_like(full, x, dtype, device, requires_grad, fill_value)


def empty_like(
    x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Uninitialised memory with the shape of x and, by default, its dtype and device."""
    return made_like(empty, x, dtype, device, requires_grad)


def made_like(
    make: Callable[..., Tensor], x: Tensor, dtype: Any, device: str | None, requires_grad: bool, *values: Any
) -> Tensor:
    """make(shape, *values) with the shape of x, its axes in the same order in memory and, by default, its dtype and
    device."""
    must_be_a_tensor(f"{make.__name__}_like", x)
    dtype, device = dtype or x._array.dtype, device or device_of(x._array)
    order = axes_in_memory(x._array)
    made = make(tuple(x._array.shape[axis] for axis in order), *values, dtype=dtype, device=device)
    return finished(made._array.transpose(np.argsort(order).tolist()), requires_grad)


def must_be_a_tensor(name: str, x: Any) -> None:
    if not isinstance(x, Traced):
        raise TypeError(f"{name}: its first argument must be a Tensor, not {kind_of(x)}")

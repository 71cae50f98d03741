"""Making tensors: from data, of a shape, from random numbers, and like another tensor.

All take PyTorch's dtype, device and requires_grad, and those that draw random numbers its generator, by name.

dtype: by default the default dtype, float32.  device: "cpu" (the default), "cuda", "cuda:1", ...
requires_grad: compute the gradient of this tensor; for floats only.
generator: a `tl.Generator` to draw from, by default the process's stream (`tl.manual_seed`).
All raise TypeError for a size that is not an int, ValueError for a negative one or an unknown device.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import random
from .autograd.operands import constant
from .backend import FLOAT64, Array, Shape, device_of, get_default_dtype, move, row_major, to_host
from .conversion import as_dtype, as_shape, new_array
from .errors import TensorError, kind_of, refuse_mask
from .random import Generator, drawing_from
from .tensor import Tensor
from .tensor_base import TensorBase, wrap

__all__ = [
    "arange", "as_tensor", "empty", "empty_like", "eye", "from_numpy", "full", "full_like",
    "linspace", "multinomial", "ones", "ones_like", "rand", "rand_like", "randint", "randn", "randn_like",
    "randperm", "tensor", "zeros", "zeros_like",
]  # fmt: skip


# --- from data ----------------------------------------------------------------------------------------------


def tensor(data: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """A new Tensor with a copy of data: numbers, nested lists, NumPy or CuPy arrays, Tensors (without their graph).

        tl.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)     # shape (2, 2), float32

    dtype: by default that of arrays and Tensors, also within lists; Python's floats become the default dtype (float32),
    ints int64, bools bool.  device: by default where the data is.
    Raises ValueError for ragged lists and ints that dtype cannot hold, TypeError for data that are not real numbers,
    and for requires_grad with integers.
    """
    return wrapped(new_array(data, dtype, device), requires_grad)  # type: ignore[no-any-return]


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
        return from_numpy(data).to(dtype=dtype, device=device)
    return tensor(data, dtype, device)


def from_numpy(array: Any) -> Tensor:
    """A Tensor of the shape of a NumPy array, with which it shares memory: a change of one is seen in the other.

    But backward does not notice a change of the array: gradients computed with the new values are wrong. `tensor`
    copies.

    A read-only one, such as x.numpy() or np.frombuffer(bytes), is copied, since nothing may be written to it.
    Raises TypeError for anything but an array of numbers.

        tl.from_numpy(np.array([1.0, 2.0]))     # tensor([1., 2.], dtype=float64)
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: takes a NumPy array, not {kind_of(array)}; see tl.tensor")
    refuse_mask(array, "from_numpy")
    if array.dtype.kind not in "fiub" or not array.dtype.isnative:
        raise TypeError(f"from_numpy: takes an array of floats, integers or bools, not of {array.dtype}")
    return wrapped(array.view(np.ndarray) if array.flags.writeable else np.array(array))  # type: ignore[no-any-return]


def wrapped(array: Array, requires_grad: bool = False) -> Any:
    """A Tensor of an array."""
    result = wrap(array)
    return result.requires_grad_() if requires_grad else result


# --- of a shape ---------------------------------------------------------------------------------------------


def factory(make: Callable[..., Array]) -> Callable[..., Tensor]:
    """Decorate a function that makes an array of a dtype: it makes a Tensor, and takes device and requires_grad too.

    make: gets None for a dtype that is not given. If it takes a device, it makes the array there.
    """
    parameters = inspect.signature(make).parameters
    places = "device" in parameters

    @functools.wraps(make)
    def made(
        *args: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False, **named: Any
    ) -> Tensor:
        named["dtype"] = None if dtype is None else as_dtype(dtype, make.__name__)
        array = make(*args, device=device, **named) if places else move(make(*args, **named), device)
        return wrapped(array, requires_grad)  # type: ignore[no-any-return]

    return _signed(made, parameters)


def _signed(function: Callable[..., Tensor], parameters: Mapping[str, inspect.Parameter]) -> Callable[..., Tensor]:
    """The function, with these parameters and its own keyword arguments as its signature, for `help`."""
    own = inspect.signature(function, follow_wrapped=False).parameters.values()
    options = {p.name: p for p in own if p.kind is p.KEYWORD_ONLY}
    vars(function)["__signature__"] = inspect.Signature([*{**parameters, **options}.values()], return_annotation=Tensor)
    return function


@factory
def full(size: int | Shape, fill_value: float, *, dtype: Any = None) -> Array:
    """A Tensor of shape `size` with one value everywhere: full((2, 3), 0.5).

    dtype: by default what `tensor(fill_value)` has. Raises TypeError if fill_value is not a number, or requires grad.
    """
    if isinstance(fill_value, (TensorBase, np.generic)):
        fill_value = constant(fill_value, "fill_value", "full").item()  # type: ignore[union-attr]
    if not isinstance(fill_value, (bool, int, float)):
        raise TypeError(f"full: fill_value must be a number, not {fill_value!r}")
    value = new_array(fill_value, dtype)
    return np.full(as_shape((size,), "full"), value, dtype or value.dtype)


@factory
def zeros(*size: Any, dtype: Any = None) -> Array:
    """A Tensor of zeros: zeros(2, 3) or zeros((2, 3)) for shape (2, 3). Raises ValueError for a negative size."""
    return np.zeros(as_shape(size, "zeros"), dtype or get_default_dtype())


@factory
def ones(*size: Any, dtype: Any = None) -> Array:
    """A Tensor of ones: ones(2, 3) or ones((2, 3)) for shape (2, 3). Raises ValueError for a negative size."""
    return np.ones(as_shape(size, "ones"), dtype or get_default_dtype())


@factory
def empty(*size: Any, dtype: Any = None) -> Array:
    """A Tensor of uninitialised memory, with arbitrary values: empty(2, 3) or empty((2, 3)) for shape (2, 3).

    Raises ValueError for a negative size.
    """
    return np.empty(as_shape(size, "empty"), dtype or get_default_dtype())


@factory
def arange(start: float, end: float | None = None, step: float = 1, *, dtype: Any = None) -> Array:
    """The numbers start, start + step, ... up to but not including end; arange(n) counts from 0 and has shape (n,).

    dtype: by default int64 for ints, else the default dtype. Of an integer dtype start, end and step count without
    what is behind their points, as in PyTorch.
    Raises TypeError for arguments that are not numbers, ValueError for a step of 0 or numbers that dtype cannot hold.
    """
    for number in (start, end, step):
        if isinstance(number, (str, list, tuple)):
            raise TypeError(f"arange: start, end and step must be numbers, not {number!r}")
    first, last, step = _numbers(dtype, *((0, start) if end is None else (start, end)), step)
    if step == 0:
        raise ValueError("arange: step must not be 0")
    if not abs((last - first) / step) < 2**59:
        raise TensorError(f"arange: from {first} to {last} in steps of {step} is more than any memory holds")
    array = np.arange(first, last, step)
    wanted = dtype or (get_default_dtype() if array.dtype == FLOAT64 else array.dtype)
    made = array.astype(wanted)
    if wanted.kind in "iu" and (made != array).any():
        raise ValueError(f"arange: numbers from {array.min()} to {array.max()} do not fit {wanted}")
    return made


@factory
def linspace(start: float, end: float, steps: int, *, dtype: Any = None) -> Array:
    """`steps` evenly spaced numbers from start to end, both included, in shape (steps,).

    Of an integer dtype start and end count without what is behind their points, as in PyTorch. Raises ValueError for
    negative steps.
    """
    (steps,) = as_shape((steps,), "linspace", "steps")
    return np.linspace(*_numbers(dtype, start, end), steps).astype(dtype or get_default_dtype())  # type: ignore[call-overload]


def _numbers(dtype: Any, *given: Any) -> Any:
    """Numbers, or tensors of one, as Python's, to compute in float64 whatever their dtypes; for integers as ints."""
    numbers = [x.numpy().item() if isinstance(x, Tensor) else x for x in given]
    return list(map(int, numbers)) if dtype is not None and dtype.kind in "iu" else numbers


@factory
def eye(n: int, m: int | None = None, *, dtype: Any = None) -> Array:
    """The identity matrix, of shape (n, m); m = n by default. Raises ValueError for a negative size."""
    n, m = as_shape((n, n if m is None else m), "eye", "n and m")
    return np.eye(n, m, dtype=dtype or get_default_dtype())


# --- from random numbers ------------------------------------------------------------------------------------


def sampler(draw: Callable[..., Array]) -> Callable[..., Tensor]:
    """`factory` for a function that draws random numbers: it also takes a generator."""
    make = factory(draw)

    @functools.wraps(draw)
    def drawn(*args: Any, generator: Generator | None = None, **options: Any) -> Tensor:
        with drawing_from(generator):
            return make(*args, **options)

    return _signed(drawn, inspect.signature(make).parameters)


@sampler
def rand(*size: Any, dtype: Any = None, device: str | None = None) -> Array:
    """A Tensor of random numbers, uniform in [0, 1): rand(2, 3) or rand((2, 3)) for shape (2, 3).

    Raises ValueError for a negative size.
    """
    return random.uniform(as_shape(size, "rand"), dtype or get_default_dtype(), device)


@sampler
def randn(*size: Any, dtype: Any = None, device: str | None = None) -> Array:
    """A Tensor of random numbers, normal with mean 0 and variance 1: randn(2, 3) or randn((2, 3)) for shape (2, 3).

    Raises ValueError for a negative size.
    """
    return random.normal(as_shape(size, "randn"), dtype or get_default_dtype(), device)


@sampler
def randint(low: int, high: Any = None, size: Any = (), *, dtype: Any = None, device: str | None = None) -> Array:
    """Random integers from low to high - 1: randint(2, 10, (3,)); from 0 if there is one bound: randint(10, (3,)).

    The shape is `size`. Raises TypeError for bounds that are not ints, ValueError if there is no such integer or dtype
    cannot hold it.
    """
    if isinstance(high, (tuple, list)):
        high, size = None, high
    for bound in (low, high):
        if not (bound is None or hasattr(bound, "__index__")):
            raise TypeError(f"randint: low and high must be ints, not {bound!r}")
    first, end = (0, low) if high is None else (low, high)
    if end <= first:
        raise TensorError(f"randint: there is no integer from {first} to {end - 1}; give a larger upper bound")
    return random.integers(first, end, as_shape((size,), "randint"), dtype or np.dtype(np.int64), device)


@sampler
def randperm(n: int, *, dtype: Any = None) -> Array:
    """The integers 0 to n - 1 in random order, of shape (n,), drawn on the host. Raises ValueError for n < 0."""
    (n,) = as_shape((n,), "randperm", "n")
    return random.generator().permutation(n).astype(dtype or np.int64)


# --- as a tensor of probabilities says ----------------------------------------------------------------------


def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Any:
    """Indices of a vector of weights, or of each row of a matrix, drawn with probabilities proportional to the weights.

    input: weights, 0 or more, (k,) or (rows, k).  replacement: whether an index may be drawn more than once.
    The result is (num_samples,) or (rows, num_samples), int64, drawn on the host. Raises TensorError for weights that
    are negative, infinite, nan or all 0, and for more samples than there are (without replacement) weights above 0.

        tl.multinomial(tl.tensor([0.0, 1.0]), 3, replacement=True)      # tensor([1, 1, 1])
    """
    array = _array_of("multinomial", input)
    weights = to_host(array)
    if weights.ndim not in (1, 2) or weights.dtype.kind != "f":
        raise TensorError(f"multinomial: takes a vector or matrix of floats, not {weights.shape} {weights.dtype}")
    rows = np.atleast_2d(weights).astype(FLOAT64)
    if not (np.isfinite(rows) & (rows >= 0)).all():
        raise TensorError("multinomial: a weight is negative, inf or nan")
    positive = (rows > 0).sum(axis=-1).min()
    if positive < (min(num_samples, 1) if replacement else num_samples):
        remedy = "draw fewer, or pass replacement=True"
        raise TensorError(f"multinomial: only {positive} weights are above 0, but {num_samples} are drawn; {remedy}")
    with drawing_from(generator):
        drawn = row_major(random.choices(rows, num_samples, replacement))
    return wrap(move(drawn if weights.ndim == 2 else drawn[0], device_of(array)))


def _array_of(name: str, x: Any) -> Array:
    if not isinstance(x, TensorBase):
        raise TypeError(f"{name}: its first argument must be a Tensor, not {kind_of(x)}")
    return x._array


# --- like another tensor ------------------------------------------------------------------------------------


def _like(make: Callable[..., Tensor], what: str) -> Callable[..., Tensor]:
    """The function of a tensor x that makes another one like it: make(shape, *values), with x's dtype and device."""
    name = f"{make.__name__}_like"

    def made(
        x: Tensor, *values: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False, **named: Any
    ) -> Tensor:
        """{what} with the shape of x and, by default, its dtype and device.

        Raises TypeError unless x is a Tensor.
        """
        array = _array_of(name, x)
        named.update(dtype=dtype or array.dtype, device=device or device_of(array))
        return make(array.shape, *values, requires_grad=requires_grad, **named)

    made.__name__ = made.__qualname__ = name
    made.__doc__ = str(made.__doc__).format(what=what)
    return made


zeros_like, ones_like = _like(zeros, "Zeros"), _like(ones, "Ones")
full_like = _like(full, "A Tensor with one value everywhere, full_like(x, 0.5),")
empty_like = _like(empty, "Uninitialised memory")
rand_like = _like(rand, "Random numbers, uniform in [0, 1),")
randn_like = _like(randn, "Standard normal random numbers")

"""Making tensors from random numbers. All take PyTorch's dtype, device, requires_grad and generator.

generator: a `tl.Generator` to draw from, by default the process's stream (`tl.manual_seed`). The rest, and the errors,
are as in `creation.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import random
from .autograd.operands import constant
from .backend import device_of, move
from .conversion import as_dtype, as_shape
from .creation import chosen_dtype, finished, made_like, must_be_a_tensor
from .errors import TensorError
from .random import Generator, drawing_from
from .tensor import Tensor
from .traced import Traced

__all__ = [
    "normal",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
]


def rand(
    *size: Any,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """A Tensor of random numbers, uniform in [0, 1): rand(2, 3) or rand((2, 3))."""
    with drawing_from(generator):
        array = random.uniform(as_shape(size, "rand"), chosen_dtype(dtype, "rand"), device)
    return finished(array, requires_grad)


def randn(
    *size: Any,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """A Tensor of random numbers, normal with mean 0 and standard deviation 1: randn(2, 3) or randn((2, 3))."""
    with drawing_from(generator):
        array = random.normal(as_shape(size, "randn"), chosen_dtype(dtype, "randn"), device)
    return finished(array, requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = (),
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Random integers from low to high - 1: randint(2, 10, (3,)); from 0 if there is one bound: randint(10, (3,)).

    Raises TypeError for bounds that are not ints, ValueError if there is no such integer or dtype cannot hold it.
    """
    if isinstance(high, (tuple, list)):
        high, size = None, high
    for bound in (low, high):
        if not (bound is None or hasattr(bound, "__index__")):
            raise TypeError(f"randint: low and high must be ints, not {bound!r}")
    first, end = (0, low) if high is None else (low, high)
    if end <= first:
        raise TensorError(
            f"randint: there is no integer from {first} to {end - 1}; the upper bound must be more than the lower"
        )
    wanted = as_dtype(np.int64 if dtype is None else dtype, "randint")
    with drawing_from(generator):
        array = random.integers(first, end, as_shape((size,), "randint"), wanted, device)
    return finished(array, requires_grad)


def randperm(n: int, dtype: Any = None, device: str | None = None, generator: Generator | None = None) -> Tensor:
    """The integers 0 to n - 1 in random order, drawn on the host."""
    (n,) = as_shape((n,), "randperm", "n")
    with drawing_from(generator):
        order = random.generator().permutation(n)
    return finished(move(order.astype(as_dtype(np.int64 if dtype is None else dtype, "randperm")), device), False)


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    dtype: Any = None,
    device: str | None = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Normal random numbers of this mean and standard deviation, numbers with a size or tensors: normal(0, 1, (2, 3)).

    Raises ValueError for a negative std, TypeError for tensors that require grad: mean + std * randn(...) has them.
    """
    like = next((x for x in (mean, std) if isinstance(x, Traced)), None)
    if like is not None:
        shape = np.broadcast_shapes(*(x._array.shape if isinstance(x, Traced) else () for x in (mean, std)))
        dtype, device = dtype or like._array.dtype, device or device_of(like._array)
    else:
        shape = as_shape(() if size is None else (size,), "normal")
    if (std._array if isinstance(std, Traced) else np.asarray(std)).min(initial=0) < 0:
        raise TensorError(f"normal: std must be 0 or more, not {std}")
    drawn = randn(*shape, dtype=dtype, device=device, generator=generator)
    result: Tensor = drawn * constant(std, "std", "normal") + constant(mean, "mean", "normal")
    return result.requires_grad_() if requires_grad else result


def rand_like(
    x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Random numbers, uniform in [0, 1), with the shape of x and, by default, its dtype and device."""
    return made_like(rand, x, dtype, device, requires_grad)


def randn_like(
    x: Tensor, dtype: Any = None, device: str | None = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Standard normal random numbers with the shape of x and, by default, its dtype and device."""
    return made_like(randn, x, dtype, device, requires_grad)


def randint_like(
    x: Tensor, low: int, high: int | None = None, dtype: Any = None, device: str | None = None,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Random integers from low to high - 1 with the shape of x and, by default, its dtype (also a float) and device."""
    must_be_a_tensor("randint_like", x)
    return randint(low, high, x.shape, dtype or x.dtype, device or x.device)

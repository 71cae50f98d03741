"""Tensors made of data, with all arguments that PyTorch takes; those about memory change nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

__all__ = [
    "arange", "as_tensor", "asarray", "clone", "empty", "empty_like", "eye", "frombuffer", "full", "full_like",
    "linspace", "logspace", "ones", "ones_like", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
    "randperm", "range", "scalar_tensor", "tensor", "zeros", "zeros_like",
]  # fmt: skip

UNUSED = ("layout", "memory_format", "pin_memory")  # where the memory is, and how it is laid out


def _without_layout(make: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes tensors, without PyTorch's arguments about memory; `size` may be named."""

    @functools.wraps(make)
    def made(*args: Any, **settings: Any) -> Any:
        if settings:
            for name in UNUSED:
                settings.pop(name, None)
            if "high" in settings and not (args[make is tl.randint_like :] or "low" in settings):
                settings["low"] = settings.pop("high")  # randint(high=5, size=(2,))
            if "size" in settings and make not in (tl.full, tl.randint):
                args = (*args, settings.pop("size"))
            if "input" in settings:
                args = (settings.pop("input"), *args)
        return make(*args, **settings)

    return made


def _each_without_layout(*makes: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    return map(_without_layout, makes)


zeros, ones, empty, full, eye = _each_without_layout(tl.zeros, tl.ones, tl.empty, tl.full, tl.eye)
rand, randn, randint, randperm = _each_without_layout(tl.rand, tl.randn, tl.randint, tl.randperm)
zeros_like, ones_like, empty_like = _each_without_layout(tl.zeros_like, tl.ones_like, tl.empty_like)
full_like, rand_like = _each_without_layout(tl.full_like, tl.rand_like)
randn_like, randint_like = _each_without_layout(tl.randn_like, tl.randint_like)
linspace, logspace, tensor, as_tensor = _each_without_layout(tl.linspace, tl.logspace, tl.tensor, tl.as_tensor)
clone = _without_layout(tl.clone)


def arange(start: Any = 0, end: Any = None, step: Any = 1, **settings: Any) -> Any:
    """The numbers from start up to but not including end; also arange(end=5)."""
    start, end, step = (x.item() if isinstance(x, Tensor) else x for x in (start, end, step))
    settings = {name: value for name, value in settings.items() if name not in UNUSED}
    return tl.arange(start, end, step, **settings)


def range(start: float = 0, end: float | None = None, step: float = 1, **settings: Any) -> Any:
    """The numbers from start to end, both included, as floats: PyTorch's old function, see arange."""
    first, last = (0, start) if end is None else (start, end)
    count = int((last - first) / step) + 1
    return first + step * arange(count, **{"dtype": tl.get_default_dtype(), **settings})


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Any:
    """Data as a Tensor; an array shares its memory unless a copy is asked for."""
    shares = isinstance(obj, np.ndarray) and not copy and dtype is None and obj.flags.writeable
    made = tl.from_numpy(obj) if shares else tl.tensor(obj) if copy else tl.as_tensor(obj)
    made = made.to(dtype=dtype, device=device)
    return made.requires_grad_() if requires_grad else made


def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, **unused: Any) -> Any:
    """A number as a 0-d Tensor of the default dtype."""
    return tl.tensor(s, dtype or tl.get_default_dtype(), device, requires_grad)


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Any:
    """The bytes of a buffer as a vector."""
    return tl.tensor(np.frombuffer(buffer, np.dtype(dtype), count, offset), requires_grad=requires_grad)

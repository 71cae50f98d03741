"""float16 is a storage format: sums, and functions built on sums, are computed in float32 and rounded at the end.

The largest float16 is 65,504, less than 256², and above 2,048 it cannot represent odd numbers. PyTorch accumulates
float16 in float32 too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ..backend import FLOAT16, FLOAT32, is_array
from ..traced import Traced
from .elementwise import astype

F = TypeVar("F", bound=Callable[..., Any])


def in_float32(function: F) -> F:
    """The function, computed in float32 if its first argument is float16, with the result rounded to float16."""

    @functools.wraps(function)
    def computed(*args: Any, **kwargs: Any) -> Any:
        return called_in_float32(function, args, kwargs) if args and is_half(args[0]) else function(*args, **kwargs)

    return computed  # type: ignore[return-value]


def called_in_float32(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Call a function with float16 arguments as float32. The result is float16 if no wider float was among them."""
    floats = [dtype for a in (*args, *kwargs.values()) if (dtype := _dtype(a)) is not None and dtype.kind == "f"]
    result = function(*map(_widened, args), **{name: _widened(value) for name, value in kwargs.items()})
    return astype(result, FLOAT16) if all(dtype == FLOAT16 for dtype in floats) else result


def is_half(value: Any) -> bool:
    """Whether a value is a float16 tensor or array."""
    return bool(_dtype(value) == FLOAT16)


def _widened(value: Any) -> Any:
    return astype(value, FLOAT32) if is_half(value) else value


def _dtype(value: Any) -> Any:
    return value._array.dtype if isinstance(value, Traced) else value.dtype if is_array(value) else None

"""Ops that move numbers as they are: choices between two, copies, other dtypes and devices.

float16 is a storage format: sums, and functions built on sums, are computed in float32 and rounded at the end. The
largest float16 is 65,504, less than 256², and above 2,048 it cannot represent odd numbers. PyTorch accumulates float16
in float32 too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..autograd.op import Op, Value, op
from ..backend import FLOAT16, FLOAT32, is_array, move
from ..kernels.scatter import where as where_kernel
from ..tensor_base import TensorBase, array_of

__all__ = ["clone", "where"]


F = TypeVar("F", bound=Callable[..., Any])


@op(analytic=True)
def where(condition: Value, a: Value, b: Value, /) -> Value:
    """a where the condition is true, else b; all three broadcast.

    condition: bools, without a gradient.  a, b: tensors, arrays or numbers; the result has their common dtype.
    Raises TypeError for a condition of another dtype.
    The branch not taken gets gradient 0, even if its value is inf or nan. Its own derivative may still be inf, and
    0 * inf is nan: where x <= 0 is possible, write `where(x > 0, sqrt(where(x > 0, x, 1)), 0)`.

        tl.where(tl.tensor([True, False]), tl.tensor([1.0, 2.0]), 0.0)      # tensor([1., 0.])
    """
    if getattr(condition, "dtype", _BOOL).kind != "b":
        raise TypeError(
            f"the condition must be bools, not {condition.dtype}; the order is tl.where(condition, a, b) or "
            "a.where(condition, b), and c != 0 makes bools of numbers"
        )
    return where_kernel(condition, a, b)


@where.backward("a")
def _(g: Value, condition: Value) -> Value:
    return where(condition, g, 0)


@where.backward("b")
def _(g: Value, condition: Value) -> Value:
    return where(condition, 0, g)


_BOOL = np.dtype(bool)


@op(analytic=True)
def clone(x: Value, /) -> Value:
    """A copy of x, of its shape, in its own memory, with its axes in the same order there; gradients flow through."""
    return x.copy(order="C" if 0 in x.strides else "K")  # NumPy would put an expanded axis last


def contiguous(x: Value) -> Value:
    """x itself if its memory is in row-major order, else a copy that is."""
    return x if array_of(x).flags.c_contiguous else row_major_copy(x)


@op(analytic=True)
def row_major_copy(x: Value, /) -> Value:
    """A copy of x whose memory is in row-major order."""
    return x.copy()


@op(analytic=True)
def alias(x: Value, /) -> Value:
    """x itself as a new node of the graph: a gradient with respect to it counts only this use of x."""
    return x


@clone.backward
@row_major_copy.backward
@alias.backward
def _(g: Value) -> Value:
    return g


@op
def to_device(x: Value, /, device: str) -> Value:
    """x on another device, or x itself if it is there; the gradient moves back to x's device."""
    return move(x, device)


to_device.backward(lambda g, x_device: to_device(g, x_device))


# --- dtypes -------------------------------------------------------------------------------------------------


@op(casts=True)
def astype(x: Value, /, dtype: Any) -> Value:
    """x with another dtype; the gradient has x's own dtype."""
    return x.astype(dtype, "C" if 0 in x.strides else "K", copy=False)


astype.backward(lambda g: g)  # the tape casts every gradient to its input's dtype


def converted(x: Value, dtype: Any) -> Value:
    """x with another dtype, for functions that take one; x itself if that is None. Integers are constants."""
    return x if dtype is None or x.dtype == dtype else x.astype(dtype)


def as_floats(x: Value) -> Value:
    """x, with integers and bools as floats: small ones can hold neither their squares nor their differences."""
    return x * 1.0 if x.dtype.kind in "iub" else x


def takes_dtype(op: Op[Any]) -> None:
    """Let an op take `dtype`: it converts its input to that dtype first."""

    @op.option("dtype")
    def _(x: Value, dtype: Any, **settings: Any) -> Value:
        return converted(op(converted(x, dtype), **settings), dtype)


def in_float32(function: F) -> F:
    """The function, computed in float32 if its first argument is float16, with the result rounded to float16."""

    @functools.wraps(function)
    def computed(*args: Any, **kwargs: Any) -> Any:
        return called_in_float32(function, args, kwargs) if args and is_half(args[0]) else function(*args, **kwargs)

    return computed  # type: ignore[return-value]


def called_in_float32(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Call a function with float16 arguments as float32. The result is float16 if no wider float was among them."""
    dtypes = [value.dtype for value in (*args, *kwargs.values()) if isinstance(value, TensorBase) or is_array(value)]
    result = function(*map(_widened, args), **{name: _widened(value) for name, value in kwargs.items()})
    return astype(result, FLOAT16) if all(dtype == FLOAT16 for dtype in dtypes if dtype.kind == "f") else result


def is_half(value: Any) -> bool:
    """Whether a value is a float16 tensor or array."""
    return (isinstance(value, TensorBase) or is_array(value)) and bool(value.dtype == FLOAT16)


def _widened(value: Any) -> Any:
    return astype(value, FLOAT32) if is_half(value) else value

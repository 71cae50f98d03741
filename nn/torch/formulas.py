"""Functions that PyTorch has beside those of the engine, each in one line: other names, and combinations of a few ops.

The engine has what a textbook names; `functions.py` has what takes more than a line. A function whose first argument
is called `input` is a method of Tensors as well, as in PyTorch: `methods.py` gives them to the class.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture.errors import TensorError
from tinygrad_lecture.ops import linalg
from tinygrad_lecture.ops.elementwise import scaled

from .dtypes import Size


def _product(name: str, a: Any, b: Any, axes: int) -> Any:
    """The product of a matrix and a tensor of so many axes. Raises TensorError for other numbers of axes."""
    if (a.ndim, b.ndim) != (2, axes):
        kind = {1: "a vector", 2: "a matrix"}[axes]
        raise TensorError(f"{name}: needs a matrix and {kind}, not shapes {a.shape} and {b.shape}; see matmul")
    return a @ b


def _sum(x: Any, product: Any, beta: float, alpha: float) -> Any:
    """beta * x + alpha * product; with beta 0, x may be nan."""
    if not isinstance(beta, tl.Tensor) and beta == 0:
        return scaled(product, alpha)
    return scaled(x, beta) + scaled(product, alpha)


def _for_each(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function of a tensor also of several, given one by one or in a list; then it returns a tuple."""

    def of_all(*tensors: Any) -> Any:
        listed = len(tensors) != 1 or isinstance(tensors[0], (tuple, list))
        many = tensors[0] if len(tensors) == 1 and listed else tensors
        return tuple(map(function, many)) if listed else function(tensors[0])

    return of_all


def _volume(x: Any) -> Any:
    """A tensor with at least three axes: a vector becomes (1, n, 1), a matrix (n, m, 1)."""
    return x if x.ndim > 2 else x[..., None] if x.ndim == 2 else x.reshape(1, -1, 1)


def _double(x: Any) -> Any:
    return x.double() if isinstance(x, tl.Tensor) else x


def _common_shape(*shapes: Any) -> Any:
    return Size(np.broadcast_shapes(*((s,) if isinstance(s, int) else tuple(s) for s in shapes)))


ALIASES: dict[str, Any] = {  # a function under the other name, or names, that PyTorch has for it
    "arccos": tl.acos, "arcsin": tl.asin, "arctan": tl.atan, "arctan2": tl.atan2, "arccosh": tl.acosh,
    "arcsinh": tl.asinh, "arctanh": tl.atanh, "fix": tl.trunc, "sgn": tl.sign, "expit": tl.sigmoid,
    "concatenate": tl.cat, "row_stack": tl.vstack, "vdot": tl.dot, "ger": tl.outer, "swapdims": tl.swapaxes,
    "unsafe_chunk": tl.chunk, "unsafe_split": tl.split, "split_with_sizes": tl.split, "pinverse": linalg.pinv,
    "qr": linalg.qr, "logdet": linalg.logdet, "cholesky_solve": linalg.cholesky_solve,
}  # fmt: skip

FORMULAS: dict[str, Callable[..., Any]] = {
    # --- elementwise
    "addcmul": lambda input, tensor1, tensor2, *, value=1: input + value * (tensor1 * tensor2),
    "addcdiv": lambda input, tensor1, tensor2, *, value=1: input + value * (tensor1 / tensor2),
    "lerp": lambda input, end, weight: input + weight * (end - input),
    "rsub": lambda input, other, *, alpha=1: other - alpha * input,
    "clamp_min": lambda input, min: tl.clip(input, min),
    "clamp_max": lambda input, max: tl.clip(input, None, max),
    "positive": lambda input: input,
    "deg2rad": lambda input: input * (math.pi / 180),
    "rad2deg": lambda input: input * (180 / math.pi),
    "float_power": lambda input, exponent: tl.pow(*map(_double, (input, exponent))),
    "ldexp": lambda input, other: input * 2.0**other,
    "logaddexp2": lambda input, other: tl.logaddexp(input * math.log(2), other * math.log(2)) / math.log(2),
    "ndtr": lambda input: 0.5 * tl.erfc(input * -math.sqrt(0.5)),  # the normal distribution function
    "isposinf": lambda input: input == math.inf,
    "isneginf": lambda input: input == -math.inf,
    # --- products: (n, k) @ (k, m), batches (b, n, k) @ (b, k, m)
    "mm": lambda input, mat2: _product("mm", input, mat2, 2),
    "mv": lambda input, vec: _product("mv", input, vec, 1),
    "inner": lambda input, other: (
        tl.tensordot(input, other, ([-1], [-1])) if input.ndim and other.ndim else input * other
    ),
    "vecdot": lambda x, y, *, dim=-1: (x * y).sum(dim),
    "multi_dot": lambda tensors: functools.reduce(operator.matmul, tensors),
    "chain_matmul": lambda *matrices: functools.reduce(operator.matmul, matrices),
    "addmm": lambda input, mat1, mat2, *, beta=1, alpha=1: _sum(input, _product("addmm", mat1, mat2, 2), beta, alpha),
    "addmv": lambda input, mat, vec, *, beta=1, alpha=1: _sum(input, _product("addmv", mat, vec, 1), beta, alpha),
    "addr": lambda input, vec1, vec2, *, beta=1, alpha=1: _sum(input, tl.outer(vec1, vec2), beta, alpha),
    "baddbmm": lambda input, batch1, batch2, *, beta=1, alpha=1: _sum(input, tl.bmm(batch1, batch2), beta, alpha),
    "addbmm": lambda input, batch1, batch2, *, beta=1, alpha=1: _sum(input, tl.bmm(batch1, batch2).sum(0), beta, alpha),
    # --- statistics
    "msort": lambda input: tl.sort(input, 0).values,
    "dist": lambda input, other, p=2: tl.norm(input - other, p),
    # --- axes
    "adjoint": lambda input: input.mT,
    "atleast_1d": _for_each(lambda x: x if x.ndim else x.reshape(1)),
    "atleast_2d": _for_each(lambda x: x if x.ndim > 1 else x.reshape(1, -1)),
    "atleast_3d": _for_each(_volume),
    "broadcast_shapes": _common_shape,
    "broadcast_tensors": lambda *tensors: tuple(
        x.broadcast_to(_common_shape(*(y.shape for y in tensors))) for x in tensors
    ),
    "dstack": lambda tensors: tl.cat([_volume(x) for x in tensors], 2),
    "fliplr": lambda input: tl.flip(input, 1),
    "flipud": lambda input: tl.flip(input, 0),
    "cholesky_inverse": lambda input, upper=False: linalg.inv(input.mT @ input if upper else input @ input.mT),
    "diagflat": lambda input, offset=0: tl.diag(input.reshape(-1), offset),
    # --- places
    "where": lambda condition, *branches, **named: (
        tl.where(condition, *branches, *named.values()) if branches or named else tl.nonzero(condition, as_tuple=True)
    ),
    "argwhere": lambda input: tl.nonzero(input),
}
for _name, _function in FORMULAS.items():
    _function.__name__ = _function.__qualname__ = _name
    _function.__doc__ = f"PyTorch's {_name}, a formula of nn/torch/formulas.py."

"""The ops to read first: add, mul, exp, matmul, sum, relu and where. (Most others of one element: `elementwise.py`.)

Below each op stands its backward rule. It is given g, the gradient of the loss with respect to the op's result, and
returns that with respect to an input: g times the derivative. Its other parameters name what it needs, and a call keeps
that alone in memory. Where broadcasting repeated an input, the engine sums the gradient to the input's shape.

`xp(x)` is the library that the array x is of, NumPy or CuPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.op import Value, op
from ..backend import FLOAT16, FLOAT32, Shape, row_major, xp
from ..kernels.arrays import as_rows, batched, product, where as where_kernel
from .shape import Axes, expand_copy, numpy_axis, reduced_shape, swapaxes


@op(analytic=True)
def add(a: Value, b: Value, /) -> Value:
    """a + b, broadcast."""
    return a + b


@add.backward("a", "b")
def _(g: Value) -> Value:
    return g


@op(analytic=True)
def mul(a: Value, b: Value, /) -> Value:
    """a * b, broadcast."""
    return a * b


@mul.backward("a")
def _(g: Value, b: Value) -> Value:
    return g * b


@mul.backward("b")
def _(g: Value, a: Value) -> Value:
    return g * a


@op(analytic=True)
def exp(x: Value, /) -> Value:
    """e ** x, elementwise."""
    return xp(x).exp(x)


@exp.backward
def _(g: Value, out: Value) -> Value:
    return g * out  # d exp(x)/dx is exp(x), which is the output itself


@op(analytic=True)
def matmul(a: Value, b: Value, /) -> Value:
    """The matrix product a @ b: (..., n, k) @ (..., k, m) -> (..., n, m).

    The axes before the last two broadcast. A vector a counts as a row, a vector b as a column; that axis is dropped
    from the result: (k,) @ (k, m) -> (m,), (n, k) @ (k,) -> (n,), (k,) @ (k,) -> (). The result has the common dtype.
    Raises ValueError for inner sizes that differ and for 0-d tensors.

        tl.matmul(tl.ones(2, 3), tl.ones(3, 4)).shape       # (2, 4)
    """
    if b.ndim == 2 <= a.ndim and a.shape[-1] == b.shape[0]:  # one large product is faster than a batch of small ones
        return product(as_rows(a), b).reshape(*a.shape[:-1], b.shape[-1])
    return batched(a, b)


@matmul.backward("a")
def _(g: Value, b: Value, a_shape: Shape) -> Value:
    if b.ndim == 1:
        return g[..., None] * b  # (..., n, 1) * (k,) -> (..., n, k)
    if len(a_shape) == 1:
        return matmul(b, g[..., None])[..., 0]  # (..., k, m) @ (..., m, 1) -> (..., k)
    return matmul(g, swapaxes(b, -1, -2))  # g bᵀ: (..., n, m) @ (..., m, k) -> (..., n, k)


@matmul.backward("b")
def _(g: Value, a: Value, b_shape: Shape) -> Value:
    if a.ndim == 1:
        return a[:, None] * g[..., None, :] if len(b_shape) > 1 else a * g  # (k, 1) * (..., 1, m) -> (..., k, m)
    if len(b_shape) == 1:
        return matmul(swapaxes(a, -1, -2), g[..., None])[..., 0]  # (..., k, n) @ (..., n, 1) -> (..., k)
    if len(b_shape) == 2:  # one product that also sums over the batch
        a, g = as_rows(a), as_rows(g)
    return matmul(swapaxes(a, -1, -2), g)  # aᵀ g: (..., k, n) @ (..., n, m) -> (..., k, m)


@op(analytic=True)
def sum(x: Value, /, axis: Axes = None, keepdims: bool = False, *, dtype: Any = None) -> Value:
    """The sum over axes; 0 if there are no elements.

    axis (also `dim`): the axes to reduce, an int or a tuple; None for all.
    keepdims (also `keepdim`): whether to keep them, with size 1.
    dtype: convert x to this dtype first, as in PyTorch; None (the default) for x's own.
    The result has x's dtype: float16 is added up in float32, bools and integers give int64.
    Raises IndexError for an axis out of range.

        x = tl.tensor([[1.0, 2.0], [3.0, 4.0]])
        tl.sum(x)                               # tensor(10.)
        tl.sum(x, axis=0)                       # tensor([4., 6.])
        tl.sum(x, dim=1, keepdim=True).shape    # (2, 1)
    """
    if x.dtype == FLOAT16:
        return sum(x.astype(FLOAT32), axis, keepdims).astype(FLOAT16)
    wide = None if x.dtype.kind in "fc" else np.int64
    return row_major(x.sum(axis=numpy_axis(x, axis), keepdims=keepdims, dtype=wide))


@sum.backward
def _(g: Value, x_shape: Shape, axis: Axes) -> Value:
    return expand_copy(g.reshape(reduced_shape(x_shape, axis)), x_shape)  # every summand has derivative 1


@op
def relu(x: Value, /) -> Value:
    """max(x, 0), elementwise; the subgradient at 0 is 0."""
    return xp(x).maximum(x, 0)


@relu.backward
def _(g: Value, out: Value) -> Value:
    return where(out <= 0, 0, g)  # not g * (out > 0): for an infinite g that is nan at 0; a nan passes it


@op(analytic=True)
def where(condition: Value, a: Value, b: Value, /) -> Value:
    """a where the condition is true, else b; all three broadcast.

    condition: bools, without a gradient.  a, b: tensors, arrays or numbers; the result has their common dtype.
    Raises TypeError for a condition of another dtype.
    The branch not taken gets gradient 0, even if its value is inf or nan. Its own derivative may still be inf, and
    0 * inf is nan: where x <= 0 is possible, write `where(x > 0, sqrt(where(x > 0, x, 1)), 0)`.

        tl.where(tl.tensor([True, False]), tl.tensor([1.0, 2.0]), 0.0)      # tensor([1., 0.])
    """
    if getattr(condition, "dtype", BOOL).kind != "b":
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


BOOL = np.dtype(bool)

__all__ = ["add", "exp", "matmul", "mul", "relu", "sum", "where"]

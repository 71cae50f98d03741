"""Products beside `matmul`, composed of ops: tensordot, kron, cross, powers; and the trace of a matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd.op import Value
from ...backend import xp
from ...errors.words import shown
from ...traced import Traced
from ..arrangement import roll
from ..composite import composite
from ..indexing import main_diagonal
from ..linalg import matmul
from ..reduction import sum
from ..shape import normal_axes, permute, reshape
from .matrices import inv

__all__ = ["cross", "kron", "matrix_power", "tensordot", "trace"]


@composite
def trace(x: Value) -> Value:
    """The sum of the diagonal of a matrix, (n, m) -> (). Raises ValueError for other shapes.

    tl.trace(tl.tensor([[1.0, 2.0], [3.0, 4.0]]))       # tensor(5.)
    """
    if x.ndim != 2:
        raise ValueError(f"needs a matrix, not shape {x.shape}; for the last two axes sum their diagonal")
    n = min(x.shape)
    return sum(main_diagonal(x[:n, :n]))


@composite
def tensordot(a: Value, b: Value, axis: Any = 2) -> Value:
    """The product of a and b summed over pairs of axes; the other axes of a come first, then those of b.

    axis (also `dims`): a pair of lists, axes of a and axes of b, or an int k for the last k of a with the first k of b.
    Raises ValueError for axes of different sizes, IndexError for an axis out of range.

        tl.tensordot(tl.ones(2, 3, 4), tl.ones(4, 3, 5), ([1, 2], [1, 0])).shape        # (2, 5)
    """
    if isinstance(axis, int):
        axis = range(a.ndim - axis, a.ndim), range(axis)
    of_a, of_b = (
        normal_axes(x.ndim, axes if isinstance(axes, int) else tuple(axes))
        for x, axes in zip((a, b), axis, strict=True)
    )
    if [a.shape[i] for i in of_a] != [b.shape[i] for i in of_b]:
        raise ValueError(f"axes {of_a} of shape {a.shape} and axes {of_b} of shape {b.shape} must have equal sizes")
    free_a = tuple(i for i in range(a.ndim) if i not in of_a)
    free_b = tuple(i for i in range(b.ndim) if i not in of_b)
    n = math.prod(a.shape[i] for i in of_a)
    rows, columns = (tuple(x.shape[i] for i in free) for x, free in ((a, free_a), (b, free_b)))
    left = reshape(permute(a, free_a + of_a), (math.prod(rows), n))
    right = reshape(permute(b, of_b + free_b), (n, math.prod(columns)))
    return reshape(matmul(left, right), rows + columns)


@composite
def kron(a: Value, b: Value) -> Value:
    """The Kronecker product: a with every element replaced by that element times b; (n, m), (p, q) -> (n p, m q).

    tl.kron(tl.tensor([1, 10]), tl.tensor([1, 2]))      # tensor([ 1,  2, 10, 20])
    """
    rank = max(a.ndim, b.ndim)
    left, right = ((1,) * (rank - x.ndim) + tuple(x.shape) for x in (a, b))
    apart = tuple(n for size in left for n in (size, 1)), tuple(n for size in right for n in (1, size))
    product = reshape(a, apart[0]) * reshape(b, apart[1])  # (n, 1, m, 1) * (1, p, 1, q)
    return reshape(product, tuple(n * p for n, p in zip(left, right, strict=True)))


@composite
def cross(a: Value, b: Value, axis: int | None = None) -> Value:
    """The cross product of vectors of three numbers along an axis, broadcast.

    axis (also `dim`): an int; None (the default) is the first axis of size 3, as in PyTorch.
    Raises ValueError if there is no such axis, IndexError for an axis out of range.

        tl.cross(tl.tensor([1, 0, 0]), tl.tensor([0, 1, 0]))        # tensor([0, 0, 1])
    """
    shape = np.broadcast_shapes(a.shape, b.shape)
    if axis is None:
        axis = next((i for i, n in enumerate(shape) if n == 3), 0)
    (axis,) = normal_axes(len(shape), axis)
    last = axis - len(shape)  # counted from the back it is the same axis of both
    if any(x.ndim < -last or x.shape[last] != 3 for x in (a, b)):
        raise ValueError(f"needs vectors of three numbers along axis {axis}, not shapes {a.shape} and {b.shape}")
    return roll(a, -1, last) * roll(b, -2, last) - roll(a, -2, last) * roll(b, -1, last)  # a1 b2 - a2 b1, ...


@composite(name="cross")
def cross_along(a: Value, b: Value, axis: int = -1) -> Value:
    """`cross` under torch.linalg's name, where the axis (also `dim`) is the last by default."""
    return cross(a, b, axis)


@composite
def matrix_power(a: Value, n: int) -> Value:
    """The product of n times the matrix a, for square matrices (..., k, k); of its inverse for a negative n.

    Computed by repeated squaring. Raises ValueError for matrices that are not square, or singular if n is negative.

        tl.matrix_power(tl.tensor([[1, 1], [0, 1]]), 5)     # tensor([[1, 5], [0, 1]])
    """
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"needs square matrices, (..., n, n), not shape {a.shape}")
    if not hasattr(n, "__index__"):
        raise TypeError(f"n must be an int, not {shown(n)}")
    if n < 0:
        return matrix_power(inv(a), -n)
    array = a._array if isinstance(a, Traced) else a
    power = xp(array).eye(a.shape[-1], dtype=array.dtype) + 0 * a
    while n:
        power = matmul(power, a) if n % 2 else power
        n //= 2
        a = matmul(a, a) if n else a
    return power

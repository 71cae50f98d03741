"""Norms under torch.linalg's names: of vectors as `tl.norm`, and of matrices."""

from __future__ import annotations

import math
from typing import Any

from ...autograd.op import Value
from ..composite import composite
from ..elementwise import abs as absolute
from ..elementwise import as_floats
from ..reduction import Axes, sum
from ..reduction import amax as largest
from ..reduction import amin as smallest
from ..reduction import norm as vector_norm
from ..shape import normal_axes

__all__ = ["any_norm", "matrix_norm", "vector_norm"]


@composite
def matrix_norm(x: Value, ord: Any = "fro", axis: tuple[int, int] = (-2, -1), keepdims: bool = False) -> Value:
    """The norm of matrices: "fro" (Frobenius) is sqrt(sum x²), 1 the largest sum of |x| in a column, inf in a row.

    ord: "fro" (the default), 1, inf, or -1 and -inf for the smallest such sum.
    axis (also `dim`): the two axes of the matrices.  keepdims (also `keepdim`): whether to keep them, with size 1.
    Raises ValueError for another ord: 2 and "nuc" need singular values, which have no rule here.
    """
    if ord == "fro":
        return vector_norm(x, 2, axis, keepdims)
    if ord not in (1, -1, math.inf, -math.inf):
        raise ValueError(f'ord must be "fro", 1, -1, inf or -inf for a matrix, not {ord!r}')
    rows, columns = normal_axes(x.ndim, axis)
    added, kept = (rows, columns) if math.isfinite(ord) else (columns, rows)
    sums = sum(absolute(as_floats(x)), added, keepdims=True)
    best = (largest if ord > 0 else smallest)(sums, (kept,), keepdims=True)
    return best if keepdims else sum(best, (added, kept))


@composite(name="norm")
def any_norm(x: Value, ord: Any = None, axis: Axes = None, keepdims: bool = False) -> Value:
    """The norm of vectors or matrices, as `torch.linalg.norm`: `matrix_norm` over two axes, `vector_norm` over others.

    ord: None (the default) for the square root of the sum of squares; else the ord of those two functions.
    axis (also `dim`): an int, a pair or None. None is all axes and, with an ord, the axes of a vector or a matrix.
    keepdims (also `keepdim`): whether to keep the axes, with size 1. Raises ValueError for another ord.
    """
    if ord is None:
        return vector_norm(x, 2, axis, keepdims)
    axes = normal_axes(x.ndim, axis)
    return matrix_norm(x, ord, axes, keepdims) if len(axes) == 2 else vector_norm(x, ord, axes, keepdims)

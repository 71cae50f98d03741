"""Distances between points, and matrices of a diagonal or of blocks."""

from __future__ import annotations

from typing import Any

from ...autograd.op import Value
from ..arrangement import moveaxis
from ..composite import composite
from ..indexing import diagonal_matrix
from ..reduction import norm
from ..shape import cat, normal_axes, pad, reshape

__all__ = ["block_diag", "cdist", "diag_embed"]


@composite
def cdist(x: Value, y: Value, p: float = 2.0) -> Value:
    """The distances between all points of x, (..., n, d), and all of y, (..., m, d): (..., n, m).

    p: the order of the norm of a difference, 2 for the Euclidean distance (the default); see `norm`. The gradient of a
    distance of 0 is 0. Takes memory for n times m differences. Raises ValueError for another number of coordinates.

        tl.cdist(tl.tensor([[0.0, 0.0]]), tl.tensor([[3.0, 4.0], [0.0, 1.0]]))      # tensor([[5., 1.]])
    """
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(f"needs points (..., n, d) and (..., m, d), not shapes {x.shape} and {y.shape}")
    return norm(x[..., :, None, :] - y[..., None, :, :], p, -1)  # (..., n, m, d) -> (..., n, m)


@composite
def diag_embed(x: Value, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Value:
    """Matrices with the vectors of x's last axis as diagonals and 0 elsewhere: (..., n) -> (..., n, n).

    offset: 0 for the main diagonal, 1 for the one above it, -1 for the one below; the matrices grow by as much.
    axis1, axis2 (also `dim1`, `dim2`): where in the result the axes of the matrices go, the last two by default.

        tl.diag_embed(tl.tensor([1, 2]))        # tensor([[1, 0], [0, 2]])
    """
    below, above = max(-offset, 0), max(offset, 0)
    matrices = pad(diagonal_matrix(x), [(0, 0)] * (x.ndim - 1) + [(below, above), (above, below)])
    return moveaxis(matrices, (-2, -1), normal_axes(matrices.ndim, (axis1, axis2)))


@composite
def block_diag(*tensors: Any) -> Value:
    """A matrix with matrices along its diagonal, and 0 elsewhere. Vectors count as rows, numbers as (1, 1).

    tl.block_diag(tl.tensor([[1, 2]]), tl.tensor([[3], [4]]))       # tensor([[1, 2, 0], [0, 0, 3], [0, 0, 4]])
    """
    blocks = [reshape(t, (1, -1)) if t.ndim < 2 else t for t in tensors]
    width, column, rows = sum(b.shape[1] for b in blocks), 0, []
    for block in blocks:
        rows.append(pad(block, ((0, 0), (column, width - column - block.shape[1]))))
        column += block.shape[1]
    return cat(rows)

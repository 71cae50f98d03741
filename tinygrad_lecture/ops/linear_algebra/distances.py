"""Distances between points, and matrices of a diagonal or of blocks."""

from __future__ import annotations

from typing import Any

from ...autograd.op import Value
from ..arrangement import moveaxis
from ..composite import composite
from ..elementwise import as_floats, contiguous, root, where
from ..indexing import diagonal_matrix
from ..linalg import matmul
from ..reduction import norm
from ..reduction import sum as sum_over
from ..shape import cat, normal_axes, pad, reshape, swapaxes

__all__ = ["block_diag", "cdist", "diag_embed"]


@composite
def cdist(x: Value, y: Value, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Value:
    """The distances between all points of x, (..., n, d), and all of y, (..., m, d): (..., n, m).

    p: the order of the norm of a difference, 2 for the Euclidean distance (the default); see `norm`. The gradient of a
    distance of 0 is 0. Raises ValueError for another number of coordinates.

    compute_mode: as in PyTorch, the Euclidean distances of more than 25 points are computed from a product of matrices,
    |x - y|² = |x|² + |y|² - 2 x·y, which rounds: equal points may have a small distance. "use_mm_for_euclid_dist" does
    this always, "donot_use_mm_for_euclid_dist" never, and takes memory for n times m differences.

        tl.cdist(tl.tensor([[0.0, 0.0]]), tl.tensor([[3.0, 4.0], [0.0, 1.0]]))      # tensor([[5., 1.]])
    """
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(f"needs points (..., n, d) and (..., m, d), not shapes {x.shape} and {y.shape}")
    x, y = as_floats(x), as_floats(y)
    large = max(x.shape[-2], y.shape[-2]) > 25 and "if_necessary" in compute_mode
    if p == 2 and (large or compute_mode == "use_mm_for_euclid_dist"):
        return _by_product(x, y)
    return norm(x[..., :, None, :] - y[..., None, :, :], p, -1)  # (..., n, m, d) -> (..., n, m)


def _by_product(x: Value, y: Value) -> Value:
    """The Euclidean distances, with |x - y|² = |x|² + |y|² - 2 x·y. A rounded square below 0 counts as 0."""
    lengths = sum_over(x * x, -1, True) + swapaxes(sum_over(y * y, -1, True), -1, -2)  # (..., n, m)
    squares = lengths - 2 * matmul(x, swapaxes(y, -1, -2))
    return root(where(squares > 0, squares, 0))


@composite
def diag_embed(x: Value, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Value:
    """Matrices with the vectors of x's last axis as diagonals and 0 elsewhere: (..., n) -> (..., n, n).

    offset: 0 for the main diagonal, 1 for the one above it, -1 for the one below; the matrices grow by as much.
    axis1, axis2 (also `dim1`, `dim2`): where in the result the axes of the matrices go, the last two by default.

        tl.diag_embed(tl.tensor([1, 2]))        # tensor([[1, 0], [0, 2]])
    """
    below, above = max(-offset, 0), max(offset, 0)
    matrices = pad(diagonal_matrix(x), [(0, 0)] * (x.ndim - 1) + [(below, above), (above, below)])
    return contiguous(moveaxis(matrices, (-2, -1), normal_axes(matrices.ndim, (axis1, axis2))))


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

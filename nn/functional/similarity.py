"""Vectors along an axis: scale them to unit length, compare their directions, measure their distance."""

from __future__ import annotations

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from .normalization import check_eps


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max(‖x‖_p, eps) along an axis: vectors of length 1 in the p-norm. The shape stays. ValueError for eps < 0."""
    check_eps("normalize", eps)
    lengths: Tensor = tl.clip(tl.norm(input, p, dim, keepdims=True), min=eps)
    return input / lengths


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along an axis, which is removed; inputs broadcast.

    This is the cosine of the angle between the vectors: 1 for the same direction, 0 for a right angle.
    """
    check_eps("cosine_similarity", eps)
    if x1.shape != x2.shape:
        shape = (x1 * x2).shape  # or an error that names both
        x1, x2 = x1.broadcast_to(shape), x2.broadcast_to(shape)
    return (normalize(x1, 2.0, dim, eps) * normalize(x2, 2.0, dim, eps)).sum(dim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """‖x1 - x2 + eps‖_p along the last axis, which is removed unless keepdim; inputs broadcast.

    eps keeps the gradient finite where both are equal.
    """
    return tl.norm(x1 - x2 + eps, p, -1, keepdims=keepdim)  # type: ignore[no-any-return]

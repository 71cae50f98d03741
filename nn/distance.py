"""CosineSimilarity and PairwiseDistance: how alike two vectors are."""

from __future__ import annotations

from tinygrad_lecture import Tensor

from . import functional as F
from .errors.made_first import MadeFirst
from .module import Module


class CosineSimilarity(MadeFirst, Module):
    """The cosine of the angle between vectors along axis `dim`: 1 for the same direction, 0 for a right angle."""

    called_with = "x1, x2"

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(MadeFirst, Module):
    """‖x1 - x2 + eps‖_p along the last axis, which is removed unless keepdim."""

    called_with = "x1, x2"

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)

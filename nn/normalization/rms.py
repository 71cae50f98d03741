"""RMSNorm: rescale each row to mean square 1, then multiply by learnt scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_lecture import Tensor

from .. import functional as F
from .affine import Affine
from .layer import sizes_of


class RMSNorm(Affine):
    """x / sqrt(mean(x²) + eps) · weight, with the mean over the last axes.

    Shape: `(..., *normalized_shape) -> (..., *normalized_shape)`.

    - `normalized_shape`: sizes of these axes, or the size of the last axis.
    - `weight`: of shape `normalized_shape`, initially 1; None with elementwise_affine=False.
    - `eps`: by default the machine epsilon of the input's dtype.

    Raises ValueError for sizes below 1. (Zhang & Sennrich, arXiv:1910.07467.)
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: str = "cpu",
        dtype: Any = None,
    ) -> None:
        self.normalized_shape = sizes_of("RMSNorm", normalized_shape, eps)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.make_affine(self.normalized_shape, elementwise_affine, False, dtype, device)

    def forward(self, x: Tensor) -> Tensor:
        """`(..., *normalized_shape) -> (..., *normalized_shape)`."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"

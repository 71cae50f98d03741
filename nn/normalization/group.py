"""GroupNorm: rescale groups of channels of each image by their mean and variance."""

from __future__ import annotations

from typing import Any

from tinygrad_lecture import Tensor

from .. import functional as F
from ..errors import check_sizes
from .affine import Affine


class GroupNorm(Affine):
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var over each group of channels of each image.

    Shape: `(batch, num_channels, ...)`, and the same. It does not depend on the batch, in training neither.

    - `weight`, `bias`: `(num_channels,)`, initially 1 and 0; None with affine=False, the bias also with bias=False.

    Raises ValueError unless num_groups divides num_channels. (Wu & He, arXiv:1803.08494.)
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
        device: str = "cpu", dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        check_sizes("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups={num_groups} must divide num_channels={num_channels}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.make_affine(num_channels, affine, bias, dtype, device)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, num_channels, ...) -> (batch, num_channels, ...)`."""
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"

"""LayerNorm: rescale each row to mean 0 and variance 1, then multiply by learnt scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_lecture import Tensor

from .. import functional as F
from ..errors.checks import check_sizes
from ..functional.normalization import check_eps
from .affine import Affine


class LayerNorm(Affine):
    """(x - mean) / sqrt(var + eps) · weight + bias, with mean and var over the last axes.

    Shape: `(..., *normalized_shape) -> (..., *normalized_shape)`.

    - `normalized_shape`: sizes of these axes, or the size of the last axis.
    - `weight`, `bias`: of shape `normalized_shape`, initially 1 and 0. Both are None with elementwise_affine=False,
      the bias also with bias=False.

    Raises ValueError for sizes below 1. (Ba et al., arXiv:1607.06450.)
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: str = "cpu",
        dtype: Any = None,
    ) -> None:
        self.normalized_shape = sizes_of("LayerNorm", normalized_shape, eps)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.make_affine(self.normalized_shape, elementwise_affine, bias, dtype, device)

    def forward(self, x: Tensor) -> Tensor:
        """`(..., *normalized_shape) -> (..., *normalized_shape)`."""
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


def sizes_of(name: str, normalized_shape: int | Sequence[int], eps: float | None) -> tuple[int, ...]:
    """The sizes of the normalised axes.

    Raises ValueError for no size, one below 1, or a negative eps; TypeError for a size as eps.
    """
    sizes = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    if not sizes:
        raise ValueError(f"{name}: normalized_shape must have one or more sizes, not {normalized_shape}")
    for size in sizes:
        check_sizes(name, normalized_shape=size)
    if isinstance(eps, int) and eps > 0:
        raise TypeError(f"{name}: eps is a small float, not {eps}; sizes go into one tuple: {name}({(*sizes, eps)})")
    if eps is not None:
        check_eps(name, eps)
    return sizes

"""Weights that are computed: by length and direction, or divided by their spectral norm."""

from __future__ import annotations

from typing import Any

from tinygrad_lecture import Tensor, no_grad, randn

from ..errors import check_sizes
from ..functional import normalize
from ..module import Module
from .parametrize import register_parametrization, remove_parametrizations


class WeightNorm(Module):
    """g · v / |v|, with a length g for each slice along `dim`, or one for all if it is None."""

    def __init__(self, dim: int | None = 0) -> None:
        self.dim = dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Any:
        return weight_v * (weight_g / self._length(weight_v))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return self._length(weight), weight

    def _length(self, v: Tensor) -> Any:
        if self.dim is None or self.dim == -1:  # as PyTorch has it
            return v.norm()
        axes = tuple(axis for axis in range(v.ndim) if axis != self.dim % v.ndim)
        return (v * v).sum(axes, keepdims=True) ** 0.5


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train the length and the direction of a module's weight apart: weight = g · v / |v|. Returns the module.

    dim: each slice along this axis has a length of its own, as the weights of each neuron; None for one length.

    (Salimans & Kingma, arXiv:1602.07868.) Raises ValueError for an unknown name.
    """
    return register_parametrization(module, name, WeightNorm(dim), unsafe=True)


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight an ordinary parameter again, with its present value. Returns the module."""
    return remove_parametrizations(module, name)


class SpectralNorm(Module):
    """weight / σ, where σ is the largest singular value of the weight as a matrix, by power iteration."""

    _u: Tensor  # its left and right singular vectors, as far as they are known
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        check_sizes("spectral_norm", n_power_iterations=n_power_iterations)
        self.n_power_iterations, self.dim, self.eps = n_power_iterations, dim % weight.ndim, eps
        if weight.ndim > 1:
            matrix = self._matrix(weight)
            for side, n in zip(("_u", "_v"), matrix.shape, strict=True):
                start = randn(n, dtype=weight.dtype, device=weight.device)
                self.register_buffer(side, normalize(start, dim=0, eps=eps))
            self._iterate(matrix, 15)

    def forward(self, weight: Tensor) -> Any:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / u.dot(matrix @ v)

    def right_inverse(self, value: Tensor) -> Tensor:
        return value

    def _matrix(self, weight: Tensor) -> Any:
        """The weight as a matrix, whose rows are its slices along `dim`."""
        return weight.moveaxis(self.dim, 0).reshape(weight.shape[self.dim], -1)

    @no_grad()
    def _iterate(self, matrix: Tensor, n: int) -> None:
        """Turn u and v towards the singular vectors of the largest singular value."""
        for _ in range(n):
            self._u.copy_(normalize(matrix @ self._v, dim=0, eps=self.eps))
            self._v.copy_(normalize(matrix.T @ self._u, dim=0, eps=self.eps))


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divide a module's weight by its largest singular value, as for the critic of a GAN. Returns the module.

    n_power_iterations: how often the estimate is improved in each forward while training.  dim: the axis of the
    outputs; by default 1 for transposed convolutions, else 0.

    (Miyato et al., arXiv:1802.05957.) Raises ValueError for an unknown name.
    """
    weight: Any = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"spectral_norm: {type(module).__name__} has no parameter {name!r}")
    if dim is None:
        dim = 1 if "Transpose" in type(module).__name__ else 0
    return register_parametrization(module, name, SpectralNorm(weight, n_power_iterations, dim, eps))

"""Flatten and Unflatten: merge axes, as between images and a Linear layer, and split one again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError

from .errors.checks import check_tensor
from .module import Module


class Flatten(Module):
    """Merges the axes from start_dim to end_dim; by default all but the first: `(32, 28, 28) -> (32, 784)`.

    Raises IndexError for an axis that the input does not have.
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Tensor) -> Tensor:
        check_tensor("forward", "input", x)
        for axis in (self.start_dim, self.end_dim):
            if not -max(x.ndim, 1) <= axis < max(x.ndim, 1):
                raise IndexError(f"axis {axis} is out of range for shape {x.shape}")
        return tl.flatten(x, self.start_dim, self.end_dim)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Splits axis `dim` into axes of the given sizes: Unflatten(1, (28, 28)) is `(32, 784) -> (32, 28, 28)`.

    One size may be -1. Raises IndexError for an axis that the input does not have, ValueError if the product of the
    sizes is not that axis's size.
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, x: Tensor) -> Tensor:
        check_tensor("forward", "input", x)
        if not -x.ndim <= self.dim < x.ndim:
            raise IndexError(f"axis {self.dim} is out of range for shape {x.shape}")
        axis = self.dim % x.ndim
        sizes = self.unflattened_size
        known = math.prod(n for n in sizes if n != -1)
        if sizes.count(-1) > 1 or (x.shape[axis] % known if -1 in sizes and known else x.shape[axis] != known):
            raise TensorError(f"cannot split axis {self.dim} of size {x.shape[axis]} into {sizes}, got {x.shape}")
        return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"

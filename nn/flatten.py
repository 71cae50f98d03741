"""Flatten and Unflatten: merge axes, as between images and a Linear layer, and split one again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError

from .errors import check_tensor
from .module import FunctionLayer

__all__ = ["Flatten", "Unflatten"]


def _flatten(x: Tensor, start_dim: int, end_dim: int) -> Tensor:
    _check_axes(x, start_dim, end_dim)
    return tl.flatten(x, start_dim, end_dim)  # type: ignore[no-any-return]


def _unflatten(x: Tensor, dim: int, unflattened_size: tuple[int, ...]) -> Tensor:
    _check_axes(x, dim)
    axis = range(x.ndim)[dim]
    size = x.shape[axis]
    known = math.prod(n for n in unflattened_size if n != -1)
    unknown = unflattened_size.count(-1)
    if unknown > 1 or (size % known if unknown and known else size != known):
        raise TensorError(f"cannot split axis {dim} of size {size} into {unflattened_size}, got {x.shape}")
    return x.reshape(*x.shape[:axis], *unflattened_size, *x.shape[axis + 1 :])


def _check_axes(x: Tensor, *axes: int) -> None:
    check_tensor("forward", "input", x)
    n = max(x.ndim, 1)
    for axis in axes:
        if not -n <= axis < n:
            raise IndexError(f"axis {axis} is out of range for shape {x.shape}")


class Flatten(FunctionLayer, function=_flatten):
    """Merges the axes from start_dim to end_dim; by default all but the first: `(32, 28, 28) -> (32, 784)`.

    Raises IndexError for an axis that the input does not have.
    """

    start_dim: int = 1
    end_dim: int = -1


class Unflatten(FunctionLayer, function=_unflatten):
    """Splits axis `dim` into axes of the given sizes: Unflatten(1, (28, 28)) is `(32, 784) -> (32, 28, 28)`.

    One size may be -1. Raises IndexError for an axis that the input does not have, ValueError if the product of the
    sizes is not that axis's size.
    """

    dim: int
    unflattened_size: Sequence[int]

    def __post_init__(self) -> None:
        self.unflattened_size = tuple(self.unflattened_size)

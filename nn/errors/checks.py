"""What several layers and losses ask of their inputs, and how they say what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import is_array


def check_indices(name: str, indices: Tensor, n: int, things: str) -> None:
    """Raises TypeError unless indices are integers, IndexError unless they are from 0 to n - 1.

    The range is looked at on the CPU alone: on a GPU one would have to wait for the numbers.
    """
    if indices.dtype.kind not in "iu":
        raise TypeError(f"{name}: {things} are chosen by integers, not by {indices.dtype}; convert with .long()")
    if indices.device == "cpu" and indices.numel():
        least, largest = int(indices.array.min()), int(indices.array.max())
        if least < 0 or largest >= n:
            raise IndexError(f"{name}: indices run from {least} to {largest}, and there are {things} 0 to {n - 1}")


def as_tensor(value: Any, like: Tensor | None = None) -> Tensor:
    """A Tensor as it is; an array or a list as a Tensor, on the device of another if there is one."""
    if isinstance(value, Tensor):
        return value
    device = None if like is None else like.device
    made: Tensor = tl.tensor(value if is_array(value) else np.asarray(value), device=device)
    return made


def check_same_shape(name: str, input: Tensor, target: Tensor) -> None:
    """Raises ValueError if the shapes differ: broadcasting a target has always been an accident."""
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: input {input.shape} and target {target.shape} must have the same shape; reshape one of them, "
            "or make rows of class numbers with F.one_hot"
        )

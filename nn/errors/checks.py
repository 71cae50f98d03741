"""Input checks shared by layers and losses, and the errors they raise."""

from __future__ import annotations

from tinygrad_lecture import Tensor


def check_indices(name: str, indices: Tensor, n: int, things: str) -> None:
    """Raises TypeError unless `indices` are integers, IndexError unless all are from 0 to n - 1.

    The range is checked on the CPU only: on a GPU the check would wait for the device.
    """
    if indices.dtype.kind not in "iu":
        raise TypeError(f"{name}: {things} must be given as integers, not {indices.dtype}; convert with .long()")
    if indices.device == "cpu" and indices.numel():
        least, largest = int(indices.array.min()), int(indices.array.max())
        if least < 0 or largest >= n:
            raise IndexError(f"{name}: indices run from {least} to {largest}, but {things} are 0 to {n - 1}")


def check_same_shape(name: str, input: Tensor, target: Tensor) -> None:
    """Raises ValueError if the shapes differ: a loss never broadcasts, which would hide a wrong target."""
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: input {input.shape} and target {target.shape} must have the same shape; reshape one of them, "
            "or encode class numbers with F.one_hot"
        )

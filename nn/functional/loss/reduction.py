"""The mean or sum of losses."""

from __future__ import annotations

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The mean or sum of the losses, or with "none" the losses themselves. Raises ValueError for another reduction."""
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise TensorError(f'reduction must be "mean", "sum" or "none", not {reduction!r}')

"""Dropout: random zeros while training, so that no neuron relies on another."""

from __future__ import annotations

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError
from tinygrad_lecture.errors.users_line import warn

from ..errors import LAYOUTS, check_probability
from .activation import overwrite

__all__ = ["dropout", "dropout1d", "dropout2d"]


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """The input with each element set to 0 with probability p, and the others divided by 1 - p.

    The division keeps the expected value.

    Returns the input itself if training is False or p is 0. With inplace=True the result replaces the input. The stream
    that `tl.manual_seed` seeds is used. Raises ValueError for a p outside [0, 1]. (Srivastava et al., JMLR 15, 2014.)
    """
    check_probability("dropout", p)
    return _dropped(input, p, training, inplace, input.ndim)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of sequences, `(batch, channels, length)`, also without the batch axis.

    Neighbours in a channel are alike, so that dropping one of them alone would hide little. (Tompson et al.,
    arXiv:1411.4280.)
    """
    check_probability("dropout1d", p)
    if input.ndim not in (2, 3):
        raise TensorError(f"dropout1d: input must be {LAYOUTS[1]}, or one without batch, not {input.shape}")
    return _dropped(input, p, training, inplace, input.ndim - 1)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of images, `(batch, channels, height, width)`.

    As in PyTorch, an input of three axes is (batch, channels, length), and of two axes (batch, channels), with a
    warning: that is `dropout`. (Tompson et al., arXiv:1411.4280.)
    """
    check_probability("dropout2d", p)
    if input.ndim not in (2, 3, 4):
        raise TensorError(f"dropout2d: input must be {LAYOUTS[2]}, not {input.shape}")
    if input.ndim == 2:
        warn(f"dropout2d: an input of shape {tuple(input.shape)} has no channels of images; write dropout")
    return _dropped(input, p, training, inplace, 2)


def _dropped(input: Tensor, p: float, training: bool, inplace: bool, axes: int) -> Tensor:
    """The input with a random choice over the first `axes` axes, and the same along the others."""
    if not training or p == 0:
        return input
    if inplace:
        return overwrite(input, _dropped, p, training, False, axes)
    shape = input.shape[:axes] + (1,) * (input.ndim - axes)
    kept = tl.rand(shape, dtype=tl.float32, device=input.device) >= p
    return tl.where(kept, input * (1 / (1 - p) if p < 1 else 0.0), 0)

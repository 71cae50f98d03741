"""Images made larger: by repetition, and by channels that become pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError
from tinygrad_lecture.errors.users_line import hide_frames

from ..errors.axes import LAYOUTS, per_axis


def interpolate(
    input: Tensor, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest", align_corners: bool | None = None,
) -> Tensor:  # fmt: skip
    """Sequences or images in another size, each new element a copy of the nearest old one.

    `(batch, channels, *axes) -> (batch, channels, *size)`. Give the new `size`, or by how much to multiply the old one,
    `scale_factor`. `align_corners` has no effect.
    Raises NotImplementedError for another mode than "nearest", ValueError unless one of both is given.
    """
    check_mode("interpolate", mode)
    n = input.ndim - 2
    if n not in LAYOUTS:
        raise TensorError(f"interpolate: input must be {LAYOUTS[1]} or {LAYOUTS[2]}, not {input.shape}")
    if (size is None) == (scale_factor is None):
        raise TensorError("interpolate: give either size or scale_factor")
    for axis, old in enumerate(input.shape[2:]):
        if size is not None:
            new = per_axis("interpolate", "size", size, n)[axis]
            ratio = old / new
        else:
            scale = scale_factor[axis] if isinstance(scale_factor, Sequence) else scale_factor
            assert scale is not None
            new, ratio = int(old * scale), 1 / scale
        places = np.minimum((np.arange(new) * ratio).astype(int), old - 1)
        input = tl.take(input, places, axis + 2)
    return input


def check_mode(name: str, mode: str) -> None:
    """Raise NotImplementedError unless an interpolation repeats elements."""
    if mode != "nearest":
        hide_frames()
        raise NotImplementedError(
            f'{name}: mode {mode!r} is not here; use "nearest", and smooth with a convolution where that matters'
        )


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Images r times as large, from r² channels each: `(..., c · r², h, w) -> (..., c, h · r, w · r)`.

    r is `upscale_factor`. Raises ValueError unless r² divides the channels. (Shi et al., arXiv:1609.05158.)
    """
    r, (*batch, channels, height, width) = upscale_factor, input.shape
    if channels % r**2:
        raise TensorError(f"pixel_shuffle: {r}² must divide the channels of an input of shape {input.shape}")
    x = input.reshape(*batch, channels // r**2, r, r, height, width)
    x = _last_five(x, (0, 3, 1, 4, 2))  # (..., channels, height, r, width, r)
    return x.reshape(*batch, channels // r**2, height * r, width * r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """The inverse of `pixel_shuffle`: `(..., c, h · r, w · r) -> (..., c · r², h, w)`. r is `downscale_factor`."""
    r, (*batch, channels, height, width) = downscale_factor, input.shape
    if height % r or width % r:
        raise TensorError(f"pixel_unshuffle: {r} must divide height and width of an input of shape {input.shape}")
    x = input.reshape(*batch, channels, height // r, r, width // r, r)
    x = _last_five(x, (0, 2, 4, 1, 3))  # (..., channels, r, r, height, width)
    return x.reshape(*batch, channels * r**2, height // r, width // r)


def _last_five(x: Tensor, order: Sequence[int]) -> Tensor:
    """The last five axes in another order."""
    lead = x.ndim - 5
    return x.permute(*range(lead), *(lead + axis for axis in order))

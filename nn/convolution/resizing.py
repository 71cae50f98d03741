"""Layers that make images larger: by repetition or interpolation, and by channels that become pixels."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_lecture import Tensor

from .. import functional as F
from ..errors.made_first import MadeFirst
from ..functional.resizing import check_mode
from ..module import Module


class Upsample(MadeFirst, Module):
    """Sequences or images in another size: `(batch, channels, *axes) -> (batch, channels, *size)`.

    Give the new size, or a `scale_factor`; for these and the modes see `F.interpolate`. Raises NotImplementedError for
    another mode than "nearest", "linear" and "bilinear".
    """

    def __init__(
        self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest", align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    ) -> None:  # fmt: skip
        check_mode(type(self).__name__, mode)
        self.size, self.mode = size, mode
        self.align_corners, self.recompute_scale_factor = align_corners, recompute_scale_factor
        self.scale_factor = float(scale_factor) if isinstance(scale_factor, int) else scale_factor

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(
            x, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        asked = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{asked}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """PyTorch's older name of `Upsample` for images."""

    def __init__(self, size: int | Sequence[int] | None = None, scale_factor: float | None = None) -> None:
        super().__init__(size, scale_factor)


class UpsamplingBilinear2d(Upsample):
    """PyTorch's older name of the bilinear `Upsample` for images, with aligned corners."""

    def __init__(self, size: int | Sequence[int] | None = None, scale_factor: float | None = None) -> None:
        super().__init__(size, scale_factor, "bilinear", True)


class PixelShuffle(MadeFirst, Module):
    """Images r times as large, from r² channels each: `(..., c · r², h, w) -> (..., c, h · r, w · r)`.

    r is `upscale_factor`. (Shi et al., arXiv:1609.05158.)
    """

    def __init__(self, upscale_factor: int) -> None:
        self.upscale_factor = upscale_factor

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(x, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(MadeFirst, Module):
    """The inverse of `PixelShuffle`: `(..., c, h · r, w · r) -> (..., c · r², h, w)`."""

    def __init__(self, downscale_factor: int) -> None:
        self.downscale_factor = downscale_factor

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_unshuffle(x, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"

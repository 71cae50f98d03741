"""Layers for sequences and images without weights: pooling, padding, other sizes, windows, and Flatten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError

from .. import functional as F
from ..errors import check_tensor, per_axis
from ..functional.resizing import check_mode
from ..module import FunctionLayer

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AvgPool1d", "AvgPool2d",
    "CircularPad1d", "CircularPad2d", "ConstantPad1d", "ConstantPad2d", "Flatten", "Fold", "MaxPool1d", "MaxPool2d",
    "PixelShuffle", "PixelUnshuffle", "ReflectionPad1d", "ReflectionPad2d", "ReplicationPad1d", "ReplicationPad2d",
    "Unflatten", "Unfold", "Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d", "ZeroPad1d", "ZeroPad2d",
]  # fmt: skip

# --- pooling: each window becomes one number ----------------------------------------------------------------


class _Pool(FunctionLayer):
    in_repr: ClassVar[tuple[str, ...]] = ("kernel_size", "stride", "padding")
    stride: Any

    def __post_init__(self) -> None:
        self.stride = self.kernel_size if self.stride is None else self.stride


class _MaxPool(_Pool):
    in_repr = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    order = ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode")


class MaxPool1d(_MaxPool, function=F.max_pool1d):
    """The largest element of each window of a sequence; see `F.max_pool2d` for its settings.

    Shape: `(batch, channels, length) -> (batch, channels, places)`.
    """


class MaxPool2d(_MaxPool, function=F.max_pool2d):
    """The largest element of each window of an image; see `F.max_pool2d` for its settings.

    Shape: `(batch, channels, height, width) -> (batch, channels, ...)`, also without the batch axis.
    """


class AvgPool1d(_Pool, function=F.avg_pool1d):
    """The mean of each window of a sequence; see `F.avg_pool2d` for its settings.

    Shape: `(batch, channels, length) -> (batch, channels, places)`.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.in_repr:
            setattr(self, name, per_axis("AvgPool1d", name, getattr(self, name), 1, 0))


class AvgPool2d(_Pool, function=F.avg_pool2d):
    """The mean of each window of an image; see `F.avg_pool2d` for its settings.

    Shape: `(batch, channels, height, width) -> (batch, channels, ...)`, also without the batch axis.
    """


class AdaptiveAvgPool1d(FunctionLayer, function=F.adaptive_avg_pool1d):
    """Means over output_size parts of a sequence: `(batch, channels, length) -> (batch, channels, output_size)`."""


class AdaptiveAvgPool2d(FunctionLayer, function=F.adaptive_avg_pool2d):
    """Means over as many parts of an image as asked for; 1 gives the mean of each channel.

    Shape: `(batch, channels, height, width) -> (batch, channels, *output_size)`, also without the batch axis.
    `output_size`: an int for a square, or two; None keeps a size.
    """


class AdaptiveMaxPool1d(FunctionLayer, function=F.adaptive_max_pool1d):
    """Largest elements of output_size parts of a sequence; shapes are those of `AdaptiveAvgPool1d`."""


class AdaptiveMaxPool2d(FunctionLayer, function=F.adaptive_max_pool2d):
    """Largest elements of as many parts of an image as asked for; shapes are those of `AdaptiveAvgPool2d`."""


# --- padding: numbers around a sequence or an image ---------------------------------------------------------


def _pad(x: Tensor, padding: Any, value: float, mode: str) -> Tensor:
    return F.pad(x, padding, mode, value)


class _Pad1d(FunctionLayer, function=_pad):
    """padding: an int for all sides, or (left, right) of a sequence, (left, right, top, bottom) of an image."""

    order: ClassVar[tuple[str, ...]] = ("padding",)
    padding: Any
    sides = 2
    mode = "constant"
    value = 0.0

    def __post_init__(self) -> None:
        given, n = self.padding, self.sides
        self.padding = (given,) * n if isinstance(given, int) else tuple(given)
        if len(self.padding) != n:
            name = type(self).__name__
            raise ValueError(f"{name}: padding must be one int or {n}, a pair for each axis from the last, not {given}")

    def extra_repr(self) -> str:
        return super().extra_repr() if "value" in self.settings else f"{self.padding}"


class _Pad2d(_Pad1d):
    sides = 4


class ZeroPad1d(_Pad1d):
    """A sequence with zeros before and after it."""


class ZeroPad2d(_Pad2d):
    """An image with zeros around it."""


class ConstantPad1d(_Pad1d, function=_pad):
    """A sequence with `value` before and after it."""

    order = ("padding", "value")


class ConstantPad2d(_Pad2d, function=_pad):
    """An image with `value` around it."""

    order = ("padding", "value")


class ReflectionPad1d(_Pad1d):
    """A sequence with its own numbers mirrored before and after it, without the edge: 2 1 | 0 1 2."""

    mode = "reflect"


class ReflectionPad2d(_Pad2d):
    """An image with its own numbers mirrored around it, without the edge."""

    mode = "reflect"


class ReplicationPad1d(_Pad1d):
    """A sequence with its edge repeated before and after it: 0 0 | 0 1 2."""

    mode = "replicate"


class ReplicationPad2d(_Pad2d):
    """An image with its edge repeated around it."""

    mode = "replicate"


class CircularPad1d(_Pad1d):
    """A sequence that continues with its other end: 1 2 | 0 1 2."""

    mode = "circular"


class CircularPad2d(_Pad2d):
    """An image that continues with its other side."""

    mode = "circular"


# --- other sizes --------------------------------------------------------------------------------------------


class Upsample(FunctionLayer, function=F.interpolate):
    """Sequences or images in another size: `(batch, channels, *axes) -> (batch, channels, *size)`.

    Give the new size, or a `scale_factor`; for these and the modes see `F.interpolate`. Raises NotImplementedError for
    another mode than "nearest", "linear" and "bilinear".
    """

    scale_factor: Any

    def __post_init__(self) -> None:
        check_mode(type(self).__name__, self.mode)
        self.scale_factor = float(self.scale_factor) if isinstance(self.scale_factor, int) else self.scale_factor

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


class PixelShuffle(FunctionLayer, function=F.pixel_shuffle):
    """Images r times as large, from r² channels each: `(..., c · r², h, w) -> (..., c, h · r, w · r)`.

    r is `upscale_factor`. (Shi et al., arXiv:1609.05158.)
    """


class PixelUnshuffle(FunctionLayer, function=F.pixel_unshuffle):
    """The inverse of `PixelShuffle`: `(..., c, h · r, w · r) -> (..., c · r², h, w)`."""


class Fold(FunctionLayer, function=F.fold):
    """The sum of overlapping windows: `(batch, channels · window, places) -> (batch, channels, *output_size)`."""


class Unfold(FunctionLayer, function=F.unfold):
    """The windows of images as columns: `(batch, channels, height, width) -> (batch, channels · window, places)`."""


# --- axes merged and split ----------------------------------------------------------------------------------


def _flatten(x: Tensor, start_dim: int = 1, end_dim: int = -1) -> Tensor:
    _check_axes(x, start_dim, end_dim)
    return tl.flatten(x, start_dim, end_dim)  # type: ignore[no-any-return]


def _unflatten(x: Tensor, dim: int, unflattened_size: Sequence[int]) -> Tensor:
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


class Unflatten(FunctionLayer, function=_unflatten):
    """Splits axis `dim` into axes of the given sizes: Unflatten(1, (28, 28)) is `(32, 784) -> (32, 28, 28)`.

    One size may be -1. Raises IndexError for an axis that the input does not have, ValueError if the product of the
    sizes is not that axis's size.
    """

"""Layers for sequences and images without weights: pooling, padding, other sizes, windows, and Flatten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.ops.shape import normal_axes

from .. import functional as F
from ..errors import check_tensor
from ..module import FunctionLayer

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AvgPool1d", "AvgPool2d",
    "CircularPad1d", "CircularPad2d", "ConstantPad1d", "ConstantPad2d", "Flatten", "Fold", "MaxPool1d", "MaxPool2d",
    "PixelShuffle", "PixelUnshuffle", "ReflectionPad1d", "ReflectionPad2d", "ReplicationPad1d", "ReplicationPad2d",
    "Unflatten", "Unfold", "Upsample", "ZeroPad1d", "ZeroPad2d",
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
    """A sequence with zeros before and after it.

    `(..., length) -> (..., left + length + right)`. Raises ValueError unless padding is an int or (left, right).
    """


class ZeroPad2d(_Pad2d):
    """An image with zeros around it.

    `(..., height, width) -> (..., top + height + bottom, left + width + right)`.
    Raises ValueError unless padding is an int or (left, right, top, bottom).
    """


class ConstantPad1d(_Pad1d, function=_pad):
    """A sequence with `value` before and after it.

    `(..., length) -> (..., left + length + right)`. Raises ValueError unless padding is an int or (left, right).
    """

    order = ("padding", "value")


class ConstantPad2d(_Pad2d, function=_pad):
    """An image with `value` around it.

    `(..., height, width) -> (..., top + height + bottom, left + width + right)`.
    Raises ValueError unless padding is an int or (left, right, top, bottom).
    """

    order = ("padding", "value")


class ReflectionPad1d(_Pad1d):
    """A sequence with its own numbers mirrored before and after it, without the edge: 2 1 | 0 1 2.

    `(..., length) -> (..., left + length + right)`. Raises ValueError unless padding is an int or (left, right).
    """

    mode = "reflect"


class ReflectionPad2d(_Pad2d):
    """An image with its own numbers mirrored around it, without the edge.

    `(..., height, width) -> (..., top + height + bottom, left + width + right)`.
    Raises ValueError unless padding is an int or (left, right, top, bottom).
    """

    mode = "reflect"


class ReplicationPad1d(_Pad1d):
    """A sequence with its edge repeated before and after it: 0 0 | 0 1 2.

    `(..., length) -> (..., left + length + right)`. Raises ValueError unless padding is an int or (left, right).
    """

    mode = "replicate"


class ReplicationPad2d(_Pad2d):
    """An image with its edge repeated around it.

    `(..., height, width) -> (..., top + height + bottom, left + width + right)`.
    Raises ValueError unless padding is an int or (left, right, top, bottom).
    """

    mode = "replicate"


class CircularPad1d(_Pad1d):
    """A sequence that continues with its other end: 1 2 | 0 1 2.

    `(..., length) -> (..., left + length + right)`. Raises ValueError unless padding is an int or (left, right).
    """

    mode = "circular"


class CircularPad2d(_Pad2d):
    """An image that continues with its other side.

    `(..., height, width) -> (..., top + height + bottom, left + width + right)`.
    Raises ValueError unless padding is an int or (left, right, top, bottom).
    """

    mode = "circular"


# --- other sizes --------------------------------------------------------------------------------------------


class Upsample(FunctionLayer, function=F.interpolate):
    """Sequences or images in another size: `(batch, channels, *axes) -> (batch, channels, *size)`.

    Give the new size, or a `scale_factor`; for these and the modes see `F.interpolate`.
    """

    def extra_repr(self) -> str:
        scale = float(self.scale_factor) if isinstance(self.scale_factor, int) else self.scale_factor
        asked = f"size={self.size}" if scale is None else f"scale_factor={scale}"
        return f"{asked}, mode={self.mode!r}"


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
    return tl.flatten(x, start_dim, end_dim)  # type: ignore[no-any-return]


def unflatten(x: Tensor, dim: int, unflattened_size: Sequence[int]) -> Tensor:
    check_tensor("forward", "input", x)
    (axis,) = normal_axes(x.ndim, (dim,))
    return x.reshape(*x.shape[:axis], *unflattened_size, *x.shape[axis + 1 :])


class Flatten(FunctionLayer, function=_flatten):
    """Merges the axes from start_dim to end_dim; by default all but the first: `(32, 28, 28) -> (32, 784)`.

    Raises IndexError for an axis that the input does not have.
    """


class Unflatten(FunctionLayer, function=unflatten):
    """Splits axis `dim` into axes of the given sizes: Unflatten(1, (28, 28)) is `(32, 784) -> (32, 28, 28)`.

    One size may be -1. Raises IndexError for an axis that the input does not have, ValueError if the product of the
    sizes is not that axis's size.
    """

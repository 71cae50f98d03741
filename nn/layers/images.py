"""Layers for sequences and images: convolutions, and layers without weights: pooling, padding, other sizes, Flatten.

A convolution's neurons each see one window of a sequence or an image, and share their weights. Its transpose lays
filters down at all places, which with a stride makes images larger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, ClassVar

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.ops.shape import normal_axes

from .. import functional as F, init
from ..errors import check_sizes, check_tensor, warn_of_float64
from ..functional.images import PerAxis, per_axis, widths
from ..module import FunctionLayer, Module, Parameter

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AvgPool1d", "AvgPool2d", "Conv1d", "Conv2d", "ConvTranspose1d",
    "ConvTranspose2d", "Flatten", "MaxPool1d", "MaxPool2d", "PixelShuffle", "ReflectionPad2d", "Unflatten", "Unfold",
    "Upsample", "ZeroPad2d",
]  # fmt: skip

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class Filters(Module):
    """What convolutions and their transposes share: a weight of filters, a bias, and settings, one for each axis."""

    axes: int
    transposed = False
    set_padding: Callable[..., None]  # sets `padding`, for each axis
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: PerAxis, stride: PerAxis = 1,
        padding: PerAxis | str = 0, dilation: PerAxis = 1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", device: str = "cpu", dtype: Any = None,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        check_sizes(name, in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"{name}: groups={groups} must divide both {in_channels} and {out_channels} channels")
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"{name}: padding_mode must be one of {PADDING_MODES}, not {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, self.axes)
        self.stride = per_axis(name, "stride", stride, self.axes)
        self.dilation = per_axis(name, "dilation", dilation, self.axes)
        self.padding_mode = padding_mode
        self.set_padding(padding)
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter.empty(first, second // groups, *self.kernel_size, dtype=dtype, device=device)
        self.bias = Parameter.empty(out_channels, dtype=dtype, device=device) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new parameters, uniform in ±1/sqrt(fan_in)."""
        init.uniform_by_fan(self.parameters(), init.fans(self.weight)[0])

    def extra_repr(self) -> str:
        zeros, ones = (0,) * self.axes, (1,) * self.axes
        usual = {"padding": zeros, "dilation": ones, "output_padding": zeros, "groups": 1}
        texts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        texts += [f"{name}={getattr(self, name)}" for name in usual if getattr(self, name, usual[name]) != usual[name]]
        texts += ["bias=False"] if self.bias is None else []
        texts += [f"padding_mode={self.padding_mode}"] if self.padding_mode != "zeros" else []
        return ", ".join(texts)


class _Conv(Filters):
    sides: tuple[tuple[int, int], ...]
    padding: tuple[int, ...] | str

    def set_padding(self, padding: PerAxis | str) -> None:
        """Set the widths before and after each axis: `sides`, and `padding` as it was given."""
        self.sides = widths(type(self).__name__, padding, self.kernel_size, self.stride, self.dilation)
        self.padding = padding if isinstance(padding, str) else tuple(before for before, _ in self.sides)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, in_channels, *axes) -> (batch, out_channels, *places)`. Warns if float64 comes into float32."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            from_the_last = list(chain.from_iterable(reversed(self.sides)))  # the order of F.pad
            x, padding = F.pad(x, from_the_last, self.padding_mode), 0
        convolved = F.conv1d if self.axes == 1 else F.conv2d
        y = convolved(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
        warn_of_float64(type(self).__name__, y, self.weight)
        return y


class Conv1d(_Conv):
    """The product of every filter with every window of a sequence, plus a bias.

    Shape: `(batch, in_channels, length) -> (batch, out_channels, places)`. Arguments are those of `Conv2d`.
    """

    axes = 1


class Conv2d(_Conv):
    """The product of every filter with every window of an image, plus a bias: a neuron per filter, at each place.

    Shape: `(batch, in_channels, height, width) -> (batch, out_channels, ...)`, also without the batch axis.

    - `kernel_size`: the window's size. `stride`: from one window to the next. `dilation`: between its elements.
    - `padding`: how much to put around the input; "valid" for nothing, "same" for as much as keeps its size.
    - `padding_mode`: what to put there: "zeros", or "reflect", "replicate", "circular" for numbers of its own.
    - `groups`: the channels are split into so many groups, and each filter sees those of its group.
    - `weight`: `(out_channels, in_channels / groups, *kernel_size)`.
    - `bias`: `(out_channels,)`, or None with bias=False.

    Each setting is an int, or a tuple with one for each axis; see `F.conv2d` for sizes. Both parameters start uniform
    in ±1/sqrt(in_channels / groups · window), as in PyTorch. Raises ValueError for settings that do not fit.
    (LeCun et al., Neural Computation 1(4), 1989.)
    """

    axes = 2


# --- transposed ---------------------------------------------------------------------------------------------


class _ConvTranspose(Filters):
    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: PerAxis, stride: PerAxis = 1, padding: PerAxis = 0,
        output_padding: PerAxis = 0, groups: int = 1, bias: bool = True, dilation: PerAxis = 1,
        device: str = "cpu", dtype: Any = None,
    ) -> None:  # fmt: skip
        settings = (kernel_size, stride, padding, dilation, groups, bias)
        super().__init__(in_channels, out_channels, *settings, device=device, dtype=dtype)
        self.output_padding = per_axis(type(self).__name__, "output_padding", output_padding, self.axes, least=0)

    def set_padding(self, padding: Any) -> None:
        """Set the width on both sides of each axis."""
        self.padding = per_axis(type(self).__name__, "padding", padding, self.axes, least=0)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, in_channels, *places) -> (batch, out_channels, *axes)`. Warns if float64 comes into float32."""
        laid = F.conv_transpose1d if self.axes == 1 else F.conv_transpose2d
        settings = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        y = laid(x, self.weight, self.bias, *settings)
        warn_of_float64(type(self).__name__, y, self.weight)
        return y


class ConvTranspose1d(_ConvTranspose):
    """The sum of filters at all places of a sequence, each times the number there, plus a bias.

    Shape: `(batch, in_channels, places) -> (batch, out_channels, length)`. Arguments are those of `ConvTranspose2d`.
    """

    axes = 1


class ConvTranspose2d(_ConvTranspose):
    """The sum of filters at all places of an image, each times the number there, plus a bias: `Conv2d` transposed.

    Shape: `(batch, in_channels, height, width) -> (batch, out_channels, ...)`, also without the batch axis. With
    kernel_size=4, stride=2, padding=1 an image becomes twice as large.

    - `kernel_size`, `stride`, `padding`, `dilation`, `groups`: those of the convolution that this is the transpose of.
    - `output_padding`: how much larger to make the output at its end.
    - `weight`: `(in_channels, out_channels / groups, *kernel_size)`.
    - `bias`: `(out_channels,)`, or None with bias=False.

    See `F.conv_transpose2d` for sizes. Both parameters start uniform in ±1/sqrt(out_channels / groups · window), as in
    PyTorch. Raises ValueError for settings that do not fit. (Dumoulin & Visin, arXiv:1603.07285.)
    """

    axes = 2


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


# --- padding: numbers around an image -----------------------------------------------------------------------


def _pad(x: Tensor, padding: Any, mode: str) -> Tensor:
    return F.pad(x, padding, mode)


class _Pad2d(FunctionLayer, function=_pad):
    """padding: an int for all sides, or (left, right, top, bottom)."""

    order = ("padding",)
    padding: Any
    mode = "constant"

    def __post_init__(self) -> None:
        given = self.padding
        self.padding = (given,) * 4 if isinstance(given, int) else tuple(given)
        if len(self.padding) != 4:
            name = type(self).__name__
            raise ValueError(f"{name}: padding must be one int or 4, a pair for each axis from the last, not {given}")

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(_Pad2d):
    """An image with zeros around it.

    `(..., height, width) -> (..., top + height + bottom, left + width + right)`.
    Raises ValueError unless padding is an int or (left, right, top, bottom).
    """


class ReflectionPad2d(_Pad2d):
    """An image with its own numbers mirrored around it, without the edge: 2 1 | 0 1 2.

    `(..., height, width) -> (..., top + height + bottom, left + width + right)`.
    Raises ValueError unless padding is an int or (left, right, top, bottom).
    """

    mode = "reflect"


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

"""Conv1d and Conv2d: neurons that each see one window of a sequence or an image, and share their weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from .. import functional as F
from .. import init
from ..errors.axes import per_axis
from ..errors.checks import check_sizes, warn_of_float64
from ..functional.convolution import PerAxis, widths
from ..module import Module, Parameter

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class Filters(Module):
    """What convolutions and their transposes share: a weight of filters, a bias, and settings, one for each axis."""

    axes: int
    transposed = False
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: PerAxis, stride: PerAxis, dilation: PerAxis,
        groups: int, bias: bool, padding_mode: str, device: str, dtype: Any,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        check_sizes(name, in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: groups={groups} must divide in_channels={in_channels} and out_channels={out_channels}"
            )
        modes = PADDING_MODES[:1] if self.transposed else PADDING_MODES
        if padding_mode not in modes:
            raise ValueError(f"{name}: padding_mode must be {' or '.join(map(repr, modes))}, not {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, self.axes)
        self.stride = per_axis(name, "stride", stride, self.axes)
        self.dilation = per_axis(name, "dilation", dilation, self.axes)
        self.padding_mode = padding_mode
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(tl.empty(first, second // groups, *self.kernel_size, dtype=dtype, device=device))
        self.bias = Parameter(tl.empty(out_channels, dtype=dtype, device=device)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new parameters, uniform in ±1/sqrt(fan_in): the bound of Kaiming's formula with a = sqrt(5)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(init.fans(self.weight)[0])
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        zeros, ones = (0,) * self.axes, (1,) * self.axes
        usual = {"padding": zeros, "dilation": ones, "output_padding": zeros, "groups": 1, "padding_mode": "zeros"}
        unusual = [f"{name}={getattr(self, name)}" for name in usual if getattr(self, name, usual[name]) != usual[name]]
        shown = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        return ", ".join([*shown, *unusual, *([] if self.bias is not None else ["bias=False"])])


class _Conv(Filters):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: PerAxis, stride: PerAxis = 1,
        padding: PerAxis | str = 0, dilation: PerAxis = 1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", device: str = "cpu", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, dilation, groups, bias, padding_mode, device, dtype
        )
        self.sides = widths(type(self).__name__, padding, self.kernel_size, self.stride, self.dilation)
        self.padding = padding if isinstance(padding, str) else tuple(before for before, _ in self.sides)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, in_channels, *axes) -> (batch, out_channels, *places)`. Warns if float64 comes into float32."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            x = F.pad(x, _from_the_last(self.sides), self.padding_mode)
            padding = 0
        convolved = F.conv1d if self.axes == 1 else F.conv2d
        y = convolved(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
        warn_of_float64(type(self).__name__, y, self.weight)
        return y


def _from_the_last(sides: Sequence[tuple[int, int]]) -> list[int]:
    """Widths before and after each axis in the order of F.pad, the last axis first."""
    return [width for pair in reversed(sides) for width in pair]


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

"""Unfold and Fold: the windows of images as columns, and the sum of windows."""

from __future__ import annotations

from tinygrad_lecture import Tensor

from .. import functional as F
from ..errors.made_first import MadeFirst
from ..functional.convolution import PerAxis
from ..module import Module


class Unfold(MadeFirst, Module):
    """The windows of images as columns: `(batch, channels, height, width) -> (batch, channels · window, places)`."""

    def __init__(self, kernel_size: PerAxis, dilation: PerAxis = 1, padding: PerAxis = 0, stride: PerAxis = 1) -> None:
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.unfold(x, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(MadeFirst, Module):
    """The sum of overlapping windows: `(batch, channels · window, places) -> (batch, channels, *output_size)`."""

    def __init__(
        self, output_size: PerAxis, kernel_size: PerAxis, dilation: PerAxis = 1, padding: PerAxis = 0,
        stride: PerAxis = 1,
    ) -> None:  # fmt: skip
        self.output_size = output_size
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.fold(x, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )

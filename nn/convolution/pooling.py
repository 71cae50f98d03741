"""Pooling layers: each window of a sequence or an image becomes one number. They have no weights."""

from __future__ import annotations

from typing import Any

from tinygrad_lecture import Tensor

from .. import functional as F
from ..errors.axes import per_axis
from ..errors.made_first import MadeFirst
from ..functional.pooling import PerAxis, Sizes
from ..module import Module


class _MaxPool(MadeFirst, Module):
    def __init__(
        self, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0, dilation: PerAxis = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.ceil_mode, self.return_indices = ceil_mode, return_indices

    def _settings(self) -> tuple[Any, ...]:
        return self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The largest element of each window of a sequence; see `F.max_pool2d` for its settings.

    Shape: `(batch, channels, length) -> (batch, channels, places)`.
    """

    def forward(self, x: Tensor) -> Any:
        return F.max_pool1d(x, *self._settings())


class MaxPool2d(_MaxPool):
    """The largest element of each window of an image; see `F.max_pool2d` for its settings.

    Shape: `(batch, channels, height, width) -> (batch, channels, ...)`, also without the batch axis.
    """

    def forward(self, x: Tensor) -> Any:
        return F.max_pool2d(x, *self._settings())


class _AvgPool(MadeFirst, Module):
    def __init__(
        self, kernel_size: PerAxis, stride: PerAxis | None, padding: PerAxis, ceil_mode: bool, count_include_pad: bool
    ) -> None:
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    """The mean of each window of a sequence; see `F.avg_pool2d` for its settings.

    Shape: `(batch, channels, length) -> (batch, channels, places)`.
    """

    def __init__(
        self, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        stride = kernel_size if stride is None else stride
        settings = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
        size, stride, padding = (per_axis("AvgPool1d", name, value, 1, 0) for name, value in settings.items())
        super().__init__(size, stride, padding, ceil_mode, count_include_pad)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool1d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class AvgPool2d(_AvgPool):
    """The mean of each window of an image; see `F.avg_pool2d` for its settings.

    Shape: `(batch, channels, height, width) -> (batch, channels, ...)`, also without the batch axis.
    """

    def __init__(
        self, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip


# --- to a given size ----------------------------------------------------------------------------------------


class _AdaptiveAvgPool(MadeFirst, Module):
    def __init__(self, output_size: Sizes) -> None:
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveMaxPool(_AdaptiveAvgPool):
    def __init__(self, output_size: Sizes, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means over output_size parts of a sequence: `(batch, channels, length) -> (batch, channels, output_size)`."""

    def forward(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(x, self.output_size)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means over as many parts of an image as asked for; 1 gives the mean of each channel.

    Shape: `(batch, channels, height, width) -> (batch, channels, *output_size)`, also without the batch axis.
    `output_size`: an int for a square, or two; None keeps a size.
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(x, self.output_size)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Largest elements of output_size parts of a sequence; shapes are those of `AdaptiveAvgPool1d`."""

    def forward(self, x: Tensor) -> Any:
        return F.adaptive_max_pool1d(x, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Largest elements of as many parts of an image as asked for; shapes are those of `AdaptiveAvgPool2d`."""

    def forward(self, x: Tensor) -> Any:
        return F.adaptive_max_pool2d(x, self.output_size, self.return_indices)

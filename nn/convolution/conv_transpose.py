"""ConvTranspose1d and ConvTranspose2d: filters laid down at all places, which with a stride makes images larger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError

from .. import functional as F
from ..errors.axes import per_axis
from ..errors.checks import warn_of_float64
from ..functional.convolution import PerAxis
from .conv import Filters


class _ConvTranspose(Filters):
    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: PerAxis, stride: PerAxis = 1, padding: PerAxis = 0,
        output_padding: PerAxis = 0, groups: int = 1, bias: bool = True, dilation: PerAxis = 1,
        padding_mode: str = "zeros", device: str = "cpu", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, dilation, groups, bias, padding_mode, device, dtype
        )
        name = type(self).__name__
        self.padding = per_axis(name, "padding", padding, self.axes, least=0)
        self.output_padding = per_axis(name, "output_padding", output_padding, self.axes, least=0)

    def forward(self, x: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """`(batch, in_channels, *places) -> (batch, out_channels, *axes)`. Warns if float64 comes into float32.

        `output_size`: the sizes of the axes, where several are possible; the last numbers of a whole shape count.
        """
        more = self.output_padding if output_size is None else self._padding_for(x.shape, output_size)
        laid = F.conv_transpose1d if self.axes == 1 else F.conv_transpose2d
        y = laid(x, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation)
        warn_of_float64(type(self).__name__, y, self.weight)
        return y

    def _padding_for(self, shape: Sequence[int], output_size: Sequence[int]) -> tuple[int, ...]:
        """The output padding that gives this size. Raises ValueError if there is none."""
        settings = zip(shape[-self.axes :], self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, k, s, p, d in settings]
        wanted = list(output_size)[-self.axes :]
        more = tuple(m - n for m, n in zip(wanted, least, strict=True))
        if any(not 0 <= extra < s for extra, s in zip(more, self.stride, strict=True)):
            most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
            raise TensorError(f"output_size {tuple(wanted)} must be from {tuple(least)} to {tuple(most)} for {shape}")
        return more


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

"""Layers that put numbers around a sequence or an image: `F.pad`, with one width for all sides or one for each."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_lecture import Tensor

from .. import functional as F
from ..errors.made_first import MadeFirst
from ..module import Module


class _Pad(MadeFirst, Module):
    """padding: an int for all sides, or (left, right) of a sequence, (left, right, top, bottom) of an image."""

    axes: int
    mode = "constant"
    value = 0.0

    def __init__(self, padding: int | Sequence[int]) -> None:
        self.padding = (padding,) * (2 * self.axes) if isinstance(padding, int) else tuple(padding)
        if len(self.padding) != 2 * self.axes:
            raise ValueError(
                f"{type(self).__name__}: padding must be one int or {2 * self.axes}, a pair for each axis from the "
                f"last, not {padding}"
            )

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_Pad):
    """A sequence with zeros before and after it."""

    axes = 1


class ZeroPad2d(_Pad):
    """An image with zeros around it."""

    axes = 2


class ConstantPad1d(_Pad):
    """A sequence with `value` before and after it."""

    axes = 1

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad2d(ConstantPad1d):
    """An image with `value` around it."""

    axes = 2


class ReflectionPad1d(_Pad):
    """A sequence with its own numbers mirrored before and after it, without the edge: 2 1 | 0 1 2."""

    axes, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """An image with its own numbers mirrored around it, without the edge."""

    axes, mode = 2, "reflect"


class ReplicationPad1d(_Pad):
    """A sequence with its edge repeated before and after it: 0 0 | 0 1 2."""

    axes, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """An image with its edge repeated around it."""

    axes, mode = 2, "replicate"


class CircularPad1d(_Pad):
    """A sequence that continues with its other end: 1 2 | 0 1 2."""

    axes, mode = 1, "circular"


class CircularPad2d(_Pad):
    """An image that continues with its other side."""

    axes, mode = 2, "circular"

"""Convolutions of sequences and images, their transposes, and the windows that they see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError

from ..errors import PerAxis, as_batch, check_channels, for_axes, per_axis

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "fold", "unfold"]


def _conv(
    name: str, n: int, input: Tensor, weight: Tensor, bias: Tensor | None = None,
    stride: PerAxis = 1, padding: PerAxis | str = 0, dilation: PerAxis = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """The product of every filter with every window: `(batch, in, height, width) -> (batch, out, ...)`.

    conv1d is for sequences, `(batch, in, length)`, conv2d for images.

    - `input`: also without the batch axis; so is the output then.
    - `weight`: `(out, in / groups, *window)`, one filter for each output channel. `bias`: `(out,)` or None.
    - `stride`: from one window to the next. `dilation`: from one element of a window to the next.
    - `padding`: zeros around the input; "valid" for none, "same" for as many as keep its size, with a stride of 1.
    - `groups`: the channels are split into so many groups, and each filter sees those of its group.

    An axis of size n gets floor((n + 2 · padding - dilation · (window - 1) - 1) / stride) + 1 places. Each setting is
    an int, or a tuple with one for each axis. Raises ValueError for shapes that do not fit. (LeCun et al., Neural
    Computation 1(4), 1989.)
    """
    x, alone = as_batch(name, input, n)
    check_channels(name, x, weight.shape[1] * groups, f"a weight of shape {weight.shape}", alone)
    strides, dilations = per_axis(name, "stride", stride, n), per_axis(name, "dilation", dilation, n)
    pads = widths(name, padding, weight.shape[2:], strides, dilations)
    y = tl.convolution(x, weight, bias, stride=strides, padding=pads, dilation=dilations, groups=groups)
    return y[0] if alone else y


conv1d, conv2d = for_axes(1, _conv), for_axes(2, _conv)


def widths(
    name: str, padding: PerAxis | str, size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """The padding before and after each axis, from a number, numbers, "valid" or "same".

    Raises ValueError for another text, and for "same" with a stride other than 1.
    """
    if padding == "same":
        if any(s != 1 for s in stride):
            raise TensorError(f'{name}: padding="same" needs a stride of 1, not {tuple(stride)}; give numbers instead')
        wanted = [d * (k - 1) for k, d in zip(size, dilation, strict=True)]
        return tuple((total // 2, total - total // 2) for total in wanted)
    if isinstance(padding, str) and padding != "valid":
        raise TensorError(f'{name}: padding must be numbers, "valid" or "same", not {padding!r}')
    each = per_axis(name, "padding", 0 if padding == "valid" else padding, len(size), least=0)
    return tuple((p, p) for p in each)


# --- transposed ---------------------------------------------------------------------------------------------


def _conv_transpose(
    name: str, n: int, input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1,
    padding: PerAxis = 0, output_padding: PerAxis = 0, groups: int = 1, dilation: PerAxis = 1,
) -> Tensor:  # fmt: skip
    """The sum of filters at all places, each times the number there: with a stride, it makes images larger.

    `(batch, in, height, width) -> (batch, out, ...)`, also without the batch axis; conv_transpose1d is for sequences.
    It is the transpose of the convolution with the same settings, whose backward computes it.

    - `weight`: `(in, out / groups, *window)`, one filter for each input channel. `bias`: `(out,)` or None.
    - `padding`: that of the convolution, so it makes the output smaller.
    - `output_padding`: how much larger to make the output at its end, since with a stride several sizes are possible.

    n places give an axis of (n - 1) · stride - 2 · padding + dilation · (window - 1) + output_padding + 1.
    Raises ValueError for shapes that do not fit. (Dumoulin & Visin, arXiv:1603.07285.)
    """
    x, alone = as_batch(name, input, n)
    check_channels(name, x, weight.shape[0], f"a weight of shape {weight.shape}", alone)
    strides, dilations = per_axis(name, "stride", stride, n), per_axis(name, "dilation", dilation, n)
    pads = per_axis(name, "padding", padding, n, least=0)
    more = per_axis(name, "output_padding", output_padding, n, least=0)
    if any(extra >= max(s, d) for extra, s, d in zip(more, strides, dilations, strict=True)):
        raise TensorError(f"{name}: output_padding {output_padding} must be smaller than the stride or the dilation")
    sides = tuple((p, p - extra) for p, extra in zip(pads, more, strict=True))
    y = tl.transposed_convolution(x, weight, bias, stride=strides, padding=sides, dilation=dilations, groups=groups)
    return y[0] if alone else y


conv_transpose1d, conv_transpose2d = for_axes(1, _conv_transpose), for_axes(2, _conv_transpose)


# --- windows ------------------------------------------------------------------------------------------------


def unfold(
    input: Tensor, kernel_size: PerAxis, dilation: PerAxis = 1, padding: PerAxis = 0, stride: PerAxis = 1
) -> Tensor:
    """The windows of images as columns: `(batch, channels, height, width) -> (batch, channels · window, places)`.

    Also without the batch axis. A convolution is a matrix product with them. Raises ValueError for windows that do not
    fit.
    """
    x, alone = as_batch("unfold", input, 2)
    size, settings = _grid("unfold", kernel_size, stride, padding, dilation)
    columns: Tensor = tl.windows(x, size, **settings).flatten(4).flatten(1, 3)  # of (batch, channels, *size, *places)
    return columns[0] if alone else columns


def fold(
    input: Tensor, output_size: PerAxis, kernel_size: PerAxis,
    dilation: PerAxis = 1, padding: PerAxis = 0, stride: PerAxis = 1,
) -> Tensor:  # fmt: skip
    """The sum of overlapping windows, the transpose of `unfold`: `(batch, channels · window, places) -> images`.

    Also without the batch axis. `output_size`: height and width of the images. Raises ValueError unless there is a
    column for each place.
    """
    x, alone = as_batch("fold", input, 1)
    shape = per_axis("fold", "output_size", output_size, 2)
    size, settings = _grid("fold", kernel_size, stride, padding, dilation)
    window, places = size[0] * size[1], tl.windows(tl.zeros(shape), size, **settings).shape[2:]
    if x.shape[1] % window or x.shape[2] != places[0] * places[1]:
        raise TensorError(
            f"fold: windows of {size} on images of {shape} need an input (batch, channels · {window}, "
            f"{places[0] * places[1]}), not {input.shape}"
        )
    images: Tensor = tl.overlap_add(x.reshape(len(x), x.shape[1] // window, *size, *places), shape, **settings)
    return images[0] if alone else images


def _grid(
    name: str, kernel_size: PerAxis, stride: PerAxis, padding: PerAxis, dilation: PerAxis
) -> tuple[tuple[int, ...], dict[str, Any]]:
    """The size of windows, and how they lie on an image."""
    least = {"stride": (stride, 1), "padding": (padding, 0), "dilation": (dilation, 1)}
    settings = {key: per_axis(name, key, value, 2, n) for key, (value, n) in least.items()}
    return per_axis(name, "kernel_size", kernel_size, 2), settings

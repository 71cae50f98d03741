"""Pooling: each window of a sequence or an image becomes one number, its largest element or its mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError
from tinygrad_lecture.ops.windowed import max_pool_indices

from ..errors import PerAxis, as_batch, for_axes, per_axis

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d", "avg_pool1d",
    "avg_pool2d", "max_pool1d", "max_pool2d",
]  # fmt: skip

Sizes = int | None | Sequence[int | None]


def _max_pool(
    name: str, n: int, input: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window: `(batch, channels, height, width) -> (batch, channels, ...)`.

    max_pool1d is for sequences, `(batch, channels, length)`; both also without the batch axis. The first of equal
    elements gets the whole gradient.

    - `stride`: from one window to the next, by default the window's size. `dilation`: between its elements.
    - `padding`: how far windows reach beyond the input, at most half of their size; it is never the largest.
    - `ceil_mode`: whether a last window may reach further.
    - `return_indices`: return a pair, the elements and where each is in its image, counted row by row, int64.

    Raises ValueError for windows that do not fit.
    """
    x, alone = as_batch(name, input, n)
    size, strides, pads = _window(name, n, kernel_size, stride, padding)
    dilations = per_axis(name, "dilation", dilation, n)
    sides = _sides(x.shape[2:], size, strides, pads, dilations, ceil_mode)
    grid: Any = {"stride": strides, "padding": sides, "dilation": dilations}
    found = [tl.max_pool(x, size, **grid), *([max_pool_indices(x, size, **grid)] if return_indices else [])]
    y, *indices = (each[0] for each in found) if alone else found
    return (y, *indices) if indices else y


max_pool1d, max_pool2d = for_axes(1, _max_pool), for_axes(2, _max_pool)


def _avg_pool(
    name: str, n: int, input: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window: `(batch, channels, height, width) -> (batch, channels, ...)`.

    avg_pool1d is for sequences; both also without the batch axis. `kernel_size`, `stride`, `padding` and `ceil_mode`
    are those of `max_pool2d`.

    - `count_include_pad`: whether the zeros of the padding count for the mean.
    - `divisor_override`: a number to divide each window's sum by, instead of by how many elements it has.

    Means of integers are rounded towards 0, to integers. Raises ValueError for windows that do not fit.
    """
    if divisor_override == 0:
        raise TensorError(f"{name}: divisor_override must not be 0")
    x, alone = as_batch(name, input, n)
    size, strides, pads = _window(name, n, kernel_size, stride, padding)
    sides = _sides(x.shape[2:], size, strides, pads, (1,) * n, ceil_mode)
    totals = tl.windows(x, size, stride=strides, padding=sides).sum(tuple(range(2, 2 + n)))  # over a window's elements
    counts: Any = divisor_override or math.prod(size)
    if divisor_override is None and any(before or after for before, after in sides):
        ones = tl.ones(x.shape[2:], dtype=x.dtype, device=x.device)
        if count_include_pad:  # but nothing beyond the padding counts, where a last window reaches further
            ones, sides = tl.pad(ones, [(p, p) for p in pads], value=1), tuple((0, b - a) for a, b in sides)
        counts = tl.windows(ones, size, stride=strides, padding=sides).sum(tuple(range(n)))
    y: Tensor = tl.div(totals, counts, rounding_mode=None if x.is_floating_point() else "trunc")
    return y[0] if alone else y


avg_pool1d, avg_pool2d = for_axes(1, _avg_pool), for_axes(2, _avg_pool)


# --- pooling to a given size --------------------------------------------------------------------------------


def _adaptive_avg_pool(name: str, n: int, input: Tensor, output_size: Sizes) -> Tensor:
    """Means over as many parts as asked for: `(batch, channels, height, width) -> (batch, channels, *output_size)`.

    adaptive_avg_pool1d is for sequences; both also without the batch axis. `output_size`: an int for a square, or two;
    None keeps a size. Part i of m of an axis of size n is from floor(i · n / m) to ceil((i + 1) · n / m) - 1.
    """
    x, alone = as_batch(name, input, n)
    sizes = _sizes(name, x.shape[2:], output_size)
    if all(size % m == 0 for size, m in zip(x.shape[2:], sizes, strict=True)):  # parts of equal size
        split = [k for size, m in zip(x.shape[2:], sizes, strict=True) for k in (m, size // m)]
        x = tl.mean(x.reshape(*x.shape[:2], *split), tuple(range(3, 3 + 2 * n, 2)))  # (batch, channels, m, k, m, k)
        return x[0] if alone else x
    for axis, m in zip(range(2, 2 + n), sizes, strict=True):
        weights = np.zeros((m, x.shape[axis]))
        for i, (start, stop) in enumerate(_parts(x.shape[axis], m)):
            weights[i, start:stop] = 1 / (stop - start)
        mean = tl.tensor(weights, dtype=x.dtype, device=x.device)  # (m, n): a matrix that takes the mean of each part
        x = mean @ x if axis < x.ndim - 1 else x @ mean.T
    return x[0] if alone else x


def _adaptive_max_pool(name: str, n: int, input: Tensor, output_size: Sizes, return_indices: bool = False) -> Tensor:
    """The largest elements of as many parts as asked for; shapes and parts are those of `adaptive_avg_pool2d`.

    Of equal elements the first gets the whole gradient. Raises ValueError for return_indices, which is not here.
    """
    if return_indices:
        raise TensorError(f"{name}: return_indices is not here; max_pool{n}d has it")
    x, alone = as_batch(name, input, n)
    sizes = _sizes(name, x.shape[2:], output_size)
    longest = []
    for axis, m in zip(range(2, 2 + n), sizes, strict=True):
        parts = _parts(x.shape[axis], m)
        longest.append(max(stop - start for start, stop in parts))
        if x.shape[axis] % m:  # repeat the last element of the shorter parts
            places = [min(start + i, stop - 1) for start, stop in parts for i in range(longest[-1])]
            x = tl.take(x, places, axis)
    y: Tensor = tl.max_pool(x, tuple(longest), stride=tuple(longest))
    return y[0] if alone else y


adaptive_avg_pool1d, adaptive_avg_pool2d = for_axes(1, _adaptive_avg_pool), for_axes(2, _adaptive_avg_pool)
adaptive_max_pool1d, adaptive_max_pool2d = for_axes(1, _adaptive_max_pool), for_axes(2, _adaptive_max_pool)


def _parts(n: int, m: int) -> list[tuple[int, int]]:
    """Where each of m parts of an axis of size n starts and stops."""
    return [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]


def _sizes(name: str, shape: Sequence[int], output_size: Sizes) -> tuple[int, ...]:
    """The size asked for on each axis."""
    asked = (output_size,) * len(shape) if output_size is None or isinstance(output_size, int) else tuple(output_size)
    kept = tuple(n if m is None else m for n, m in zip(shape, asked, strict=False))
    return per_axis(name, "output_size", kept if len(asked) == len(shape) else asked, len(shape))


# --- settings -----------------------------------------------------------------------------------------------


def _window(
    name: str, n: int, kernel_size: PerAxis, stride: PerAxis | None, padding: PerAxis
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The size, stride and padding of windows for each axis. Raises ValueError for more padding than half a window."""
    size = per_axis(name, "kernel_size", kernel_size, n)
    strides = size if stride is None or stride == [] else per_axis(name, "stride", stride, n)
    pads = per_axis(name, "padding", padding, n, least=0)
    if any(2 * p > k for p, k in zip(pads, size, strict=True)):
        raise TensorError(f"{name}: padding {padding} must be at most half of the window's size, {kernel_size}")
    return size, strides, pads


def _sides(
    shape: Sequence[int], size: Sequence[int], stride: Sequence[int], pads: Sequence[int], dilation: Sequence[int],
    ceil_mode: bool,
) -> tuple[tuple[int, int], ...]:  # fmt: skip
    """The padding before and after each axis; with ceil_mode, after it as much as a last window needs that starts
    within the axis or the padding before it."""
    sides = []
    for n, k, s, p, d in zip(shape, size, stride, pads, dilation, strict=True):
        long = d * (k - 1) + 1
        more = -(n + 2 * p - long) % s if ceil_mode else 0
        last = n + p + more - long  # where the last window starts
        sides.append((p, p + more if last < n else p))
    return tuple(sides)

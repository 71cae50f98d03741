"""Sequences and images: convolutions, pooling, the windows that both see, other sizes, and numbers around them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import DtypeError, TensorError, brief

from ..errors import check_tensor

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "conv1d", "conv2d", "conv_transpose1d",
    "conv_transpose2d", "interpolate", "max_pool1d", "max_pool2d", "pad", "pixel_shuffle", "unfold",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")
PerAxis = int | Sequence[int]
Sizes = int | None | Sequence[int | None]
LAYOUTS = {1: "(batch, channels, length)", 2: "(batch, channels, height, width)"}


def for_axes(n: int, function: Callable[Concatenate[str, int, P], R]) -> Callable[P, R]:
    """A function of its name and of n, with both given: 1 makes _conv conv1d, for sequences, 2 conv2d, for images."""
    name = f"{function.__name__.strip('_')}{n}d"

    def made(*args: P.args, **settings: P.kwargs) -> R:
        return function(name, n, *args, **settings)

    made.__name__, made.__qualname__, made.__doc__ = name, name, function.__doc__
    made.__module__, whole = function.__module__, inspect.signature(function)
    vars(made)["__signature__"] = whole.replace(parameters=list(whole.parameters.values())[2:])
    return made


def per_axis(name: str, what: str, value: Any, n: int, least: int = 1) -> tuple[int, ...]:
    """A setting as one int for each of n axes, from an int for all or a tuple.

    Raises TypeError for anything else, ValueError for another number of ints or one below `least`.
    """
    sizes = (value,) * n if hasattr(value, "__index__") else value
    if not isinstance(sizes, Sequence) or isinstance(sizes, str) or not all(hasattr(k, "__index__") for k in sizes):
        raise TypeError(f"{name}: {what} must be an int, or a tuple of {n}, not {brief(value)}")
    found = tuple(map(int, sizes)) * (n if len(sizes) == 1 else 1)
    if len(found) != n:
        raise TensorError(f"{name}: {what} {value} must be one int, or one for each of {n} axes")
    if min(found) < least:
        raise TensorError(f"{name}: {what} must be at least {least}, not {value}")
    return found


def as_batch(name: str, input: Any, n: int) -> tuple[Tensor, bool]:
    """(the input with a batch axis, whether it had none), for images or sequences of n axes.

    Raises TypeError unless it is a Tensor, ValueError for another number of axes.
    """
    check_tensor(name, "input", input)
    if input.ndim == n + 1:
        return input[None], True
    if input.ndim != n + 2:
        remedy = ""
        side = math.isqrt(input.shape[1]) if input.ndim == n == 2 else 0
        if side and side**2 == input.shape[1]:
            remedy = f"; write x.reshape(len(x), 1, {side}, {side})"
        elif input.ndim == n:
            remedy = "; write x.unsqueeze(0) for its one channel"
        raise TensorError(f"{name}: input must be {LAYOUTS[n]}, or one without batch, not {input.shape}{remedy}")
    return input, False


def check_channels(name: str, input: Tensor, wanted: int, whose: str, alone: bool = False) -> None:
    """Raises ValueError unless axis 1 of the input has so many channels.

    whose: what wants them, for the message.  alone: whether the input was given without the batch axis.
    """
    if input.shape[1] == wanted:
        return
    shape = input.shape[1:] if alone else input.shape
    remedy = ""
    if alone and wanted == 1:
        remedy = "; to make its first axis the batch, write x.unsqueeze(1)"
    elif input.shape[-1] == wanted:
        *others, last = range(len(shape))
        order = [last, *others] if alone else [0, last, *others[1:]]
        remedy = f"; the channels come before the other axes: write x.permute({', '.join(map(str, order))})"
    count = f"{wanted} channel{'s' * (wanted != 1)}"
    raise TensorError(f"{name}: {whose} wants {count}, got {input.shape[1]} in an input of {shape}{remedy}")


# --- convolution --------------------------------------------------------------------------------------------


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


def _grid(
    name: str, kernel_size: PerAxis, stride: PerAxis, padding: PerAxis, dilation: PerAxis
) -> tuple[tuple[int, ...], dict[str, Any]]:
    """The size of windows, and how they lie on an image."""
    least = {"stride": (stride, 1), "padding": (padding, 0), "dilation": (dilation, 1)}
    settings = {key: per_axis(name, key, value, 2, n) for key, (value, n) in least.items()}
    return per_axis(name, "kernel_size", kernel_size, 2), settings


# --- pooling: each window becomes one number, its largest element or its mean -------------------------------


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

    Raises ValueError for windows that do not fit, NotImplementedError for return_indices.
    """
    if return_indices:
        raise NotImplementedError(f"{name}: return_indices is not here; places are not kept")
    x, alone = as_batch(name, input, n)
    size, strides, pads = _window(name, n, kernel_size, stride, padding)
    dilations = per_axis(name, "dilation", dilation, n)
    sides = _sides(x.shape[2:], size, strides, pads, dilations, ceil_mode)
    y: Tensor = tl.max_pool(x, size, stride=strides, padding=sides, dilation=dilations)
    return y[0] if alone else y


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


adaptive_avg_pool1d, adaptive_avg_pool2d = for_axes(1, _adaptive_avg_pool), for_axes(2, _adaptive_avg_pool)


def _parts(n: int, m: int) -> list[tuple[int, int]]:
    """Where each of m parts of an axis of size n starts and stops."""
    return [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]


def _sizes(name: str, shape: Sequence[int], output_size: Sizes) -> tuple[int, ...]:
    """The size asked for on each axis."""
    asked = (output_size,) * len(shape) if output_size is None or isinstance(output_size, int) else tuple(output_size)
    kept = tuple(n if m is None else m for n, m in zip(shape, asked, strict=False))
    return per_axis(name, "output_size", kept if len(asked) == len(shape) else asked, len(shape))


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


# --- other sizes: by interpolation, by channels that become pixels ------------------------------------------

_AXES = {"nearest": (1, 2), "linear": (1,), "bilinear": (2,)}  # a mode, and of how many axes


def interpolate(
    input: Tensor, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest", align_corners: bool | None = None,
) -> Tensor:  # fmt: skip
    """Sequences or images in another size, each new element the nearest old one or, in linear modes, between two.

    `(batch, channels, *axes) -> (batch, channels, *size)`. Give the new `size`, or by how much to multiply the old one,
    `scale_factor`.

    - `mode`: "nearest"; "linear" for sequences; "bilinear" for images, which is linear along both axes.
    - `align_corners`: of linear modes: the first and last elements stay where they are, so that place i of m is
      i (n - 1) / (m - 1) of n. By default the outer edges stay, and it is (i + 1/2) n / m - 1/2.

    Raises NotImplementedError for another mode, ValueError unless one of size and scale_factor is given, for another
    number of axes, and for align_corners in the mode "nearest"; TypeError for integers in a linear mode.
    """
    if mode not in _AXES:
        raise NotImplementedError(f'interpolate: mode {mode!r} is not here; use "nearest", "linear" or "bilinear"')
    n = input.ndim - 2
    if n not in _AXES[mode]:
        layouts = " or ".join(LAYOUTS[k] for k in _AXES[mode])
        raise TensorError(f"interpolate: in mode {mode!r} the input must be {layouts}, not {input.shape}")
    if (size is None) == (scale_factor is None):
        raise TensorError("interpolate: give either size or scale_factor")
    if mode == "nearest" and align_corners is not None:
        raise TensorError('interpolate: align_corners is for the modes "linear" and "bilinear"; leave it out')
    for axis, old in enumerate(input.shape[2:]):
        if size is not None:
            new = per_axis("interpolate", "size", size, n)[axis]
            ratio = old / new
        else:
            scale: Any = scale_factor[axis] if isinstance(scale_factor, Sequence) else scale_factor
            new = int(old * scale)
            if new < 1:
                raise TensorError(f"interpolate: scale_factor {scale} leaves nothing of axis {axis + 2}, of size {old}")
            ratio = 1 / scale
        if mode == "nearest":
            input = tl.take(input, np.minimum((np.arange(new) * ratio).astype(int), old - 1), axis + 2)
        elif align_corners:
            input = _between(input, np.arange(new) * ((old - 1) / max(new - 1, 1)), axis + 2)
        else:
            input = _between(input, np.maximum((np.arange(new) + 0.5) * ratio - 0.5, 0), axis + 2)
    return input


def _between(x: Tensor, places: np.ndarray[Any, Any], axis: int) -> Tensor:
    """x along an axis at places between its elements: the mean of both neighbours, the nearer one weighing more."""
    if x.dtype.kind != "f":
        raise DtypeError(f"interpolate: between elements there are floats, not {x.dtype}; convert with .float()")
    before = np.minimum(places.astype(int), x.shape[axis] - 1)
    after = np.minimum(before + 1, x.shape[axis] - 1)
    share = tl.tensor(places - before, dtype=x.dtype, device=x.device).reshape(-1, *[1] * (x.ndim - 1 - axis))
    return tl.take(x, before, axis) * (1 - share) + tl.take(x, after, axis) * share  # type: ignore[no-any-return]


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Images r times as large, from r² channels each: `(..., c · r², h, w) -> (..., c, h · r, w · r)`.

    r is `upscale_factor`. Raises ValueError unless r² divides the channels. (Shi et al., arXiv:1609.05158.)
    """
    r, (*batch, channels, height, width) = upscale_factor, input.shape
    if channels % r**2:
        raise TensorError(f"pixel_shuffle: {r}² must divide the channels of an input of shape {input.shape}")
    x: Tensor = input.reshape(*batch, channels // r**2, r, r, height, width)
    x = tl.moveaxis(x, (-4, -3), (-3, -1))  # (..., channels, height, r, width, r)
    return x.reshape(*batch, channels // r**2, height * r, width * r)


# --- padding -------------------------------------------------------------------------------------------------


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    """The input with `value` around it or, by another mode, with numbers of its own.

    `mode`: "constant"; "reflect" mirrors without repeating the edge (2 1 | 0 1 2), "replicate" repeats the edge
    (0 0 | 0 1 2), "circular" continues from the other side (1 2 | 0 1 2).
    `pad` is (left, right, top, bottom, ...): a pair of widths per axis, starting from the last axis; negative widths
    crop. (`tl.pad` takes NumPy's order, a pair per axis starting from the first.)

    Raises TypeError for a single width, ValueError for an odd number of widths, too many pairs, cropping more than
    there is, another mode, and for widths that need more numbers than an axis has.
    """
    if mode not in ("constant", *_PLACES):
        raise TensorError(f'pad: mode must be "constant", "reflect", "replicate" or "circular", not {mode!r}')
    if isinstance(pad, int):
        raise TypeError(f"pad: give (before, after) pairs, as in pad(x, ({pad}, {pad})) for the last axis, not {pad}")
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise TensorError(f"pad: {tuple(pad)} must be (before, after) pairs, one per axis at most of {input.shape}")
    pairs = [(0, 0)] * (input.ndim - len(pad) // 2) + list(zip(pad[-2::-2], pad[-1::-2], strict=True))
    if any(n + min(before, 0) + min(after, 0) < 0 for n, (before, after) in zip(input.shape, pairs, strict=True)):
        raise TensorError(f"pad: {tuple(pad)} cuts off more than an input of shape {input.shape} has")
    if mode in ("constant", "circular"):  # crop first
        input = input[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(input.shape, pairs, strict=True))]
        pairs = [(max(a, 0), max(b, 0)) for a, b in pairs]
    if mode != "constant":
        for axis, (before, after) in enumerate(pairs):
            if before or after:
                input = tl.take(input, _places(input.shape[axis], before, after, mode), axis)
        return input
    return tl.pad(input, pairs, value=value)


# the place that a place outside of an axis of n elements stands for
_PLACES: dict[str, Callable[[Any, int], Any]] = {
    "reflect": lambda places, n: n - 1 - abs(n - 1 - abs(places)),
    "replicate": lambda places, n: places.clip(0, n - 1),
    "circular": lambda places, n: places % n,
}


def _places(n: int, before: int, after: int, mode: str) -> Any:
    """The places along an axis of n elements, padded by `before` and `after`. Raises ValueError if n is too small."""
    most = {"reflect": n - 1, "replicate": math.inf if n else 0, "circular": n}[mode]
    if max(before, after) > most:
        raise TensorError(f'pad: mode "{mode}" can add at most {most} on each side of an axis of size {n}')
    return _PLACES[mode](np.arange(-before, n + after), n)

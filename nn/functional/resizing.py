"""Sequences and images in other sizes: by interpolation, by channels that become pixels, by numbers around them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import DtypeError, TensorError

from ..errors import LAYOUTS, per_axis

__all__ = ["interpolate", "pad", "pixel_shuffle", "pixel_unshuffle"]


_AXES = {"nearest": (1, 2), "linear": (1,), "bilinear": (2,)}  # a mode, and of how many axes


def interpolate(
    input: Tensor, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest", align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
) -> Tensor:  # fmt: skip
    """Sequences or images in another size, each new element the nearest old one or, in linear modes, between two.

    `(batch, channels, *axes) -> (batch, channels, *size)`. Give the new `size`, or by how much to multiply the old one,
    `scale_factor`; with `recompute_scale_factor` the result's whole size decides where it looks.

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
            ratio = old / new if recompute_scale_factor else 1 / scale
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


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """The inverse of `pixel_shuffle`: `(..., c, h · r, w · r) -> (..., c · r², h, w)`. r is `downscale_factor`."""
    r, (*batch, channels, height, width) = downscale_factor, input.shape
    if height % r or width % r:
        raise TensorError(f"pixel_unshuffle: {r} must divide height and width of an input of shape {input.shape}")
    x: Tensor = input.reshape(*batch, channels, height // r, r, width // r, r)
    x = tl.moveaxis(x, (-3, -1), (-4, -3))  # (..., channels, r, r, height, width)
    return x.reshape(*batch, channels * r**2, height // r, width // r)


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

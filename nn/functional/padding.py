"""Padding, with PyTorch's order of widths."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError

__all__ = ["pad"]


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
        raise TensorError(
            f"pad: {tuple(pad)} must be (before, after) pairs, at most one per axis of an input of shape {input.shape}"
        )
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

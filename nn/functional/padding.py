"""Padding, with PyTorch's order of widths."""

from __future__ import annotations

from collections.abc import Sequence

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    """The input with `value` around it.

    `pad` is (left, right, top, bottom, ...): a pair of widths per axis, starting from the last axis; negative widths
    crop. (`tl.pad` takes NumPy's order, a pair per axis starting from the first.)

    Raises TypeError for a single width, ValueError for an odd number of widths, too many pairs, cropping more than
    there is, or a mode other than "constant".
    """
    if mode != "constant":
        raise ValueError(f'pad: mode must be "constant", not {mode!r}')
    if isinstance(pad, int):
        raise TypeError(f"pad: give (before, after) pairs, as in pad(x, ({pad}, {pad})) for the last axis, not {pad}")
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise ValueError(
            f"pad: {tuple(pad)} must be (before, after) pairs, at most one per axis of an input of shape {input.shape}"
        )
    pairs = [(0, 0)] * (input.ndim - len(pad) // 2) + list(zip(pad[-2::-2], pad[-1::-2], strict=True))
    if any(n + min(before, 0) + min(after, 0) < 0 for n, (before, after) in zip(input.shape, pairs, strict=True)):
        raise ValueError(f"pad: {tuple(pad)} cuts off more than an input of shape {input.shape} has")
    inner = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(input.shape, pairs, strict=True))
    return tl.pad(input[inner], [(max(a, 0), max(b, 0)) for a, b in pairs], value=value)

"""Axes of images and sequences, shared by convolutions, pooling and their relatives: checks, and settings per axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError
from tinygrad_lecture.errors.users_line import hide_frames
from tinygrad_lecture.errors.words import shown

from .checks import check_tensor

LAYOUTS = {1: "(batch, channels, length)", 2: "(batch, channels, height, width)"}


def per_axis(name: str, what: str, value: Any, n: int, least: int = 1) -> tuple[int, ...]:
    """A setting as one int for each of n axes, from an int for all or a tuple.

    Raises TypeError for anything else, ValueError for another number of ints or one below `least`.
    """
    sizes = (value,) * n if hasattr(value, "__index__") else value
    if not isinstance(sizes, Sequence) or isinstance(sizes, str) or not all(hasattr(k, "__index__") for k in sizes):
        hide_frames()
        raise TypeError(f"{name}: {what} must be an int, or a tuple of {n}, not {shown(value)}")
    found = tuple(map(int, sizes)) * (n if len(sizes) == 1 else 1)
    if len(found) != n:
        hide_frames()
        raise TensorError(f"{name}: {what} {value} must be one int, or one for each of {n} axes")
    if min(found) < least:
        hide_frames()
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
        hide_frames()
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
        batch, *others = range(len(shape) - 1) if not alone else (None, *range(len(shape) - 1))
        order = [len(shape) - 1, *others] if batch is None else [batch, len(shape) - 1, *others]
        remedy = f"; the channels come before the other axes: write x.permute({', '.join(map(str, order))})"
    count = f"{wanted} channel{'s' * (wanted != 1)}"
    hide_frames()
    raise TensorError(f"{name}: {whose} wants {count}, got {input.shape[1]} in an input of {shape}{remedy}")

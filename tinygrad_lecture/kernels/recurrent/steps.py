"""The steps of a batch of sequences: which rows belong to each, the state before each, and the gates' activations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ...backend import Array, DType, xp


def steps(sizes: Sequence[int], reverse: bool = False) -> list[slice]:
    """The rows of each step, in the order in which a network goes through them: backwards with `reverse`.

    sizes: how many sequences reach each step; they are sorted, the longest first.
    """
    found = [slice(end - n, end) for n, end in zip(sizes, accumulate(sizes), strict=True)]
    return found[::-1] if reverse else found


def before(after: Array, state: Array, sizes: Sequence[int], reverse: bool) -> Array:
    """The state before each step, (rows, k), from those after each step, (rows, k), and the first, (batch, k)."""
    found, state = xp(after).empty_like(after), state.astype(after.dtype)
    for rows in steps(sizes, reverse):
        n = rows.stop - rows.start
        found[rows] = state[:n]
        state[:n] = after[rows]
    return found


def common_dtype(*arrays: Array | None) -> DType:
    """The dtype of a result of arrays, of which some may be None."""
    return np.result_type(*(array.dtype for array in arrays if array is not None))


def needed(gradients: Sequence[Any], needs: Sequence[bool]) -> tuple[Any, ...]:
    """The gradients, with None where none is needed; an optional input that was left out has no place in `needs`."""
    return tuple(g if need else None for g, need in zip(gradients, needs, strict=False))


def sigmoid_(x: Array) -> Array:
    """The sigmoid of x, in place: exp(x) / (exp(x) + 1), without overflow."""
    lib = xp(x)
    lib.minimum(x, _LARGEST_EXPONENT.get(x.dtype, 709.0), out=x)
    lib.exp(x, out=x)
    x /= x + 1
    return x


_LARGEST_EXPONENT = {np.dtype(np.float32): 88.0}

"""Kernels for ops/windowed/pooling.py: the largest element of each window and its place, without a copy of windows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backend import Array, DType, Shape, xp
from .fused import Needs
from .select import where
from .windows import Each, Grid, Padding


def max_pool(x: Array, size: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1) -> Array:
    lib, grid = xp(x), pooling_grid(x, size, stride, padding, dilation)
    out = lib.full((*x.shape[: x.ndim - len(size)], *grid.places), lowest(x.dtype), x.dtype)
    for _, inside, there in grid.meetings():
        part = out[there]
        lib.maximum(part, x[inside], out=part)
    return out


def max_pool_backward(
    g: Array,
    needs: Needs,
    x: Array,
    out: Array,
    size: Shape,
    stride: Each = 1,
    padding: Padding = 0,
    dilation: Each = 1,
) -> tuple[Any, ...]:
    grid = pooling_grid(x, size, stride, padding, dilation)
    dx = xp(x).zeros(x.shape, g.dtype)
    for found, inside, there in _firsts(x, out, grid):
        target = dx[inside]
        target += where(found, g[there], 0)
    return (dx,)


def max_pool_indices(x: Array, size: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1) -> Array:
    lib, grid = xp(x), pooling_grid(x, size, stride, padding, dilation)
    out = max_pool(x, size, stride, padding, dilation)
    indices = lib.zeros(out.shape, np.int64)
    numbers = lib.arange(math.prod(grid.shape)).reshape(grid.shape)
    for found, inside, there in _firsts(x, out, grid):
        target = indices[there]
        target += where(found, numbers[inside], 0)
    return indices


def _firsts(x: Array, out: Array, grid: Grid) -> Iterator[tuple[Array, Any, Any]]:
    """For each element of a window: of which windows it is the first that equals the largest, its index of the array,
    and that of the places."""
    left = xp(x).ones(out.shape, bool)  # the windows whose largest is to be found
    for _, inside, there in grid.meetings():
        seen, rest = x[inside], left[there]
        found = rest & ((seen == out[there]) | (seen != seen))  # the second for nan, which is the largest and not equal
        yield found, inside, there
        rest ^= found


def lowest(dtype: DType) -> float:
    """The number that none of a dtype is below."""
    return -math.inf if dtype.kind == "f" else int(np.iinfo(dtype).min)


def pooling_grid(x: Array, size: Shape, stride: Each, padding: Padding, dilation: Each) -> Grid:
    """The grid on the last axes of x. Raises ValueError if x has fewer axes than a window."""
    if x.ndim < len(size):
        raise ValueError(f"a window of {size} needs an input of {len(size)} axes or more, not of shape {x.shape}")
    return Grid(x.shape[x.ndim - len(size) :], size, stride, padding, dilation)

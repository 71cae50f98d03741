"""Kernels for ops/windowed/pooling.py: the largest element of each window, without a copy of the windows."""

from __future__ import annotations

import math
from typing import Any

from ..backend import Array, Shape, xp
from .fused import Needs
from .select import where
from .windows import Each, Grid, Padding


def max_pool(x: Array, size: Shape, stride: Each = 1, padding: Padding = 0, dilation: Each = 1) -> Array:
    lib, grid = xp(x), pooling_grid(x, size, stride, padding, dilation)
    out = lib.full((*x.shape[: x.ndim - len(size)], *grid.places), -math.inf, x.dtype)
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
    lib, grid = xp(x), pooling_grid(x, size, stride, padding, dilation)
    dx, left = lib.zeros(x.shape, g.dtype), lib.ones(out.shape, bool)  # left: the windows whose largest is to be found
    for _, inside, there in grid.meetings():
        seen, target, rest = x[inside], dx[inside], left[there]
        found = rest & ((seen == out[there]) | (seen != seen))  # the second for nan, which is the largest and not equal
        target += where(found, g[there], 0)
        rest ^= found
    return (dx,)


def pooling_grid(x: Array, size: Shape, stride: Each, padding: Padding, dilation: Each) -> Grid:
    """The grid on the last axes of x. Raises ValueError if x has fewer axes than a window."""
    if x.ndim < len(size):
        raise ValueError(f"a window of {size} needs an input of {len(size)} axes or more, not of shape {x.shape}")
    return Grid(x.shape[x.ndim - len(size) :], size, stride, padding, dilation)

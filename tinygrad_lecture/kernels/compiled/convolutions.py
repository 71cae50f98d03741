"""Convolutions of float32 in chunks of images that threads share: each image's columns are multiplied in the cache."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...backend import Array
from .. import blas
from ..threads import PIECE
from .compiling import Task, inlined, loop
from .pool import carray, pointer, pool, share
from .products import PLAIN, ROW_MAJOR, SGEMM, TRANSPOSED, call_sgemm, one, zero

if TYPE_CHECKING:
    from ..windows import Grid

CHUNKS = 8
CONVOLVE, LAY_FILTERS, FILTER_GRADIENT = range(3)
AXES = "shape_y size_y places_y stride_y dilation_y padding_y shape_x size_x places_x stride_x dilation_x padding_x"
JOB = np.dtype(
    [(name, np.int64) for name in f"kind sgemm wide narrow filters batch groups channels out band bands {AXES}".split()]
)


def compute(kind: int, wide: Array, narrow: Array, filters: Array, grid: Grid, groups: int) -> None:
    """Write one of the arrays of a convolution from the others, as the functions in windows.py of the kinds' names do.

    wide: (batch, channels, *shape), of zeros to lay filters.  narrow: (batch, out, *places).
    filters: (out, channels / groups, *size); for their gradient zeros, CHUNKS times as many, of which the sum is meant.
    """
    axes = [(1, 1, 1, 1, 1, 0)] * (2 - len(grid.shape))  # a row is an image one high
    padding = [before for before, _ in grid.padding]
    axes += zip(grid.shape, grid.size, grid.places, grid.stride, grid.dilation, padding, strict=True)
    channels, out, (_, _, rows, *_) = wide.shape[1] // groups, narrow.shape[1] // groups, axes[0]
    one_row = channels * math.prod(grid.size) * axes[1][2]
    band = min(max(2 * PIECE // one_row, 1), rows)
    job = np.array(
        (
            kind, SGEMM, wide.ctypes.data, narrow.ctypes.data, filters.ctypes.data, len(wide), groups, channels, out,
            band, -(-rows // band), *axes[0], *axes[1],
        ),
        JOB,
    )  # fmt: skip
    with blas.one_thread:
        _compute(pool(), convolution.address, job.reshape(1))


@loop
def _compute(pool: int, function: int, job: Array) -> None:
    share(pool, function, job.ctypes.data, CHUNKS)


@Task
def convolution(job: int, chunk: int) -> None:
    """Some images, of each some rows of places at a time."""
    n = carray(pointer(job), 1, JOB)[0]
    places, window = n.places_y * n.places_x, n.channels * n.size_y * n.size_x
    columns = np.empty(window * n.band * n.places_x, np.float32)
    images = -(-n.batch // CHUNKS)
    for item in range(chunk * images * n.bands, min((chunk + 1) * images, n.batch) * n.bands):
        image, start = item // n.bands, item % n.bands * n.band
        rows = min(n.band, n.places_y - start)
        found = columns[: window * rows * n.places_x].reshape((n.channels, n.size_y, n.size_x, rows, n.places_x))
        to, m = found.ctypes.data, rows * n.places_x
        for group in range(n.groups):
            at = image * n.groups + group
            pixels = n.channels * n.shape_y * n.shape_x
            x = carray(pointer(n.wide + 4 * at * pixels), (n.channels, n.shape_y, n.shape_x), np.float32)
            y = n.narrow + 4 * (at * n.out * places + start * n.places_x)
            filters = n.filters + 4 * group * n.out * window
            if n.kind == CONVOLVE:
                move(n, x, found, start, False)
                call_sgemm(
                    n.sgemm,
                    (ROW_MAJOR, PLAIN, PLAIN, n.out, m, window, one, filters, window, to, m, zero, y, places),
                )
            elif n.kind == LAY_FILTERS:
                call_sgemm(
                    n.sgemm,
                    (ROW_MAJOR, TRANSPOSED, PLAIN, window, m, n.out, one, filters, window, y, places, zero, to, m),
                )
                move(n, x, found, start, True)
            else:
                move(n, x, found, start, False)
                filters += 4 * chunk * n.groups * n.out * window
                call_sgemm(
                    n.sgemm,
                    (ROW_MAJOR, PLAIN, TRANSPOSED, n.out, window, m, one, y, places, to, m, one, filters, window),
                )


@inlined
def move(n: Any, x: Array, found: Array, start: int, add: bool) -> None:
    """Copy the elements of the windows from x to `found`, or add those of `found` to x.

    x: (channels, *shape).  found: (channels, *size, rows, places_x), of the rows of places from `start`.
    """
    channels, size_y, size_x, rows, _ = found.shape
    for i in range(size_y):
        top, bottom = inside(i * n.dilation_y - n.padding_y + start * n.stride_y, n.stride_y, n.shape_y, rows)
        for j in range(size_x):
            begin, end = inside(j * n.dilation_x - n.padding_x, n.stride_x, n.shape_x, n.places_x)
            y0, x0 = i * n.dilation_y - n.padding_y + (start + top) * n.stride_y, j * n.dilation_x - n.padding_x + begin * n.stride_x
            sy, sx = n.stride_y, n.stride_x
            for c in range(channels):
                image, part = x[c, y0:, x0:], found[c, i, j]
                if not add and (top or begin or bottom < rows or end < n.places_x):
                    part[:] = 0
                part = part[top:bottom, begin:end]
                if sx == 1:
                    for r in range(bottom - top):
                        move_run(image[r * sy, :end-begin], part[r], add)
                else:
                    for r in range(bottom - top):
                        move_run(image[r * sy, ::sx], part[r], add)


@inlined
def inside(first: int, stride: int, size: int, places: int) -> tuple[int, int]:
    """Which places read a pixel of an axis of `size`: the first, and the one after the last; `first` reads the first."""
    begin = max(-(first // stride), 0)
    return begin, max(min(-((first - size) // stride), places), begin)


@inlined
def move_run(x: Array, found: Array, add: bool) -> None:
    for k in range(found.size):
        if add:
            x[k] += found[k]
        else:
            found[k] = x[k]

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
    stride, rows = n.stride_x, found.shape[3]
    for c in range(n.channels):
        for i in range(n.size_y):
            for j in range(n.size_x):
                first = j * n.dilation_x - n.padding_x  # what the first window of a row reads, inside or outside of x
                begin = max(-(first // stride), 0)
                end = max(min(-((first - n.shape_x) // stride), n.places_x), begin)
                for r in range(rows):
                    y = (start + r) * n.stride_y + i * n.dilation_y - n.padding_y
                    run = found[c, i, j, r]
                    inside = 0 <= y < n.shape_y
                    if not add and not (inside and begin == 0 and end == n.places_x):
                        run[:] = 0
                    if inside:
                        for k in range(begin, end):
                            if add:
                                x[c, y, first + k * stride] += run[k]
                            else:
                                run[k] = x[c, y, first + k * stride]

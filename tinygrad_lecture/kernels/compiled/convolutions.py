"""Convolutions of float32: columns are gathered and multiplied in the cache, and threads share the images.

Of an image, a band of a few rows of places at a time. One computation links three arrays, and writes one of them from
the others: `wide`, (batch, channels, *shape); `narrow`, (batch, out, *places); and `filters`, (out, channels / groups,
*size).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...backend import Array
from .. import blas
from ..threads import PIECE
from ..windows import Grid
from .compiling import Task, inlined
from .pool import carray, locate, pointer, run
from .products import PLAIN, ROW_MAJOR, SGEMM, TRANSPOSED, call_sgemm, one, zero

CHUNKS = 8
FEW = 3_000_000  # multiplications; below, a thread computes alone
PRODUCT = 256  # places; a product of fewer is slower
AXES = [f"{name}_{axis}" for axis in "yx" for name in ("shape", "size", "places", "stride", "dilation", "padding")]
SIZES = ["written", "sgemm", "groups", "channels", "out", "rows", "bands"]
NUMBERS = np.dtype([(name, np.int64) for name in SIZES + AXES])
NARROW, WIDE, FILTERS = range(3)


def convolve(written: int, wide: Array, narrow: Array, filters: Array, grid: Grid, groups: int) -> None:
    """Write NARROW, WIDE or FILTERS."""
    axes = [(1, 1, 1, 1, 1, 0)] * (2 - len(grid.shape))  # a vector is an image one high
    before = [padding for padding, _ in grid.padding]
    axes += zip(grid.shape, grid.size, grid.places, grid.stride, grid.dilation, before, strict=True)
    window, places_y, places_x = math.prod(filters.shape[1:]), axes[0][2], axes[1][2]
    rows = min(max(2 * PIECE // (window * places_x), PRODUCT // places_x) + 1, places_y)
    bands = -(-places_y // rows)
    together = bands if written == WIDE else 1  # bands of an image add to the same pixels
    step = -(-len(wide) * groups * bands // (CHUNKS * together)) * together
    sizes = groups, wide.shape[1] // groups, narrow.shape[1] // groups
    numbers = np.array([(written, SGEMM, *sizes, rows, bands, *axes[0], *axes[1])], NUMBERS)
    to = np.zeros((CHUNKS, *filters.shape), filters.dtype) if written == FILTERS else filters
    with blas.one_thread:
        alone = narrow.size * window < FEW
        run(convolution, len(wide) * groups * bands, step, wide, narrow, to, numbers, alone=alone)
    if written == FILTERS:
        np.sum(to, axis=0, out=filters)


@Task
def convolution(job: int, chunk: int) -> None:
    """Bands, counted through all images and groups. Arrays wide, narrow, filters (to be written, one array a chunk), numbers."""
    wide, _, first, count = locate(job, 0, chunk)
    narrow, filters = locate(job, 1, chunk)[0], locate(job, 2, chunk)[0]
    n = carray(pointer(locate(job, 3, chunk)[0]), 1, NUMBERS)[0]
    places, pixels, window = n.places_y * n.places_x, n.shape_y * n.shape_x, n.channels * n.size_y * n.size_x
    memory = np.empty(window * n.rows * n.places_x, np.float32)
    for band in range(first, first + count):
        at, start = band // n.bands, band % n.bands * n.rows  # a group of an image; a row of its places
        rows = min(n.rows, n.places_y - start)
        m = rows * n.places_x
        columns = memory[: window * m].reshape((n.channels, n.size_y, n.size_x, rows, n.places_x))
        x = carray(pointer(wide + 4 * at * n.channels * pixels), (n.channels, n.shape_y, n.shape_x), np.float32)
        y = narrow + 4 * (at * n.out * places + start * n.places_x)
        w, c = filters + 4 * (at % n.groups) * n.out * window, columns.ctypes.data
        if n.written == WIDE:
            if start == 0:
                x[:] = 0
            product = ROW_MAJOR, TRANSPOSED, PLAIN, window, m, n.out, one, w, window, y, places, zero, c, m
            call_sgemm(n.sgemm, product)
            move(n, x, columns, start, True)
        else:
            move(n, x, columns, start, False)
            product = ROW_MAJOR, PLAIN, PLAIN, n.out, m, window, one, w, window, c, m, zero, y, places
            if n.written == FILTERS:
                w += 4 * chunk * n.groups * n.out * window
                product = ROW_MAJOR, PLAIN, TRANSPOSED, n.out, window, m, one, y, places, c, m, one, w, window
            call_sgemm(n.sgemm, product)


@inlined
def move(n: Any, x: Array, columns: Array, start: int, add: bool) -> None:
    """Copy the elements of windows from x to columns, or add those in columns to x.

    x: (channels, *shape).  columns: (channels, *size, rows, places_x), of the rows of places from `start`.
    """
    channels, size_y, size_x, rows, places_x = columns.shape
    sy, sx = n.stride_y, n.stride_x
    for i in range(size_y):
        y = start * sy + i * n.dilation_y - n.padding_y
        top, bottom = inside(y, sy, n.shape_y, rows)
        for j in range(size_x):
            left = j * n.dilation_x - n.padding_x
            begin, end = inside(left, sx, n.shape_x, places_x)
            full = bottom - top == rows and end - begin == places_x
            for c in range(channels):
                seen, found = x[c, y + top * sy :: sy, left + begin * sx :], columns[c, i, j]
                if not (add or full):
                    found[:] = 0
                found = found[top:bottom, begin:end]
                for r in range(bottom - top):
                    for k in range(end - begin):
                        if add:
                            seen[r, k * sx] += found[r, k]
                        else:
                            found[r, k] = seen[r, k * sx]


@inlined
def inside(first: int, stride: int, size: int, places: int) -> tuple[int, int]:
    """Which places along an axis read an element of it, from one to before another, if the first reads `first`."""
    begin = max(-(first // stride), 0)
    return begin, max(min(-((first - size) // stride), places), begin)

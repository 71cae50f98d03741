"""Convolutions of float32: an image's columns are gathered and multiplied in the cache, and threads share the images.

One computation links three arrays, and writes one of them from the others: `wide`, (batch, channels, *shape); `narrow`,
(batch, out, *places); and `filters`, (out, channels / groups, *size).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...backend import Array
from . import ALONE
from .pool import Task, carray, inlined, locate, pointer, run
from .products import PLAIN, ROW_MAJOR, SGEMM, TRANSPOSED, call_sgemm, one, zero

CHUNKS = 8
AXES = [f"{name}_{axis}" for axis in "yx" for name in ("shape", "size", "places", "stride", "dilation", "padding")]
NUMBERS = np.dtype([(name, np.int64) for name in ["written", "sgemm", "groups", "channels", "out", *AXES]])
NARROW, WIDE, FILTERS = range(3)


def convolve(written: int, wide: Array, narrow: Array, filters: Array, grid: Any, groups: int) -> None:
    """Write NARROW, or add to WIDE or FILTERS, which are zeros. grid: a `windows.Grid`."""
    axes = [(1, 1, 1, 1, 1, 0)] * (2 - len(grid.shape))  # a vector is an image one high
    before = (padding for padding, _ in grid.padding)
    axes += zip(grid.shape, grid.size, grid.places, grid.stride, grid.dilation, before, strict=True)
    sizes = groups, wide.shape[1] // groups, narrow.shape[1] // groups
    numbers = np.array([(written, SGEMM, *sizes, *axes[0], *axes[1])], NUMBERS)
    to = np.zeros((CHUNKS, *filters.shape), filters.dtype) if written == FILTERS else filters
    images = len(wide) * groups  # each of one group's channels
    run(convolution, images, -(-images // CHUNKS), wide, narrow, to, numbers, alone=narrow.size < ALONE)
    if written == FILTERS:
        np.sum(to, axis=0, out=filters)


@Task
def convolution(job: int, chunk: int) -> None:
    """Some images. Arrays wide, narrow, filters (those to be written have one array for each chunk), numbers."""
    wide, _, first, images = locate(job, 0, chunk)
    narrow, filters = locate(job, 1, chunk)[0], locate(job, 2, chunk)[0]
    n = carray(pointer(locate(job, 3, chunk)[0]), 1, NUMBERS)[0]
    m, window = n.places_y * n.places_x, n.channels * n.size_y * n.size_x
    columns = np.empty((n.channels, n.size_y, n.size_x, n.places_y, n.places_x), np.float32)
    pixels, c = n.channels * n.shape_y * n.shape_x, columns.ctypes.data
    for i in range(first, first + images):
        x = carray(pointer(wide + 4 * i * pixels), (n.channels, n.shape_y, n.shape_x), np.float32)
        y, w = narrow + 4 * i * n.out * m, filters + 4 * (i % n.groups) * n.out * window
        if n.written == WIDE:
            product = ROW_MAJOR, TRANSPOSED, PLAIN, window, m, n.out, one, w, window, y, m, zero, c, m
            call_sgemm(n.sgemm, product)
            move(n, x, columns, True)
        else:
            move(n, x, columns, False)
            product = ROW_MAJOR, PLAIN, PLAIN, n.out, m, window, one, w, window, c, m, zero, y, m
            if n.written == FILTERS:
                w += 4 * chunk * n.groups * n.out * window
                product = ROW_MAJOR, PLAIN, TRANSPOSED, n.out, window, m, one, y, m, c, m, one, w, window
            call_sgemm(n.sgemm, product)


@inlined
def move(n: Any, x: Array, columns: Array, add: bool) -> None:
    """Copy the elements of windows from x to columns, or add those in columns to x.

    x: (channels, *shape).  columns: (channels, *size, *places).
    """
    channels, size_y, size_x, places_y, places_x = columns.shape
    sy, sx = n.stride_y, n.stride_x
    for i in range(size_y):
        y = i * n.dilation_y - n.padding_y
        top, bottom = inside(y, sy, n.shape_y, places_y)
        for j in range(size_x):
            left = j * n.dilation_x - n.padding_x
            begin, end = inside(left, sx, n.shape_x, places_x)
            full = bottom - top == places_y and end - begin == places_x
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

"""Convolutions of float32: an image's columns are gathered and multiplied in the cache, and threads share the images.

A few rows of places at a time, if an image has many. One computation links three arrays, and writes one of them from
the others: `wide`, (batch, channels, *shape); `narrow`, (batch, out, *places); and `filters`, (out, channels / groups,
*size).
"""

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
ALONE = 3_000_000  # multiplications; below, a thread computes alone
PRODUCT = 256  # places; for fewer, a product is slower
NARROW, WIDE, FILTERS = range(3)  # which is written
JOB = np.dtype([(name, np.int64) for name in (
    "written", "sgemm", "wide", "narrow", "filters", "batch", "groups", "channels", "out", "rows", "bands", "step",
    "shape_y", "size_y", "places_y", "stride_y", "dilation_y", "padding_y",
    "shape_x", "size_x", "places_x", "stride_x", "dilation_x", "padding_x",
)])  # fmt: skip


def convolve(written: int, wide: Array, narrow: Array, filters: Array, grid: Grid, groups: int) -> None:
    """Write one of the arrays; see above."""
    to = np.zeros((CHUNKS, *filters.shape), filters.dtype) if written == FILTERS else filters
    before = [padding for padding, _ in grid.padding]
    axes = [(1, 1, 1, 1, 1, 0)] * (2 - len(grid.shape))  # a vector is an image one high
    axes += zip(grid.shape, grid.size, grid.places, grid.stride, grid.dilation, before, strict=True)
    window, places_y, places_x = math.prod(filters.shape[1:]), axes[0][2], axes[1][2]
    rows = min(max(2 * PIECE // (window * places_x), -(-PRODUCT // places_x)), places_y)
    bands = -(-places_y // rows)
    parts = 1 if written == WIDE else bands  # those of one image add to the same pixels
    step = -(-len(wide) * parts // CHUNKS) * bands // parts
    job = np.array(
        [(
            written, SGEMM, wide.ctypes.data, narrow.ctypes.data, to.ctypes.data, len(wide), groups,
            wide.shape[1] // groups, narrow.shape[1] // groups, rows, bands, step, *axes[0], *axes[1],
        )],
        JOB,
    )  # fmt: skip
    with blas.one_thread:
        _share(0 if narrow.size * window < ALONE else pool(), convolution.address, job, -(-len(wide) * bands // step))
    if written == FILTERS:
        np.sum(to, axis=0, out=filters)


@loop
def _share(pool: int, function: int, job: Array, chunks: int) -> None:
    share(pool, function, job.ctypes.data, chunks)


@Task
def convolution(job: int, chunk: int) -> None:
    """Some rows of places, counted through all images."""
    n = carray(pointer(job), 1, JOB)[0]
    places, pixels, window = n.places_y * n.places_x, n.shape_y * n.shape_x, n.channels * n.size_y * n.size_x
    memory = np.empty(window * n.rows * n.places_x, np.float32)
    for item in range(chunk * n.step, min((chunk + 1) * n.step, n.batch * n.bands)):
        image, start = item // n.bands, item % n.bands * n.rows
        rows = min(n.rows, n.places_y - start)
        columns = memory[: window * rows * n.places_x].reshape((n.channels, n.size_y, n.size_x, rows, n.places_x))
        to, m = columns.ctypes.data, rows * n.places_x
        for group in range(n.groups):
            at = image * n.groups + group
            x = carray(pointer(n.wide + 4 * at * n.channels * pixels), (n.channels, n.shape_y, n.shape_x), np.float32)
            y = n.narrow + 4 * (at * n.out * places + start * n.places_x)
            w = n.filters + 4 * group * n.out * window
            if n.written == NARROW:
                move(n, x, columns, start, False)
                sizes = ROW_MAJOR, PLAIN, PLAIN, n.out, m, window
                call_sgemm(n.sgemm, (*sizes, one, w, window, to, m, zero, y, places))
            elif n.written == WIDE:
                if start == 0:
                    x[:] = 0
                sizes = ROW_MAJOR, TRANSPOSED, PLAIN, window, m, n.out
                call_sgemm(n.sgemm, (*sizes, one, w, window, y, places, zero, to, m))
                move(n, x, columns, start, True)
            else:
                w += 4 * chunk * n.groups * n.out * window
                move(n, x, columns, start, False)
                sizes = ROW_MAJOR, PLAIN, TRANSPOSED, n.out, window, m
                call_sgemm(n.sgemm, (*sizes, one, y, places, to, m, one, w, window))


@inlined
def move(n: Any, x: Array, columns: Array, start: int, add: bool) -> None:
    """Copy the elements of windows from x to columns, or add those in columns to x.

    x: (channels, *shape).  columns: (channels, *size, rows, places_x), of the rows of places from `start`.
    """
    channels, size_y, size_x, rows, places_x = columns.shape
    for i in range(size_y):
        y = start * n.stride_y + i * n.dilation_y - n.padding_y
        top, bottom = inside(y, n.stride_y, n.shape_y, rows)
        for j in range(size_x):
            left = j * n.dilation_x - n.padding_x
            begin, end = inside(left, n.stride_x, n.shape_x, places_x)
            full = bottom - top == rows and end - begin == places_x
            y0, x0, sy, sx = y + top * n.stride_y, left + begin * n.stride_x, n.stride_y, n.stride_x
            for c in range(channels):
                seen, found = x[c, y0::sy, x0:], columns[c, i, j]
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
    """Which places along an axis read an element of it, if the first place reads `first`: from one to before another."""
    begin = max(-(first // stride), 0)
    return begin, max(min(-((first - size) // stride), places), begin)

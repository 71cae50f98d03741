"""Cache blocking: process large arrays in pieces that fit the processor's cache.

GELU passes over its array fifteen times, and an update such as Adam's twelve times over arrays of a parameter's size.
Written plainly, each pass reads and writes main memory and allocates a full-size result. In pieces, the passes work in
the cache, and their results are small. Threads share the pieces of very large arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from ..backend import Array, xp
from .threads import get_num_threads, share

PIECE = 32_768  # elements; a few float32 arrays of this size fit a core's own cache
SHARED = 4 * PIECE  # a thread's piece is at least half as large: Python runs one thread at a time between two passes


def in_pieces(kernel: Callable[..., object], *arrays: Array, read: Collection[int] = ()) -> None:
    """Call kernel(*arrays) for an elementwise kernel; on the CPU, once per flat piece of large arrays.

    The arrays have the same shape and any memory layout; the kernel writes to them in place, and several threads may
    call it at once.  read: the positions of the arrays that it only reads.
    """
    first = arrays[0]
    if first.size <= PIECE or xp(first) is not np:
        kernel(*arrays)
        return
    if all(array.flags.c_contiguous for array in arrays):
        threads = get_num_threads() if first.size > 2 * SHARED else 1
        step = PIECE if threads == 1 else min(max(-(-first.size // (2 * threads * PIECE)) * PIECE, SHARED // 2), SHARED)
        flat = [array.reshape(-1) for array in arrays]  # views
        stops = [*range(step, first.size - PIECE // 2, step), first.size]  # no piece is small
        slices = [slice(start, stop) for start, stop in zip([0, *stops], stops, strict=False)]
        share(lambda piece: kernel(*(array[piece] for array in flat)), slices, threads)
        return
    access = [["readonly" if i in read else "readwrite"] for i in range(len(arrays))]
    with np.nditer(arrays, ["external_loop", "buffered"], access, buffersize=PIECE) as pieces:  # type: ignore[arg-type]
        for piece in pieces:
            kernel(*piece)


def share_rows(kernel: Callable[[slice], object], x: Array) -> None:
    """Call kernel(rows) for slices of the rows of a matrix, which threads share if it is very large.

    For kernels of one pass. The slices do not depend on the number of threads.
    """
    share(kernel, row_slices(x), get_num_threads() if x.size > 4 * SHARED else 1)


def row_slices(x: Array) -> list[slice]:
    """The rows of a matrix, (rows, n), in slices of about two pieces each."""
    step = max(2 * PIECE // x.shape[1], 1)
    return [slice(start, start + step) for start in range(0, len(x), step)]

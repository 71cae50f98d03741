"""Cache blocking: process large arrays in pieces that fit the processor's cache.

GELU passes over its array fifteen times, and an update such as Adam's twelve times over arrays of a parameter's size.
Written plainly, each pass reads and writes main memory and allocates a full-size result. In pieces, the passes work in
the cache, and their results are small.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from ..backend import Array, xp

PIECE = 32_768  # elements; a few float32 arrays of this size fit a core's own cache


def in_pieces(kernel: Callable[..., object], *arrays: Array, read: Collection[int] = ()) -> None:
    """Call kernel(*arrays) for an elementwise kernel; on the CPU, once per flat piece of large arrays.

    The arrays have the same shape and any memory layout; the kernel writes to them in place.  read: the positions of
    the arrays that it only reads.
    """
    if arrays[0].size <= PIECE or xp(arrays[0]) is not np:
        kernel(*arrays)
        return
    access = [["readonly" if i in read else "readwrite"] for i in range(len(arrays))]
    with np.nditer(arrays, ["external_loop", "buffered"], access, buffersize=PIECE) as pieces:  # type: ignore[arg-type]
        for piece in pieces:
            kernel(*piece)

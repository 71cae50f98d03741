"""Large arrays, a piece at a time: what fits the processor's cache is read from memory once, not once per operation.

GELU goes fifteen times over its array, and an update such as Adam's twelve times over arrays of a parameter's size.
Written plainly, each of these operations reads and writes main memory, and makes an array of full size for its result.
Done piece by piece they work in the cache, and their results are small.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from ..backend import Array, xp

PIECE = 32_768  # elements; a few arrays of float32 so large fit a core's own cache


def in_pieces(kernel: Callable[..., object], *arrays: Array, read: Collection[int] = ()) -> None:
    """kernel(*arrays), where the kernel treats all elements alike: on the CPU large arrays come in flat pieces.

    All have one shape. read: which of them, by place, are only read; what is written to the others arrives, however
    they lie in memory.
    """
    if arrays[0].size <= PIECE or xp(arrays[0]) is not np:
        kernel(*arrays)
        return
    access = [["readonly" if i in read else "readwrite"] for i in range(len(arrays))]
    with np.nditer(arrays, ["external_loop", "buffered"], access, buffersize=PIECE) as pieces:  # type: ignore[arg-type]
        for piece in pieces:
            kernel(*piece)

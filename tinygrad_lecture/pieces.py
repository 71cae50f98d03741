"""Cache blocking: apply a kernel to large arrays piece by piece, so that intermediate results stay in the cache.

GELU makes about fifteen passes over its array, an Adam step about twelve over arrays of a parameter's size. On whole
arrays each pass reads and writes main memory and allocates a full-size temporary. On pieces that fit a core's cache
the passes run in the cache, and the temporaries are small.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from .backend import Array, xp

PIECE = 32_768  # elements: a few float32 arrays of this size fit a core's own cache


def in_pieces(kernel: Callable[..., object], *arrays: Array, read: Collection[int] = ()) -> None:
    """Call `kernel(*arrays)`: large NumPy arrays in flat pieces of `PIECE` elements, all others at once.

    The kernel must be elementwise, and all arrays must have one shape. `read` holds the positions of arrays that are
    only read; what the kernel writes to the others reaches them, whatever their memory layout.
    """
    if arrays[0].size <= PIECE or xp(arrays[0]) is not np:
        kernel(*arrays)
        return
    access = [["readonly" if i in read else "readwrite"] for i in range(len(arrays))]
    with np.nditer(arrays, ["external_loop", "buffered"], access, buffersize=PIECE) as pieces:  # type: ignore[arg-type]
        for piece in pieces:
            kernel(*piece)

"""Large arrays, a piece at a time: what fits the processor's cache is read from memory once, not once per operation.

An update such as Adam's goes twelve times over arrays of a parameter's size. Written plainly, each of its operations
reads and writes main memory, and makes an array as large as the parameter for its result. Done block by block, the
twelve work in the cache, and their results are small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tinygrad_lecture.backend import Array, xp

BLOCK = 32_768  # elements; those of a parameter, its gradient, two means and some results fit a core's own cache


def blocks(p: Array, g: Array, *memory: Array) -> Iterable[tuple[Array, ...]]:
    """Tuples (p, g, *memory) of pieces that are alike: of large arrays on the CPU flat blocks, of others all at once.

    All have one shape; g is only read, what is written to the others arrives, however they lie in memory.
    """
    if p.size <= BLOCK or xp(p) is not np:
        return ((p, g, *memory),)
    return _cut(p, g, *memory)


def _cut(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    access = [["readonly" if i == 1 else "readwrite"] for i in range(len(arrays))]
    with np.nditer(arrays, ["external_loop", "buffered"], access, buffersize=BLOCK) as pieces:  # type: ignore[arg-type]
        yield from pieces

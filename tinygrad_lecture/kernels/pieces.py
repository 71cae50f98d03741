"""Large arrays, a piece at a time: so an elementwise kernel of ten steps works in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..backend import Array, xp

PIECE = 16_384  # elements; a few arrays of float32 so large fit a core's own cache


def pieces(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Tuples of flat views of arrays of one shape, which together are all of them; what is written to them arrives.

    Small arrays, and such that are not in order in memory or not on the CPU, come whole.
    """
    first = arrays[0]
    if first.size <= PIECE or xp(first) is not np or not all(a.flags.c_contiguous for a in arrays):
        yield arrays
        return
    flat = [a.reshape(-1) for a in arrays]
    for start in range(0, first.size, PIECE):
        yield tuple(a[start : start + PIECE] for a in flat)

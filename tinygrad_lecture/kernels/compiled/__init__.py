"""Whether Numba is there to compile `loops.py`, for kernels that have a loop beside their NumPy code.

`pip install "tinygrad-lecture[fast]"` installs Numba. From then on float32 arrays of some size on the CPU go through
the loops: one pass over memory in place of ten, without Python's lock, so that threads share it. Everything else, and
everything without Numba, is computed by NumPy. NUMBA_DISABLE_JIT=1, a setting of Numba's, turns the loops off.

Importing Numba takes 0.2 s, at the first such array. Compiling takes up to 0.4 s for each loop, at its first use ever;
Numba keeps the machine code on disk.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from ...backend import FLOAT32, Array
from ...errors.users_line import warn

LARGE = 1_024  # elements; below, a call of a loop saves little


def compiles(*arrays: Array) -> bool:
    """Whether to call a loop with these arrays; the first says how large they are."""
    first = arrays[0]
    return (
        type(first) is np.ndarray
        and first.size >= LARGE
        and all(x.dtype == FLOAT32 and x.flags.c_contiguous for x in arrays)
        and _available()
    )


@cache
def _available() -> bool:
    """Whether Numba can be imported; warns if it is installed and cannot, as one too old for NumPy."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0") or find_spec("numba") is None:
        return False
    try:
        import_module("numba")
    except ImportError as error:
        warn(f"Numba is installed, but NumPy computes alone, since importing Numba fails: {error}")
        return False
    return True

"""Code that Numba compiles, and whether Numba is there, for kernels that have such code beside their NumPy code.

`pip install "tinygrad-lecture[fast]"` installs Numba. From then on float32 arrays of some size on the CPU go through
these, which run without Python's lock on all cores. Everything else, and everything without Numba, is computed by
NumPy. NUMBA_DISABLE_JIT=1, a setting of Numba's, turns them off.

    loops.py        one pass over memory in place of ten: GELU, norms, softmax, cross-entropy, pooling, Adam
    products.py     matrix products by NumPy's own BLAS; products with weights of 4 and 8 bits
    convolutions.py convolutions, forward and backward, one image at a time
    attention.py    attention, forward and backward, one text and head at a time
    recurrent.py    an LSTM through all steps, some sequences in each thread
    pool.py         how a loop is compiled; the threads, which take chunks of this work in a microsecond

Importing Numba takes 0.2 s, at the first such array. Compiling takes up to 0.4 s for each loop, at its first use ever;
Numba keeps the machine code on disk.
"""

from __future__ import annotations

import os
import threading
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from ...backend import FLOAT32, Array
from ...errors import warn
from ..threads import blas_address, elsewhere

if TYPE_CHECKING:
    from .pool import Task

LARGE = 1_024  # elements; below, a call of a loop saves little


def compiles(*arrays: Array | None, least: int = LARGE) -> bool:
    """Whether to call a loop with these arrays: the first has at least so many elements; others may be None."""
    first = arrays[0]
    if _loaded is False or type(first) is not np.ndarray or first.size < least:
        return False
    for x in arrays:
        if x is not None and not (x.dtype == FLOAT32 and x.flags.c_contiguous):
            return False
    return _loaded or available()


def multiplied(a: Array, b: Array) -> Array | None:
    """a @ b in compiled code, which threads share: (n, k) @ (k, m) -> (n, m). None if it cannot compute that."""
    if _loaded is False or not (a.dtype == b.dtype == FLOAT32 and available() and blas_address("sgemm")):
        return None
    return products.product(a, b)  # noqa: F821 - loaded by `available`


def size_of_a_piece(n: int) -> int:
    """How many of a product's n rows or columns are a piece of it: about a quarter, a multiple of the 16 that BLAS
    computes at once.

    The number does not depend on that of the threads, nor then do the bits of the result.
    """
    return max(-(-n // 64) * 16, 32)


def has_rows(rows: int, n: int, row: int, element: int, size: int) -> bool:
    """Whether BLAS can read a matrix (rows, n) with these strides and this size of an element, in bytes.

    The elements of a row are side by side, and from row to row there are as many or more. The stride of an axis of
    size 1 is any number.
    """
    return (n <= 1 or element == size) and (rows <= 1 or (row >= n * size and row % size == 0))


def available() -> bool:
    """Whether the loops can be called. The first call loads them, or warns if Numba is installed and cannot be used."""
    global _loaded
    if _loaded is None:
        with _loading:
            if _loaded is None:
                _loaded = _load()
    return _loaded


pool: Any  # this and the next are the modules that `available` loads
loops: Any
products: Any
attention: Any
convolutions: Any
recurrent: Any

_loaded: bool | None = None
_loading = threading.RLock()


def _load() -> bool:
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0") or find_spec("numba") is None:
        return False

    def load() -> None:
        for name in ("pool", "loops", "products", "attention", "convolutions", "recurrent"):
            import_module(f".{name}", __name__)
        run_rows(loops.softmax, np.zeros((1, 1), np.float32))  # noqa: F821 - the first call makes Numba ready

    try:
        elsewhere(load)
    except Exception as error:
        warn(f"Numba is installed but cannot be used, so NumPy computes alone ({type(error).__name__}: {error})")
        return False
    return True


# --- jobs ----------------------------------------------------------------------------------------------------

CHUNK = 4_096  # elements; a chunk has at least as many, so that it takes longer than to hand it over
ALONE = 16_384  # elements; below, a thread computes alone


def rows_of_a_chunk(x: Array) -> int:
    """How many rows of a matrix, or elements of a vector, are a chunk of a job: about an eighth.

    The number does not depend on that of the threads, nor then does a sum over chunks.
    """
    rows: int = x.shape[0]
    return int(max(-(-rows // 8), CHUNK * rows // (x.size + 1), 1))


def run_rows(loop: Task, x: Array, *others: Array | None) -> None:
    """Call a loop for chunks of the rows of x, which threads share if x is large."""
    pool.run(loop, x.shape[0], rows_of_a_chunk(x), x, *others, alone=x.size < ALONE)  # noqa: F821

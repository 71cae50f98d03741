"""The threads of NumPy's BLAS: one for each worker, unless the user said how many.

Workers that each use all cores wait for each other in busy loops. The environment decides before NumPy is imported,
so it serves processes that are about to be started. In a process that has NumPy already, OpenBLAS, which is in
NumPy's wheels for Linux and Windows, is told; other libraries (MKL, Accelerate) keep their number.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tinygrad_lecture.kernels.blas import openblas

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Context manager: this process's BLAS uses one thread, or as many as the environment says; then as before."""
    found = openblas()
    if found is None:
        yield
        return
    get, set_ = found
    before = get()
    said = (os.environ.get(name, "") for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"))
    set_(next((int(number) for number in said if number.isdecimal()), 1))
    try:
        yield
    finally:
        set_(before)


@contextmanager
def one_thread_in_children() -> Iterator[None]:
    """Context manager: processes started in it use one BLAS thread, unless the environment says how many."""
    names = () if any(name in os.environ for name in THREADS) else THREADS
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]

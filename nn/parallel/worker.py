"""What each worker does: with one BLAS thread, with an output or none, until it exits.

Workers whose BLAS uses all cores wait for each other in busy loops. The environment decides before NumPy is imported,
so it serves processes that are about to be started. In a process that has NumPy already, OpenBLAS, which is in
NumPy's wheels for Linux and Windows, is told; other libraries (MKL, Accelerate) keep their number.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from pathlib import Path

from tinygrad_lecture.kernels.blas import one_thread

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def one_thread_each() -> AbstractContextManager[None]:
    """Context manager: this process's BLAS uses one thread, unless the environment says how many; then as before."""
    return nullcontext() if any(name in os.environ for name in THREADS) else one_thread


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


@contextmanager
def until_exit() -> Iterator[None]:
    """Context manager that `sys.exit()` leaves as a return does, so that others may still wait; a code is an error."""
    try:
        yield
    except SystemExit as exit_:
        if exit_.code:
            raise


@contextmanager
def silent_unless(speaking: bool) -> Iterator[None]:
    """Context manager: what this process prints is not shown, unless it is the one that speaks."""
    if speaking:
        yield
        return
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield

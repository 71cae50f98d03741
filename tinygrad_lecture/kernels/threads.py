"""Threads that share the chunks of a large computation, such as the rows of a matrix product.

OpenBLAS has threads of its own, but they wait for each other in busy loops: with one core busy elsewhere, a training
step took 3 to 10 times as long. Here whoever is free takes the next chunk, and the calling thread never waits for one
that nobody has begun. A chunk's result does not depend on who computes it, so results repeat bit for bit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import copy_context
from functools import cache
from typing import TYPE_CHECKING, Any

from . import blas

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_chosen: int | None = None


def set_num_threads(n: int) -> None:
    """Use up to n threads for large matrix products and elementwise kernels (on the CPU).

    The default is the number that NumPy's BLAS would use: one per core, or what the environment variable
    OPENBLAS_NUM_THREADS or threadpoolctl says. Raises ValueError for a number below 1.
    """
    global _chosen
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"set_num_threads: needs a number of threads from 1, not {n!r}")
    _chosen = n


def get_num_threads() -> int:
    """How many threads a large computation may use; see `set_num_threads`."""
    return _chosen or blas.threads() or 1


@blas.one_thread
def share(function: Callable[..., object], chunks: list[Any], threads: int) -> None:
    """Call function(chunk) for all chunks, in this thread and up to threads - 1 others, with one BLAS thread each.

    If a call raises, or at Ctrl-C, chunks that nobody has begun are left out. No call goes on when this one has ended.
    """
    todo = chunks[::-1]

    def work() -> None:
        while True:
            try:
                chunk = todo.pop()
            except IndexError:  # none is left
                return
            try:
                function(chunk)
            except BaseException:
                todo.clear()
                raise

    number = min(threads, len(chunks)) - 1
    helpers = [
        _pool(threads - 1).submit(copy_context().run, work) for _ in range(number)
    ]  # in the caller's np.errstate
    try:
        work()
    finally:
        errors = [_error_of(helper, todo) for helper in helpers]
    for error in errors:
        if error is not None:
            raise error


def _error_of(helper: Future[None], todo: list[Any]) -> BaseException | None:
    """What a helper raised, or Ctrl-C while waiting for it, after it has ended; None if it has not begun."""
    try:
        return None if helper.cancel() else helper.exception()
    except KeyboardInterrupt as interrupt:
        todo.clear()
        return _error_of(helper, todo) or interrupt


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # here, to keep the import of the library light

    return ThreadPoolExecutor(threads, "tinygrad_lecture")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked child has no threads but its own

"""Threads that share the chunks of a large computation, such as the rows of a matrix product.

OpenBLAS has threads of its own, but they wait for each other in busy loops: with one core busy elsewhere, a training
step took 3 to 10 times as long. Here whoever is free takes the next chunk, and the calling thread never waits for one
that nobody has begun. A chunk's result does not depend on who computes it, so results repeat bit for bit.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any

from . import blas

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
    if len(chunks) == 1:
        function(chunks[0])
        return
    job = Job(function, chunks)
    _start(threads - 1)
    for _ in range(min(threads, len(chunks)) - 1):
        _jobs.put((copy_context(), job))  # with the caller's np.errstate
    try:
        while job.todo:
            try:
                chunk = job.todo.pop()
            except IndexError:  # another thread was faster
                break
            function(chunk)
    except BaseException:
        job.todo.clear()
        raise
    finally:
        job.wait()
    if job.error is not None:
        raise job.error


class Job:
    """Chunks that threads share.

    todo: those that nobody has begun.  running: how many the other threads are at.  error: the first that they raised.
    """

    def __init__(self, function: Callable[..., object], chunks: list[Any]) -> None:
        self.function, self.todo = function, chunks[::-1]
        self.running = 0
        self.error: BaseException | None = None
        self.changed = threading.Condition()

    def help(self) -> None:
        """Compute chunks until none is left."""
        while True:
            with self.changed:
                try:
                    chunk = self.todo.pop()
                except IndexError:
                    return
                self.running += 1
            error: BaseException | None = None
            try:
                self.function(chunk)
            except BaseException as raised:  # the calling thread raises it
                error = raised
            del chunk
            with self.changed:
                self.running -= 1
                if error is not None:
                    self.error = self.error or error
                    self.todo.clear()
                self.changed.notify()

    def wait(self) -> None:
        """Wait until no other thread is at a chunk. Ctrl-C leaves out what nobody has begun, and is raised after it."""
        interrupt: KeyboardInterrupt | None = None
        while True:
            try:
                with self.changed:
                    while self.running:
                        self.changed.wait()
                break
            except KeyboardInterrupt as raised:
                self.todo.clear()
                interrupt = raised
        if interrupt is not None:
            raise interrupt


def _work(jobs: SimpleQueue[tuple[Context, Job]]) -> None:
    """The life of a worker thread."""
    while True:
        context, job = jobs.get()
        context.run(job.help)
        del context, job  # else the thread would keep the arrays alive until its next job


_jobs: SimpleQueue[tuple[Context, Job]] = SimpleQueue()
_workers = 0
_starting = threading.Lock()


def _start(n: int) -> None:
    """Start worker threads until there are n."""
    global _workers
    with _starting:
        while _workers < n:
            _workers += 1
            threading.Thread(target=_work, args=(_jobs,), name=f"tinygrad_lecture {_workers}", daemon=True).start()


def _after_fork() -> None:
    """A forked child has no threads but its own."""
    global _jobs, _workers, _starting
    _jobs, _workers, _starting = SimpleQueue(), 0, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

"""Workers that are threads of this process.

Threads need no copy of the program and work in a notebook. But Python's global lock (GIL) lets one of them run at a
time, so they gain where NumPy computes for long: two train a GPT of 384 wide on 8 texts of 256 tokens 1.8 times as fast
as one, but one of 128 wide on 12 texts of 64 only 1.1 times. Processes gain for both, and so do the threads of
free-threaded Python, which has no such lock: 1.8 and 1.7 times.
"""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any, TextIO, TypeVar

import numpy as np

from tinygrad_lecture import get_rng_state
from tinygrad_lecture.random import replay

from .group import rank, working_in
from .shared import FAILED, FINISHED, SharedGroup, Signal, Status, WorkerLeft
from .worker import one_thread_each, until_exit

Result = TypeVar("Result")


class ThreadGroup(SharedGroup):
    """A group of threads. box: where each puts the object that the others gather."""

    def __init__(self, rank: int, signals: Sequence[Sequence[Signal]], status: Status, box: list[Any]) -> None:
        super().__init__(rank, signals, status)
        self.box = box

    def gather(self, value: Any, call: str = "gather") -> list[Any]:
        return self._gather_itself(copy.deepcopy(value), call)

    def allocate(self, nbytes: int) -> tuple[Any, Callable[[], None]]:
        memory = np.empty(nbytes, np.uint8) if self.rank == 0 else None
        return self._gather_itself(memory, "allocate")[0], lambda: None

    def _gather_itself(self, value: Any, call: str) -> list[Any]:
        self.meet(call)
        self.box[self.rank] = value
        self.meet(call)
        return list(self.box)


def run_threads(call: Callable[[], Result], size: int) -> Result:
    """What `call` returns in this thread, which is worker 0; the others run copies of it."""
    signals = [[threading.Semaphore(0) for _ in range(size)] for _ in range(size)]
    status, box = Status(size, bytearray(Status.nbytes(size))), [None] * size
    groups = [ThreadGroup(i, signals, status, box) for i in range(size)]
    failures: list[BaseException] = []
    stream = get_rng_state()

    def work(group: ThreadGroup, call: Callable[[], Any]) -> None:
        state = FAILED
        try:
            with working_in(group), replay(stream), until_exit():
                call()
            state = FINISHED
        except BaseException as error:
            if not isinstance(error, WorkerLeft) or FAILED not in status.states:
                error.add_note(f"raised in worker {group.rank} of {size}")
                failures.append(error)
        finally:
            group.leave(state)

    workers = [threading.Thread(target=work, args=(g, copy.deepcopy(call)), daemon=True) for g in groups[1:]]
    state = FAILED
    with one_thread_each(), redirect_stdout(_OfWorker0(sys.stdout)):
        for worker in workers:
            worker.start()
        try:
            with working_in(groups[0]):
                result = call()
            state = FINISHED
        except WorkerLeft:
            if not failures:
                raise
        finally:
            groups[0].leave(state)
            for worker in workers:
                worker.join()
    if failures:
        raise failures[0]
    return result


class _OfWorker0:
    """An output that drops what the other workers print."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def write(self, text: str) -> int:
        return self._output.write(text) if rank() == 0 else len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._output, name)

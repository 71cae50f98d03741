"""SharedGroup: workers on one machine that look into the same memory, processes or threads; run_threads.

To add up n numbers each worker writes its own into a row of shared memory, adds up one share of the columns over all
rows, and reads what the others have added up: a reduce-scatter and an all-gather (Thakur, Rabenseifner & Gropp, 2005).
They wait for each other in between. A worker that waits tries for some microseconds, since it seldom waits long, and
then sleeps.

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
from typing import Any, Protocol, TextIO, TypeVar

import numpy as np

from tinygrad_lecture import get_rng_state
from tinygrad_lecture.backend import Array
from tinygrad_lecture.kernels.pieces import PIECE
from tinygrad_lecture.random import replay

from .group import LONGEST, AllReduce, Group, check_calls, rank, working_in
from .worker import one_thread_each, until_exit

Result = TypeVar("Result")

AT_WORK, FINISHED, FAILED = 0, 1, 2


class Signal(Protocol):
    """A semaphore, of `multiprocessing` or `threading`. Memory written before `release` is seen after `acquire`."""

    def acquire(self, block: bool = ..., /) -> bool: ...

    def release(self) -> None: ...


class WorkerLeft(RuntimeError):
    """Another worker, for which this one waits, has failed."""


class Status:
    """What the workers of a group know of each other, in shared memory.

    calls, numbers: what each is in, and its number there; two rows in turn, since a worker may already be in the next
    call while another still reads.  counts: how many calls each was in.  states: AT_WORK, FINISHED or FAILED.
    """

    def __init__(self, size: int, memory: Any) -> None:
        self.memory = memory
        self.numbers = np.ndarray((2, size), np.int64, memory)
        self.counts = np.ndarray(size, np.int64, memory, self.numbers.nbytes)
        self.calls = np.ndarray((2, size), f"S{LONGEST}", memory, self.numbers.nbytes + self.counts.nbytes)
        self.states = np.ndarray(size, np.int8, memory, self.nbytes(size) - size)

    @staticmethod
    def nbytes(size: int) -> int:
        return size * (2 * 8 + 8 + 2 * LONGEST + 1)


class SharedGroup(Group):
    """A group in shared memory. A subclass says how to allocate it and how to gather objects.

    signals: signals[i][j] tells j that i has arrived.  spins: how often a waiting worker tries before it sleeps.
    """

    spins = 0

    def __init__(self, rank: int, signals: Sequence[Sequence[Signal]], status: Status) -> None:
        self.rank, self.size = rank, len(signals)
        self.signals, self.status, self.count = signals, status, 0
        self._others = [other for other in range(self.size) if other != rank]

    def meet(self, call: str, number: int = 0) -> list[int]:
        self.count += 1
        status, turn = self.status, self.count % 2
        status.calls[turn, self.rank], status.numbers[turn, self.rank] = call.encode(), number
        status.counts[self.rank] = self.count
        self._tell_all(self.rank)
        for other in self._others:
            self._wait(self.signals[other][self.rank])
            if status.counts[other] < self.count:  # it has not arrived: it was its last signal
                self._explain_leaving(other, call)
        check_calls(status.calls[turn])
        return status.numbers[turn].tolist()  # type: ignore[no-any-return]

    def all_reduce(self, n: int, dtype: Any) -> AllReduce:
        return SharedAllReduce(self, n, np.dtype(dtype))

    def leave(self, state: int, rank: int | None = None) -> None:
        """Note on the status that this worker, or another one, is gone, and wake those who wait for it."""
        rank = self.rank if rank is None else rank
        self.status.states[rank] = state
        self._tell_all(rank)

    def allocate(self, nbytes: int) -> tuple[Any, Callable[[], None]]:
        """Memory that all workers see, and a function that lets go of it."""
        raise NotImplementedError

    def _tell_all(self, rank: int) -> None:
        for other in range(self.size):
            if other != rank:
                self.signals[rank][other].release()

    def _wait(self, signal: Signal) -> None:
        for _ in range(self.spins):
            if signal.acquire(False):
                return
        signal.acquire()

    def _explain_leaving(self, other: int, call: str) -> None:
        if self.status.states[other] == FINISHED:
            raise RuntimeError(
                f"worker {self.rank} waits in {call} for worker {other}, which has finished: all workers must take "
                "the same number of steps"
            )
        raise WorkerLeft(f"worker {self.rank} waits in {call} for worker {other}, which has failed")


class SharedAllReduce(AllReduce):
    """An AllReduce in shared memory: a row of n numbers for each worker, and one for the sums."""

    def __init__(self, group: SharedGroup, n: int, dtype: np.dtype[Any]) -> None:
        memory, self._free = group.allocate(max(1, (group.size + 1) * n * dtype.itemsize))
        rows = np.ndarray((group.size + 1, n), dtype, memory)
        self.group, self.rows, self.sums, self.mine = group, rows[:-1], rows[-1], rows[group.rank]

    def sum(self, n: int, call: str) -> Array:
        group = self.group
        first, end = n * group.rank // group.size, n * (group.rank + 1) // group.size
        group.meet(call)
        for start in range(first, end, PIECE):
            columns = slice(start, min(start + PIECE, end))
            total = np.add(self.rows[0, columns], self.rows[1, columns], out=self.sums[columns])
            for row in self.rows[2:]:
                total += row[columns]
        group.meet(call)
        return self.sums[:n]

    def close(self) -> None:
        del self.rows, self.sums, self.mine
        self._free()


# --- workers that are threads of this process ---------------------------------------------------------------


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

"""Group: the workers that train together, and how they exchange numbers and objects; here for a worker alone.

A program asks `group()` for its group, and never which kind it is: processes or threads of this machine (`shared.py`),
or MPI's ranks (`mpi.py`). Every worker must make the same calls in the same order, since each call waits for all.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from tinygrad_lecture.backend import Array

LONGEST = 40  # letters of a call's name


class AllReduce:
    """Memory for n numbers of each worker, to be summed over all of them. This one is for a worker alone.

    mine: the numbers of this worker, to be filled in.
    """

    def __init__(self, n: int, dtype: Any) -> None:
        self.mine: Array = np.empty(n, dtype)

    def sum(self, n: int, call: str) -> Array:
        """The first n numbers, each summed over all workers: the same bits for all of them.

        Read them before the next call.
        """
        return self.mine[:n]

    def close(self) -> None:
        """Let go of the memory."""


class Loop:
    """What one loop over `shares` has given to the workers.

    rows: of its latest batch, for each worker.
    parts: the rows of the batches that the next `backward` may be of, divided by their greatest common divisor.
    seen: whether a `backward` has seen the latest batch.
    """

    def __init__(self, rows: Sequence[int]) -> None:
        self.rows, self.parts, self.seen = rows, {(1,) * len(rows)}, True

    def give(self, rows: Sequence[int]) -> None:
        """Note the rows of the next batch."""
        if self.seen:
            self.parts = set()
        self.rows, self.seen, divisor = rows, False, math.gcd(*rows) or 1
        self.parts.add(tuple(n // divisor for n in rows))


class Closed(Protocol):
    """What a group closes at its end."""

    def close(self) -> None: ...


class Group:
    """The workers of a run; this base class is a worker alone.

    rank: the number of this worker, from 0. size: how many there are.
    loops: those over `shares` that go on, the innermost last.  ended: a loop whose last batch no `backward` has seen.
    to_close: what is distributed, to be closed at the end.
    """

    rank = 0
    size = 1
    loops: Sequence[Loop] = ()
    ended: Loop | None = None
    to_close: list[Closed]

    @property
    def latest(self) -> Loop:
        """The loop of the latest batch; each worker counts the same where there is none."""
        return self.loops[-1] if self.loops else self.ended or Loop((1,) * self.size)

    def parts_of_backward(self) -> set[tuple[int, ...]]:
        """The parts of the batches that this `backward` may be of."""
        latest = self.latest
        parts = latest.parts.union(*(loop.parts for loop in self.loops if not loop.seen))
        latest.seen = True
        return parts

    def meet(self, call: str, number: int = 0) -> list[int]:
        """Wait until all workers have called this, and return the number of each. call: what for, in errors."""
        return [number]

    def gather(self, value: Any, call: str = "gather") -> list[Any]:
        """The value of each worker, by rank: arrays, Tensors, and whatever else can be pickled."""
        return [value]

    def broadcast(self, value: Any, call: str = "broadcast") -> Any:
        """Worker 0's value; that of the others is not looked at."""
        return self.gather(value if self.rank == 0 else None, call)[0]

    def all_reduce(self, n: int, dtype: Any) -> AllReduce:
        """Memory for n numbers of each worker, to be summed."""
        return AllReduce(n, dtype)


def check_calls(calls: Array) -> None:
    """Raises RuntimeError unless the workers, by rank, are in the same call."""
    if (calls != calls[0]).any():
        told = ", ".join(f"worker {i} in {name.decode()}" for i, name in enumerate(calls.tolist()))
        raise RuntimeError(
            f"the workers are at different places of the program: {told}. All must make the same calls in the same "
            "order, so none of these may stand below `if nn.parallel.rank() == 0`"
        )


class _Own(threading.local):
    group: Group | None = None


_alone = Group()
_own = _Own()  # a thread's own group: of a worker that is a thread, and of the thread that `run` was called in


def group() -> Group:
    """The group of the workers that this program trains with; a group of one outside of `run`."""
    return _own.group or _alone


def rank() -> int:
    """The number of this worker, from 0; 0 if it is alone."""
    return group().rank


def size() -> int:
    """How many workers train together; 1 for a worker alone."""
    return group().size


def mean(number: Any) -> float:
    """The mean over the workers of a number that each has, such as its loss, weighted by their rows. All call it."""
    told: list[tuple[int, float]] = group().gather((group().latest.rows[rank()], float(number)), "mean")
    return sum(rows * value for rows, value in told) / sum(rows for rows, _ in told)


@contextmanager
def working_in(joined: Group) -> Iterator[None]:
    """Context manager: this thread is a worker of a group. At the end it closes what was distributed."""
    _own.group, joined.to_close, joined.loops = joined, [], ()
    try:
        yield
    finally:
        try:
            for distributed in joined.to_close[::-1]:
                distributed.close()
        finally:
            _own.group = None

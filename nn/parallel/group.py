"""Group: the workers that train together, and how they exchange numbers and objects; here for a worker alone.

A program asks `group()` for its group, and never which kind it is: processes or threads of this machine (`shared.py`),
or MPI's ranks (`mpi.py`). Every worker must make the same calls in the same order, since each call waits for all.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from tinygrad_lecture.backend import Array

LONGEST = 40  # letters of a call's name
Parts: TypeAlias = tuple[Fraction, ...]  # of a batch, for each worker


class Exchange:
    """Memory for n numbers of each worker, to add up or to collect. This one is for a worker alone."""

    def __init__(self, n: int, dtype: Any) -> None:
        self.mine: Array = np.empty(n, dtype)

    def open(self, call: str) -> Array:
        """The n numbers of this worker, to be filled in. Waits until nobody reads the previous ones any more."""
        return self.mine

    def sum(self, n: int, call: str) -> Array:
        """The first n numbers, each summed over all workers: the same bits for all of them.

        Read them before the next call.
        """
        return self.mine[:n]

    def start(self, n: int) -> None:
        """Begin to sum the first n numbers over all workers. MPI does so in the background; here it is done at once."""
        self._total = self.sum(n, "backward")

    def wait(self) -> Array:
        """The sums that `start` began. Read them before the next call."""
        return self._total

    def collect(self, bounds: Sequence[int], call: str) -> Sequence[Array]:
        """For each worker an array that has its part of the numbers, bounds[i]:bounds[i + 1] of worker i.

        Read them before the next `open`.
        """
        return [self.mine]

    def close(self) -> None:
        """Let go of the memory."""


class Dealt:
    """What one loop over `shares` has dealt; without rows it stands for no loop, and each worker counts the same.

    rows: of the latest batch, for each worker.
    parts: of the batches that the next `backward` may be of.
    seen: whether a `backward` has seen the latest batch.
    around: the loop that this one stands in.  ended: whether this one is over.
    """

    def __init__(self, size: int, around: Dealt | None = None) -> None:
        self.rows = (1,) * size
        self.parts: set[Parts] = {_parts(self.rows)}
        self.seen, self.ended = True, True
        self.around: Dealt | None = around if around is None or not around.ended else around.around

    def deal(self, rows: tuple[int, ...]) -> None:
        """Note the rows of the next batch."""
        if self.seen:
            self.parts.clear()
        self.rows, self.seen, self.ended = rows, False, False
        self.parts.add(_parts(rows))

    def coming(self) -> set[Parts]:
        """The parts of the batches that this `backward` may be of."""
        self.seen = True
        return self.parts if self.around is None or self.around.seen else self.parts | self.around.parts

    def after(self) -> Dealt:
        """What holds after the loop: what held around it. A backward may still be of batches that none has seen."""
        if self.around is not None:
            return self.around
        if not self.seen and len(self.parts) == 1:
            return self
        nothing = Dealt(len(self.rows))
        if not self.seen:
            nothing.parts |= self.parts
        return nothing


@cache
def _parts(rows: tuple[int, ...]) -> Parts:
    return tuple(Fraction(n, sum(rows) or 1) for n in rows)


class Handle(Protocol):
    """What a group closes at its end."""

    def close(self, complete: bool = ...) -> None: ...


class Group:
    """The workers of a run; this base class is a worker alone.

    rank: the number of this worker, from 0. size: how many there are.
    dealt: which rows of a batch each worker got from `shares`.
    bucket_bytes: how large the buckets are that are added up while `backward` goes on; None: all in one, after it.
    handles: of what is distributed, to be closed at the end.
    """

    rank = 0
    size = 1
    dealt = Dealt(1)
    bucket_bytes: int | None = None
    handles: list[Handle]

    def meet(self, call: str, number: int = 0) -> list[int]:
        """Wait until all workers have called this, and return the number of each. call: what for, in errors."""
        return [number]

    def gather(self, value: Any, call: str = "gather") -> list[Any]:
        """The value of each worker, by rank: arrays, Tensors, and whatever else can be pickled."""
        return [value]

    def broadcast(self, value: Any, call: str = "broadcast") -> Any:
        """Worker 0's value; that of the others is not looked at."""
        return self.gather(value if self.rank == 0 else None, call)[0]

    def exchange(self, n: int, dtype: Any) -> Exchange:
        """Memory for n numbers of each worker."""
        return Exchange(n, dtype)


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
    told: list[tuple[int, float]] = group().gather((group().dealt.rows[rank()], float(number)), "mean")
    return sum(rows * value for rows, value in told) / sum(rows for rows, _ in told)


@contextmanager
def working_in(joined: Group) -> Iterator[None]:
    """Context manager: this thread is a worker of a group. At the end it closes what was distributed."""
    _own.group, joined.handles, joined.dealt = joined, [], Dealt(joined.size)
    complete = False
    try:
        yield
        complete = True
    finally:
        try:
            for handle in joined.handles[::-1]:
                handle.close(complete)
        finally:
            _own.group = None


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

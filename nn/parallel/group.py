"""Group: the workers that train together, and how they exchange numbers and objects; a worker alone, or MPI's.

A program asks `group()` for its group, which is a worker alone or MPI's ranks. Every worker must make the same calls in
the same order, since each call waits for all.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor, no_grad
from tinygrad_lecture.backend import Array, move, to_host
from tinygrad_lecture.kernels.blas import one_thread
from tinygrad_lecture.tensor_base import tensor_of


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
    to_close: list[Any]

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

    def exchange(self, data: bytes) -> list[bytes]:
        """The bytes that each worker gives, by rank."""
        return [data]

    def add_up(self, numbers: Array, call: str = "add_up") -> None:
        """Replace an array by its sum over all workers, in place: the same bits for all of them."""

    def gather(self, value: Any, call: str = "gather") -> list[Any]:
        """The value of each worker, by rank: arrays, Tensors, and whatever else can be pickled.

        call: what for. Raises RuntimeError unless the workers are in the same call.
        """
        if self.size == 1:
            return [value]
        given = [part.partition(b"\0") for part in self.exchange(call.encode() + b"\0" + pickled(value))]
        if len({name for name, _, _ in given}) > 1:
            told = ", ".join(f"worker {i} in {name.decode()}" for i, (name, _, _) in enumerate(given))
            raise RuntimeError(
                f"the workers are at different places of the program: {told}. All must make the same calls in the "
                "same order, so none of these may stand below `if nn.parallel.rank() == 0`"
            )
        return [pickle.loads(data) for _, _, data in given]

    def meet(self, call: str) -> None:
        """Wait until all workers have called this."""
        self.gather(None, call)

    def broadcast(self, value: Any, call: str = "broadcast") -> Any:
        """Worker 0's value; that of the others is not looked at."""
        return self.gather(value if self.rank == 0 else None, call)[0]


class MPIGroup(Group):
    """MPI's ranks. communicator: mpi4py's.

    MPI waits for ever, or mixes up the numbers, if its ranks make different calls. So before each sum they tell each
    other which call they are in.
    """

    def __init__(self, communicator: Any) -> None:
        self.communicator = communicator
        self.rank, self.size = communicator.Get_rank(), communicator.Get_size()

    def exchange(self, data: bytes) -> list[bytes]:
        return self.communicator.allgather(data)  # type: ignore[no-any-return]

    def add_up(self, numbers: Array, call: str = "add_up") -> None:
        self.meet(call)
        total = np.empty_like(numbers)
        self.communicator.Allreduce(numbers, total)
        numbers[...] = total


_alone = Group()
_own = threading.local()  # a thread's own group: that of a worker, and of the thread that `run` was called in


def group() -> Group:
    """The group of the workers that this program trains with; a group of one outside of `run`."""
    return getattr(_own, "group", None) or _alone


def rank() -> int:
    """The number of this worker, from 0; 0 if it is alone."""
    return group().rank


def size() -> int:
    """How many workers train together; 1 for a worker alone."""
    return group().size


@no_grad()
def mean(number: Any) -> float:
    """The mean over the workers of a number that each has, such as its loss, weighted by their rows. All call it."""
    told: list[tuple[int, float]] = group().gather((group().latest.rows[rank()], float(number)), "mean")
    return sum(rows * value for rows, value in told) / sum(rows for rows, _ in told)


# Workers whose BLAS uses all cores wait for each other in busy loops: so each uses one thread, unless one of these says
# how many.
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@contextmanager
def working_in(joined: Group, silent: bool = False) -> Iterator[None]:
    """Context manager: this thread is a worker of a group, and its BLAS uses one thread unless the environment says how
    many. At the end what was distributed is closed. silent: what this process prints is not shown.
    """
    _own.group, joined.to_close, joined.loops = joined, [], ()
    with ExitStack() as stack:
        stack.callback(setattr, _own, "group", None)
        if not any(name in os.environ for name in THREADS):
            stack.enter_context(one_thread)
        if silent:
            nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(nowhere))
        try:
            yield
        finally:
            for distributed in joined.to_close[::-1]:
                distributed.close()


# --- pickles: whatever pickle can, and Tensors, which go to no file as pickles ------------------------------


def pickled(value: Any) -> bytes:
    """A pickle of a value."""
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return NotImplemented
        if not value.is_leaf:
            raise pickle.PicklingError("a tensor computed from others cannot be sent: send x.detach()")
        return _tensor, (type(value), to_host(value._array), value.device, value.requires_grad)


def _tensor(kind: Any, array: Any, device: str, requires_grad: bool) -> Tensor:
    """A tensor out of a pickle, in memory of its own."""
    tensor: Tensor = tensor_of(kind, move(array, device))
    return tensor.requires_grad_(requires_grad)

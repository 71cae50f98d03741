"""Workers that MPI has started, on this machine or on several: `mpiexec -n 4 python program.py`.

MPI starts the whole program n times; `run` then calls the function in each, and afterwards worker 0 alone goes on.
"""

from __future__ import annotations

import atexit
import importlib
import os
import pickle
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from tinygrad_lecture import get_rng_state, set_rng_state
from tinygrad_lecture.backend import Array

from .blas import one_thread_each
from .group import Exchange, Group, silent_unless, working_in
from .pickles import pickled

Result = TypeVar("Result")

_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")  # of Open MPI; of MPICH, Intel, Microsoft, Slurm


def started_by_mpi() -> bool:
    """Whether mpiexec, or a launcher like it, has started this process and others."""
    return any(os.environ.get(name, "1") != "1" for name in _SIZES)


class MPIGroup(Group):
    """A group of MPI's ranks. communicator: mpi4py's."""

    bucket_bytes = 4_000_000

    def __init__(self, communicator: Any) -> None:
        self.communicator = communicator
        self.rank, self.size = communicator.Get_rank(), communicator.Get_size()

    def meet(self, call: str, number: int = 0) -> list[int]:
        return self.communicator.allgather(number)  # type: ignore[no-any-return]

    def gather(self, value: Any, call: str = "gather") -> list[Any]:
        return [pickle.loads(one) for one in self.communicator.allgather(pickled(value))]

    def exchange(self, n: int, dtype: Any) -> Exchange:
        return MPIExchange(self.communicator, n, dtype)


class MPIExchange(Exchange):
    """An Exchange by MPI's Allreduce, Iallreduce and Allgatherv."""

    def __init__(self, communicator: Any, n: int, dtype: Any) -> None:
        super().__init__(n, dtype)
        self.communicator = communicator
        self.all = np.empty(n, dtype)
        self.started: tuple[Any, int] | None = None  # MPI's request, and of how many numbers

    def start(self, n: int) -> None:
        self.started = self.communicator.Iallreduce(self.mine[:n], self.all[:n]), n

    def wait(self) -> Array:
        assert self.started is not None
        (request, n), self.started = self.started, None
        request.Wait()
        return self.all[:n]

    def sum(self, n: int, call: str) -> Array:
        self.communicator.Allreduce(self.mine[:n], self.all[:n])
        return self.all[:n]

    def collect(self, bounds: Sequence[int], call: str) -> Sequence[Array]:
        rank, size = self.communicator.Get_rank(), self.communicator.Get_size()
        counts = [bounds[i + 1] - bounds[i] for i in range(size)]
        self.communicator.Allgatherv(self.mine[bounds[rank] : bounds[rank + 1]], [self.all[: bounds[-1]], counts])
        return [self.all] * size


def run_under_mpi(call: Callable[[], Result]) -> Result:
    """What `call` returns in worker 0; the other workers end the program after it, with SystemExit.

    An exception in one worker ends all. Raises ImportError without mpi4py.
    """
    try:
        MPI = importlib.import_module("mpi4py.MPI")
    except ImportError:
        raise ImportError(
            'nn.parallel: mpiexec has started this program, but mpi4py is not installed: pip install ".[mpi]"'
        ) from None
    group = MPIGroup(MPI.COMM_WORLD)
    set_rng_state(group.broadcast(get_rng_state()))
    try:
        with working_in(group), one_thread_each(), silent_unless(group.rank == 0):
            result = call()
    except BaseException as error:
        if isinstance(error, SystemExit) and not error.code:
            raise
        if group.rank == 0:
            atexit.register(MPI.COMM_WORLD.Abort, 1)  # the others wait for this one
            raise
        time.sleep(1)  # if worker 0 has failed too, the program says it in its own way
        print(f"raised in worker {group.rank} of {group.size}:\n", file=sys.stderr)
        traceback.print_exception(error)
        sys.stderr.flush()
        MPI.COMM_WORLD.Abort(1)
        raise
    if group.rank:
        raise SystemExit
    return result

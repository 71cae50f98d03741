"""Workers that MPI has started, on this machine or on several: `mpiexec -n 4 python program.py`.

MPI starts the whole program n times; `run` then calls the function in each, and afterwards worker 0 alone goes on.
A rank whose error nobody catches ends all; one that calls `sys.exit` before it comes to `run` keeps the others waiting.
"""

from __future__ import annotations

import atexit
import faulthandler
import importlib
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tinygrad_lecture import get_rng_state, set_rng_state
from tinygrad_lecture.backend import Array

from .group import AllReduce, Group, working_in

Result = TypeVar("Result")

_has_run = False
_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")  # of Open MPI; of MPICH, Intel, Microsoft, Slurm


def started_by_mpi() -> bool:
    """Whether mpiexec, or a launcher like it, has started this process and others."""
    return any(os.environ.get(name, "1") != "1" for name in _SIZES)


class MPIGroup(Group):
    """A group of MPI's ranks. communicator: mpi4py's.

    MPI waits for ever, or mixes up the numbers, if its ranks make different calls. So before each sum they tell each
    other which call they are in.
    """

    def __init__(self, communicator: Any) -> None:
        self.communicator = communicator
        self.rank, self.size = communicator.Get_rank(), communicator.Get_size()

    def exchange(self, data: bytes) -> list[bytes]:
        return self.communicator.allgather(data)  # type: ignore[no-any-return]

    def all_reduce(self, n: int, dtype: Any) -> AllReduce:
        return MPIAllReduce(self, n, dtype)


class MPIAllReduce(AllReduce):
    """An AllReduce by MPI's own."""

    def __init__(self, group: MPIGroup, n: int, dtype: Any) -> None:
        super().__init__(n, dtype)
        self.group, self.sums = group, np.empty(n, dtype)

    def sum(self, call: str) -> Array:
        self.group.meet(call)
        self.group.communicator.Allreduce(self.mine, self.sums)
        return self.sums


def run_under_mpi(call: Callable[[], Result]) -> Result:
    """What `call` returns in worker 0; the other workers end the program after it, with SystemExit.

    An exception in one worker ends all. Raises ImportError without mpi4py, RuntimeError for a second run.
    """
    global _has_run
    if _has_run:
        raise RuntimeError("nn.parallel.run: under mpiexec a program can call it once: put all into one function")
    try:
        MPI = importlib.import_module("mpi4py.MPI")
    except ImportError:
        raise ImportError('nn.parallel: mpiexec has started it, but mpi4py is missing: pip install ".[mpi]"') from None
    _has_run, group = True, MPIGroup(MPI.COMM_WORLD)
    ending: SystemExit | None = None
    try:
        set_rng_state(group.broadcast(get_rng_state(), "run"))
        with working_in(group, silent=group.rank > 0):
            try:
                result = call()
            except SystemExit as error:
                if error.code:
                    raise
                ending = error
        group.meet("run, at its end")
    except BaseException as error:
        if group.rank == 0:
            atexit.register(_end_all, MPI)  # the others wait for this one
            raise
        time.sleep(1)  # if worker 0 has failed too, the program says it in its own way
        print(f"raised in worker {group.rank} of {group.size}:\n", file=sys.stderr)
        traceback.print_exception(error)
        _end_all(MPI)
        raise
    if group.rank or ending is not None:
        raise ending or SystemExit
    return result


def _end_all(MPI: Any) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    time.sleep(0.5)  # for mpiexec to pass on what was printed
    MPI.COMM_WORLD.Abort(1)


def end_all_with_this_one() -> None:
    """From now on an error that nobody catches ends the other workers as well, which may wait in `run` already."""
    show = sys.excepthook

    def show_and_end(kind: Any, error: Any, trace: Any) -> None:
        show(kind, error, trace)
        with suppress(ImportError), Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            # MPI begins when all do, which may never be; while it waits, no other thread of Python runs
            faulthandler.dump_traceback_later(10, exit=True, file=nowhere)
            _end_all(importlib.import_module("mpi4py.MPI"))

    sys.excepthook = show_and_end


if started_by_mpi():
    end_all_with_this_one()

"""The workers that train together: how they exchange numbers and objects, and how MPI starts them.

MPI starts the whole program n times: `mpiexec -n 4 python program.py`, on one machine or several, or `run` does it, on
this machine. `run` then calls the function in each, and afterwards worker 0 alone goes on. A worker whose error nobody
catches ends all; one that calls `sys.exit` before it comes to `run` keeps the others waiting.

A program asks `group()` for its group, which is a worker alone or MPI's ranks. Every worker must make the same calls in
the same order, since each call waits for all.
"""

from __future__ import annotations

import atexit
import faulthandler
import importlib
import os
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np

from tinygrad_lecture import Tensor, get_rng_state, set_rng_state
from tinygrad_lecture.backend import Array
from tinygrad_lecture.func.gradients import map_leaves
from tinygrad_lecture.kernels.threads import one_thread

from ..errors import check_sizes

Result = TypeVar("Result")


class Group:
    """The workers of a run; this base class is a worker alone.

    rank: the number of this worker, from 0. size: how many there are.
    """

    rank = 0
    size = 1

    def exchange(self, value: Any) -> list[Any]:
        """The value that each worker gives, by rank."""
        return [value]

    def add_up(self, numbers: Array) -> None:
        """Replace an array by its sum over all workers, in place: the same bits for all of them."""

    def gather(self, value: Any, call: str = "gather") -> list[Any]:
        """The value of each worker, by rank: whatever can be pickled; of a Tensor its array.

        call: what for. Raises RuntimeError unless the workers are in the same call.
        """
        if self.size == 1:
            return [value]
        given = self.exchange((call, map_leaves(lambda x: x.cpu().numpy() if isinstance(x, Tensor) else x, value)))
        if len({name for name, _ in given}) > 1:
            told = ", ".join(f"worker {i} in {name}" for i, (name, _) in enumerate(given))
            raise RuntimeError(
                f"the workers are at different places of the program: {told}. All must make the same calls in the "
                "same order, so none of these may stand below `if nn.parallel.rank() == 0`"
            )
        return [each for _, each in given]

    def meet(self, call: str) -> None:
        """Wait until all workers have called this."""
        self.gather(None, call)

    def broadcast(self, value: Any, call: str = "broadcast") -> Any:
        """Worker 0's value; that of the others is not looked at."""
        return self.gather(value if self.rank == 0 else None, call)[0]


class MPIGroup(Group):
    """MPI's ranks. communicator: mpi4py's."""

    def __init__(self, communicator: Any) -> None:
        self.communicator = communicator
        self.rank, self.size = communicator.Get_rank(), communicator.Get_size()

    def exchange(self, value: Any) -> list[Any]:
        return self.communicator.allgather(value)  # type: ignore[no-any-return]

    def add_up(self, numbers: Array) -> None:
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


# Workers whose BLAS uses all cores wait for each other in busy loops: so each uses one thread, unless one of these says
# how many.
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@contextmanager
def working_in(joined: Group, silent: bool = False) -> Iterator[None]:
    """Context manager: this thread is a worker of a group, and its BLAS uses one thread unless the environment says how
    many. silent: what this process prints is not shown.
    """
    _own.group = joined
    with ExitStack() as stack:
        stack.callback(setattr, _own, "group", None)
        if not any(name in os.environ for name in THREADS):
            stack.enter_context(one_thread)
        if silent:
            nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(nowhere))
        yield


# --- processes of MPI ----------------------------------------------------------------------------------------

_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")  # of Open MPI; of MPICH, Intel, Microsoft, Slurm
_RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK")
_WANTED = "NN_PARALLEL_WORKERS"  # in the environment of workers that `run` has started: how many
_INSTALL = "python -m pip install mpi4py mpich"
_has_run = False


def run(function: Callable[..., Result], *args: object, workers: int = 1, **kwargs: object) -> Result:
    """What function(*args, **kwargs) returns in worker 0; the other workers call it as well, and end after it.

        nn.parallel.run(trainer.fit, workers=2)

    - `workers`: how many; 1 is a plain call. With more, `mpiexec` starts this program again, once for each worker, in
      place of this process. A program that MPI has started already, `mpiexec -n 4 python program.py`, has as many
      workers as MPI started, whatever this says.

    So what stands before this call runs in every worker, and once more before they start; a program calls it once.
    What the others print is not shown. The BLAS of each uses one thread, unless the environment says otherwise, as by
    OPENBLAS_NUM_THREADS. All begin with the random state of worker 0.

    An error in one worker ends all, and is shown; Ctrl-C goes to all. Raises ImportError without mpi4py and mpiexec,
    RuntimeError where there is no program to start again, as in a notebook, and for a second call; TypeError unless
    function can be called; ValueError unless workers is 1 or more.
    """
    check_sizes("nn.parallel.run", workers=workers)
    if not callable(function):
        raise TypeError("nn.parallel.run: write the function without (), as trainer.fit; it is called in each worker")
    if size() > 1:
        raise RuntimeError("nn.parallel.run: this is a worker of a run already, and cannot start others")
    call = partial(function, *args, **kwargs)
    if started_by_mpi():
        return _run_as_worker(call)
    if workers > 1:
        _start_again(workers)
    return call()


def started_by_mpi() -> bool:
    """Whether mpiexec, or a launcher like it, has started this process and others."""
    return any(os.environ.get(name, "1") != "1" for name in _SIZES)


def _start_again(workers: int) -> NoReturn:
    """Start this program again by mpiexec, in place of this process."""
    if sys.argv[0] in ("", "-") or "ipykernel" in sys.modules:
        raise RuntimeError("nn.parallel.run: each worker starts the program again: it must be a file, not a notebook")
    if _WANTED in os.environ:
        raise RuntimeError(f"nn.parallel.run: mpiexec starts programs without telling them how many: {_INSTALL}")
    mpiexec = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))
    if mpiexec is None or find_spec("mpi4py") is None:
        raise ImportError(f"nn.parallel.run: several workers are processes of MPI, which is missing: {_INSTALL}")
    sys.stdout.flush()
    sys.stderr.flush()
    os.environ[_WANTED] = str(workers)
    command = [mpiexec, "-n", str(workers), sys.executable, *sys.orig_argv[1:]]
    if os.name == "nt":  # where a process cannot be replaced
        sys.exit(subprocess.call(command))
    os.execv(mpiexec, command)


def _run_as_worker(call: Callable[[], Result]) -> Result:
    """What `call` returns in worker 0; the other workers end the program after it, with SystemExit.

    An exception in one worker ends all.
    """
    global _has_run
    if _has_run:
        raise RuntimeError("nn.parallel.run: a program can call it once: put all into one function")
    try:
        MPI = importlib.import_module("mpi4py.MPI")
    except ImportError:
        raise ImportError(f"nn.parallel: mpiexec has started it, but mpi4py is missing: {_INSTALL}") from None
    _has_run, group = True, MPIGroup(MPI.COMM_WORLD)
    if group.size == 1:
        raise RuntimeError(f"nn.parallel: mpi4py is of another MPI than mpiexec, so no worker sees others: {_INSTALL}")
    try:
        set_rng_state(group.broadcast(get_rng_state(), "run"))
        with working_in(group, silent=group.rank > 0):
            result = call()
        group.meet("run, at its end")
    except BaseException as error:
        if group.rank == 0:
            atexit.register(_end_all, MPI)  # the others wait for this one
            raise
        time.sleep(1)  # if worker 0 has failed too, the program says it in its own way
        print(f"raised in worker {group.rank} of {group.size}:\n", file=sys.stderr)
        traceback.print_exception(error)
        _end_all(MPI)
    if group.rank:
        raise SystemExit
    return result


def _end_all(MPI: Any) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    time.sleep(0.5)  # for mpiexec to pass on what was printed
    MPI.COMM_WORLD.Abort(1)
    os._exit(1)


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
    if _WANTED in os.environ and any(os.environ.get(name, "0") != "0" for name in _RANKS):
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - what stands before `run` prints too

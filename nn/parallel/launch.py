"""run: a function in several workers, which are processes that MPI starts.

MPI starts the whole program n times: `mpiexec -n 4 python program.py`, on one machine or several, or `run` does it, on
this machine. `run` then calls the function in each, and afterwards worker 0 alone goes on. A worker whose error nobody
catches ends all; one that calls `sys.exit` before it comes to `run` keeps the others waiting.
"""

from __future__ import annotations

import atexit
import faulthandler
import importlib
import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from tinygrad_lecture import get_rng_state, set_rng_state

from ..errors import check_sizes
from .group import MPIGroup, size, working_in

Result = TypeVar("Result")

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
    RuntimeError where there is no program to start again, as in a notebook, and for a second call; ValueError unless
    workers is 1 or more.
    """
    check_sizes("nn.parallel.run", workers=workers)
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
        raise RuntimeError(
            "nn.parallel.run: each worker starts the program again, so it must stand in a file, not in a notebook or "
            "on Python's command line"
        )
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
    if group.rank or ending is not None:
        raise ending or SystemExit
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

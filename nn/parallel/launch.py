"""run: a function in several workers at once."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from tinygrad_lecture.errors.users_line import hide_frames
from tinygrad_lecture.errors.words import shown

from ..errors.checks import check_sizes
from .group import size
from .mpi import run_under_mpi, started_by_mpi
from .pickles import pickled

Given = ParamSpec("Given")
Result = TypeVar("Result")


def run(
    function: Callable[..., Result], *args: object, workers: int = 1, threads: bool = False, **kwargs: object
) -> Result:
    """What function(*args, **kwargs) returns in worker 0, this process; the other workers call it at the same time.

        nn.parallel.run(trainer.fit, workers=2)

    - `workers`: how many; with 1 this is a plain call. Started by MPI (`mpiexec -n 4 python program.py`), the program
      has as many as MPI says, whatever `workers` is; worker 0 alone goes on after the call.
    - `threads`: workers are threads of this process, which gain for wide networks only. They need no pickle.

    Other workers are new processes. They import the program, so the call stands below `if __name__ == "__main__":`,
    and the function and its arguments are sent to them as a pickle. What the others print is not shown. Each worker's
    BLAS uses one thread, unless the environment says how many (OPENBLAS_NUM_THREADS, OMP_NUM_THREADS, ...).

    If one worker fails, all end. Raises what it raised, with a note that says which worker it was; ChildProcessError if
    it was killed; TypeError if the function or an argument cannot be pickled; RuntimeError within a `run`.
    """
    check_sizes("nn.parallel.run", workers=workers)
    if size() > 1:
        raise RuntimeError("nn.parallel.run: this is a worker of a run already; it cannot start others")
    call = partial(function, *args, **kwargs)
    if started_by_mpi():
        return run_under_mpi(call)
    if workers == 1:
        return call()
    if threads:
        from .threads import run_threads

        return run_threads(call, workers)
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise RuntimeError(
            "nn.parallel.run: a worker imports the program, and must not start workers itself: put the call below "
            'the line `if __name__ == "__main__":`'
        )
    try:
        pickle_of_call = pickled(call)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        hide_frames(2)
        raise TypeError(
            f"nn.parallel.run: {shown(function)} or one of its arguments cannot be sent to another process ({error}): "
            "define functions and classes at the top of a file, not in others, in a notebook or as lambda; or take "
            "threads=True"
        ) from error
    from .processes import run_processes

    return run_processes(call, pickle_of_call, workers)

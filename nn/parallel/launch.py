"""run: a function in several workers at once."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import TypeVar

from tinygrad_lecture.autograd.modes import modes, reference, set_grad_enabled
from tinygrad_lecture.errors import brief, hide_frames

from ..errors import check_sizes
from .group import pickled, size
from .mpi import run_under_mpi, started_by_mpi

Result = TypeVar("Result")


def run(function: Callable[..., Result], *args: object, workers: int = 1, **kwargs: object) -> Result:
    """What function(*args, **kwargs) returns in this process, which is worker 0; the other workers call it as well.

        nn.parallel.run(trainer.fit, workers=2)

    - `workers`: how many; 1 is a plain call. A program that MPI has started, `mpiexec -n 4 python program.py`, has as
      many as MPI started, whatever this says; afterwards worker 0 goes on, and the others end with SystemExit.

    The others are new processes. They import the program, so this call stands below
    `if __name__ == "__main__":`. The function and its arguments are sent to them as a pickle, so functions and classes
    stand at the top of a file. What the others print is not shown. The BLAS of each uses one thread, unless the
    environment says otherwise, as by OPENBLAS_NUM_THREADS; a process knows of no tl.set_num_threads but its own.

    All begin with the random state of this process, its default dtype and its modes, such as tl.reference().

    If one worker fails, all end. Raises what it raised, with a note that says which worker it was, and
    ChildProcessError if it was killed; TypeError for what cannot be sent; ValueError unless workers is 1 or more;
    RuntimeError in a worker.
    """
    check_sizes("nn.parallel.run", workers=workers)
    if size() > 1:
        raise RuntimeError("nn.parallel.run: this is a worker of a run already, and cannot start others")
    call = partial(function, *args, **kwargs)
    if started_by_mpi():
        return run_under_mpi(call)
    if workers == 1:
        return call()
    from .local import run_processes

    call = partial(_in_modes, modes.recording, modes.reference, call)
    try:
        begin = pickled(call, for_programs=True)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        hide_frames()
        raise TypeError(
            f"nn.parallel.run: {brief(function)} or one of its arguments cannot be sent to another process ({error}). "
            "Define functions and classes at the top of a file, not within a function, as a lambda or in a notebook"
        ) from error
    return run_processes(call, begin, workers)


def _in_modes(recording: bool, by_reference: bool, call: Callable[[], Result]) -> Result:
    """What `call` returns in these modes, which another process does not have."""
    with set_grad_enabled(recording), reference() if by_reference else nullcontext():
        return call()

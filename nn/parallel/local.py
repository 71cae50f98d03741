"""Workers that are processes of one machine: worker 0 is the one that called `run`, and starts the others.

They exchange objects by pipes, through worker 0. To add up n numbers each writes its own into a row of shared memory,
adds up one share of the columns over all rows, and reads what the others have added up: a reduce-scatter and an
all-gather (Thakur, Rabenseifner & Gropp, 2005).

A process is started anew ("spawn"), on every system: it imports the program, and gets the function and its arguments
as a pickle. All processes end when worker 0 does, however that is. No name of the shared memory is left as soon as all
have opened it, so the system frees it with the last of them.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tinygrad_lecture import get_default_dtype, get_rng_state, set_default_dtype, set_rng_state
from tinygrad_lecture.backend import Array
from tinygrad_lecture.kernels.threads import PIECE

from .group import THREADS, AllReduce, Group, WorkerLeft, on_ctrl_c, pickled, working_in

Result = TypeVar("Result")


class LocalGroup(Group):
    """Workers on this machine. pipes: to worker 0 or, of worker 0, to each of the others."""

    def __init__(self, rank: int, size: int, pipes: Sequence[Connection]) -> None:
        self.rank, self.size, self.pipes = rank, size, pipes

    def exchange(self, data: bytes) -> list[bytes]:
        try:
            if self.rank:
                self.pipes[0].send_bytes(data)
                together = self.pipes[0].recv_bytes()
            else:
                together = pickle.dumps([data, *(pipe.recv_bytes() for pipe in self.pipes)])
                for pipe in self.pipes:
                    pipe.send_bytes(together)
        except (EOFError, OSError):
            call = data.partition(b"\0")[0].decode()
            raise WorkerLeft(
                f"worker {self.rank} waits in {call} for another, which has ended: all must take as many steps"
            ) from None
        return pickle.loads(together)  # type: ignore[no-any-return]

    def all_reduce(self, n: int, dtype: Any) -> AllReduce:
        return SharedAllReduce(self, n, np.dtype(dtype))

    def leave(self) -> None:
        """Let those who wait for this worker know that it has ended."""
        for pipe in self.pipes:
            pipe.close()


class SharedAllReduce(AllReduce):
    """An AllReduce in shared memory: a row of n numbers for each worker, and one for the sums."""

    def __init__(self, group: Group, n: int, dtype: np.dtype[Any]) -> None:
        nbytes, made = max(1, (group.size + 1) * n * dtype.itemsize), None
        if group.rank == 0:
            _check_room(nbytes)
            made = _Memory(create=True, size=nbytes)
        try:
            name = group.broadcast(made and made.name, "all_reduce")
            self.memory = made or _Memory(name)
            group.meet("all_reduce")
        finally:
            if made is not None:
                made.unlink()
        rows = np.ndarray((group.size + 1, n), dtype, self.memory.buf)
        self.group, self.rows, self.sums, self.mine = group, rows[:-1], rows[-1], rows[group.rank]

    def sum(self, call: str) -> Array:
        rank, size, n = self.group.rank, self.group.size, len(self.sums)
        first, end = n * rank // size, n * (rank + 1) // size
        self.group.meet(call)
        for start in range(first, end, PIECE):
            columns = slice(start, min(start + PIECE, end))
            total = np.add(self.rows[0, columns], self.rows[1, columns], out=self.sums[columns])
            for row in self.rows[2:]:
                total += row[columns]
        self.group.meet(call)
        return self.sums

    def close(self) -> None:
        del self.rows, self.sums, self.mine
        self.memory.close()


class _Memory(SharedMemory):
    """Shared memory. After an error an array may still look into it; then it is freed with that array."""

    def close(self) -> None:
        with suppress(BufferError):
            super().close()


def _check_room(nbytes: int) -> None:
    """Raises MemoryError if the system has too little shared memory; it would kill a process that writes beyond."""
    folder = Path("/dev/shm")
    if folder.is_dir() and (free := shutil.disk_usage(folder).free) < nbytes:
        raise MemoryError(
            f"nn.parallel: the workers need {nbytes / 1e6:,.0f} MB of shared memory, and {folder} has "
            f"{free / 1e6:,.0f} MB free: make it larger, as with docker run --shm-size=2g"
        )


# --- the workers --------------------------------------------------------------------------------------------


class _Worker:
    """Another worker, as worker 0 sees it.

    pipe: for objects.  ending: a pipe for one message at its end, the exception that ended it, or nothing.
    """

    def __init__(self, rank: int, size: int, begin: bytes) -> None:
        self.rank, (self.pipe, its_pipe), (self.ending, its_ending) = rank, Pipe(), Pipe()
        args = LocalGroup(rank, size, [its_pipe]), its_ending, begin
        process = multiprocessing.get_context("spawn").Process
        self.process = process(target=_work, args=args, name=f"worker {rank}", daemon=True)
        with one_thread_in_children(), on_ctrl_c(signal.SIG_IGN):  # a terminal sends it to all processes
            self.process.start()
        its_pipe.close()
        its_ending.close()

    def failure(self) -> BaseException | None:
        """What ended it; waits for its end."""
        try:
            message = self.ending.recv_bytes()
        except (EOFError, OSError):  # it could not say how
            self.process.join()
            return ChildProcessError(f"nn.parallel: worker {self.rank} {_how(self.process.exitcode or 0)}")
        return _error_in(message) if message else None

    def end(self) -> None:
        """Kill it if it still runs."""
        self.pipe.close()
        self.process.kill()
        self.process.join()
        self.ending.close()


def run_processes(call: Callable[[], Result], begin: bytes, size: int) -> Result:
    """What `call` returns in this process, which is worker 0; the others call what the pickle `begin` holds.

    Raises what any worker raised, with a note that says which; ChildProcessError if one was killed; RuntimeError
    while a worker imports the program.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise RuntimeError('nn.parallel.run: workers import the program; call it below `if __name__ == "__main__":`')
    begin = pickled((begin, get_default_dtype(), get_rng_state()))
    workers: list[_Worker] = []
    left: BaseException | None = None
    try:
        for rank in range(1, size):
            workers.append(_Worker(rank, size, begin))
        group = LocalGroup(0, size, [worker.pipe for worker in workers])
        try:
            with working_in(group):
                result = call()
        except WorkerLeft as error:
            left = error
        group.leave()
        running = {worker.ending: worker for worker in workers}
        while running:
            for ending in wait(list(running)):
                failure = running.pop(ending).failure()  # type: ignore[call-overload]
                if isinstance(failure, WorkerLeft):  # another one ended first
                    left = left or failure
                elif failure is not None:
                    raise failure
        if left is not None:
            raise left
        for worker in workers:
            worker.process.join()
        return result
    finally:
        for worker in workers:
            worker.end()


def _how(exit_code: int) -> str:
    if exit_code < 0:
        return f"was killed by signal {-exit_code} ({signal.Signals(-exit_code).name})"
    return (
        f"ended with exit code {exit_code}; if it said why, it is above. Is the call of nn.parallel.run below "
        '`if __name__ == "__main__":`?'
    )


def _work(group: LocalGroup, ending: Connection, begin: bytes) -> None:
    """The life of another worker. begin: a pickle of what it calls, itself a pickle, and of worker 0's state."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_worker_0, args=(ending,), daemon=True).start()
    message = b""
    try:
        with working_in(group, silent=True):
            call, dtype, stream = pickle.loads(begin)
            set_default_dtype(dtype)
            set_rng_state(stream)
            pickle.loads(call)()
    except BaseException as error:
        if not isinstance(error, SystemExit) or error.code:  # sys.exit() is a return: the others may still wait
            message = _pickled_error(error, group.rank, group.size)
    with suppress(OSError):  # worker 0 may be gone
        ending.send_bytes(message)
    group.leave()


def _pickled_error(error: BaseException, rank: int, size: int) -> bytes:
    """A message that `_error_in` reads: a pickle of the exception, if it has one, and its traceback."""
    text = f"raised in worker {rank} of {size}:\n\n{''.join(traceback.format_exception(error))}"
    try:
        made = pickled(error)
    except Exception:  # whatever it holds
        made = pickled(RuntimeError(repr(error)))
    return pickle.dumps((made, text))


def _error_in(message: bytes) -> BaseException:
    """The exception in a message, with the traceback as a note."""
    made, text = pickle.loads(message)
    try:
        error: BaseException = pickle.loads(made)
    except Exception:  # its class has an `__init__` that pickle cannot call, or is not found here
        error = RuntimeError("a worker failed")
    error.add_note(text)
    return error


def _end_with_worker_0(ending: Connection) -> None:
    """End this process when worker 0 is gone."""
    with suppress(EOFError, OSError):
        ending.recv_bytes()
    os._exit(1)


@contextmanager
def one_thread_in_children() -> Iterator[None]:
    """Context manager: processes started in it use one BLAS thread, unless the environment says how many."""
    names = () if any(name in os.environ for name in THREADS) else THREADS
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]

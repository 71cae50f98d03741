"""Workers that are processes of this machine: worker 0 is the process that called `run`, and starts the others.

Each is started anew ("spawn"), on every system: it imports the program, and gets the function and its arguments as a
pickle. Worker 0 hears how each of them ends; the others end when worker 0 does, however that is. No name of the shared
memory is left as soon as all have opened it, so the system frees it with the last of them.
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
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

from tinygrad_lecture import get_default_dtype, get_rng_state, set_default_dtype, set_rng_state

from .group import working_in
from .shared import FAILED, FINISHED, SharedGroup, Signal, Status, WorkerLeft
from .worker import one_thread_each, one_thread_in_children, pickled, silent_unless, until_exit

Result = TypeVar("Result")
Signals: TypeAlias = Sequence[Sequence[Signal]]
Endings: TypeAlias = "SimpleQueue[BaseException | None]"


class ProcessGroup(SharedGroup):
    """A group of processes. pipes: to worker 0 or, of worker 0, to each of the others; objects are gathered there."""

    spins = 300  # about 60 µs

    def __init__(self, rank: int, signals: Signals, status: Status, pipes: list[Connection]) -> None:
        super().__init__(rank, signals, status)
        self.pipes = pipes

    def gather(self, value: Any, call: str = "gather") -> list[Any]:
        self.meet(call)
        own = pickled(value)
        try:
            if self.rank:
                self.pipes[0].send_bytes(own)
                together = self.pipes[0].recv_bytes()
            else:
                together = pickle.dumps([own, *(pipe.recv_bytes() for pipe in self.pipes)])
                for pipe in self.pipes:
                    pipe.send_bytes(together)
        except (EOFError, OSError):
            raise WorkerLeft(f"worker {self.rank} waits in {call} for another, which has ended") from None
        return [pickle.loads(one) for one in pickle.loads(together)]

    def allocate(self, nbytes: int) -> tuple[Any, Callable[[], None]]:
        memory = None
        if self.rank == 0:
            _check_room(nbytes)
            memory = _Memory(create=True, size=nbytes)
        try:
            name = self.broadcast(memory and memory.name, "allocate")
            opened = memory or _Memory(name)
            self.meet("allocate")
        finally:
            if memory is not None:
                memory.unlink()
        return opened.buf, opened.close


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
            f"{free / 1e6:,.0f} MB free: make it larger, as with docker run --shm-size=2g, or take threads=True"
        )


# --- worker 0 -----------------------------------------------------------------------------------------------


class _Worker:
    """Another worker, as worker 0 sees it: a process, and a thread that waits for its end.

    pipe: for objects.  ending: on which it sends None, or the exception that ended it.
    """

    def __init__(self, rank: int, group: ProcessGroup, begin: bytes, endings: Endings) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, its_pipe = context.Pipe()
        self.ending, its_ending = context.Pipe()
        given = (rank, group.signals, group.status.memory, its_pipe, its_ending, begin)
        self.process = context.Process(target=_work, args=given, name=f"worker {rank}", daemon=True)
        self.process.start()
        its_pipe.close()
        its_ending.close()
        self.thread = threading.Thread(target=self._watch, args=(rank, group, endings), daemon=True)
        self.thread.start()

    def _watch(self, rank: int, group: ProcessGroup, endings: Endings) -> None:
        """Wait until it has ended, and put its exception into the queue, or None."""
        try:
            message = self.ending.recv_bytes()
            error = _error_in(message) if message else None
        except (EOFError, OSError):  # it could not say how
            self.process.join()
            error = ChildProcessError(f"nn.parallel: worker {rank} {_how(self.process.exitcode or 0)}")
            group.leave(FAILED, rank)
        endings.put(error)
        self.process.join()

    def end(self) -> None:
        """End the process if it still runs."""
        self.process.terminate()
        self.thread.join(5)
        self.process.kill()
        self.thread.join()
        for opened in (self.process, self.pipe, self.ending):
            opened.close()


def run_processes(call: Callable[[], Result], pickle_of_call: bytes, size: int) -> Result:
    """What `call` returns in this process, which is worker 0; the others call what the pickle holds.

    Raises what any worker raised, with a note that says which; ChildProcessError if one was killed; RuntimeError
    while a worker imports the program.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise RuntimeError(
            "nn.parallel.run: a worker imports the program, and must not start workers itself: put the call below "
            'the line `if __name__ == "__main__":`'
        )
    context = multiprocessing.get_context("spawn")
    signals = [[context.Semaphore(0) for _ in range(size)] for _ in range(size)]
    group = ProcessGroup(0, signals, Status(size, context.RawArray("b", Status.nbytes(size))), [])
    begin = pickled((pickle_of_call, get_default_dtype(), get_rng_state()))
    workers: list[_Worker] = []
    endings: Endings = SimpleQueue()
    left: WorkerLeft | None = None
    unhandled = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    termination = _handling(signal.SIGTERM, _leave) if unhandled else nullcontext()
    try:
        with one_thread_in_children(), _handling(signal.SIGINT, signal.SIG_IGN):  # Ctrl-C: a terminal sends it to all
            for rank in range(1, size):
                workers.append(_Worker(rank, group, begin, endings))
                group.pipes.append(workers[-1].pipe)
        try:
            with working_in(group), one_thread_each(), termination:
                result = call()
            group.leave(FINISHED)
        except WorkerLeft as error:
            left = error
        for _ in workers:
            if (failure := endings.get()) is not None:
                raise failure
        if left is not None:
            raise left
        for worker in workers:
            worker.thread.join()
        return result
    finally:
        for worker in workers:
            worker.end()


@contextmanager
def _handling(number: signal.Signals, handler: Any) -> Iterator[None]:
    """Context manager: a signal is handled in this way; SIG_IGN also by the processes started in it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def _leave(number: int, frame: object) -> None:
    """End as at an exit, which ends the other workers and removes their semaphores."""
    raise SystemExit(128 + number)


def _how(exit_code: int) -> str:
    if exit_code < 0:
        return f"was killed by signal {-exit_code} ({signal.Signals(-exit_code).name})"
    return (
        f"ended with exit code {exit_code}; if it said why, it is above. Is the call of nn.parallel.run below "
        '`if __name__ == "__main__":`?'
    )


# --- the other workers --------------------------------------------------------------------------------------


def _work(rank: int, signals: Signals, memory: Any, pipe: Connection, ending: Connection, begin: bytes) -> None:
    """The life of another worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_worker_0, args=(ending,), daemon=True).start()
    group = ProcessGroup(rank, signals, Status(len(signals), memory), [pipe])
    state, failure = FAILED, None
    try:
        pickle_of_call, dtype, stream = pickle.loads(begin)
        set_default_dtype(dtype)
        set_rng_state(stream)
        call = pickle.loads(pickle_of_call)
        with working_in(group), silent_unless(False), until_exit():
            call()
        state = FINISHED
    except WorkerLeft:  # the one that failed says why
        pass
    except BaseException as error:
        failure = error
    ending.send_bytes(b"" if failure is None else _pickled_error(failure, rank, len(signals)))
    group.leave(state)


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
    try:
        ending.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)

"""Large arrays in pieces that fit the processor's cache, and threads that share the pieces of a large computation.

GELU passes over its array fifteen times, and an update such as Adam's twelve times over arrays of a parameter's size.
Written plainly, each pass reads and writes main memory and allocates a full-size result. In pieces, the passes work in
the cache, and their results are small (cache blocking).

OpenBLAS has threads of its own, but they wait for each other in busy loops: with one core busy elsewhere, a training
step took 3 to 10 times as long. Here whoever is free takes the next chunk, and the calling thread never waits for one
that nobody has begun. A chunk's result does not depend on who computes it, so results repeat bit for bit.

NumPy's wheels for Linux and Windows, and most other builds, contain OpenBLAS. Where it is not found (Accelerate, MKL),
`blas_threads()` is None and `one_thread` does nothing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ContextDecorator, suppress
from contextvars import copy_context
from functools import cache, partial
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np

from ..backend import Array, xp

T = TypeVar("T")
_chosen: int | None = None


def set_num_threads(n: int) -> None:
    """Use up to n threads for large matrix products and elementwise kernels (on the CPU).

    The default is the number that NumPy's BLAS would use: one per core, or what the environment variable
    OPENBLAS_NUM_THREADS or threadpoolctl says. Raises ValueError for a number below 1.
    """
    global _chosen
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"set_num_threads: needs a number of threads from 1, not {n!r}")
    _chosen = n
    leave_loops()


def get_num_threads() -> int:
    """How many threads a large computation may use; see `set_num_threads`."""
    return _chosen or blas_threads() or 1


def share(function: Callable[..., object], chunks: list[Any], threads: int | None = None) -> None:
    """Call function(chunk) for all chunks, in this thread and up to threads - 1 others.

    threads: by default `get_num_threads()`. Who calls BLAS in a chunk does this within `one_thread`.
    If a call raises, or at Ctrl-C, chunks that nobody has begun are left out. No call goes on when this one has ended.
    """
    if len(chunks) == 1:
        function(chunks[0])
        return
    threads = threads or get_num_threads()
    todo = chunks[::-1]
    begun: list[None] = []  # an element for each other thread that may have taken a chunk
    ended: list[BaseException | None] = []  # what each raised
    news: SimpleQueue[None] = SimpleQueue()

    def work() -> None:
        while True:
            try:
                chunk = todo.pop()
            except IndexError:  # none is left
                return
            try:
                function(chunk)
            except BaseException:
                todo.clear()
                raise

    def help_() -> None:
        begun.append(None)
        try:
            work()
        except BaseException as error:
            ended.append(error)
        else:
            ended.append(None)
        news.put(None)

    helpers = min(threads, len(chunks)) - 1
    if helpers > 0:
        leave_loops()
    for _ in range(helpers):
        # in a copy of the caller's context, and so in its np.errstate
        submit(partial(copy_context().run, help_), threads - 1)
    try:
        work()
    finally:
        interrupts = []
        while len(ended) < len(begun):
            try:
                news.get()
            except KeyboardInterrupt as interrupt:
                todo.clear()
                interrupts.append(interrupt)
    for error in (*ended, *interrupts):
        if error is not None:
            raise error


def leave_loops() -> None:
    """Make the pool's threads free; where they serve compiled work, `compiled/pool.py` replaces this."""


def submit(work: Callable[[], object], threads: int) -> None:
    """Have another thread call a function, which raises nothing, as soon as one of up to `threads` others is free.

    At the end of the program nobody calls it.
    """
    requests.put(work)
    with _lock:  # else callers at once would start more
        while len(_threads) < threads:
            thread = threading.Thread(target=_serve_requests, args=(requests,), name="tinygrad_lecture", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the program ends
                return
            _threads.append(thread)


requests: SimpleQueue[Callable[[], object]] = SimpleQueue()  # unlike a Future, it can be used at Ctrl-C and in a fork
_threads: list[threading.Thread] = []
_lock = threading.Lock()  # held to start threads, and to read and set the number of the BLAS's


def _serve_requests(requests: SimpleQueue[Callable[[], object]]) -> None:
    while True:
        requests.get()()


def elsewhere(function: Callable[[], T]) -> T:
    """The result of a function, called in a thread of its own.

    Ctrl-C reaches the main thread: there it would leave Numba in the middle. It is raised when the function has ended.
    """
    from concurrent.futures import Future  # here, to keep the import of the library light

    outcome: Future[T] = Future()
    ended: SimpleQueue[None] = SimpleQueue()

    def call() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:
            outcome.set_exception(error)
        ended.put(None)

    threading.Thread(target=call, name="tinygrad_lecture compiles", daemon=True).start()
    interrupted = False
    while not outcome.done():
        try:
            ended.get()
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    return outcome.result()


# --- the threads of NumPy's BLAS, which computes its matrix products -----------------------------------------

_NAMES = ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_", "openblas_{}_num_threads")


def blas_threads() -> int | None:
    """How many threads the BLAS may use, outside of `one_thread`. None if its number cannot be read."""
    if found := openblas():
        with _lock:
            return _before if _inside else found[0]()
    return None


class OneThread(ContextDecorator):
    """`with one_thread:`, or `@one_thread` on a function: the BLAS uses one thread, in the whole process; afterwards as
    many as before."""

    def __enter__(self) -> None:
        global _inside, _before
        if found := openblas():
            with _lock:
                if _inside == 0:
                    _before = found[0]()
                    if _before != 1:
                        found[1](1)
                _inside += 1

    def __exit__(self, *error: object) -> None:
        global _inside
        if found := openblas():
            with _lock:
                _inside -= 1
                if _inside == 0 and _before != 1:
                    found[1](_before)


one_thread = OneThread()


_inside = 0  # how many `one_thread` blocks are open
_before = 1  # the number of threads before the first of them


@cache
def openblas() -> tuple[Any, Any] | None:
    """OpenBLAS's functions that get and set its number of threads; None if there is no OpenBLAS."""
    get, set_ = (_function(*(name.format(verb) for name in _NAMES)) for verb in ("get", "set"))
    if get is None or set_ is None:
        return None
    set_.restype = None
    return get, set_


def addresses_of_threads() -> tuple[int, int]:
    """Where the functions of `openblas` are, for compiled code; 0 and 0 if there is no OpenBLAS."""
    get, set_ = openblas() or (None, None)
    return _place(get), _place(set_)


@cache
def blas_address(routine: str) -> int:
    """Where a routine of BLAS's C interface is that takes sizes of 64 bits; 0 if it is not found."""
    return _place(_function(f"scipy_cblas_{routine}64_", f"cblas_{routine}64_"))


def _function(*names: str) -> Any:
    """The first function of these names; None if there is none."""
    return next((f for lib in _libraries() for name in names if (f := getattr(lib, name, None)) is not None), None)


def _place(function: Any) -> int:
    import ctypes  # here, to keep the import of the library light

    return ctypes.cast(function, ctypes.c_void_p).value or 0


@cache
def _libraries() -> list[Any]:
    """NumPy's core, which shows what it links to, and on Windows, where it does not, the OpenBLAS beside it."""
    import ctypes
    from pathlib import Path

    core = Path(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
    found = []
    for path in [core, *sorted((core.parents[2] / "numpy.libs").glob("*openblas*"))]:
        with suppress(OSError):
            found.append(ctypes.PyDLL(str(path)))
    return found


def after_fork(function: Callable[[], None]) -> Callable[[], None]:
    """Decorate a function that a forked child calls first."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)
    return function


@after_fork
def _after_fork() -> None:
    """A forked child has no threads but its own, and no open block: the threads that opened them are gone."""
    global requests, _lock, _inside
    requests, _lock = SimpleQueue(), threading.Lock()
    _threads.clear()
    if _inside and (found := openblas()):
        found[1](_before)
    _inside = 0


# --- cache blocking -----------------------------------------------------------------------------------------

PIECE = 32_768  # elements; a few float32 arrays of this size fit a core's own cache
SHARED = 4 * PIECE  # a thread's piece is at least half as large: Python runs one thread at a time between two passes


def in_pieces(kernel: Callable[..., object], *arrays: Array, read: Collection[int] = ()) -> None:
    """Call kernel(*arrays) for an elementwise kernel; on the CPU, once per flat piece of large arrays.

    The arrays have the same shape and any memory layout; the kernel writes to them in place, and several threads may
    call it at once.  read: the positions of the arrays that it only reads.
    """
    size = arrays[0].size
    threads = get_num_threads() if size > 2 * SHARED and xp(arrays[0]) is np else 1
    if threads > 1 and all(array.flags.c_contiguous for array in arrays):
        step = min(max(-(-size // (2 * threads * PIECE)) * PIECE, SHARED // 2), SHARED)
        share(lambda piece: kernel(*piece), _slices(arrays, step), threads)
        return
    for piece in pieces(*arrays, read=read):
        kernel(*piece)


def pieces(*arrays: Array, read: Collection[int] = ()) -> Iterable[tuple[Array, ...]]:
    """The arrays or, of large ones on the CPU, each flat piece of all, one after another. See `in_pieces`."""
    if arrays[0].size <= PIECE or xp(arrays[0]) is not np:
        return (arrays,)
    if all(array.flags.c_contiguous for array in arrays):
        return _slices(arrays, PIECE)
    return _buffered(arrays, [["readonly" if i in read else "readwrite"] for i in range(len(arrays))])


def _slices(arrays: Sequence[Array], step: int) -> list[tuple[Array, ...]]:
    size, flat = arrays[0].size, [array.reshape(-1) for array in arrays]  # views
    stops = [*range(step, size - PIECE // 2, step), size]  # no piece is small
    return [tuple([x[start:stop] for x in flat]) for start, stop in zip([0, *stops], stops, strict=False)]


def _buffered(arrays: Sequence[Array], access: Any) -> Iterator[tuple[Array, ...]]:
    with np.nditer(arrays, ["external_loop", "buffered"], access, buffersize=PIECE) as found:
        yield from found

"""How a loop is compiled, and the threads that share its work in microseconds, without Python's lock.

To wake a sleeping thread takes 40 µs, and to come back to Python while another thread is there takes 33. So a thread
that helps stays in a compiled loop, `serve`, while work comes in quick succession. Between two looks for work it offers
its core to whoever else wants it, and after PATIENCE looks it goes back to sleep.

A job is a compiled function, the address of its arguments and a number of chunks. Whoever is free takes the next chunk,
the thread that has the job too, which never waits for a chunk that nobody has begun. One job is shared at a time: a
thread that comes meanwhile computes its own alone. A chunk's result does not depend on who computes it.

TURN holds the job's number and how many of its chunks are left. A thread takes a chunk when it lowers TURN by a
compare-and-swap, which fails if the number has changed since the thread looked. So it has a chunk of the job in force,
and that job stays in force until DONE counts the chunk. What is written before TURN is seen by all who see the new TURN
(release and acquire, which processors other than x86 must be told).
"""

from __future__ import annotations

import atexit
import ctypes
import sys
import threading
import time
from collections.abc import Callable
from functools import cached_property, partial, wraps
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import CellType, FunctionType
from typing import Any, TypeVar

import numpy as np

from ...backend import Array
from .. import threads

numba: Any = import_module("numba")
ir: Any = import_module("llvmlite.ir")
types = numba.types
intrinsic: Callable[[Callable[..., Any]], Any] = import_module("numba.extending").intrinsic
carray, literal_unroll, i64 = numba.carray, numba.literal_unroll, types.int64

PATIENCE = 1_500  # looks for work, each about 0.4 µs

# Where in the pool's memory each number is, in bytes: in a cache line of its own.
TURN, DONE, OWNER, FUNCTION, JOB, SERVING, STOP, GIVE_WAY, GET, SET = (128 * i for i in range(10))
LEFT = 2**20 - 1  # the part of TURN that counts chunks

# --- how code is compiled -------------------------------------------------------------------------------------

F = TypeVar("F", bound=Callable[..., Any])
SETTINGS = {"error_model": "numpy", "fastmath": {"contract"}}  # no exceptions; x y + z may be rounded once


STAMP = sha256(b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()


def stamped(function: F) -> F:
    """The function, made to close over the hash of all files here.

    Numba keeps machine code on disk by a function's own file and by what it closes over. But the machine code holds
    functions of other files too: from an earlier state of them, it would read a job's arguments in the wrong places.
    """
    code = function.__code__.replace(co_freevars=(*function.__code__.co_freevars, "STAMP"))
    cells = *(function.__closure__ or ()), CellType(STAMP)
    found = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, cells)
    found.__qualname__, found.__module__ = function.__qualname__, function.__module__
    return found  # type: ignore[return-value]


def loop(function: F) -> F:
    """The function compiled, to run without Python's lock.

    Its machine code is kept on disk, unless no folder can be written to.
    """
    try:
        compiled = numba.njit(nogil=True, cache=True, **SETTINGS)(stamped(function))
    except RuntimeError:  # no folder can be written to
        compiled = numba.njit(nogil=True, **SETTINGS)(function)
    ready = False  # there is machine code, and no call compiles by itself
    compiling = threading.Lock()

    def compile_and_call(*arguments: Any) -> Any:
        nonlocal ready
        with compiling:
            ready = False
            compiled.disable_compile(False)
            result = compiled(*arguments)
            compiled.disable_compile()
            ready = True
            return result

    @wraps(function)
    def call(*arguments: Any) -> Any:
        if ready:
            try:
                return compiled(*arguments)
            except TypeError:  # not yet compiled for arguments of these types
                pass
        return threads.elsewhere(partial(compile_and_call, *arguments))

    return call  # type: ignore[return-value]


def inlined(function: F) -> F:
    """A part of loops, compiled into each."""
    return numba.njit(forceinline=True, **SETTINGS)(function)  # type: ignore[no-any-return]


def summing(function: F) -> F:
    """A part of loops whose sums may be added in any order, and so several at once."""
    return numba.njit(forceinline=True, fastmath={"contract", "reassoc"})(function)  # type: ignore[no-any-return]


class Task:
    """A loop over one chunk of a job: task(job, chunk), with the address of the job's arguments.

    address: where the machine code is. It is compiled when this is first asked for.
    """

    def __init__(self, loop: Callable[[int, int], None]) -> None:
        self._loop = loop

    @cached_property
    def address(self) -> int:
        self._compiled = threads.elsewhere(self._compile)  # which owns the machine code
        return self._compiled.address  # type: ignore[no-any-return]

    def _compile(self) -> Any:
        try:
            return numba.cfunc("void(int64, int64)", cache=True, **SETTINGS)(stamped(self._loop))
        except Exception:  # its machine code cannot be kept on disk, or read from there
            return numba.cfunc("void(int64, int64)", **SETTINGS)(self._loop)


# --- numbers in memory that several threads read and write ----------------------------------------------------

_INTEGER = ir.IntType(64)


def _at(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, _INTEGER.as_pointer())


@intrinsic
def load(typing: Any, address: Any) -> Any:
    """The number at an address."""
    return i64(i64), lambda context, builder, signature, args: builder.load_atomic(_at(builder, args[0]), "acquire", 8)


@intrinsic
def store(typing: Any, address: Any, value: Any) -> Any:
    """Write a number to an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> None:
        builder.store_atomic(args[1], _at(builder, args[0]), "release", 8)

    return types.void(i64, i64), generate


@intrinsic
def add(typing: Any, address: Any, value: Any) -> Any:
    """Add to the number at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _at(builder, args[0]), args[1], "acq_rel")

    return i64(i64, i64), generate


@intrinsic
def replace(typing: Any, address: Any, old: Any, new: Any) -> Any:
    """Write `new` to an address if `old` is there; return whether it was."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = builder.cmpxchg(_at(builder, args[0]), args[1], args[2], "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(i64, i64, i64), generate


def calls(result: Any, *parameters: Any) -> Any:
    """An intrinsic that calls the function at an address, with a tuple of arguments: Numba has none that it can keep
    on disk, since an address changes from process to process."""

    @intrinsic
    def call(typing: Any, function: Any, arguments: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = ir.FunctionType(
                context.get_value_type(result) if result is not types.void else ir.VoidType(),
                [context.get_value_type(parameter) for parameter in parameters],
            )
            given = [
                context.cast(builder, builder.extract_value(args[1], i), of, parameter)
                for i, (of, parameter) in enumerate(zip(arguments.types, parameters, strict=True))
            ]
            found = builder.call(builder.inttoptr(args[0], kind.as_pointer()), given)
            return found if result is not types.void else context.get_dummy_value()

        return result(i64, arguments), generate

    return call


@intrinsic
def pointer(typing: Any, address: Any) -> Any:
    """An address as Numba's `carray` wants it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.IntType(8).as_pointer())

    return types.voidptr(i64), generate


call_chunk = calls(types.void, i64, i64)  # function(address of the job's arguments, number of the chunk)
call_give_way = call_get = calls(types.int32)
call_set = calls(types.void, types.int32)

# --- the job --------------------------------------------------------------------------------------------------


@inlined
def take(pool: int) -> bool:
    """Compute a chunk of the job in force; False if none is left."""
    turn = load(pool + TURN)
    left = turn & LEFT
    if left == 0:
        return False
    if replace(pool + TURN, turn, turn - 1):
        call_chunk(load(pool + FUNCTION), (load(pool + JOB), left - 1))
        add(pool + DONE, 1)
    return True


@loop
def serve(pool: int) -> None:
    """Help with jobs until none has come for some time, or the thread is needed elsewhere."""
    add(pool + SERVING, 1)
    looks = 0
    while looks < PATIENCE and load(pool + STOP) == 0:
        if take(pool):
            looks = 0
        else:
            looks += 1
            call_give_way(load(pool + GIVE_WAY), ())
    add(pool + SERVING, -1)


@inlined
def share(pool: int, function: int, job: Array, chunks: int) -> None:
    """Compute all chunks of a job with one BLAS thread in each, as `pool` says together or alone.

    The number of BLAS threads is set here, where Ctrl-C cannot leave it at one.
    job: the array of its arguments, not the address alone: Numba frees an array that the caller reads no more.
    """
    alone = pool & 1
    pool -= alone
    blas_threads = call_get(load(pool + GET), ()) if load(pool + GET) else 1
    if blas_threads != 1:
        call_set(load(pool + SET), (1,))
    if alone or not 2 <= chunks <= LEFT or not replace(pool + OWNER, 0, 1):
        for chunk in range(chunks):
            call_chunk(function, (job.ctypes.data, chunk))
    else:
        store(pool + DONE, 0)
        store(pool + FUNCTION, function)
        store(pool + JOB, job.ctypes.data)
        store(pool + TURN, ((load(pool + TURN) // (LEFT + 1) + 1) * (LEFT + 1)) + chunks)
        while take(pool):
            pass
        while load(pool + DONE) < chunks:
            call_give_way(load(pool + GIVE_WAY), ())
        store(pool + OWNER, 0)
    if blas_threads != 1:
        call_set(load(pool + SET), (blas_threads,))


# --- the threads ----------------------------------------------------------------------------------------------


def _give_way_address() -> int:
    """The system's function that lets another thread run on this core, if one waits for it."""
    windows = sys.platform == "win32"
    library = ctypes.CDLL("kernel32" if windows else None)
    function = library.SwitchToThread if windows else library.sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0


_numbers = np.zeros(10 * 16, np.int64)
_numbers[GIVE_WAY // 8] = _give_way_address()
_numbers[[GET // 8, SET // 8]] = threads.addresses_of_threads()
_address = _numbers.ctypes.data


def pool(alone: bool = False) -> int:
    """The address of the pool, whose threads are awake or waking; 1 more if this thread is to compute alone."""
    helpers = 0 if alone else threads.get_num_threads() - 1
    if helpers == 0:
        return _address + 1
    if _numbers.item(SERVING // 8) < helpers and threads.requests.empty():
        _numbers[STOP // 8] = 0
        threads.submit(partial(serve, _address), helpers)
    return _address


def _leave() -> None:
    _numbers[STOP // 8] = 1


def _end() -> None:
    """At the end of the program each thread computes alone, since the pool's memory goes."""
    threads.set_num_threads(1)
    while _numbers[SERVING // 8] > 0:
        time.sleep(0)


threads.leave_loops = _leave
atexit.register(_end)


@threads.after_fork
def _after_fork() -> None:
    """The job and the threads of the parent are not the child's."""
    _numbers[: GIVE_WAY // 8] = 0


# --- jobs on arrays -------------------------------------------------------------------------------------------


def run(task: Task, rows: int, step: int, *arrays: Array | None, alone: bool = False) -> None:
    """Call a task for chunks of `step` rows, in all threads.

    arrays: C-contiguous; a task finds them by `part` and `whole`, and in place of None an array without elements.
    alone: there is too little to compute for several threads.
    """
    _run(pool(alone), task.address, rows, step, *arrays)


@loop
def _run(pool: int, function: int, rows: int, step: int, *arrays: Any) -> None:
    """Write the job's arguments: rows, step, and for each array its address and the size of its last axis."""
    job = np.empty(2 + 2 * len(arrays), np.int64)
    job[0], job[1] = rows, step
    i = 2
    for array in literal_unroll(arrays):
        job[i], job[i + 1] = _place(array)
        i += 2
    share(pool, function, job, -(-rows // step))


@inlined
def _place(array: Any) -> tuple[int, int]:
    return (0, 0) if array is None else (array.ctypes.data, array.shape[-1])


@inlined
def part(job: int, i: int, chunk: int, dtype: Any = np.float32) -> Array:
    """The rows of a chunk of array i, a matrix: (rows of the chunk, n)."""
    place, n, start, rows = locate(job, i, chunk)
    return carray(pointer(place), (start + rows, n), dtype)[start:]


@inlined
def piece(job: int, i: int, chunk: int, dtype: Any = np.float32) -> Array:
    """The elements of a chunk of array i, a vector of as many elements as the job has rows."""
    place, n, start, rows = locate(job, i, chunk)
    return carray(pointer(place), start + rows if n else 0, dtype)[start:]


@inlined
def whole(job: int, i: int, dtype: Any = np.float32) -> Array:
    """Array i, a vector."""
    place, n, _, _ = locate(job, i, 0)
    return carray(pointer(place), n, dtype)


@inlined
def row(job: int, i: int, chunk: int) -> Array:
    """A chunk's own row of array i, a float32 matrix with a row for each chunk."""
    place, n, _, _ = locate(job, i, 0)
    return carray(pointer(place + 4 * chunk * n), n, np.float32)


@inlined
def locate(job: int, i: int, chunk: int) -> tuple[int, int, int, int]:
    """Of array i its address and the size of its last axis; of a chunk its first row and how many it has."""
    numbers = carray(pointer(job), 4 + 2 * i, np.int64)
    start = chunk * numbers[1]
    return numbers[2 + 2 * i], numbers[3 + 2 * i], start, min(numbers[1], numbers[0] - start)

"""How Numba compiles a loop, a part of loops, and a task: a loop over one chunk of a job that threads share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial, wraps
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import CellType, FunctionType
from typing import Any, TypeVar

from ..threads import elsewhere

F = TypeVar("F", bound=Callable[..., Any])
numba: Any = import_module("numba")

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

    Its machine code is kept on disk, unless that cannot be read or written.
    """
    compiled = in_use = numba.njit(nogil=True, **SETTINGS)(function)
    with suppress(RuntimeError):  # no folder can be written to
        in_use = numba.njit(nogil=True, cache=True, **SETTINGS)(stamped(function))
    ready = False  # there is machine code, and no call compiles by itself
    compiling = threading.Lock()

    def compile_and_call(*arguments: Any) -> Any:
        nonlocal in_use, ready
        with compiling:
            ready = False
            try:
                in_use.disable_compile(False)
                result = in_use(*arguments)
            except Exception:
                if in_use is compiled:
                    raise
                in_use = compiled
                result = compiled(*arguments)
            in_use.disable_compile()
            ready = True
            return result

    @wraps(function)
    def call(*arguments: Any) -> Any:
        if ready:
            try:
                return in_use(*arguments)
            except TypeError:  # not yet compiled for arguments of these types
                pass
        return elsewhere(partial(compile_and_call, *arguments))

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
        self._compiled = elsewhere(self._compile)  # which owns the machine code
        return self._compiled.address  # type: ignore[no-any-return]

    def _compile(self) -> Any:
        try:
            return numba.cfunc("void(int64, int64)", cache=True, **SETTINGS)(stamped(self._loop))
        except Exception:  # its machine code cannot be kept on disk, or read from there
            return numba.cfunc("void(int64, int64)", **SETTINGS)(self._loop)

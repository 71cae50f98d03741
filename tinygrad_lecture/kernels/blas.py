"""The number of threads of NumPy's BLAS, which computes its matrix products: read it, and set it to one for a while.

NumPy's wheels for Linux and Windows, and most other builds, contain OpenBLAS. Where it is not found (Accelerate, MKL),
`threads()` is None and `one_thread` does nothing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import ContextDecorator, suppress
from functools import cache
from typing import Any

import numpy as np

_NAMES = ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_", "openblas_{}_num_threads")


def threads() -> int | None:
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


_lock = threading.Lock()
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
def address(routine: str) -> int:
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
    """In a forked child no block is open: the threads that opened them are gone."""
    global _lock, _inside
    _lock = threading.Lock()
    if _inside:
        _inside = 0
        found = openblas()
        assert found is not None
        found[1](_before)

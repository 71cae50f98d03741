"""What the life of a worker needs: one BLAS thread, an output or none, and pickles for the others.

Workers whose BLAS uses all cores wait for each other in busy loops. The environment decides before NumPy is imported,
so it serves processes that are about to be started. In a process that has NumPy already, OpenBLAS, which is in
NumPy's wheels for Linux and Windows, is told; other libraries (MKL, Accelerate) keep their number.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import move, to_host
from tinygrad_lecture.kernels.blas import openblas

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Context manager: this process's BLAS uses one thread, or as many as the environment says; then as before."""
    found = openblas()
    if found is None:
        yield
        return
    get, set_ = found
    before = get()
    said = (os.environ.get(name, "") for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"))
    set_(next((int(number) for number in said if number.isdecimal()), 1))
    try:
        yield
    finally:
        set_(before)


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


@contextmanager
def until_exit() -> Iterator[None]:
    """Context manager that `sys.exit()` leaves as a return does, so that others may still wait; a code is an error."""
    try:
        yield
    except SystemExit as exit_:
        if exit_.code:
            raise


@contextmanager
def silent_unless(speaking: bool) -> Iterator[None]:
    """Context manager: what this process prints is not shown, unless it is the one that speaks."""
    if speaking:
        yield
        return
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


# --- pickles: whatever pickle can, and Tensors, which go to no file as pickles -------------------------------


def pickled(value: Any) -> bytes:
    """A pickle of a value. Raises PicklingError for what the other workers could not import."""
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            if not value.is_leaf:
                raise pickle.PicklingError("a tensor computed from others cannot be sent: send x.detach()")
            return _tensor, (type(value), to_host(value._array), value.device, value.requires_grad)
        if getattr(value, "__module__", None) == "__main__" and not hasattr(sys.modules["__main__"], "__file__"):
            raise pickle.PicklingError(f"{getattr(value, '__qualname__', value)} is defined in no file")
        return NotImplemented


def _tensor(kind: Any, array: Any, device: str, requires_grad: bool) -> Tensor:
    """A tensor out of a pickle, in memory of its own."""
    tensor: Tensor = object.__new__(kind)
    tensor._array, tensor._node, tensor._grad = move(array, device), None, None
    return tensor.requires_grad_(requires_grad)

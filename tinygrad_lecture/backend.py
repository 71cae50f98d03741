"""Array libraries: which one an array belongs to, and how arrays move between devices.

Ops do not import NumPy or CuPy to compute. They call `xp(x)` for the namespace of x's library, so one op runs on every
device. A `Library` describes an array library. NumPy's is built in; CuPy's is created at the first CuPy array or
`device="cuda"`; `register` adds another (the tests add a strict stand-in for CuPy).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any  # numpy.ndarray, cupy.ndarray, or an array of another registered library
Shape: TypeAlias = tuple[int, ...]
DType: TypeAlias = np.dtype[Any]

FLOAT16 = np.dtype(np.float16)
FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
INT64 = np.dtype(np.int64)


@dataclass(frozen=True)
class Library:
    """An array library: its NumPy-like namespace, and how arrays move to and from its devices. By default NumPy.

    name: the name of its devices, "cpu" or "cuda".  from_host: (host array, device index) -> array on that device.
    index_of: the index of an array's device; None if there is only one.
    to_index: the array on the device of that index.
    """

    name: str = "cpu"
    namespace: Any = np
    from_host: Callable[[Any, int], Array] = lambda array, index: np.asarray(array)
    to_host: Callable[[Array], np.ndarray[Any, DType]] = lambda array: array
    index_of: Callable[[Array], int] | None = None
    to_index: Callable[[Array, int], Array] = lambda array, index: array


NUMPY = Library()

_by_type: dict[type, Library] = {np.ndarray: NUMPY}
_by_name: dict[str, Library] = {"cpu": NUMPY}
namespaces: dict[type, Any] = {np.ndarray: np}


def register(array_type: type, library: Library) -> None:
    """Add an array library to the engine. array_type: the exact type of its arrays."""
    _by_type[array_type] = library
    _by_name[library.name] = library
    namespaces[array_type] = library.namespace


def xp(first: Any = None, *others: Any) -> Any:
    """The namespace (`numpy`, `cupy`, ...) of the first argument that is an array; `numpy` if no argument is."""
    kind = type(first)
    if kind in namespaces:  # quicker than a call of get
        return namespaces[kind]
    for array in others:
        if type(array) in namespaces:
            return namespaces[type(array)]
    return np


def is_array(value: Any) -> bool:
    """Whether `value` is an array of a known library. The first CuPy array registers CuPy."""
    kind = type(value)
    if kind in _by_type:
        return True
    if kind.__module__.partition(".")[0] == "cupy" and kind.__name__ == "ndarray":
        _load_cupy()
        return True
    return isinstance(value, np.ndarray)


def library_of(array: Array) -> Library:
    """The `Library` an array belongs to."""
    return _by_type.get(type(array), NUMPY)


def device_of(array: Array) -> str:
    """The device of an array: "cpu", "cuda:0", ..."""
    if type(array) is np.ndarray:
        return NUMPY.name
    library = library_of(array)
    return library.name if library.index_of is None else f"{library.name}:{library.index_of(array)}"


def to_host(array: Array) -> np.ndarray[Any, DType]:
    """The array as a NumPy array. For a GPU array this waits for the GPU and copies."""
    return array if type(array) is np.ndarray else library_of(array).to_host(array)


def row_major(array: Array) -> Array:
    """The array in row-major order: itself, or a copy."""
    return array if array.flags.c_contiguous else array.copy()


def column_major(matrices: Array) -> Array:
    """A copy of matrices in column-major order, which is LAPACK's, and so that of PyTorch's results."""
    return matrices.swapaxes(-1, -2).copy().swapaxes(-1, -2)


def move(array: Array, device: str | None) -> Array:
    """The array on `device` (None means the CPU); the same array if it is there already.

    Raises ValueError for a device that does not exist, RuntimeError for "cuda" without CuPy or without a GPU.
    """
    library, index = resolve(device)
    here = library_of(array)
    if here is library:
        return library.to_index(array, index) if index is not None else array
    return library.from_host(here.to_host(array), 0 if index is None else index)


def resolve(device: str | None) -> tuple[Library, int | None]:
    """The library and index of a device's name: "cpu", "cuda", "cuda:1"; None means "cpu". Raises as `move` does."""
    name, colon, index = ("cpu" if device is None else str(device)).partition(":")
    well_formed = index.isdecimal() or not colon
    if name == "cuda" and well_formed and name not in _by_name:
        _load_cupy()
    if name not in _by_name or not well_formed:
        known = ", ".join(repr(known) for known in sorted({*_by_name, "cuda"}))
        raise ValueError(f"no device is called {str(device)!r}; devices are {known}, or 'cuda:0', 'cuda:1', ...")
    if name == "cpu":
        return NUMPY, None
    return _by_name[name], int(index) if index else None


def cuda_is_available() -> bool:
    """Whether `device="cuda"` works: CuPy is installed and finds a GPU."""
    try:
        resolve("cuda")
    except RuntimeError:
        return False
    return True


def _load_cupy() -> None:
    """Register CuPy. Raises RuntimeError if it is not installed or finds no GPU."""
    try:
        cupy = importlib.import_module("cupy")
    except ImportError:
        remedy = 'pip install ".[gpu]"; without a GPU compute on the "cpu", the default'
        raise RuntimeError(f'device "cuda" needs an NVIDIA GPU, and CuPy, which is not installed: {remedy}') from None
    try:
        gpus = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:
        gpus = 0
    if gpus == 0:
        raise RuntimeError('device "cuda" needs an NVIDIA GPU, and CuPy finds none; compute on the "cpu", the default')

    def on_device(array: Any, index: int) -> Array:
        if index >= gpus:
            raise ValueError(f'device "cuda:{index}" does not exist: this machine has {gpus} GPU(s)')
        with cupy.cuda.Device(index):
            return cupy.asarray(array)

    register(cupy.ndarray, Library("cuda", cupy, on_device, cupy.asnumpy, lambda x: int(x.device.id), on_device))


# --- dtypes -------------------------------------------------------------------------------------------------

_default_dtype = FLOAT32


def get_default_dtype() -> DType:
    """The dtype of Tensors made from Python floats, and of float functions of integers; float32 unless set."""
    return _default_dtype


def set_default_dtype(dtype: Any) -> None:
    """Set the dtype of Tensors made from Python floats. Raises TypeError unless it is a float dtype."""
    global _default_dtype
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        wanted = None
    if wanted is None or wanted.kind != "f":
        raise TypeError(f"the default dtype must be a float dtype such as float32, not {wanted or dtype!r}")
    _default_dtype = wanted


# --- memory -------------------------------------------------------------------------------------------------


# Let the C library keep up to about 60 MB of freed memory instead of returning it to the system. A training step frees
# everything it allocated. Linux's usual C library (glibc) returns large arrays to the system, so the next step pays for
# clearing the same pages again, up to a fifth of its time. glibc decides what is large by the largest array freed so
# far, up to 32 MB (mallopt(3), M_MMAP_THRESHOLD), so one is freed here. It is never written to and so takes no memory.
# With other C libraries this has no effect.
np.empty(31 * 2**20, np.uint8)

"""Weights in files: safetensors, a format of named arrays that cannot contain code.

    tl.save(model.state_dict(), "digits.safetensors")
    model.load_state_dict(tl.load("digits.safetensors"))

They are `save_file` and `load_file` of `nn.weights`. The keys are those of PyTorch's `state_dict`, so PyTorch reads
these files and its files load here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .backend import Array, Shape, is_array, to_host
from .errors import brief, hide_frames
from .files import atomic_write, require_file
from .tensor import Tensor


def save_file(tensors: Mapping[str, Any], path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors or arrays, and text metadata, to a safetensors file, atomically.

    The same tensors and metadata always make the same file.
    Raises TypeError for tensors that are not in a dict, ImportError without the safetensors package, FileNotFoundError
    if the parent folder does not exist, OSError if the file cannot be written.
    """
    check_state("save_file", tensors, "it comes first, and then the path")
    safetensors = require()
    with atomic_write(path) as temporary:
        try:
            safetensors.numpy.save_file(_to_arrays(tensors), temporary, dict(metadata or {}))
        except safetensors.SafetensorError as error:
            raise OSError(f"cannot write {path}: {error}") from error
        _sort_metadata(temporary)


def to_bytes(tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a safetensors file with these tensors or arrays. Raises as `save_file` does."""
    check_state("to_bytes", tensors, "it comes first")
    safetensors = require()
    try:
        return bytes(safetensors.numpy.save(_to_arrays(tensors), dict(metadata or {})))
    except safetensors.SafetensorError as error:
        raise OSError(f"cannot write a safetensors file: {error}") from error


def load_file(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, of its shapes, on the CPU; bfloat16 becomes float32, without loss.

    Raises ImportError without the safetensors package, FileNotFoundError if there is no such file, ValueError if it
    is not safetensors, incomplete, or has a dtype that NumPy lacks.
    """
    archive = Archive(path)
    return {name: Tensor(archive[name]) for name in archive}


save, load = save_file, load_file


def load_metadata(path: str | Path) -> dict[str, str]:
    """The metadata that `save_file` wrote; {} if there is none. Raises as `load_file` does."""
    with _open(path) as file:
        return dict(file.metadata() or {})


class Archive(Mapping[str, Array]):
    """The arrays of a safetensors file by name. Each is read when it is indexed, so large files need little memory.

    bfloat16 becomes float32. Raises as `load_file` does, and KeyError for an unknown name.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = _open(path)
        self._names = dict.fromkeys(self._file.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, name: str) -> Array:
        if self.dtype(name) == "BF16":
            return _read_bfloat16(self.path, name)
        try:
            return self._file.get_tensor(name)
        except (TypeError, AttributeError) as error:
            raise ValueError(f"{self.path}: {name} is {self.dtype(name)}, a dtype that NumPy lacks") from error

    def shape(self, name: str) -> Shape:
        """The shape of a tensor without reading it."""
        return tuple(self._slice(name).get_shape())

    def dtype(self, name: str) -> str:
        """The dtype of a tensor as safetensors spells it, without reading it: F32, F16, BF16, I64, ..."""
        return str(self._slice(name).get_dtype())

    def _slice(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._file.get_slice(name)


def require() -> Any:
    """The safetensors package. Raises ImportError that says how to install it."""
    try:
        safetensors = import_module("safetensors")
        import_module("safetensors.numpy")
    except ImportError:
        raise ImportError("weights are safetensors files, which need the package: pip install safetensors") from None
    return safetensors


def _to_arrays(tensors: Mapping[str, Any]) -> dict[str, Array]:
    for name, tensor in tensors.items():
        if not is_array(array_of(tensor)):
            raise TypeError(
                f"save_file: {name!r} is {brief(tensor)}, and a file holds tensors by name: save model.state_dict() "
                "itself, or use nn.save_checkpoint, which takes an optimizer and numbers too"
            )
    return {name: np.asarray(to_host(array_of(tensor)), order="C") for name, tensor in tensors.items()}


def _open(path: str | Path) -> Any:
    """The file, opened by `safetensors.safe_open`, which checks that the header describes exactly this file."""
    safetensors = require()
    with require_file(path).open("rb"):  # PermissionError, which safetensors reports as a missing file
        pass
    try:
        return safetensors.safe_open(path, framework="np")
    except safetensors.SafetensorError as error:
        pickled = Path(path).suffix in (".pt", ".pth", ".bin", ".pkl")
        remedy = "; a file of torch.save is written again with safetensors.torch.save_file" if pickled else ""
        raise ValueError(f"{path} is not a safetensors file, or is incomplete: {error}{remedy}") from None


# --- states -------------------------------------------------------------------------------------------------


def check_state(name: str, state: Any, of_text: str) -> None:
    """Raises TypeError unless a state is a dict of tensors by name. of_text: what to do if it is a path."""
    if not isinstance(state, Mapping):
        remedy = of_text if isinstance(state, (str, Path)) else "write model.state_dict()"
        hide_frames()
        raise TypeError(f"{name}: the state must be a dict of tensors by name, not {brief(state)}; {remedy}")


def array_of(value: Any) -> Any:
    """The array of a Tensor, or of an object that NumPy can read, such as PyTorch's; any other value unchanged."""
    if isinstance(value, Tensor):
        return value.array
    if hasattr(value, "__array__") and not is_array(value):
        try:
            return np.asarray(value)
        except (TypeError, RuntimeError, ValueError):  # NumPy lacks the dtype, or must not read the memory
            return value
    return value


# --- what the package cannot do -------------------------------------------------------------------------


def _sort_metadata(path: Path) -> None:
    """Sort the metadata in the header, in place: the package writes it in random order."""
    with path.open("r+b") as file:
        size, header = _read_header(file)
        if "__metadata__" in header:
            header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
            text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
            if len(text) <= size:  # the package escapes characters as json.dumps does, so it is
                file.seek(8)
                file.write(text.ljust(size))


def _read_bfloat16(path: Path, name: str) -> Array:
    """A bfloat16 tensor as float32: the package raises, since NumPy has no bfloat16 without torch or ml_dtypes."""
    with path.open("rb") as file:
        size, header = _read_header(file)
        shape, (start, _) = header[name]["shape"], header[name]["data_offsets"]
        file.seek(8 + size + start)
        bits = np.fromfile(file, "<u2", math.prod(shape)).reshape(shape).astype(np.uint32)
    bits <<= 16  # a bfloat16 is the upper half of a float32
    return bits.view(np.float32)


def _read_header(file: BinaryIO) -> tuple[int, dict[str, Any]]:
    """The length of the header in bytes, and the header: 8 bytes of length, then JSON, then the arrays."""
    size = int.from_bytes(file.read(8), "little")
    return size, json.loads(file.read(size))

"""Weights in files: safetensors, which holds named arrays and nothing that could be run.

    nn.weights.save_file(model.state_dict(), "digits.safetensors")
    model.load_state_dict(nn.weights.load_file("digits.safetensors"))

The keys are those of PyTorch's `state_dict`, so the files go both ways.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, Shape, to_host
from tinygrad_lecture.files import atomic_write

from ..module import array_of


def save_file(tensors: Mapping[str, Any], path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors or arrays, and words about them, to a safetensors file; it is complete or not there.

    Raises ImportError without the safetensors package, FileNotFoundError if there is no such folder, OSError if it
    cannot be written to.
    """
    safetensors = require()
    from safetensors.numpy import save_file as save

    arrays = {name: np.asarray(to_host(array_of(tensor)), order="C") for name, tensor in tensors.items()}
    with atomic_write(path) as beside:
        try:
            save(arrays, beside, dict(metadata or {}))
        except safetensors.SafetensorError as error:
            raise OSError(f"cannot write {path}: {error}") from error
        _sort_words(beside)


def _sort_words(path: Path) -> None:
    """Sort the words in a file, which safetensors writes in any order, so that what is equal makes equal files."""
    with path.open("r+b") as file:
        size, header = _header(file)
        if "__metadata__" in header:
            header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
            text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
            if len(text) <= size:  # as it is, if JSON is written as there
                file.seek(8)
                file.write(text.ljust(size))


def _header(file: BinaryIO) -> tuple[int, dict[str, Any]]:
    """How long a file's header is, and what it says: 8 bytes have the length, JSON follows, and then the tensors."""
    size = int.from_bytes(file.read(8), "little")
    return size, json.loads(file.read(size))


def load_file(path: str | Path) -> dict[str, Tensor]:
    """The tensors in a safetensors file, on the CPU; bfloat16, which NumPy lacks, as float32, which holds it exactly.

    Raises ImportError without the safetensors package, FileNotFoundError if there is no such file, ValueError if it
    is something else or incomplete.
    """
    archive = Archive(path)
    return {name: tl.tensor(archive[name]) for name in archive}


class Archive(Mapping[str, Array]):
    """The arrays of a safetensors file by name, each read when it is asked for, so that large files need little memory.

    bfloat16 comes as float32. Raises as `load_file` does, and KeyError for a name that is not there.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with _open(path):  # which looks at all of it
            pass
        with self.path.open("rb") as file:
            size, self._header = _header(file)
        self._header.pop("__metadata__", None)
        self._start = 8 + size

    def __iter__(self) -> Iterator[str]:
        return iter(self._header)

    def __len__(self) -> int:
        return len(self._header)

    def __getitem__(self, name: str) -> Array:
        dtype, shape = self.dtype(name), self.shape(name)
        if dtype not in _NUMPY:
            raise ValueError(f"{self.path}: {name} is of {dtype}, which is none of {', '.join(_NUMPY)}")
        offset = self._start + self._header[name]["data_offsets"][0]
        array = np.fromfile(self.path, _NUMPY[dtype], math.prod(shape), offset=offset).reshape(shape)
        if dtype != "BF16":
            return array
        upper = array.astype(np.uint32)  # a bfloat16 is the upper half of a float32
        upper <<= 16
        return upper.view(np.float32)

    def shape(self, name: str) -> Shape:
        """Of a tensor, without reading it."""
        return tuple(self._header[name]["shape"])

    def dtype(self, name: str) -> str:
        """Of a tensor, in the words of safetensors: F32, F16, BF16, I64, ..."""
        return str(self._header[name]["dtype"])


_NUMPY = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "BOOL": "?",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
}


def load_metadata(path: str | Path) -> dict[str, str]:
    """The words that `save_file` put into a safetensors file; none if there are none. Raises as `load_file` does."""
    with _open(path) as file:
        return dict(file.metadata() or {})


def _open(path: str | Path) -> Any:
    safetensors = require()
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}" if not path.exists() else f"{path} is a folder, not a file")
    with path.open("rb"):  # PermissionError, of which safetensors would say that there is no such file
        pass
    try:
        return safetensors.safe_open(path, framework="np")
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file, or not all of one: {error}") from error


def require() -> Any:
    """The safetensors package. Raises ImportError that says how to get it."""
    try:
        import safetensors
    except ImportError:
        raise ImportError(
            'weights are kept in safetensors files, which needs a package: pip install "tinygrad-lecture[examples]"'
        ) from None
    return safetensors

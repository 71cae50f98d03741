"""torch.save and torch.load: nested values in one safetensors file, its tensors as arrays and the rest as JSON.

The tensors have dotted names, such as "model.0.weight", and the JSON is the file's metadata. Nothing is unpickled, so a
file cannot contain code: of a module it has the name of its class, and the class itself is the program's. A file of
weights alone is read by PyTorch's `safetensors.torch.load_file` as well.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinygrad_lecture import Tensor

from ..files import weights
from ..files.json_files import parse_json, require_file
from .values import Decoder, Encoder

KEY = "torch.save"  # in the metadata
DAMAGED = KeyError, TypeError, ValueError, AttributeError, RecursionError  # what reading a damaged file may raise


def save(obj: Any, f: Any, *args: Any, **options: Any) -> None:
    """Write a value, of dicts, lists, tuples, numbers, strings, tensors, arrays and modules, to a path or an open file.

    A path is written atomically. Tensors that share their memory, such as a tied weight, are stored once. When loaded,
    a dataclass and a Namespace are a Namespace, a named tuple is a tuple, and other tensors share no memory.
    Raises TypeError for anything else, such as an optimiser: save its `state_dict()`; ValueError for a value that
    contains itself.
    """
    encoder = Encoder()
    try:
        text = json.dumps(encoder.encode(obj))
    except RecursionError:
        raise ValueError("torch.save: the value is nested too deeply, or contains itself") from None
    if hasattr(f, "write"):
        f.write(weights.save(encoder.arrays, {KEY: text}))
    else:
        weights.save_file(encoder.arrays, f, {KEY: text})


def load(f: Any, map_location: Any = None, *args: Any, **options: Any) -> Any:
    """The value in a file of `save`, or the tensors by name of another safetensors file. f: a path or an opened file.

    Tensors are on the CPU, unless map_location says otherwise: a device; a dict from "cpu" to one; or a function of a
    tensor and "cpu" that returns it or one on another device.
    Raises ValueError for a file that is damaged or that PyTorch wrote, FileNotFoundError if there is none, ImportError
    for a module whose class has not been imported: it is made of its attributes, by no code of the file or of its own.
    """
    if not hasattr(f, "read"):
        return _load(require_file(f), str(f), map_location)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(f.read())
        return _load(path, str(getattr(f, "name", "the file")), map_location)


def _load(path: Path, name: str, map_location: Any) -> Any:
    """name: what to call the file in errors."""
    try:
        tensors = weights.load_file(path)
        text = weights.load_metadata(path).get(KEY)
        value = None if text is None else parse_json(text, path)
    except ValueError as error:
        _refuse_pickle(path, name)
        raise ValueError(str(error).replace(str(path), name)) from None
    tensors = {key: _moved(x, map_location) for key, x in tensors.items()}
    if text is None:
        return tensors
    try:
        return Decoder(tensors).decode(value)
    except DAMAGED as error:
        raise ValueError(f"{name} is damaged: its values are not what torch.save writes ({error!r})") from None


def _moved(x: Tensor, map_location: Any) -> Tensor:
    """A tensor where a map_location wants it."""
    if callable(map_location):
        moved = map_location(x, "cpu")
        return moved if isinstance(moved, Tensor) else x
    device = map_location.get("cpu") if isinstance(map_location, Mapping) else map_location
    return x if device is None else x.to(device=str(device))


def _refuse_pickle(path: Path, name: str) -> None:
    """Raise ValueError if a file is PyTorch's: a zip archive of a pickle, or a pickle."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"PK\x03\x04") or (start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05"):
        raise ValueError(
            f"{name} is a pickle, which PyTorch's own torch.save writes and which may contain code, so it is not read "
            "here. Convert it where PyTorch is: import torch, safetensors.torch; "
            "safetensors.torch.save_file({k: v.contiguous().clone() for k, v in "
            f"torch.load({name!r}, map_location='cpu').items()}}, 'weights.safetensors'); "
            "of a checkpoint with several parts take one, as in torch.load(...)['model'].items()"
        ) from None

"""torch.save and torch.load: nested values in one safetensors file, its tensors as arrays and the rest as JSON.

The tensors have dotted names, such as "model.0.weight", and the JSON is the file's metadata. Nothing is unpickled, so a
file cannot contain code. A file of weights alone is read by PyTorch's `safetensors.torch.load_file` as well.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.words import kind_of

from ..files import weights
from ..files.json_files import require_file
from ..module import Parameter

KEY = "torch.save"  # in the metadata


def save(obj: Any, f: Any, *args: Any, **options: Any) -> None:
    """Write a value, of dicts, lists, tuples, numbers, strings and tensors, to a path or an opened file, atomically.

    Raises TypeError for anything else, such as a whole model: save its `state_dict()`.
    """
    arrays: dict[str, Any] = {}
    text = json.dumps(_encode(obj, (), arrays))
    if not hasattr(f, "write"):
        weights.save_file(arrays, f, {KEY: text})
        return
    with tempfile.TemporaryDirectory() as folder:
        weights.save_file(arrays, Path(folder) / "file", {KEY: text})
        f.write((Path(folder) / "file").read_bytes())


def load(f: Any, map_location: Any = None, *args: Any, **options: Any) -> Any:
    """The value in a file of `save`, or the tensors by name of another safetensors file.

    map_location: the device for the tensors; a function, as PyTorch has it, means the CPU.
    Raises ValueError for a file that PyTorch wrote, FileNotFoundError if there is none.
    """
    if hasattr(f, "read"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            path.write_bytes(f.read())
            return load(path, map_location)
    _refuse_pickle(require_file(f))
    device = None if map_location is None or callable(map_location) else map_location
    if isinstance(device, Mapping):
        device = next(iter(device.values()), None)
    tensors = {name: x if device is None else x.to(str(device)) for name, x in weights.load_file(f).items()}
    text = weights.load_metadata(f).get(KEY)
    return tensors if text is None else _decode(json.loads(text), tensors)


def _refuse_pickle(path: Path) -> None:
    """Raise ValueError if a file is PyTorch's: a zip archive of a pickle, or a pickle."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith((b"PK\x03\x04", b"\x80\x02")):
        raise ValueError(
            f"{path} is a pickle of PyTorch's own torch.save, which may contain code and is not read here. Write its "
            f"tensors again where PyTorch is, with safetensors.torch.save_file(torch.load({path.name!r}), "
            "'weights.safetensors'), and load that file"
        )


# --- values as JSON -------------------------------------------------------------------------------------


def _encode(value: Any, path: tuple[str, ...], arrays: dict[str, Any]) -> Any:
    """A value as JSON; its tensors go to `arrays`. What JSON lacks is a dict with one key that starts with $."""

    def inner(value: Any, key: Any) -> Any:
        return _encode(value, (*path, str(key)), arrays)

    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)  # a device too
    if isinstance(value, Tensor | np.ndarray):
        name = ".".join(path) or "tensor"
        while name in arrays:
            name += "'"
        arrays[name] = value.detach() if isinstance(value, Tensor) else value
        kind = "array" if isinstance(value, np.ndarray) else "parameter" if isinstance(value, Parameter) else "tensor"
        return {f"${kind}": [name, isinstance(value, Tensor) and value.requires_grad]}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return {"$dtype": np.dtype(value).name}
    if isinstance(value, Mapping):
        if all(type(key) is str and key[:1] != "$" for key in value):
            return {key: inner(v, key) for key, v in value.items()}
        return {"$dict": [[inner(key, "key"), inner(v, key)] for key, v in value.items()]}
    if isinstance(value, list | tuple | set | frozenset):
        items = [inner(v, i) for i, v in enumerate(value)]
        return items if isinstance(value, list) else {"$tuple" if isinstance(value, tuple) else "$set": items}
    remedy = "save its state_dict()" if hasattr(value, "state_dict") else "save vars(it), or what you need of it"
    where = f" at {'.'.join(path)}" if path else ""
    raise TypeError(
        f"torch.save: {kind_of(value)}{where} cannot be saved, only dicts, lists, tuples, numbers, strings, tensors; "
        f"{remedy}"
    )


def _decode(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_decode(v, tensors) for v in value]
    if not isinstance(value, dict):
        return value
    (key, inner), *others = value.items() or [("", None)]
    decode = _KINDS.get(key) if not others else None
    return {k: _decode(v, tensors) for k, v in value.items()} if decode is None else decode(inner, tensors)


def _tensor(pair: Any, tensors: Mapping[str, Tensor]) -> Tensor:
    name, requires_grad = pair
    return tensors[name].requires_grad_() if requires_grad else tensors[name]


_KINDS: dict[str, Callable[[Any, Mapping[str, Tensor]], Any]] = {
    "$tensor": _tensor,
    "$parameter": lambda pair, tensors: Parameter(tensors[pair[0]], requires_grad=pair[1]),
    "$array": lambda pair, tensors: tensors[pair[0]].numpy().copy(),
    "$dtype": lambda name, tensors: getattr(tl, name),
    "$dict": lambda pairs, tensors: {_decode(k, tensors): _decode(v, tensors) for k, v in pairs},
    "$tuple": lambda items, tensors: tuple(_decode(v, tensors) for v in items),
    "$set": lambda items, tensors: {_decode(v, tensors) for v in items},
}

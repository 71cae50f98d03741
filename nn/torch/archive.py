"""torch.save and torch.load: nested values in one safetensors file, its tensors as arrays and the rest as JSON.

The tensors have dotted names, such as "model.0.weight", and the JSON is the file's metadata. Nothing is unpickled, so a
file cannot contain code: of a module it has the name of its class, and the class itself is the program's. A file of
weights alone is read by PyTorch's `safetensors.torch.load_file` as well.

What JSON lacks is a dict with one key that starts with $: `{"$tuple": [1, 2]}`, `{"$tensor": ["model.weight", false]}`,
`{"$module": [0, "nn.flatten.Flatten", {"start_dim": 1, "end_dim": -1}]}`: a number, the class's name, the attributes.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor, device
from tinygrad_lecture.backend import Array
from tinygrad_lecture.errors import kind_of
from tinygrad_lecture.files import parse_json, require_file

from .. import weights
from ..module import Module, Parameter
from .modules import nn

KEY = "torch.save"  # in the metadata
DAMAGED = KeyError, TypeError, ValueError, AttributeError, RecursionError  # what reading a damaged file may raise
NAMESPACES = Namespace, SimpleNamespace


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
        f.write(weights.to_bytes(encoder.arrays, {KEY: text}))
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


# --- values as JSON and arrays ------------------------------------------------------------------------------


class Encoder:
    """Encodes values as JSON; their arrays go to `arrays`, by dotted names such as "model.0.weight".

    Tensors with the same memory, such as a tied weight, are one array.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}
        self._names: dict[Any, str] = {}
        self._modules: dict[Module, int] = {}

    def encode(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """A value as JSON. Raises TypeError, with the place, for a value that is not data."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Tensor):
            kind = "$parameter" if isinstance(value, Parameter) else "$tensor"
            return {kind: [self._name(value.detach(), value.array, path), value.requires_grad]}
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            return {"$array": [self._name(value, value, path), False]}
        if isinstance(value, np.generic):
            return self.encode(value.item(), path)
        for kind, (belongs, written, _) in VALUES.items():
            if belongs(value):
                return {kind: written(value)}
        if isinstance(value, str):
            return str(value)
        if isinstance(value, Module):
            if value.has_hooks:
                raise TypeError(_refusal(value, path, "with hooks "))
            if value in self._modules:
                return {"$module": [self._modules[value]]}
            number = self._modules[value] = len(self._modules)
            attributes = {name: x for name, x in vars(value).items() if name != "_hooks"}
            return {"$module": [number, _name_of(type(value)), self.encode(attributes, path)]}
        if isinstance(value, Mapping):
            if type(value) is not OrderedDict and all(type(key) is str and key[:1] != "$" for key in value):
                return {key: self.encode(v, (*path, key)) for key, v in value.items()}
            pairs = [[self.encode(k, path), self.encode(v, (*path, str(k)))] for k, v in value.items()]
            return {"$ordered" if type(value) is OrderedDict else "$dict": pairs}
        if isinstance(value, list | tuple | set | frozenset):
            items = [self.encode(v, (*path, str(i))) for i, v in enumerate(value)]
            return items if isinstance(value, list) else {"$tuple" if isinstance(value, tuple) else "$set": items}
        if isinstance(value, NAMESPACES) or (dataclasses.is_dataclass(value) and not isinstance(value, type)):
            names = vars(value) if isinstance(value, NAMESPACES) else [f.name for f in dataclasses.fields(value)]
            return {"$namespace": self.encode({name: getattr(value, name) for name in names}, path)}
        raise TypeError(_refusal(value, path))

    def _name(self, value: Any, array: Array, path: Iterable[str]) -> str:
        """The name under which an array is kept: that of an earlier one if it is the same memory."""
        start = value.data_ptr() if isinstance(value, Tensor) else value.ctypes.data
        name = ".".join(path) or "tensor"
        while name in self.arrays or name == "__metadata__":  # which safetensors keeps for itself
            name += "'"
        name = self._names.setdefault((start, array.shape, array.strides, array.dtype.str), name)
        self.arrays.setdefault(name, value)
        return name


class Decoder:
    """Decodes what an `Encoder` made, with its arrays as Tensors by name; the same name gives the same Tensor.

    Nothing but data and modules is made, whatever the JSON says, and of modules only such whose classes there are in
    this process; their code does not run. `decode` raises ImportError for another class; KeyError, TypeError,
    ValueError, AttributeError or RecursionError for what no Encoder makes.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = tensors
        self._made: dict[Any, Any] = {}

    def decode(self, value: Any) -> Any:
        """The value."""
        if isinstance(value, list):
            return [self.decode(v) for v in value]
        if not isinstance(value, dict):
            return value
        kind = next(iter(value), "")
        if kind[:1] != "$":
            return {key: self.decode(v) for key, v in value.items()}
        inner, *others = value.values()
        if others:
            raise ValueError(f"{kind} has other keys beside it")
        if kind in ("$tensor", "$parameter", "$array"):
            name, requires_grad = inner
            key = kind, name, bool(requires_grad)
            if key not in self._made:
                self._made[key] = _tensor(kind, self._tensors[name], bool(requires_grad))
            return self._made[key]
        if kind in VALUES:
            return VALUES[kind][2](inner)
        if kind == "$namespace":
            made = Namespace()
            vars(made).update(self.decode(dict(inner)))
            return made
        if kind == "$module":
            return self._module(*inner)
        items = [self.decode(v) for v in list(inner)]
        return {"$tuple": tuple, "$set": set, "$dict": dict, "$ordered": OrderedDict}[kind](items)

    def _module(self, number: int, name: str = "", attributes: Any = None) -> Module:
        """The module of a number, made at its first place without a call of its __init__."""
        if not name:
            return self._made["$module", number]  # type: ignore[no-any-return]
        made = self._made["$module", number] = object.__new__(_class(name))
        vars(made).update(self.decode(attributes))
        return made


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _class(name: str) -> type[Module]:
    """The class of modules with a name, if the program has it."""
    kinds = {_name_of(kind): kind for kind in _below(Module)}
    if name not in kinds:
        raise ImportError(f"the class {name} is needed; import it, or define it, before torch.load")
    return kinds[name]


def _below(kind: type[Module]) -> Iterator[type[Module]]:
    """All classes that derive from a class, those made last at the end."""
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)


def _tensor(kind: str, x: Tensor, requires_grad: bool) -> Any:
    if kind == "$array":
        return x.numpy().copy()
    return Parameter(x, requires_grad) if kind == "$parameter" else x.detach().requires_grad_(requires_grad)


def _is_dtype(value: Any) -> bool:
    """Whether a value is a dtype, a class of NumPy's such as np.float32, or stands for one with an attribute."""
    if isinstance(value, type):
        return issubclass(value, np.generic)
    return isinstance(value if isinstance(value, np.ndarray) else getattr(value, "dtype", value), np.dtype)


def _is_function(value: Any) -> bool:
    """Whether a value is a function of nn.functional."""
    named = vars(nn.functional).get(getattr(value, "__name__", ""))
    return named is not None and named in (value, getattr(value, "__wrapped__", None))


# values that a text stands for: which they are, how they are written, how they are read
VALUES: dict[str, tuple[Callable[[Any], bool], Callable[[Any], str], Callable[[str], Any]]] = {
    "$device": (lambda value: isinstance(value, device), str, device),
    "$dtype": (_is_dtype, lambda value: np.dtype(value).name, lambda text: np.dtype(str(text))),
    "$class": (lambda value: isinstance(value, type) and issubclass(value, Module), _name_of, _class),
    "$function": (_is_function, lambda value: value.__name__, lambda text: vars(nn.functional)[text]),
}


def _refusal(value: Any, path: tuple[str, ...], what: str = "") -> str:
    where = f"at {'.'.join(path)} " if path else ""
    ways = {"state_dict": "its state_dict()", "tolist": "its tolist()", "__iter__": "list(it)", "__dict__": "vars(it)"}
    way = next((way for name, way in ways.items() if hasattr(value, name)), "str(it)")
    return (
        f"torch.save: {kind_of(value)} {what}{where}cannot be saved, only dicts, lists, tuples, numbers, strings, "
        f"tensors, modules; save {way}, or what you need of it"
    )

"""Values as JSON and arrays: nested dicts, lists, tuples, numbers, strings and tensors, and back.

What JSON lacks is a dict with one key that starts with $: `{"$tuple": [1, 2]}`, `{"$tensor": ["model.weight", false]}`.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array
from tinygrad_lecture.errors.words import kind_of

from ..module import Parameter

NAMESPACES = Namespace, SimpleNamespace


class Encoder:
    """Encodes values as JSON; their arrays go to `arrays`, by dotted names such as "model.0.weight".

    Tensors with the same memory, such as a tied weight, are one array.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}
        self._names: dict[Any, str] = {}

    def encode(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """A value as JSON. Raises TypeError, with the place, for a value that is not data."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return str(value)  # a device too
        if isinstance(value, Tensor):
            kind = "$parameter" if isinstance(value, Parameter) else "$tensor"
            return {kind: [self._name(value.detach(), value.array, path), value.requires_grad]}
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            return {"$array": [self._name(value, value, path), False]}
        if isinstance(value, np.generic):
            return self.encode(value.item(), path)
        if _is_dtype(value):
            return {"$dtype": np.dtype(value).name}
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

    Nothing but data is made, whatever the JSON says. `decode` raises KeyError, TypeError, ValueError or RecursionError
    for what no Encoder makes.
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
        if kind == "$dtype":
            return np.dtype(str(inner))
        if kind == "$namespace":
            made = Namespace()
            vars(made).update(self.decode(dict(inner)))
            return made
        items = [self.decode(v) for v in list(inner)]
        return {"$tuple": tuple, "$set": set, "$dict": dict, "$ordered": OrderedDict}[kind](items)


def _tensor(kind: str, x: Tensor, requires_grad: bool) -> Any:
    if kind == "$array":
        return x.numpy().copy()
    return Parameter(x, requires_grad) if kind == "$parameter" else x.detach().requires_grad_(requires_grad)


def _is_dtype(value: Any) -> bool:
    """Whether a value is a dtype, a class of NumPy's such as np.float32, or stands for one with an attribute."""
    if isinstance(value, type):
        return issubclass(value, np.generic)
    return isinstance(value if isinstance(value, np.ndarray) else getattr(value, "dtype", value), np.dtype)


def _refusal(value: Any, path: tuple[str, ...]) -> str:
    where = f" at {'.'.join(path)}" if path else ""
    ways = {"state_dict": "its state_dict()", "tolist": "its tolist()", "__iter__": "list(it)", "__dict__": "vars(it)"}
    way = next((way for name, way in ways.items() if hasattr(value, name)), "str(it)")
    return (
        f"torch.save: {kind_of(value)}{where} cannot be saved, only dicts, lists, tuples, numbers, strings, tensors; "
        f"save {way}, or what you need of it"
    )

"""What prints as in PyTorch only in a process that runs a PyTorch script: shapes, dtypes, named results, modules, ...

`speak` changes classes of this library for the whole process, so only the command `python -m nn.torch` calls it, and
your own program where it wants it: `from nn.torch.dialect import speak; speak()`. Numbers print as PyTorch's
everywhere, see `tinygrad_lecture/inspect/printing.py`.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections import OrderedDict
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor, tensor
from tinygrad_lecture.errors import DtypeError, PlaceError, TensorError
from tinygrad_lecture.inspect.printing import options
from tinygrad_lecture.methods.python import REFLECTED, ArrayUfunc, call_ufunc
from tinygrad_lecture.methods.pytorch import GradFn
from tinygrad_lecture.ops.linalg import QR, SignAndLog
from tinygrad_lecture.ops.sorting import Ordered

from ..container import ParameterList
from ..layers.attention import MultiheadAttention
from ..linear import Linear
from ..module import Module, Parameter
from ..module.state import LoadedKeys, Stateful
from ..optim import Optimizer
from .dtypes import BY_NAME, NAMES, Shape, Size, dtype
from .node_names import grad_fn_name


def speak(torch: Any = None) -> None:
    """Let what is in `DIALECT`, and pairs such as torch.max's, be as in PyTorch from now on. torch: nn.torch."""
    torch = torch or importlib.import_module(__package__)
    options.dtype_prefix = "torch."
    for kind, members in DIALECT.items():
        for name, member in members.items():
            setattr(kind, name, member)
    for name, sizes in SIZES.items():
        setattr(Tensor, name, _by_name(getattr(Tensor, name), sizes))
    for name in PAIRS:
        for home in (torch, Tensor):
            setattr(home, name, _named(name, getattr(home, name)))


def in_torchs_words(message: str) -> str:
    """A message of this library with torch.zeros for tl.zeros, where torch has that name."""
    torch = importlib.import_module(__package__)
    return re.sub(r"\btl\.(\w+)", lambda m: f"torch.{m[1]}" if hasattr(torch, m[1]) else m[0], message)


# --- functions ----------------------------------------------------------------------------------------------

PAIRS = ("max", "median", "min", "sort", "topk")  # functions that return values and indices
SIZES = {  # a method -> what PyTorch calls its sizes or axes, which may be given by name
    **dict.fromkeys(["broadcast_to", "expand", "view", "new_empty", "new_ones", "new_zeros"], "size"),
    "permute": "dims",
    "tile": "dims",
    "repeat": "repeats",
    "reshape": "shape",
}


class _Ufunc(ArrayUfunc):
    """NumPy's ufuncs of tensors without gradient return tensors, as in PyTorch: np.sqrt(x)."""

    def __get__(self, instance: Any, owner: type) -> Any:
        return _of_tensors if instance is None else None


def _of_tensors(self: Any, ufunc: Any, method: str, *inputs: Any, out: Any = None, **settings: Any) -> Any:
    tensors = [x for x in inputs if isinstance(x, Tensor)]
    reflected = method == "__call__" and len(inputs) == 2 and inputs[1] is self and ufunc.__name__ in REFLECTED
    if reflected or any(x.requires_grad for x in tensors) or any(isinstance(x, Tensor) for x in out or ()):
        return call_ufunc(self, ufunc, method, *inputs, out=out, **settings)
    arrays = [x.numpy() if isinstance(x, Tensor) else x for x in inputs]
    result = getattr(ufunc, method)(*arrays, **settings, **({} if out is None else {"out": out}))
    if out is not None:
        return result
    return tuple(map(tensor, result)) if isinstance(result, tuple) else tensor(result)


def _named(name: str, function: Any) -> Any:
    """The function with its pair (values, indices) under the name that PyTorch prints."""
    kind: Any = type(name, (Ordered,), {"__slots__": (), "__repr__": _result_text(name)})

    def named(*args: Any, **settings: Any) -> Any:
        result = function(*args, **settings)
        return kind(*result) if type(result) is Ordered else result

    named.__name__, named.__doc__ = name, function.__doc__
    return named


def _by_name(method: Any, sizes: str) -> Any:
    """The method with its sizes also by name: x.permute(dims=(1, 0))."""

    @functools.wraps(method)
    def called(self: Any, *args: Any, **settings: Any) -> Any:
        return method(self, *([settings.pop(sizes)] if sizes in settings else args), **settings)

    return called


# --- what is printed ----------------------------------------------------------------------------------------


def _result_text(name: str) -> Any:
    """The `__repr__` of a named tuple that a function returns."""

    def text(result: Any) -> str:
        fields = ",\n".join(f"{field}={value!r}" for field, value in result._asdict().items())
        return f"torch.return_types.{name}(\n{fields})"

    return text


def _parameters_text(parameters: Any) -> str:
    lines = [
        f"    ({n}): Parameter containing: [{p.dtype!r} of size {'x'.join(map(str, p.shape))}]"
        for n, p in enumerate(parameters)
    ]
    return "\n".join([f"{type(parameters).__name__}(", *lines, ")"])


def _keys_text(keys: LoadedKeys) -> str:
    if not (keys.missing_keys or keys.unexpected_keys):
        return "<All keys matched successfully>"
    return f"_IncompatibleKeys(missing_keys={keys.missing_keys!r}, unexpected_keys={keys.unexpected_keys!r})"


def optimizer_text(optimizer: Any) -> str:
    """The parameter groups of an optimiser with their settings, also with those that PyTorch has for its machine."""
    lines = [f"{type(optimizer).__name__} ("]
    for number, group in enumerate(optimizer.param_groups):
        settings = {**MACHINE.get(type(optimizer).__name__, {}), **{k: v for k, v in group.items() if k != "params"}}
        plain = {name: 0 if value == 0 and isinstance(value, float) else value for name, value in settings.items()}
        lines.append("\n" * bool(number) + f"Parameter Group {number}")
        lines += [f"    {name}: {plain[name]}" for name in sorted(plain)]
    return "\n".join([*lines, ")"])


_EVERYWHERE = {"differentiable": False, "foreach": None, "maximize": False}
_CAPTURABLE = {**_EVERYWHERE, "capturable": False}
_ADAM = {**_CAPTURABLE, "fused": None, "decoupled_weight_decay": False}
MACHINE: dict[str, dict[str, Any]] = {  # settings of an optimiser of PyTorch that have no meaning here
    "SGD": {**_EVERYWHERE, "fused": None}, "Adam": _ADAM, "AdamW": {**_ADAM, "decoupled_weight_decay": True},
    "Adagrad": {**_EVERYWHERE, "fused": None},
    **dict.fromkeys(["RMSprop", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop"], _CAPTURABLE),
}  # fmt: skip


class NonDynamicallyQuantizableLinear(Linear):
    """PyTorch's name of the last layer of an attention."""


_DTYPES = {np.dtype(name): BY_NAME[name] for name in NAMES}
_ERROR = {"__str__": lambda error: in_torchs_words(Exception.__str__(error))}
DIALECT: dict[Any, dict[str, Any]] = {  # a class -> its members as PyTorch has them
    Tensor: {
        "shape": property(lambda self: Size(self._array.shape)),
        "dtype": property(lambda self: _DTYPES[self._array.dtype]),
        "__module__": "torch",
        "__array_ufunc__": _Ufunc(),
    },
    Shape: {"plain_tuples": False},
    Size: {"__module__": "torch"},
    dtype: {"__module__": "torch"},
    Parameter: {"__module__": "torch.nn.parameter"},
    GradFn: {"name": grad_fn_name},
    **dict.fromkeys((TensorError, DtypeError, PlaceError), _ERROR),
    QR: {"__repr__": _result_text("linalg_qr")},
    SignAndLog: {"__repr__": _result_text("linalg_slogdet")},
    ParameterList: {"__repr__": _parameters_text},
    Stateful: {"state_kind": OrderedDict},
    Module: {"_get_name": lambda self: type(self).__name__},
    MultiheadAttention: {"out_kind": NonDynamicallyQuantizableLinear},
    Optimizer: {"__repr__": optimizer_text},
    LoadedKeys: {"__repr__": _keys_text},
}

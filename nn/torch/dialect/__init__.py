"""What prints as in PyTorch only in a process that runs a PyTorch script: shapes, dtypes, named results, ...

`speak` changes classes of the house for the whole process, so only the command `python -m nn.torch` calls it, and a
program of one's own that wants it: `from nn.torch.dialect import speak; speak()`. Numbers print as PyTorch's
everywhere, see `tinygrad_lecture/inspect/printing.py`.

    printed.py      modules, states and named results, as PyTorch prints them
    node_names.py   the steps of backward, as in MulBackward0
"""

from __future__ import annotations

import functools
import importlib
import re
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor, tensor
from tinygrad_lecture.errors import DtypeError, PlaceError, TensorError
from tinygrad_lecture.inspect.printing import GradFn, options
from tinygrad_lecture.methods.python import REFLECTED, ArrayUfunc, call_ufunc
from tinygrad_lecture.ops.sorting import Ordered

from ...module import Parameter
from ...module.state import LoadedKeys
from ...optim import Optimizer
from ..dtypes import BY_NAME, NAMES, Shape, Size, dtype
from .node_names import grad_fn_name
from .printed import print_as_pytorch

PAIRS = ("max", "median", "min", "mode", "sort", "topk")
SIZES = {  # a method -> what PyTorch calls its sizes or axes, which may be given by name
    **dict.fromkeys(("broadcast_to", "expand", "sum_to_size", "view"), "size"),
    **dict.fromkeys(("new_empty", "new_ones", "new_zeros"), "size"),
    "permute": "dims",
    "tile": "dims",
    "repeat": "repeats",
    "reshape": "shape",
}


def speak(torch: Any = None) -> None:
    """Let shapes be torch.Size, dtypes torch.float32 and pairs torch.return_types.max from now on. torch: nn.torch."""
    torch = torch or importlib.import_module(__package__.rpartition(".")[0])
    Shape.plain_tuples = False
    options.dtype_prefix = "torch."
    GradFn.name = grad_fn_name  # type: ignore[method-assign, assignment]
    by_dtype = {np.dtype(name): BY_NAME[name] for name in NAMES}
    members: dict[str, Any] = {
        "shape": property(lambda self: Size(self._array.shape)),
        "dtype": property(lambda self: by_dtype[self._array.dtype]),
        "__module__": "torch",
    }
    for name, member in members.items():
        setattr(Tensor, name, member)
    Size.__module__ = dtype.__module__ = "torch"
    Parameter.__module__ = "torch.nn.parameter"
    for kind in (TensorError, DtypeError, PlaceError):
        kind.__str__ = lambda error: in_torchs_words(Exception.__str__(error))  # type: ignore[method-assign]
    Tensor.__array_ufunc__ = _Ufunc()
    for name, sizes in SIZES.items():
        setattr(Tensor, name, _by_name(getattr(Tensor, name), sizes))
    for name in PAIRS:
        setattr(torch, name, _named(name, getattr(torch, name)))
        setattr(Tensor, name, _named(name, getattr(Tensor, name)))
    print_as_pytorch()
    Optimizer.__repr__ = optimizer_text  # type: ignore[method-assign]
    LoadedKeys.__repr__ = _keys_text  # type: ignore[method-assign, assignment]


def in_torchs_words(message: str) -> str:
    """A message of the house with torch.zeros for tl.zeros, where torch has that name."""
    torch = importlib.import_module(__package__.rpartition(".")[0])
    return re.sub(r"\btl\.(\w+)", lambda m: f"torch.{m[1]}" if hasattr(torch, m[1]) else m[0], message)


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
    kind: Any = type(name, (Ordered,), {"__slots__": (), "__repr__": lambda pair: _pair_text(name, pair)})

    def named(*args: Any, **settings: Any) -> Any:
        result = function(*args, **settings)
        return kind(*result) if type(result) is Ordered else result

    named.__name__, named.__doc__ = name, function.__doc__
    return named


def _by_name(method: Any, sizes: str) -> Any:
    """The method with its sizes also by name: x.permute(dims=(1, 0))."""

    @functools.wraps(method)
    def called(self: Any, *args: Any, **settings: Any) -> Any:
        if sizes in settings:
            args = (settings.pop(sizes),)
        return method(self, *args, **settings)

    return called


def _pair_text(name: str, pair: Ordered) -> str:
    return f"torch.return_types.{name}(\nvalues={pair.values!r},\nindices={pair.indices!r})"


def _keys_text(keys: LoadedKeys) -> str:
    if not (keys.missing_keys or keys.unexpected_keys):
        return "<All keys matched successfully>"
    return f"_IncompatibleKeys(missing_keys={keys.missing_keys!r}, unexpected_keys={keys.unexpected_keys!r})"


def optimizer_text(optimizer: Any) -> str:
    """The parameter groups of an optimiser with their settings, also with those that PyTorch has for its machine."""
    lines = [f"{type(optimizer).__name__} ("]
    for number, group in enumerate(optimizer.param_groups):
        settings = {**MACHINE.get(type(optimizer).__name__, {}), **{k: v for k, v in group.items() if k != "params"}}
        lines.append("\n" * bool(number) + f"Parameter Group {number}")
        lines += [f"    {name}: {_plain(settings[name])}" for name in sorted(settings)]
    return "\n".join([*lines, ")"])


def _plain(value: Any) -> Any:
    return 0 if isinstance(value, float) and value == 0 else value


_EVERYWHERE = {"differentiable": False, "foreach": None, "maximize": False}
_CAPTURABLE = {**_EVERYWHERE, "capturable": False}
_ADAM = {**_CAPTURABLE, "fused": None, "decoupled_weight_decay": False}
MACHINE: dict[str, dict[str, Any]] = {  # settings of an optimiser of PyTorch that have no meaning here
    "SGD": {**_EVERYWHERE, "fused": None}, "Adam": _ADAM, "AdamW": {**_ADAM, "decoupled_weight_decay": True},
    "Adagrad": {**_EVERYWHERE, "fused": None},
    **dict.fromkeys(["RMSprop", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop"], _CAPTURABLE),
}  # fmt: skip

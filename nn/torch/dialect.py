"""What prints as in PyTorch only in a process that runs a PyTorch script: shapes, dtypes, named results, modules, ...

`speak` changes classes of this library for the whole process, so only the command `python -m nn.torch` calls it, and
your own program where it wants it: `from nn.torch.dialect import speak; speak()`. Numbers print as PyTorch's
everywhere, see `tinygrad_lecture/inspect/printing.py`.
"""

from __future__ import annotations

import importlib
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor, device
from tinygrad_lecture.autograd.core import Record
from tinygrad_lecture.backend import is_array
from tinygrad_lecture.errors import DtypeError, PlaceError, TensorError
from tinygrad_lecture.inspect.printing import options
from tinygrad_lecture.ops.linalg import SignAndLog
from tinygrad_lecture.ops.sorting import Ordered
from tinygrad_lecture.pytorch_methods import GradFn

from ..layers.transformer import MultiheadAttention
from ..module import Module, Parameter
from ..module.tree import LoadedKeys, Tree
from .dtypes import BY_NAME, NAMES, Shape, Size, dtype
from .functions import without_layout
from .layers import NonDynamicallyQuantizableLinear
from .machine import set_default_device


def speak(torch: Any = None) -> None:
    """Let what is in `DIALECT`, and pairs such as torch.max's, be as in PyTorch from now on. torch: nn.torch."""
    torch = torch or importlib.import_module(__package__)
    options.dtype_prefix = "torch."
    for kind, members in DIALECT.items():
        for name, member in members.items():
            setattr(kind, name, member)
    for name in PAIRS:
        for home in (torch, Tensor):
            setattr(home, name, _named(name, getattr(home, name)))


def in_torchs_words(message: str) -> str:
    """A message of this library with torch.zeros for tl.zeros, where torch has that name."""
    torch = importlib.import_module(__package__)
    return re.sub(r"\btl\.(\w+)", lambda m: f"torch.{m[1]}" if hasattr(torch, m[1]) else m[0], message)


# --- functions ----------------------------------------------------------------------------------------------

PAIRS = ("max", "median", "min", "sort", "topk")  # functions that return values and indices
OTHER_ARGUMENTS = ("to", "clone", "contiguous", "float", "double", "half", "view", "expand")  # take size= and others


def _named(name: str, function: Any) -> Any:
    """The function with its pair (values, indices) under the name that PyTorch prints."""
    kind: Any = type(name, (Ordered,), {"__slots__": (), "__repr__": _result_text(name)})

    def named(*args: Any, **settings: Any) -> Any:
        result = function(*args, **settings)
        return kind(*result) if type(result) is Ordered else result

    named.__name__, named.__doc__ = name, function.__doc__
    return named


# --- what is printed ----------------------------------------------------------------------------------------


def _result_text(name: str) -> Any:
    """The `__repr__` of a named tuple that a function returns."""

    def text(result: Any) -> str:
        fields = ",\n".join(f"{field}={value!r}" for field, value in result._asdict().items())
        return f"torch.return_types.{name}(\n{fields})"

    return text


def _keys_text(keys: LoadedKeys) -> str:
    if not (keys.missing_keys or keys.unexpected_keys):
        return "<All keys matched successfully>"
    return f"_IncompatibleKeys(missing_keys={keys.missing_keys!r}, unexpected_keys={keys.unexpected_keys!r})"


# --- the names of the steps of backward ---------------------------------------------------------------------
# They are mostly those of the functions, as in MulBackward0, and here where not.
#
# PyTorch composes some functions of others, and shows the last of these: `x.T` is a PermuteBackward0, and a matrix
# product is a MmBackward0 or MvBackward0 by the number of axes. The digit counts the variants of a function; below it
# stands behind a colon.


def grad_fn_name(step: GradFn) -> str:
    """The name of a step, such as "MulBackward0", or "AccumulateGrad" for a leaf."""
    record: Any = step.node
    if not isinstance(record, Record):
        return "AccumulateGrad"
    called = record.name if record.name.isidentifier() else record.op.name
    if called[0].isupper():  # a `tl.func.Function`, a class
        return f"{called}Backward"
    name = NODE_NAMES.get(called, called)
    name = name if isinstance(name, str) else name(record)
    if name[0].isupper():  # a name in full
        return name
    name, _, variant = name.partition(":")
    return f"{''.join(part.capitalize() for part in name.split('_'))}Backward{variant or 0}"


def _power(record: Any) -> str:
    """pow of a tensor to a number, pow:2 of a number to a tensor, pow:1 of two tensors."""
    nodes: list[Any] = [*record.nodes, None, None]  # backward frees them
    base, exponent = nodes[:2]
    return "pow" if exponent is None else "pow:2" if base is None else "pow:1"


def _index(record: Any) -> str:
    """The last of the steps that PyTorch takes for an index: index for tensors, else select, slice or unsqueeze."""
    parts = record.saved[0][-1]  # what the rule asked for last
    if any(map(is_array, parts)):
        return "index"
    whole = Ellipsis, slice(None)
    steps = ["select" if isinstance(p, int) else "unsqueeze" if p is None else "slice" for p in parts if p not in whole]
    return steps[-1] if steps else "alias"


def _linear(record: Any) -> str:
    """addmm or mm of a matrix; of more axes a view of that."""
    matrix, bias = len(record.shape) == 2, record.nodes[2:] and record.nodes[2] is not None
    return ("addmm" if matrix else "view") if bias else ("mm" if matrix else "unsafe_view")


NODE_NAMES: dict[str, str | Callable[[Any], str]] = {
    # sum:1 over some axes, max:1 of all elements; mm of matrices, mv of a matrix and a vector, dot of vectors
    **dict.fromkeys(["sum", "mean"], lambda record: f"{record.op.name}:{int(record.shape != ())}"),
    **dict.fromkeys(["max", "min"], lambda record: f"{record.name}:{int(record.op.name in ('amax', 'amin'))}"),
    "matmul": lambda record: {2: "mm", 1: "mv", 0: "dot"}.get(len(record.shape), "unsafe_view"),
    "pow": _power, "square": "pow",
    "clip": "clamp:1", "clip_to": "clamp:1", "log1p": "Log1PBackward0", "astype": "to_copy",
    "index_get": _index, "index_put": "CopySlices", "reshape": "view", "flatten": "view", "swapaxes": "transpose",
    "transpose": lambda record: "permute" if record.op.name == "permute" else "transpose",
    "narrow": "slice", "chunk": "split", "concatenate": "cat",
    "pad": "constant_pad_nd", "linear": _linear, "outer": "mul", "norm": "linalg_vector_norm",
    "inv": "linalg_inv_ex", "det": "linalg_det", "solve": "linalg_solve_ex", "cholesky": "linalg_cholesky_ex",
    "squared_error": "mse_loss", "cross_entropy": "nll_loss", "layer_norm": "native_layer_norm",
}  # fmt: skip


# --- all of it -----------------------------------------------------------------------------------------------


_DTYPES = {np.dtype(name): BY_NAME[name] for name in NAMES}
_ERROR = {"__str__": lambda error: in_torchs_words(Exception.__str__(error))}
DIALECT: dict[Any, dict[str, Any]] = {  # a class -> its members as PyTorch has them
    Tensor: {
        "shape": property(lambda self: Size(self._array.shape)),
        "dtype": property(lambda self: _DTYPES[self._array.dtype]),
        "__module__": "torch",
        **{name: without_layout(getattr(Tensor, name)) for name in OTHER_ARGUMENTS},
    },
    Shape: {"plain_tuples": False},
    Size: {"__module__": "torch"},
    device: {"__enter__": set_default_device, "__exit__": lambda self, *error: set_default_device("cpu")},
    dtype: {"__module__": "torch"},
    Parameter: {"__module__": "torch.nn.parameter"},
    GradFn: {"name": grad_fn_name},
    **dict.fromkeys((TensorError, DtypeError, PlaceError), _ERROR),
    SignAndLog: {"__repr__": _result_text("linalg_slogdet")},
    Tree: {"state_kind": OrderedDict},
    Module: {
        "_get_name": lambda self: type(self).__name__,
        "to": without_layout(Module.to),
        "bfloat16": lambda self: self.to(BY_NAME["bfloat16"]),
        "to_empty": lambda self, *, device, recurse=True: self.to(device=device),
        "share_memory": lambda self: self,
    },
    MultiheadAttention: {"out_kind": NonDynamicallyQuantizableLinear},
    LoadedKeys: {"__repr__": _keys_text},
}

"""Methods that only PyTorch's programs call: the functions of this room, and questions about a machine.

`give_methods` adds them to the class Tensor when `nn.torch` is imported, so that the engine need not have them.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import TensorError
from tinygrad_lecture.methods.in_place import in_place

from ..courtesies import no
from ..dtypes import BY_NAME, strided

IN_PLACE = (
    *("addbmm", "addmm", "addmv", "addr", "baddbmm", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2"),
    *("arctanh", "deg2rad", "rad2deg", "float_power", "gcd", "lcm", "ldexp", "renorm"),
    *("index_add", "index_copy", "index_fill", "index_put", "masked_scatter", "put"),
)

ALIASES = {  # a method -> the method that it is
    "absolute_": "abs_", "negative_": "neg_", "multiply_": "mul_", "divide_": "div_", "true_divide_": "div_",
    "subtract_": "sub_", "not_equal_": "ne_", "less_": "lt_", "less_equal_": "le_", "greater_": "gt_",
    "greater_equal_": "ge_", "fix_": "trunc_", "sgn_": "sign_", "swapdims_": "swapaxes_", "detach_copy": "detach",
}  # fmt: skip


def give_methods(*files: ModuleType) -> None:
    """Add to Tensor the functions whose first argument is `input`, their in-place forms, and the methods below."""
    functions = {name: getattr(file, name) for file in files for name in file.__all__}
    methods: dict[str, Any] = {name: f for name, f in functions.items() if _is_method(f)}
    methods |= {f"{name}_": in_place(functions[name]) for name in IN_PLACE}
    methods |= {name: getattr(Tensor, of) for name, of in ALIASES.items() if hasattr(Tensor, of)}
    methods |= {name: f for name, f in vars(MachineMethods).items() if name[0] != "_"}
    for name, method in methods.items():
        if not hasattr(Tensor, name):
            setattr(Tensor, name, method)


def free_functions() -> dict[str, Callable[..., Any]]:
    """The functions torch.f(x, ...) for methods x.f(...): those that change x in place, and some questions."""
    in_place_methods = [name for name in dir(Tensor) if name[-1] == "_" and name[0] != "_"]
    return {name: _free(name) for name in [*in_place_methods, *QUESTIONS]}


QUESTIONS = (
    *(
        "conj",
        "detach",
        "get_device",
        "is_complex",
        "is_inference",
        "is_nonzero",
        "is_same_size",
        "is_signed",
        "narrow",
    ),
    *("numel", "select", "t", "tile"),
)


def _free(name: str) -> Callable[..., Any]:
    def function(input: Any, *args: Any, **settings: Any) -> Any:
        return getattr(input, name)(*args, **settings)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"input.{name}(...)."
    return function


def _is_method(function: Callable[..., Any]) -> bool:
    """Whether the first argument is `input`, or it is one of the engine's own ops under another name."""
    first = next(iter(inspect.signature(function).parameters), None)
    return first == "input" or (function.__module__.startswith("tinygrad_lecture.ops") and first != "tensors")


class MachineMethods:
    """What a program asks of a tensor's memory and machine, with the answers that hold here."""

    _array: Any

    is_cpu = property(lambda self: not self.is_cuda, doc="Whether it is in the main memory.")
    is_sparse = is_quantized = is_meta = is_mps = is_xpu = is_mkldnn = is_nested = property(no, doc=no.__doc__)
    is_pinned = is_shared = is_complex = is_inference = no
    layout = property(lambda self: strided, doc="Elements at fixed distances.")
    name = property(lambda self: None, doc="None.")
    output_nr = property(lambda self: 0, doc="0: an op has one output.")

    def is_signed(self) -> bool:
        """Whether the dtype has negative numbers."""
        return bool(self._array.dtype.kind in "if")

    def is_nonzero(self) -> bool:
        """Whether the only element is not 0."""
        return bool(self)

    def is_same_size(self, other: Any) -> bool:
        """Whether both have the same shape."""
        return bool(self._array.shape == other._array.shape)

    def get_device(self: Any) -> int:
        """The number of the GPU, -1 on the CPU."""
        return -1 if not self.is_cuda else self.device.index or 0

    def storage_offset(self) -> int:
        """The number of elements in memory before the first one."""
        base = self._array.base
        if base is None or not isinstance(self._array, np.ndarray):
            return 0
        while isinstance(base.base, np.ndarray):
            base = base.base
        return int((self._array.ctypes.data - base.ctypes.data) // self._array.itemsize)

    def bfloat16(self: Any) -> Any:
        """The tensor as float32, with a warning: NumPy has no bfloat16."""
        return self.to(dtype=BY_NAME["bfloat16"])

    def conj(self, device: Any = None) -> Any:
        """The tensor itself: of real numbers, and in no special memory."""
        return self

    conj_physical = resolve_conj = resolve_neg = pin_memory = share_memory_ = conj
    real = property(conj)

    def geometric_(self: Any, p: float, *, generator: Any = None) -> Any:
        """Overwrite with random numbers of trials until one with probability p succeeds: 1, 2, ..."""
        if not 0 < p < 1:
            raise TensorError(f"geometric_: p must be between 0 and 1, not {p}")
        return self.uniform_(generator=generator).neg_().log1p_().div_(math.log1p(-p)).floor_().add_(1)

    def log_normal_(self: Any, mean: float = 1, std: float = 2, *, generator: Any = None) -> Any:
        """Overwrite with exponentials of normal random numbers."""
        if not std > 0:
            raise TensorError(f"log_normal_: std must be above 0, not {std}")
        return self.normal_(mean, std, generator=generator).exp_()

    def cauchy_(self: Any, median: float = 0, sigma: float = 1, *, generator: Any = None) -> Any:
        """Overwrite with random numbers of Cauchy's distribution."""
        if not sigma > 0:
            raise TensorError(f"cauchy_: sigma must be above 0, not {sigma}")
        return self.uniform_(generator=generator).sub_(0.5).mul_(math.pi).tan_().mul_(sigma).add_(median)

    def index_reduce_(self: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Any:
        """Reduce the slices of source into those at `index`, in place; reduce is "prod", "mean", "amax" or "amin"."""
        wide = index.reshape([-1 if a == dim % self.ndim else 1 for a in range(self.ndim)]).expand(source.shape)
        return self.scatter_reduce_(dim, wide, source, reduce, include_self=include_self)

    def apply_(self: Any, callable: Any) -> Any:
        """Replace each element by what a Python function returns for it. Slow."""
        flat = [callable(value) for value in self.reshape(-1).tolist()]
        self[...] = tl.tensor(flat, dtype=self.dtype).reshape(self.shape)
        return self

    def new(self: Any, *sizes: Any) -> Any:
        """A new tensor of the same dtype, of sizes or of data."""
        data = len(sizes) == 1 and not isinstance(sizes[0], int)
        return self.new_tensor(sizes[0]) if data else self.new_empty(*(sizes or (0,)))

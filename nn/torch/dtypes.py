"""torch.dtype, torch.Size and torch.Tensor: classes of PyTorch's names for what programs make, print and ask for.

A dtype and a Size are NumPy's dtype and a tuple that print as PyTorch's, `torch.float32` and `torch.Size([2])`; either
equals what it stands for, and goes wherever that goes. `torch.Tensor([1, 2])` holds float32, `torch.Tensor(3)` has
shape (3,); `isinstance(x, torch.Tensor)` asks for the engine's Tensor, `isinstance(x, torch.LongTensor)` for its dtype
too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, SupportsIndex

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor as EngineTensor
from tinygrad_lecture.errors import warn_once

from .missing_names import sentence

__all__ = ["Size", "dtype", "finfo", "iinfo", "layout", "memory_format", "strided"]


class _Kind(type):
    """The type of `dtype`: NumPy's dtypes are instances too."""

    def __instancecheck__(cls, value: Any) -> bool:
        return type(value) is cls or isinstance(value, np.dtype)


class dtype(metaclass=_Kind):
    """A dtype under PyTorch's name: torch.float32 equals np.dtype("float32"), and has its attributes.

    used: the dtype of tensors that are made with it, if it is another one.
    """

    __slots__ = ("_name", "_used")

    def __init__(self, name: str, used: str = "") -> None:
        self._name, self._used = name, np.dtype(used or name)

    @property
    def dtype(self) -> Any:
        """NumPy's, which takes an object with this attribute for the dtype itself."""
        if self._name != self._used.name:
            warn_once(f"torch.{self._name} is not here, because NumPy has none; {self._used} takes its place")
        return self._used

    def __getattr__(self, name: str) -> Any:
        return getattr(self._used, name)

    def __eq__(self, other: object) -> bool:
        return bool(self._name == other._name if type(other) is dtype else self._used == other)

    def __hash__(self) -> int:
        return hash(self._used)

    def __repr__(self) -> str:
        return f"torch.{self._name}"

    def __reduce__(self) -> Any:
        return dtype, (self._name, self._used.name)

    is_floating_point = property(lambda self: self._used.kind == "f")
    is_complex = property(lambda self: False)
    is_signed = property(lambda self: self._used.kind in "if")


NAMES = ("float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool")
OTHERS = {"half": "float16", "float": "float32", "double": "float64", "short": "int16", "int": "int32", "long": "int64"}
BY_NAME = {name: dtype(name) for name in NAMES}
BY_NAME |= {other: BY_NAME[name] for other, name in OTHERS.items()}
BY_NAME["bfloat16"] = dtype("bfloat16", "float32")  # which holds all of its numbers


class memory_format:
    """How a tensor's memory is ordered; here it always is row by row."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class layout(memory_format):
    """How a tensor's elements are stored; here always at fixed distances, `torch.strided`."""


strided = layout("strided")


class Shape(type):
    """The type of `Size`: tuples of ints are instances too, as shapes are, until the dialect makes these Sizes."""

    plain_tuples = True

    def __instancecheck__(cls, value: Any) -> bool:
        if type(value) is tuple and cls.plain_tuples:
            return all(type(n) is int for n in value)
        return type(value) is cls


class Size(tuple[int, ...], metaclass=Shape):
    """A shape: a tuple that prints as torch.Size([2, 3])."""

    __slots__ = ()

    def numel(self) -> int:
        """The number of elements of that shape."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found: Any = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: tuple[Any, ...]) -> Any:
        return Size((*self, *other))

    def __radd__(self, other: tuple[Any, ...]) -> Any:
        return Size((*other, *self))

    def __mul__(self, times: SupportsIndex) -> Any:
        return Size(tuple(self) * times)

    __rmul__ = __mul__


def finfo(type: Any = None) -> Any:
    """The limits of a float dtype, as Python's floats: eps, max, min, tiny, bits, ..."""
    return _limits(np.finfo(np.dtype(tl.get_default_dtype() if type is None else type)), FLOAT_LIMITS)


def iinfo(type: Any) -> Any:
    """The limits of an integer dtype: max, min, bits."""
    return _limits(np.iinfo(np.dtype(type)), ("bits", "max", "min"))


FLOAT_LIMITS = ("bits", "eps", "max", "min", "resolution", "smallest_normal", "tiny")


def _limits(found: Any, names: Sequence[str]) -> SimpleNamespace:
    limits = {name: np.asarray(getattr(found, name)).item() for name in names}
    return SimpleNamespace(dtype=found.dtype.name, **limits)


# --- tensors ------------------------------------------------------------------------------------------------


class _TensorKind(type):
    """The type of these classes: their instances are the engine's Tensors."""

    kind: Any = None

    def __eq__(cls, other: object) -> bool:
        """type(x) == torch.Tensor, since the type of a tensor is the engine's."""
        return cls is other or (cls is Tensor and other is EngineTensor)

    def __hash__(cls) -> int:
        return hash(EngineTensor) if cls is globals().get("Tensor") else type.__hash__(cls)

    def __setattr__(cls, name: str, value: Any) -> None:
        """torch.Tensor.name = value gives it to all tensors."""
        if cls is Tensor:
            setattr(EngineTensor, name, value)
        else:
            type.__setattr__(cls, name, value)

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, EngineTensor) and (cls.kind is None or x.dtype == cls.kind)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, EngineTensor)


class Tensor(EngineTensor, metaclass=_TensorKind):
    """A new Tensor: of sizes, uninitialised, or of data. float32."""

    __slots__ = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__torch_function__" in vars(cls):
            raise TypeError(sentence("torch.Tensor.__torch_function__"))

    def __new__(cls, *args: Any) -> Any:
        return new_tensor(args, np.float32 if cls.kind is None else cls.kind)


def new_tensor(args: tuple[Any, ...], dtype: Any, device: str = "cpu") -> Any:
    """A Tensor as torch.Tensor(*args) makes it: of sizes, one by one or in a Size, or of data.

    Raises TypeError for a plain tuple of ints, as shapes are after an import without the dialect: it may be either.
    """
    shape = args[0] if len(args) == 1 and isinstance(args[0], Size) else args
    if type(shape) is tuple and shape is not args and shape:
        raise TypeError(f"write torch.empty({shape}) for a tensor of that shape, torch.tensor({shape}) for its numbers")
    if all(isinstance(size, (int, np.integer)) for size in shape):
        return tl.empty(shape if args else 0, dtype=dtype, device=device)
    return tl.tensor(args[0], dtype=dtype, device=device)


TENSOR_KINDS = {  # the classes of Tensors of one dtype, by the names that they have in PyTorch
    name: _TensorKind(name, (Tensor,), {"__slots__": (), "__doc__": f"A Tensor of {kind}.", "kind": np.dtype(kind)})
    for name, kind in {
        "FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "LongTensor": "int64",
        "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8", "BoolTensor": "bool",
    }.items()
}  # fmt: skip

"""torch.Tensor as a constructor: `torch.Tensor([1, 2])` holds float32, `torch.Tensor(3)` has shape (3,).

`isinstance(x, torch.Tensor)` asks for the engine's Tensor, and `isinstance(x, torch.LongTensor)` for its dtype too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor as EngineTensor

from .absent import sentence


class _Kind(type):
    """The type of these classes: their instances are the engine's Tensors."""

    kind: Any = None

    def __eq__(cls, other: object) -> bool:
        """type(x) == torch.Tensor, since the type of a tensor is the engine's."""
        return cls is other or (cls is Tensor and other is EngineTensor)

    def __hash__(cls) -> int:
        return hash(EngineTensor) if cls is Tensor else type.__hash__(cls)

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


class Tensor(EngineTensor, metaclass=_Kind):
    """A new Tensor: of sizes, uninitialised, or of data. float32."""

    __slots__ = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__torch_function__" in vars(cls):
            raise TypeError(sentence("torch.Tensor.__torch_function__"))

    def __new__(cls, *args: Any) -> Any:
        dtype = np.float32 if cls.kind is None else cls.kind
        sizes = args and all(isinstance(a, int) for a in args)
        if sizes or not args:
            return tl.empty(args or (0,), dtype=dtype)
        return tl.tensor(args[0], dtype=dtype)


KINDS = {  # the classes of Tensors of one dtype, by the names that they have in PyTorch
    name: _Kind(name, (Tensor,), {"__slots__": (), "__doc__": f"A Tensor of {kind}.", "kind": np.dtype(kind)})
    for name, kind in {
        "FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "LongTensor": "int64",
        "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8", "BoolTensor": "bool",
    }.items()
}  # fmt: skip

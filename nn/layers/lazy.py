"""Layers that take the number of their input's features from the first input, as in nn.LazyLinear(10).

    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(10))
    model(x)                    # from now on its layers are Linear(features of x, 16) and Linear(16, 10)

Weights are drawn at the first input. The parameters stay the same objects, so an optimiser may be made before.
"""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from typing import Any, ClassVar

from tinygrad_lecture import Tensor, empty

from .. import init
from ..linear import Linear
from ..module import Module
from ..module.tree import Parameter, UninitializedBuffer, UninitializedParameter
from .convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from .normalization import BatchNorm1d, BatchNorm2d

__all__ = [
    "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyConv1d", "LazyConv2d", "LazyConvTranspose1d", "LazyConvTranspose2d",
    "LazyLinear",
]  # fmt: skip


class Lazy(Module):
    """A layer without its first argument, the number of its input's features, until its first input tells it.

    becomes: the class of layers that it becomes, which it derives from as well.  axis: of the features in the input.
    """

    becomes: ClassVar[Any]
    axis: ClassVar[int]

    def __init__(self, *args: Any, **settings: Any) -> None:
        given = signature(self.becomes).bind(1, *args, **settings).arguments
        features = next(iter(given))
        with init.skip():
            self.becomes.__init__(self, **{**given, features: given.get("groups", 1)})
        self.lazy = {**given, features: 0}
        setattr(self, features, 0)
        for _, tensor in (*self._own_parameters(), *self._own_buffers()):
            if tensor.ndim:  # all but a number, the count of batches
                kind = UninitializedParameter if isinstance(tensor, Parameter) else UninitializedBuffer
                tensor.__class__, tensor.data = kind, empty(0, dtype=tensor.dtype, device=tensor.device)

    def forward(self, x: Tensor) -> Any:
        """The layer's output, in the shape of the class that it becomes from now on."""
        held = dict((*self._own_parameters(), *self._own_buffers()))
        features, place = next(iter(self.lazy)), next(iter(held.values()), x)
        self.lazy |= {features: x.shape[self.axis], "dtype": place.dtype, "device": place.device}
        made = self.becomes(**self.lazy)
        for name, tensor in held.items():
            if isinstance(tensor, UninitializedBuffer):  # else it was loaded
                tensor.initialize(getattr(made, name).detach())
        del self.lazy
        vars(self).update({**vars(made), **held})
        self.__class__ = self.becomes
        return self.forward(x)


def _lazy(axis: int, *layers: Any) -> Iterator[Any]:
    """The lazy class of each layer, with this axis of features in its input."""
    for layer in layers:
        name, first = f"Lazy{layer.__name__}", next(iter(signature(layer).parameters))
        doc = f"`{layer.__name__}` that takes {first} from its first input; the other arguments are the same."
        yield type(name, (Lazy, layer), {"becomes": layer, "axis": axis, "__doc__": doc, "__module__": __name__})


(LazyLinear,) = _lazy(-1, Linear)
LazyConv1d, LazyConvTranspose1d = _lazy(-2, Conv1d, ConvTranspose1d)
LazyConv2d, LazyConvTranspose2d = _lazy(-3, Conv2d, ConvTranspose2d)
LazyBatchNorm1d, LazyBatchNorm2d = _lazy(1, BatchNorm1d, BatchNorm2d)

"""Linear, a layer of neurons before their activation, and Identity, which does nothing."""

from __future__ import annotations

import math
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.kinds import TensorError

from . import init
from .errors.checks import check_sizes, shape_complaint, warn_of_float64
from .module import Module, Parameter


class Linear(Module):
    """y = x Wᵀ + b: each output is a neuron's weighted sum of all inputs plus its bias.

    Shape: `(..., in_features) -> (..., out_features)`.

    - `weight`: `(out_features, in_features)`, one row per neuron.
    - `bias`: `(out_features,)`, or None with bias=False.

    Both start uniform in ±1/sqrt(in_features), as in PyTorch. Raises ValueError for sizes below 1.
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: str = "cpu", dtype: Any = None
    ) -> None:
        check_sizes("Linear", in_features=in_features, out_features=out_features)
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(tl.empty(out_features, in_features, dtype=dtype, device=device))
        self.bias = Parameter(tl.empty(out_features, dtype=dtype, device=device)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new parameters, uniform in ±1/sqrt(in_features): the bound of Kaiming's formula with a = sqrt(5)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """`(..., in_features) -> (..., out_features)`. Warns if float64 comes into a layer of float32."""
        weight = self.weight  # read once: it may be computed, see utils/parametrize.py
        try:
            y: Tensor = tl.linear(x, weight, self.bias)
        except ValueError:
            if isinstance(x, Tensor) and x.shape[-1:] != (self.in_features,):
                complaint = shape_complaint([self.in_features], x.shape)
                if "; write" not in complaint and x.ndim:
                    n = math.prod(x.shape[1:]) if x.ndim > 3 else x.shape[-1]
                    flat = "after nn.Flatten() " * (x.ndim > 3)
                    complaint += f"; {flat}nn.Linear({n}, {self.out_features}) would fit"
                raise TensorError(complaint) from None
            raise
        if y._array.dtype is not weight._array.dtype:
            warn_of_float64("Linear", y, weight)
        return y

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """Returns its input: a placeholder for an optional layer. Accepts and ignores any arguments."""

    def __init__(self, *ignored: Any, **settings: Any) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        return x

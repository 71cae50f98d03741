"""Linear, a layer of neurons before their activation, and Identity, which does nothing."""

from __future__ import annotations

from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from . import init
from .errors import check_features, check_sizes, is_data, warn_of_float64
from .module import Module, Parameter

__all__ = ["Identity", "Linear"]


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
        self.weight = Parameter.empty(out_features, in_features, dtype=dtype, device=device)
        self.bias = Parameter.empty(out_features, dtype=dtype, device=device) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new parameters, uniform in ±1/sqrt(in_features)."""
        init.uniform_by_fan(self.parameters(), self.in_features)

    def forward(self, x: Tensor) -> Tensor:
        """`(..., in_features) -> (..., out_features)`. Warns if float64 comes into a layer of float32."""
        weight = self.weight
        try:
            y: Tensor = tl.linear(x, weight, self.bias)
        except ValueError:
            if is_data(x):
                check_features(x, weight.shape[1], "Linear", len(weight))
            raise
        if y._array.dtype is not weight._array.dtype:
            warn_of_float64("Linear", y, weight)
        return y

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """Returns its input, `(...) -> (...)`: a placeholder for an optional layer. Accepts and ignores any arguments."""

    def __init__(self, *ignored: Any, **settings: Any) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        return x

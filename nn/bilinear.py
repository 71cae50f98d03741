"""Bilinear, a layer of two inputs."""

from __future__ import annotations

import math
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

from . import functional as F
from . import init
from .errors.checks import check_sizes
from .module import Module, Parameter


class Bilinear(Module):
    """y_k = x1 W_k x2 + b_k: each output weighs all products of a feature of x1 and one of x2.

    Shape: `(..., in1_features)` and `(..., in2_features) -> (..., out_features)`.

    - `weight`: `(out_features, in1_features, in2_features)`.
    - `bias`: `(out_features,)`, or None with bias=False.

    Both start uniform in ±1/sqrt(in1_features), as in PyTorch. Raises ValueError for sizes below 1.
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: str = "cpu",
        dtype: Any = None,
    ) -> None:
        check_sizes("Bilinear", in1_features=in1_features, in2_features=in2_features, out_features=out_features)
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = Parameter(tl.empty(out_features, in1_features, in2_features, dtype=dtype, device=device))
        self.bias = Parameter(tl.empty(out_features, dtype=dtype, device=device)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new parameters, uniform in ±1/sqrt(in1_features)."""
        bound = 1 / math.sqrt(self.in1_features)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """`(..., in1_features)` and `(..., in2_features) -> (..., out_features)`."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )

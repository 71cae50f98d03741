"""Affine: the learnt scale and shift that follow every normalisation."""

from __future__ import annotations

from typing import Any

import tinygrad_lecture as tl

from .. import init
from ..module import Module, Parameter


class Affine(Module):
    """A module with a `weight`, initially 1, and a `bias`, initially 0; either may be None."""

    weight: Parameter | None
    bias: Parameter | None

    def make_affine(self, shape: Any, weight: bool, bias: bool, dtype: Any, device: str) -> None:
        """Make both, of this shape, if they are wanted."""
        self.weight = Parameter(tl.ones(shape, dtype=dtype, device=device)) if weight else None
        self.bias = Parameter(tl.zeros(shape, dtype=dtype, device=device)) if weight and bias else None

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

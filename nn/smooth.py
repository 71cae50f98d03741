"""log(1 + exp(x)) and log(sigmoid(x)), without overflow and smooth to every order."""

from __future__ import annotations

import math

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

_SAME = {"float16": 11.0, "float32": 20.0, "float64": 40.0}  # from here on log(1 + exp(x)) rounds to x


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta: a smooth relu (Dugas et al., NIPS 2000).

    Where beta x > threshold it is x itself, and also where the dtype knows no difference.
    """
    scaled = input if beta == 1 else input * beta
    straight = scaled > min(threshold, _SAME.get(input.dtype.name, 40.0))
    curve = tl.log1p(tl.exp(tl.where(straight, 0, scaled)))
    return tl.where(straight, input, curve if beta == 1 else curve / beta)


def logsigmoid(input: Tensor) -> Tensor:
    """log(1 / (1 + exp(-x))): always below 0, and finite where sigmoid(x) rounds to 0."""
    return -softplus(-input, threshold=math.inf)

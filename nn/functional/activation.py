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


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha (exp(x) - 1) (Clevert et al., arXiv:1511.07289)."""
    positive = input > 0
    below = tl.expm1(tl.where(positive, 0, input))  # exp of what is far above 0 would overflow
    return tl.where(positive, input, alpha * below)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """x kept within [min_val, max_val]. As in PyTorch its slope at both bounds is 0, other than that of `clip`."""
    inside = (input > min_val) & (input < max_val)
    return tl.where(inside, input, tl.clip(input.detach(), min_val, max_val))


def relu6(input: Tensor) -> Tensor:
    """min(max(x, 0), 6); its slope at 0 and 6 counts as 0."""
    return hardtanh(input, 0.0, 6.0)

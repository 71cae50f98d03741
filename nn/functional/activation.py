"""Activations that the engine has no op for; each is elementwise and keeps the shape."""

from __future__ import annotations

import math

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor

_LINEAR_FROM = {"float16": 11.0, "float32": 20.0, "float64": 40.0}  # from here log(1 + exp(x)) rounds to x


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta · x)) / beta, a smooth relu (Dugas et al., NIPS 2000).

    Returns x itself where beta · x > threshold, and where the dtype cannot tell the difference. It does not overflow,
    and derivatives of every order are smooth.
    """
    scaled = input if beta == 1 else input * beta
    linear = scaled > min(threshold, _LINEAR_FROM.get(input.dtype.name, 40.0))
    curve = tl.log1p(tl.exp(tl.where(linear, 0, scaled)))
    return tl.where(linear, input, curve if beta == 1 else curve / beta)


def logsigmoid(input: Tensor) -> Tensor:
    """log(1 / (1 + exp(-x))), finite even where sigmoid(x) rounds to 0."""
    return -softplus(-input, threshold=math.inf)


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha · (exp(x) - 1) (Clevert et al., arXiv:1511.07289)."""
    positive = input > 0
    below = tl.expm1(tl.where(positive, 0, input))  # exp of a large positive x would overflow
    return tl.where(positive, input, alpha * below)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """min(max(x, min_val), max_val). The gradient at both bounds is 0, as in PyTorch; `tl.clip` passes it there."""
    inside = (input > min_val) & (input < max_val)
    return tl.where(inside, input, tl.clip(input.detach(), min_val, max_val))


def relu6(input: Tensor) -> Tensor:
    """min(max(x, 0), 6); the gradient at 0 and 6 is 0."""
    return hardtanh(input, 0.0, 6.0)

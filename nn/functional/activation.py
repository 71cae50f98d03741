"""Activations that the engine has no op for, or not in place, and dropout; each is elementwise and keeps the shape.

A nan stays nan, and the gradient passes there: conditions say where x is replaced, which a nan never is.

With inplace=True the result replaces the input, which is returned: as x.relu_() does, and by the same rules.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor, TensorError, gelu, log_softmax, sigmoid, softmax, tanh
from tinygrad_lecture.errors import warn
from tinygrad_lecture.in_place import update
from tinygrad_lecture.ops.composite import as_floats, named

from ..errors import check_probability

__all__ = [
    "dropout", "dropout2d", "elu", "gelu", "leaky_relu", "log_softmax", "logsigmoid", "relu",
    "relu6", "sigmoid", "silu", "softmax", "softplus", "tanh",
]  # fmt: skip


def overwrite(x: Tensor, function: Callable[..., Any], *settings: Any, **named: Any) -> Tensor:
    """Replace x by function(x, *settings), in place. Returns x."""
    return update(x, f"{function.__name__}_(x)", function, *settings, **named)


def in_place_too(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function with its last argument, `inplace`: if it is True, the result replaces the input."""
    settings = len(inspect.signature(function).parameters) - 2  # between the input and `inplace`

    @functools.wraps(function)
    def called(input: Tensor, *args: Any, inplace: bool = False, **named: Any) -> Tensor:
        if inplace or (len(args) > settings and args[-1]):
            return overwrite(input, function, *args[:settings], **named)
        return function(input, *args, **named)

    return called


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), elementwise; the gradient at 0 is 0 (Nair & Hinton, ICML 2010)."""
    return overwrite(input, tl.relu) if inplace else tl.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope · x, elementwise (Maas et al., ICML 2013)."""
    return overwrite(input, tl.leaky_relu, negative_slope) if inplace else tl.leaky_relu(input, negative_slope)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x · σ(x), elementwise, also called swish (Elfwing et al., arXiv:1702.03118)."""
    return overwrite(input, tl.silu) if inplace else tl.silu(input)


_LINEAR_FROM = {"float16": 11.0, "float32": 20.0, "float64": 40.0}  # from here log(1 + exp(x)) rounds to x


@named
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta · x)) / beta, elementwise, a smooth relu (Dugas et al., NIPS 2000).

    Returns x itself where beta · x > threshold, and where the dtype cannot tell the difference. It does not overflow,
    and derivatives of every order are smooth.
    """
    plain = not isinstance(beta, Tensor) and beta == 1
    scaled = input if plain else input * beta
    linear = scaled > min(threshold, _LINEAR_FROM.get(input.dtype.name, 40.0))
    curve = tl.log1p(tl.exp(tl.where(linear, 0, scaled)))
    return tl.where(linear, input, curve if plain else curve / beta)


def logsigmoid(input: Tensor) -> Tensor:
    """log(1 / (1 + exp(-x))), elementwise, finite even where σ(x) rounds to 0; as in PyTorch."""
    return tl.neg(softplus(-as_floats(input), threshold=math.inf))


@in_place_too
@named
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha · (exp(x) - 1), elementwise (Clevert et al., arXiv:1511.07289)."""
    negative = input <= 0
    below = tl.expm1(tl.where(negative, input, 0))  # exp of a large positive x would overflow
    return tl.where(negative, alpha * below, input)


@in_place_too
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6), elementwise; the gradient at 0 and 6 is 0 (Krizhevsky, 2010)."""
    outside = (input <= 0) | (input >= 6)
    return tl.where(outside, tl.clip(input.detach(), 0, 6), input)


# --- dropout -------------------------------------------------------------------------------------------------


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """The input with each element set to 0 with probability p, and the others divided by 1 - p; its shape stays.

    The division keeps the expected value.

    Returns the input itself if training is False or p is 0. With inplace=True the result replaces the input. The stream
    that `tl.manual_seed` seeds is used. Raises ValueError for a p outside [0, 1]. (Srivastava et al., JMLR 15, 2014.)
    """
    check_probability("dropout", p)
    return _dropped(input, p, training, inplace, input.ndim)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of images, `(batch, channels, height, width)`.

    As in PyTorch, an input of three axes is (batch, channels, length), and of two axes (batch, channels), with a
    warning: that is `dropout`. Raises ValueError for another shape or a p outside [0, 1].
    (Tompson et al., arXiv:1411.4280.)
    """
    check_probability("dropout2d", p)
    if input.ndim not in (2, 3, 4):
        raise TensorError(f"dropout2d: input must be (batch, channels, height, width), not {input.shape}")
    if input.ndim == 2:
        warn(f"dropout2d: an input of shape {tuple(input.shape)} has no channels of images; write dropout")
    return _dropped(input, p, training, inplace, 2)


def _dropped(input: Tensor, p: float, training: bool, inplace: bool, axes: int) -> Tensor:
    """The input with a random choice over the first `axes` axes, and the same along the others."""
    if not training or p == 0:
        return input
    if inplace:
        return overwrite(input, _dropped, p, training, False, axes)
    shape = input.shape[:axes] + (1,) * (input.ndim - axes)
    kept = tl.rand(shape, dtype=tl.float32, device=input.device) >= p
    return tl.where(kept, input * (1 / (1 - p) if p < 1 else 0.0), 0)

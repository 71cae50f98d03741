"""Layers and functions of torch.nn that nn leaves out, composed of ops."""

from __future__ import annotations

import math
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import TensorError, warn

from .. import functional as F
from ..activation import Dropout
from ..errors import MadeFirst, check_probability, check_tensor, of_tensors
from ..module import Module

FUNCTIONS = (
    "alpha_dropout channel_shuffle gumbel_softmax local_response_norm log_softmax rrelu softmax softmin upsample"
)
LAYERS = "AlphaDropout ChannelShuffle LocalResponseNorm RReLU Softmax2d Threshold"

_ALPHA = -1.7580993408473766  # the value of selu far below 0


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """exp(x) / sum of exp(x) along an axis. Without `dim` along the one that old programs mean, with a warning."""
    return tl.softmax(input if dtype is None else input.to(dtype), _axis("softmax", input, dim))


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """log(softmax(x)) along an axis. Without `dim` along the one that old programs mean, with a warning."""
    return tl.log_softmax(input if dtype is None else input.to(dtype), _axis("log_softmax", input, dim))


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """softmax(-x) along an axis. Without `dim` along the one that old programs mean, with a warning."""
    return tl.softmax(-(input if dtype is None else input.to(dtype)), _axis("softmin", input, dim))


def _axis(name: str, x: Tensor, dim: int | None) -> int:
    """The axis of a softmax; PyTorch takes axis 0 of three axes, and of none or one, and else axis 1."""
    if dim is not None:
        return dim
    axis = 0 if x.ndim in (0, 1, 3) else 1
    warn(
        f"{name}: dim is not given, and axis {axis} is taken, as PyTorch does; write dim={axis}, or dim=-1 for the last"
    )
    return axis


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A random choice along an axis, by the softmax of (logits + Gumbel noise) / tau; with hard, one-hot.

    The gradient of a one-hot choice is that of the softmax. eps: has no effect.
    (Jang et al., arXiv:1611.01144; Maddison et al., arXiv:1611.00712.)
    """
    noise = -tl.log(tl.empty_like(logits).exponential_())
    soft = tl.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    chosen = tl.zeros_like(soft).scatter_(dim, soft.argmax(dim, keepdims=True), 1.0)
    return chosen - soft.detach() + soft


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout for `selu`: dropped elements get the value far below 0, and mean and variance stay.

    (Klambauer et al., arXiv:1706.02515.) Raises ValueError for a p outside [0, 1].
    """
    check_probability("alpha_dropout", p)
    if not training or p == 0:
        return input
    scale = 1 / math.sqrt((1 - p) * (1 + p * _ALPHA**2)) if p < 1 else 0.0
    kept = tl.rand_like(input.detach()) >= p
    result = tl.where(kept, input, _ALPHA) * scale - scale * _ALPHA * p
    return input.copy_(result) if inplace else result


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Any:
    """x where it is positive, else a * x: a is random from lower to upper in training, and else their mean.

    (Xu et al., arXiv:1505.00853.) Raises ValueError for lower above upper.
    """
    if lower > upper:
        raise TensorError(f"rrelu: lower must not be above upper, but they are {lower} and {upper}")
    slope: Any = (lower + upper) / 2
    if training:
        slope = tl.rand_like(input.detach()) * (upper - lower) + lower
    result = tl.where(input >= 0, input, input * slope)
    return input.copy_(result) if inplace else result


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """x / (k + alpha * mean(x² over `size` neighbouring channels)) ** beta; neighbours outside count as 0.

    `(batch, channels, ...)`, and the same. (Krizhevsky et al., 2012.) Raises ValueError for fewer than three axes.
    """
    if input.ndim < 3:
        raise TensorError(f"local_response_norm: input must be (batch, channels, ...), not {input.shape}")
    others = [(0, 0)] * (input.ndim - 2)
    squares = tl.pad(input * input, [(0, 0), (size // 2, (size - 1) // 2), *others])
    total: Any = sum(squares.narrow(1, shift, input.shape[1]) for shift in range(size))
    return input / (k + alpha * (total / size)) ** beta


def channel_shuffle(input: Tensor, groups: int) -> Any:
    """The channels of groups dealt out in turn: (batch, groups * n, ...) as (batch, n * groups, ...)."""
    batch, channels, *axes = input.shape
    if channels % groups:
        raise TensorError(f"channel_shuffle: {groups} groups do not divide the {channels} channels of {input.shape}")
    return input.reshape(batch, groups, channels // groups, *axes).transpose(1, 2).reshape(input.shape)


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None
) -> Any:
    """The old name of `interpolate`."""
    return F.interpolate(input, size, scale_factor, mode, align_corners)


globals().update({name: of_tensors(globals()[name]) for name in FUNCTIONS.split()})


class Threshold(MadeFirst, Module):
    """x where it is more than the threshold, else value."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Tensor) -> Any:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}" + ", inplace=True" * self.inplace


class RReLU(MadeFirst, Module):
    """`rrelu`, with random slopes in training."""

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Any:
        return rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}" + ", inplace=True" * self.inplace


class AlphaDropout(Dropout):
    """`alpha_dropout` in training; in evaluation it returns its input."""

    def forward(self, x: Tensor) -> Any:
        return alpha_dropout(x, self.p, self.training, self.inplace)


class LocalResponseNorm(MadeFirst, Module):
    """`local_response_norm`, of (batch, channels, ...)."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Any:
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class ChannelShuffle(MadeFirst, Module):
    """`channel_shuffle` with a number of groups."""

    def __init__(self, groups: int) -> None:
        self.groups = groups

    def forward(self, input: Tensor) -> Any:
        return channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class Softmax2d(MadeFirst, Module):
    """The softmax over the channels of images, (batch, channels, height, width), also without the batch axis."""

    def forward(self, input: Tensor) -> Any:
        check_tensor("Softmax2d", "input", input)
        if input.ndim not in (3, 4):
            raise TensorError(f"Softmax2d: input must have 3 or 4 axes, not shape {input.shape}")
        return tl.softmax(input, -3)

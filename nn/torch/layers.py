"""Layers, losses and functions of torch.nn that nn leaves out, or that take more there, composed of ops."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import TensorError, warn

from .. import activation, loss
from .. import functional as F
from ..errors import check_probability, of_tensors
from ..loss import Loss
from ..module import FunctionLayer

_ALPHA = -1.7580993408473766  # the value of selu far below 0


def _along_dim(name: str, function: Callable[[Tensor, int], Tensor]) -> Callable[..., Any]:
    """A softmax that converts to a dtype first, and takes PyTorch's old default of `dim`, with a warning."""

    def called(input: Tensor, dim: int | None = None, *, _stacklevel: int = 3, dtype: Any = None) -> Any:
        if dim is None:
            dim = 0 if input.ndim in (0, 1, 3) else 1
            warn(
                f"{name}: dim is not given, and axis {dim} is taken, as PyTorch does; write dim={dim}, or dim=-1 for "
                "the last"
            )
        return function(input if dtype is None else input.to(dtype), dim)

    called.__name__ = name
    called.__doc__ = f"F.{name} along an axis; without `dim` along the one that old programs mean, with a warning."
    return called


softmax, log_softmax = _along_dim("softmax", tl.softmax), _along_dim("log_softmax", tl.log_softmax)
softmin = _along_dim("softmin", lambda x, dim: tl.softmax(-x, dim))


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A random choice along an axis, by the softmax of (logits + Gumbel noise) / tau; with hard, one-hot.

    The gradient of a one-hot choice is that of the softmax. eps: has no effect.
    (Jang et al., arXiv:1611.01144; Maddison et al., arXiv:1611.00712.)
    """
    noise = -tl.log(-tl.log1p(-tl.rand_like(logits)))
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


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """x / (k + alpha * mean(x² over `size` neighbouring channels)) ** beta; neighbours outside count as 0.

    `(batch, channels, ...)`, and the same. (Krizhevsky et al., 2012.) Raises ValueError for fewer than three axes.
    """
    if input.ndim < 3:
        raise TensorError(f"local_response_norm: input must be (batch, channels, ...), not {input.shape}")
    others = [(0, 0)] * (input.ndim - 2)
    squares = tl.pad(input * input, [(0, 0), (size // 2, (size - 1) // 2), *others])
    total: Any = sum(squares[:, shift : shift + input.shape[1]] for shift in range(size))
    return input / (k + alpha * (total / size)) ** beta


_ALL = (softmax, log_softmax, softmin, gumbel_softmax, alpha_dropout, local_response_norm)
FUNCTIONS: dict[str, Callable[..., Any]] = {function.__name__: of_tensors(function) for function in _ALL}

# --- layers -------------------------------------------------------------------------------------------------


class Softmax(activation.Softmax, function=FUNCTIONS["softmax"]):
    """`softmax` along axis `dim`; without it along the one that old programs mean, with a warning."""


class LogSoftmax(activation.LogSoftmax, function=FUNCTIONS["log_softmax"]):
    """`log_softmax` along axis `dim`; without it along the one that old programs mean, with a warning."""


class Softmin(activation.Softmin, function=FUNCTIONS["softmin"]):
    """`softmin` along axis `dim`; without it along the one that old programs mean, with a warning."""

    order = ("dim",)


class Threshold(FunctionLayer, function=F.threshold):
    """x where it is more than the threshold, else value."""


class AlphaDropout(activation.Dropout, function=FUNCTIONS["alpha_dropout"]):
    """`alpha_dropout` in training; in evaluation it returns its input."""


class LocalResponseNorm(FunctionLayer, function=FUNCTIONS["local_response_norm"]):
    """`local_response_norm`, of (batch, channels, ...)."""

    def extra_repr(self) -> str:
        return super().extra_repr().removeprefix("size=")


# --- losses: with the old arguments size_average and reduce, and of shapes that broadcast -------------------

_BROADCAST = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")


def _loss_function(function: Callable[..., Any]) -> Callable[..., Any]:
    broadcasts = function.__name__ in _BROADCAST

    @functools.wraps(function)
    def called(*args: Any, **settings: Any) -> Any:
        settings = _with_reduction(function.__name__, args, settings)
        if broadcasts and len(args) > 1:
            args = (*_broadcast(function.__name__, *args[:2]), *args[2:])
        return function(*args, **settings)

    return called


def _loss_class(kind: Any) -> type:
    def __init__(self: Any, *args: Any, **settings: Any) -> None:
        kind.__init__(self, *args, **_with_reduction(kind.__name__, args, settings))

    def forward(self: Any, input: Any, target: Any) -> Any:
        return kind.forward(self, *_broadcast(kind.__name__, input, target))

    members = {"__init__": __init__, "__doc__": kind.__doc__, "__module__": kind.__module__}
    return type(kind.__name__, (kind,), {**members, "forward": forward} if kind.__name__ in _BROADCAST else members)


def _broadcast(name: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Input and target with one shape, and a warning if they had two; unchanged if they do not broadcast."""
    if not (isinstance(input, Tensor) and isinstance(target, Tensor)) or input.shape == target.shape:
        return input, target
    try:
        shape = np.broadcast_shapes(input.shape, target.shape)
    except ValueError:
        return input, target
    remedy = f"; write target.reshape{tuple(input.shape)}" if input.numel() == target.numel() else ""
    warn(
        f"{name}: input {tuple(input.shape)} and target {tuple(target.shape)} are broadcast to {shape}, "
        f"which is rarely meant{remedy}"
    )
    return input.broadcast_to(shape), target.broadcast_to(shape)


def _with_reduction(name: str, args: Sequence[Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with `reduction` for the old arguments: size_average=False is a sum.

    Raises TypeError for a reduction by position, where PyTorch has the old arguments; those of Huber's loss are none.
    """
    if not name.startswith(("Huber", "huber")) and (words := [a for a in args if isinstance(a, str)]):
        raise TypeError(f"{name}: size_average and reduce go before reduction; write reduction={words[0]!r}, by name")
    old = {name: settings.pop(name) for name in ("size_average", "reduce") if name in settings}
    if all(value is None for value in old.values()):
        return settings
    reduction = "none" if old.get("reduce") is False else "sum" if old.get("size_average") is False else "mean"
    warn(f"size_average and reduce are old arguments of losses; write reduction={reduction!r}")
    return {**settings, "reduction": reduction}


LOSSES = {name: _loss_function(getattr(F, name)) for name in F.loss.__all__}
LAYERS: dict[str, Any] = {
    **{name: _loss_class(getattr(loss, name)) for name in loss.__all__},
    **dict.fromkeys(("_Loss", "_WeightedLoss"), _loss_class(Loss)),
    **{kind.__name__: kind for kind in (AlphaDropout, LocalResponseNorm, LogSoftmax, Softmax, Softmin, Threshold)},
}

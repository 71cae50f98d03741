"""PyTorch's losses, where they take more than those of nn.

`size_average` and `reduce` came before `reduction`: size_average=False is a sum. And input and target of a regression
are broadcast, with a warning, where nn refuses shapes that differ.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import warn

from .. import functional, loss
from ..loss import Loss

_BROADCAST = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")


def functions() -> dict[str, Callable[..., Any]]:
    """The losses of nn.functional as PyTorch's."""
    return {name: _function(getattr(functional, name), name in _BROADCAST) for name in functional.loss.__all__}


def classes() -> dict[str, type]:
    """The losses of nn as PyTorch's."""
    made = {name: _class(getattr(loss, name), name in _BROADCAST) for name in loss.__all__}
    return {**made, "_Loss": _class(Loss, False), "_WeightedLoss": _class(Loss, False)}


def _function(function: Callable[..., Any], broadcasts: bool) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*args: Any, **settings: Any) -> Any:
        if broadcasts and len(args) > 1:
            args = (*_broadcast(function.__name__, *args[:2]), *args[2:])
        return function(*args, **_with_reduction(settings))

    return called


def _class(kind: Any, broadcasts: bool) -> type:
    def __init__(self: Any, *args: Any, **settings: Any) -> None:
        kind.__init__(self, *args, **_with_reduction(settings))

    def forward(self: Any, input: Any, target: Any) -> Any:
        return kind.forward(self, *_broadcast(kind.__name__, input, target))

    members = {"__init__": __init__, "__doc__": kind.__doc__, "__module__": kind.__module__}
    return type(kind.__name__, (kind,), {**members, "forward": forward} if broadcasts else members)


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


def _with_reduction(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with `reduction` for the old arguments."""
    if "size_average" not in settings and "reduce" not in settings:
        return settings
    average, reduce = settings.pop("size_average", None), settings.pop("reduce", None)
    if average is None and reduce is None:
        return settings
    reduction = "none" if reduce is False else "sum" if average is False else "mean"
    warn(f"size_average and reduce are old arguments of losses; write reduction={reduction!r}")
    return {**settings, "reduction": reduction}

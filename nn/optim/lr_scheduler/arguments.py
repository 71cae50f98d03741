"""Checks of the arguments of schedules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from tinygrad_lecture.errors.users_line import hide_frames
from tinygrad_lecture.errors.words import shown

from ..optimizer import Optimizer

T = TypeVar("T")


def check_optimizer(schedule: str, optimizer: Any) -> None:
    """Raises TypeError unless this is an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        hide_frames()
        raise TypeError(f"{schedule}: optimizer must be an Optimizer, not {shown(optimizer)}")


def at_least_one(what: str, value: int) -> int:
    """The value. Raises TypeError unless it is a number, ValueError if it is below 1."""
    if not isinstance(value, int | float):
        raise TypeError(f"{what} must be an int, not {shown(value)}")
    if value < 1:
        raise ValueError(f"{what} must be at least 1, but is {value}")
    return value


def fraction(what: str, value: float, above_0: bool = False) -> float:
    """The value. Raises ValueError unless it is from 0 to 1, or above 0."""
    if not 0 <= value <= 1 or (above_0 and value == 0):
        raise ValueError(f"{what} must be {'above 0 and up to' if above_0 else 'from 0 to'} 1, but is {value}")
    return value


def per_group(what: str, values: T | Sequence[T], optimizer: Optimizer) -> list[T]:
    """A value for each parameter group: those of a sequence, or one for all. Raises ValueError for another number."""
    n = len(optimizer.param_groups)
    each = list(values) if isinstance(values, Sequence) and not isinstance(values, str) else [values] * n
    if len(each) != n:
        raise ValueError(f"{what} has {len(each)} values for {n} parameter groups")
    return each


def check_momentum(schedule: str, optimizer: Optimizer) -> None:
    """Raises ValueError unless the optimiser has momentum, or betas of which the first is one."""
    if not optimizer.defaults.keys() & {"momentum", "betas"}:
        raise ValueError(f"{schedule}: this optimiser has no momentum to cycle; pass cycle_momentum=False")


def set_momentum(group: dict[str, Any], momentum: float) -> None:
    """Set the momentum of a group, or the first of its betas."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum

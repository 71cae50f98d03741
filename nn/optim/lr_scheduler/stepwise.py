"""Schedules that change the rate at some steps and leave it between them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ..optimizer import Optimizer
from .arguments import at_least_one, fraction
from .base import Multiplied


class StepLR(Multiplied):
    """Times gamma every step_size steps: initial · gamma^(step // step_size)."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1, verbose: bool = False
    ) -> None:
        self.step_size, self.gamma = at_least_one("StepLR: step_size", step_size), gamma
        super().__init__(optimizer, last_epoch, verbose)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma ** (step // self.step_size)

    def multiplier(self, step: int) -> float:
        return self.gamma if step and step % self.step_size == 0 else 1


class MultiStepLR(Multiplied):
    """Times gamma at each milestone: initial · gamma^(number of milestones reached)."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
        verbose: bool = False,
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch, verbose)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma ** bisect_right(self.milestones, step)

    def multiplier(self, step: int) -> float:
        return self.gamma ** self.milestones.count(step) if step in self.milestones else 1

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        saved = Counter(state_dict.get("milestones", self.milestones))  # PyTorch has {milestone: how often}
        super().load_state_dict({**state_dict, "milestones": sorted(saved.elements())})


class ConstantLR(Multiplied):
    """initial · factor for total_iters steps, then initial."""

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
        verbose: bool = False,
    ) -> None:
        self.factor, self.total_iters = fraction("ConstantLR: factor", factor, above_0=True), total_iters
        super().__init__(optimizer, last_epoch, verbose)

    def rate(self, step: int, initial: float) -> float:
        return initial * (self.factor + (step >= self.total_iters) * (1 - self.factor))

    def multiplier(self, step: int) -> float:
        if step == 0:
            return self.factor
        return 1.0 / self.factor if step == self.total_iters else 1

"""Schedules that change the rate a little at each step."""

from __future__ import annotations

from ..optimizer import Optimizer
from .arguments import at_least_one, fraction
from .base import Multiplied


class ExponentialLR(Multiplied):
    """Times gamma at each step: initial · gamma^step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1, verbose: bool = False) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch, verbose)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma**step

    def multiplier(self, step: int) -> float:
        return 1 if self._initial else self.gamma


class LinearLR(Multiplied):
    """From initial · start_factor to initial · end_factor in a straight line of total_iters steps."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
        verbose: bool = False,
    ) -> None:
        self.start_factor = fraction("LinearLR: start_factor", start_factor, above_0=True)
        self.end_factor = fraction("LinearLR: end_factor", end_factor)
        self.total_iters = at_least_one("LinearLR: total_iters", total_iters)
        super().__init__(optimizer, last_epoch, verbose)

    def rate(self, step: int, initial: float) -> float:
        way = (self.end_factor - self.start_factor) * min(self.total_iters, step) / self.total_iters
        return initial * (self.start_factor + way)

    def multiplier(self, step: int) -> float:
        if step == 0:
            return self.start_factor
        if self._initial or step > self.total_iters:
            return 1
        way = self.end_factor - self.start_factor
        return 1.0 + way / (self.total_iters * self.start_factor + (step - 1) * way)


class PolynomialLR(Multiplied):
    """Down to 0 in total_iters steps: initial · (1 - step / total_iters)^power."""

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
        verbose: bool = False,
    ) -> None:
        self.total_iters, self.power = at_least_one("PolynomialLR: total_iters", total_iters), power
        super().__init__(optimizer, last_epoch, verbose)

    def rate(self, step: int, initial: float) -> float:
        return float(initial * (1.0 - min(self.total_iters, step) / self.total_iters) ** self.power)

    def multiplier(self, step: int) -> float:
        if self._initial or step > self.total_iters:
            return 1
        left, before = 1.0 - step / self.total_iters, 1.0 - (step - 1) / self.total_iters
        return float((left / before) ** self.power)

"""Schedules by a formula: in steps, straight, along half a cosine wave, or by a function of your own."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from tinygrad_lecture.errors import brief

from ..declared import above_0_to_1, at_least_1, from_0_to_1
from ..optimizer import Optimizer
from .base import LRScheduler, check_optimizer, per_group

Factor: TypeAlias = Callable[[int], float]


# --- by a factor, or straight -------------------------------------------------------------------------------


class StepLR(LRScheduler):
    """Times gamma every step_size steps: initial · gamma^(step // step_size)."""

    step_size: int
    gamma: float = 0.1
    limits = LRScheduler.limits | {"step_size": at_least_1}

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma ** (step // self.step_size)


class MultiStepLR(LRScheduler):
    """Times gamma at each milestone: initial · gamma^(number of milestones reached)."""

    milestones: Sequence[int]
    gamma: float = 0.1

    def prepare(self) -> None:
        self.milestones = sorted(self.milestones)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma ** bisect_right(self.milestones, step)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        saved = Counter(state_dict.get("milestones", self.milestones))  # PyTorch has {milestone: how often}
        super().load_state_dict({**state_dict, "milestones": sorted(saved.elements())})


class ConstantLR(LRScheduler):
    """initial · factor for total_iters steps, then initial."""

    factor: float = 1 / 3
    total_iters: int = 5
    limits = LRScheduler.limits | {"factor": above_0_to_1}

    def rate(self, step: int, initial: float) -> float:
        return initial * (self.factor + (step >= self.total_iters) * (1 - self.factor))


class ExponentialLR(LRScheduler):
    """Times gamma at each step: initial · gamma^step."""

    gamma: float

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma**step


class LinearLR(LRScheduler):
    """From initial · start_factor to initial · end_factor in a straight line of total_iters steps."""

    start_factor: float = 1 / 3
    end_factor: float = 1.0
    total_iters: int = 5
    limits = LRScheduler.limits | {"start_factor": above_0_to_1, "end_factor": from_0_to_1, "total_iters": at_least_1}

    def rate(self, step: int, initial: float) -> float:
        way = (self.end_factor - self.start_factor) * min(self.total_iters, step) / self.total_iters
        return initial * (self.start_factor + way)


class PolynomialLR(LRScheduler):
    """Down to 0 in total_iters steps: initial · (1 - step / total_iters)^power."""

    total_iters: int = 5
    power: float = 1.0
    limits = LRScheduler.limits | {"total_iters": at_least_1}

    def rate(self, step: int, initial: float) -> float:
        return float(initial * (1.0 - min(self.total_iters, step) / self.total_iters) ** self.power)


# --- along half a cosine wave: slowly at first, fast in the middle, slowly at the end -----------------------


def cosine(start: float, end: float, done: float, length: float = 1) -> float:
    """Half a cosine wave: `start` at done = 0, `end` at done = length, with slope 0 at both."""
    return end + (start - end) * (1 + math.cos(math.pi * done / length)) / 2


class CosineAnnealingLR(LRScheduler):
    """Half a cosine wave from initial down to eta_min in T_max steps, then up again.

        eta_min + (initial - eta_min) · (1 + cos(π · step / T_max)) / 2

    (Loshchilov & Hutter, arXiv:1608.03983.)
    """

    T_max: int
    eta_min: float = 0.0
    limits = LRScheduler.limits | {"T_max": at_least_1}

    @property
    def lowest(self) -> float:  # type: ignore[override]
        return self.eta_min

    def rate(self, step: int, initial: float) -> float:
        return cosine(initial, self.eta_min, step, self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine wave from initial down to eta_min in T_0 steps, then from initial again, each T_mult times as long.

    `step(epoch)` takes fractions too, as in step(epoch + i / len(batches)). (Loshchilov & Hutter, arXiv:1608.03983.)
    """

    T_0: int
    T_mult: int = 1
    eta_min: float = 0.0
    limits = LRScheduler.limits | {"T_0": at_least_1, "T_mult": at_least_1}

    def get_lr(self) -> list[float]:
        return [cosine(initial, self.eta_min, self.T_cur, self.T_i) for initial in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Set the next rate or, with an epoch, that after so many steps. Raises ValueError for an epoch below 0."""
        epoch = self.last_epoch + 1 if epoch is None else epoch
        if epoch < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts.step: epoch must not be negative, but is {epoch}")
        self.last_epoch = math.floor(epoch)
        self.T_i = self.T_0
        while self.T_mult > 1 and epoch >= self.T_i:
            epoch, self.T_i = epoch - self.T_i, self.T_i * self.T_mult
        self.T_cur = epoch % self.T_i
        self._note_initial_rates()
        self._set(self.get_lr())


class CosineWithWarmup(LRScheduler):
    """Linear warm-up to initial, then half a cosine wave down to min_lr, as transformers are trained.

        initial · (step + 1) / (warmup_steps + 1)                           before warmup_steps, so never 0
        min_lr + (initial - min_lr) · (1 + cos(π · done)) / 2               with done from 0 to 1 at total_steps
        min_lr                                                              from there on

    Raises ValueError unless 0 <= warmup_steps < total_steps.
    """

    warmup_steps: int
    total_steps: int
    min_lr: float = 0.0

    def prepare(self) -> None:
        if not 0 <= self.warmup_steps < self.total_steps:
            raise ValueError(
                f"CosineWithWarmup: warmup_steps must be at least 0 and below total_steps, not {self.warmup_steps} of "
                f"{self.total_steps}"
            )

    def rate(self, step: int, initial: float) -> float:
        if step < self.warmup_steps:
            return initial * (step + 1) / (self.warmup_steps + 1)
        done = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return cosine(initial, self.min_lr, min(done, 1.0))


# --- by a function of your own ------------------------------------------------------------------------------


class _ByFunction(LRScheduler):
    def __init__(
        self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1, verbose: bool = False
    ) -> None:
        check_optimizer(self._name, optimizer)
        self.lr_lambdas: list[Any] = per_group(f"{self._name}: lr_lambda", lr_lambda, optimizer)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"{self._name}: lr_lambda must be a function of the step, not {brief(function)}")
        super().__init__(optimizer, last_epoch, verbose)


class LambdaLR(_ByFunction):
    """initial · lr_lambda(step), for a function of your own, or a list with one per group."""

    def get_lr(self) -> list[float]:
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [initial * factor(self.last_epoch) for initial, factor in pairs]


class MultiplicativeLR(_ByFunction):
    """Times lr_lambda(step) at each step, for a function of your own, or a list with one per group."""

    def get_lr(self) -> list[float]:
        groups = self.optimizer.param_groups
        if self._initial:
            return [group["lr"] for group in groups]
        pairs = zip(groups, self.lr_lambdas, strict=True)
        return [group["lr"] * factor(self.last_epoch) for group, factor in pairs]

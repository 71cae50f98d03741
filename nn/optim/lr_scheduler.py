"""Learning rate schedules: they set the rate of the optimiser's parameter groups, step by step.

    optimizer = nn.optim.AdamW(model.parameters(), lr=3e-4)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps=100, total_steps=5000)
    for x, y in batches:
        ...
        optimizer.step()
        schedule.step()

A schedule sets the rate that its formula gives. But where a rate was changed by hand, or by another schedule, it moves
on from there by the same factor, as in PyTorch; so several schedules of one optimiser work together.

Their base is in schedule.py, CyclicLR and OneCycleLR are in cycles.py.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from tinygrad_lecture.errors import brief

from .cycles import CyclicLR, OneCycleLR
from .optimizer import Optimizer
from .schedule import LRScheduler, check_optimizer, per_group
from .settings import above_0_to_1, at_least_1, from_0_to_1, one_of

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CosineWithWarmup",
    "CyclicLR", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR",
    "OneCycleLR", "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip

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
    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1) -> None:
        check_optimizer(self._name, optimizer)
        self.lr_lambdas: list[Any] = per_group(f"{self._name}: lr_lambda", lr_lambda, optimizer)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"{self._name}: lr_lambda must be a function of the step, not {brief(function)}")
        super().__init__(optimizer, last_epoch)


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


# --- by a score ---------------------------------------------------------------------------------------------


class ReduceLROnPlateau(LRScheduler):
    """Times factor whenever a score has not got better for more than `patience` steps.

        for epoch in range(100):
            ...
            schedule.step(loss_on_test_data)

    - `mode`: "min" if a lower score is better, as of a loss; "max" if a higher one is.
    - `threshold`: how much better it must be to count, a part of the best score, or with threshold_mode="abs" itself.
    - `cooldown`: how many steps are not counted after a reduction.
    - `min_lr`: the smallest rate, one number or one per group.  `eps`: smaller changes are not made.

    Raises TypeError unless `optimizer` is an Optimizer, ValueError for invalid settings.
    """

    mode: str = "min"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: float | Sequence[float] = 0
    eps: float = 1e-8

    _last = ()
    limits = LRScheduler.limits | {
        "mode": one_of("min", "max"),
        "threshold_mode": one_of("rel", "abs"),
        "factor": lambda factor: None if factor < 1 else f"must be below 1, but is {factor}",
    }

    def prepare(self) -> None:
        self.min_lrs: list[float] = per_group("ReduceLROnPlateau: min_lr", self.min_lr, self.optimizer)

    def _note_initial_rates(self) -> None:
        """It has no formula, so it needs none."""

    def _start(self) -> None:
        self.last_epoch = self.num_bad_epochs = self.cooldown_counter = 0
        self.best = math.inf if self.mode == "min" else -math.inf
        self._note_last()

    @property
    def in_cooldown(self) -> bool:
        """Whether this is so soon after a reduction that bad scores are not counted."""
        return self.cooldown_counter > 0

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Note a score, a number or a Tensor of one, and reduce the rate if it is time."""
        score = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(score):
            self.best, self.num_bad_epochs = score, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._note_last()

    def _is_better(self, score: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        change = sign * self.threshold
        wanted = self.best * (1.0 + change) if self.threshold_mode == "rel" else self.best + change
        return sign * score > sign * wanted

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        least = self.min_lrs + self.min_lrs[-1:] * (len(groups) - len(self.min_lrs))  # of groups added later too
        for group, lowest in zip(groups, least, strict=True):
            before = float(group["lr"])
            after = max(before * self.factor, lowest)
            if before - after > self.eps:
                group["lr"] = after


# --- made of schedules --------------------------------------------------------------------------------------


class Combined(LRScheduler):
    """Base of schedules made of schedules. Raises ValueError unless these are one or more of one optimiser."""

    def __init__(self, optimizer: Optimizer | None, schedulers: Sequence[LRScheduler]) -> None:
        self.schedulers: list[LRScheduler] = list(schedulers)
        if optimizer is None or not schedulers or any(each.optimizer is not optimizer for each in schedulers):
            raise ValueError(f"{self._name}: schedulers must be one or more schedules of one optimiser")
        if any(isinstance(each, ReduceLROnPlateau) for each in schedulers):
            raise ValueError(f"{self._name}: ReduceLROnPlateau needs a score at each step; call its step yourself")
        self.optimizer = optimizer


class SequentialLR(Combined):
    """Schedules one after another: at each milestone, a number of steps, the next one starts at its step 0.

    Raises ValueError unless there is one milestone fewer than schedules, in rising order, and all have one optimiser.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        super().__init__(optimizer, schedulers)
        self.milestones, n = list(milestones), len(schedulers)
        if len(milestones) != n - 1 or self.milestones != sorted(set(milestones)):
            raise ValueError(
                f"SequentialLR: {n} schedules need {n - 1} milestones in rising order, not {self.milestones}"
            )
        self.last_epoch = last_epoch + 1
        self._start()

    def _start(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        _undo(self.schedulers)
        first = self.schedulers[bisect_right(self.milestones, 0)]
        first._start()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Make a step of the schedule in charge."""
        self.last_epoch += 1
        index = bisect_right(self.milestones, self.last_epoch)
        schedule = self.schedulers[index]
        if index and self.milestones[index - 1] == self.last_epoch:
            schedule._update_lr(0)
        else:
            schedule.step()
        self._last_lr = schedule.get_last_lr()


class ChainedScheduler(Combined):
    """Schedules at once: each makes its step, from the rate that the one before has set.

    Raises ValueError for no schedules, or schedules of several optimisers.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        super().__init__(optimizer or (schedulers[0].optimizer if schedulers else None), schedulers)
        self._start()

    def _start(self) -> None:
        self._note_last()

    def step(self) -> None:  # type: ignore[override]
        """Make a step of each schedule, in order."""
        for schedule in self.schedulers:
            schedule.step()
        self._note_last()


def _undo(schedulers: Sequence[Any]) -> None:
    """Take back the step that each schedule made when it was made."""
    for schedule in schedulers:
        if isinstance(schedule, Combined):
            _undo(schedule.schedulers)
        else:
            schedule.last_epoch -= 1

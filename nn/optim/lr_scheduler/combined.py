"""Schedules made of schedules: one after another, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler
from .plateau import ReduceLROnPlateau


class Combined(LRScheduler):
    """Base of schedules made of schedules. Raises ValueError unless these are one or more of one optimiser."""

    def __init__(self, optimizer: Optimizer | None, schedulers: Sequence[LRScheduler], verbose: bool = False) -> None:
        self.schedulers: list[LRScheduler] = list(schedulers)
        if optimizer is None or not schedulers or any(each.optimizer is not optimizer for each in schedulers):
            raise ValueError(f"{self._name}: schedulers must be one or more schedules of one optimiser")
        if any(isinstance(each, ReduceLROnPlateau) for each in schedulers):
            raise ValueError(f"{self._name}: ReduceLROnPlateau needs a score at each step; call its step yourself")
        self.optimizer, self.verbose = optimizer, verbose is True

    def _note_initial_rates(self) -> None:
        for schedule in self.schedulers:
            schedule._note_initial_rates()

    def _restart(self) -> None:
        for schedule in self.schedulers:
            schedule._restart()
        self._start()


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
        verbose: bool = False,
    ) -> None:
        super().__init__(optimizer, schedulers, verbose)
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

    def _restart(self) -> None:
        self.last_epoch = 0
        super()._restart()

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

"""ReduceLROnPlateau: a smaller rate when a score stops getting better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..declared import one_of
from .base import LRScheduler, per_group


class ReduceLROnPlateau(LRScheduler):
    """Times factor whenever a score has not got better for more than `patience` steps.

        for epoch in range(100):
            ...
            schedule.step(loss_on_test_data)

    - `mode`: "min" if a lower score is better, as of a loss; "max" if a higher one is.
    - `threshold`: how much better it must be to count, a part of the best score, or with threshold_mode="abs" itself.
    - `cooldown`: how many steps are not counted after a reduction.
    - `min_lr`: the smallest rate, one number or one per group.  `eps`: smaller changes are not made.
    - `verbose`: print each reduction.

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

    _last = LRScheduler._last[1:]
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
        lower, part = self.mode == "min", self.threshold_mode == "rel"
        if lower:
            return score < (self.best * (1.0 - self.threshold) if part else self.best - self.threshold)
        return score > (self.best * (self.threshold + 1.0) if part else self.best + self.threshold)

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        least = self.min_lrs + self.min_lrs[-1:] * (len(groups) - len(self.min_lrs))  # of groups added later too
        for i, (group, lowest) in enumerate(zip(groups, least, strict=True)):
            before = float(group["lr"])
            after = max(before * self.factor, lowest)
            if before - after > self.eps:
                group["lr"] = after
                if self.verbose:
                    print(f"Epoch {self.last_epoch:05d}: reducing learning rate of group {i} to {after:.4e}.")

    def curve(self, steps: int, group: int = 0) -> list[float]:
        """Raises TypeError: the rates depend on the scores."""
        raise TypeError("ReduceLROnPlateau has no curve: its rates depend on the scores")

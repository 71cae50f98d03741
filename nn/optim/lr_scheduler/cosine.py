"""Schedules along half a cosine wave: slowly at first, fast in the middle, slowly at the end."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from .arguments import at_least_one
from .base import LRScheduler


class CosineAnnealingLR(LRScheduler):
    """Half a cosine wave from initial down to eta_min in T_max steps, then up again.

        eta_min + (initial - eta_min) · (1 + cos(π · step / T_max)) / 2

    (Loshchilov & Hutter, arXiv:1608.03983.)
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1, verbose: bool = False
    ) -> None:
        self.T_max, self.eta_min = at_least_one("CosineAnnealingLR: T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch, verbose)

    def rate(self, step: int, initial: float) -> float:
        return cosine(initial, self.eta_min, step, self.T_max)

    def get_lr(self) -> list[float]:
        step, groups = self.last_epoch, self.optimizer.param_groups
        if self._initial:
            return [group["lr"] for group in groups]
        if self._step_count == 1 and step > 0:  # the first step after a state was loaded without its count
            return [self.rate(step, initial) for initial in self.base_lrs]
        if (step - 1 - self.T_max) % (2 * self.T_max) == 0:  # from the lowest point on: the ratio below would be 0 / 0
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            pairs = zip(groups, self.base_lrs, strict=True)
            return [group["lr"] + (initial - self.eta_min) * rise for group, initial in pairs]
        now, before = (1 + math.cos(math.pi * at / self.T_max) for at in (step, step - 1))
        return [now / before * (group["lr"] - self.eta_min) + self.eta_min for group in groups]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine wave from initial down to eta_min in T_0 steps, then from initial again, each T_mult times as long.

    `step(epoch)` takes fractions too, as in step(epoch + i / len(batches)). (Loshchilov & Hutter, arXiv:1608.03983.)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
        verbose: bool = False,
    ) -> None:
        self.T_0 = self.T_i = at_least_one("CosineAnnealingWarmRestarts: T_0", T_0)
        self.T_mult = at_least_one("CosineAnnealingWarmRestarts: T_mult", T_mult)
        self.eta_min, self.T_cur = eta_min, float(last_epoch)  # T_cur: steps since the last restart
        super().__init__(optimizer, last_epoch, verbose)

    def get_lr(self) -> list[float]:
        return [cosine(initial, self.eta_min, self.T_cur, self.T_i) for initial in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Set the next rate or, with an epoch, that after so many steps. Raises ValueError for an epoch below 0."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur, self.T_i = self.T_cur % self.T_i, self.T_i * self.T_mult
        elif epoch < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts.step: epoch must not be negative, but is {epoch}")
        else:
            self.T_cur, self.T_i = self._place(epoch)
        self._note_initial_rates()
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())

    def _place(self, epoch: float) -> tuple[float, int]:
        """(steps since the last restart, length of this wave)."""
        if epoch < self.T_0:
            return epoch, self.T_0
        if self.T_mult == 1:
            return epoch % self.T_0, self.T_0
        restarts = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
        begin = self.T_0 * (self.T_mult**restarts - 1) / (self.T_mult - 1)
        return epoch - begin, self.T_0 * self.T_mult**restarts


class CosineWithWarmup(LRScheduler):
    """Linear warm-up to initial, then half a cosine wave down to min_lr, as transformers are trained.

        initial · (step + 1) / (warmup_steps + 1)                           before warmup_steps, so never 0
        min_lr + (initial - min_lr) · (1 + cos(π · done)) / 2               with done from 0 to 1 at total_steps
        min_lr                                                              from there on

    Raises ValueError unless 0 <= warmup_steps < total_steps.
    """

    def __init__(
        self, optimizer: Optimizer, warmup_steps: int, total_steps: int, min_lr: float = 0.0, last_epoch: int = -1
    ) -> None:
        if not 0 <= warmup_steps < total_steps:
            raise ValueError(
                f"CosineWithWarmup: warmup_steps must be at least 0 and below total_steps, not {warmup_steps} of "
                f"{total_steps}"
            )
        self.warmup_steps, self.total_steps, self.min_lr = warmup_steps, total_steps, min_lr
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        if step < self.warmup_steps:
            return initial * (step + 1) / (self.warmup_steps + 1)
        done = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return cosine(initial, self.min_lr, min(done, 1.0))


def cosine(start: float, end: float, done: float, length: float = 1) -> float:
    """Half a cosine wave: `start` at done = 0, `end` at done = length, with slope 0 at both."""
    return end + (start - end) * (1 + math.cos(math.pi * done / length)) / 2

"""Schedules that go up and down, with momentum in the opposite direction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .schedule import LRScheduler, per_group
from .settings import at_least_1, from_0_to_1, one_of


class CyclicLR(LRScheduler):
    """Up from base_lr to max_lr in step_size_up steps and down again in step_size_down, over and over.

    - `base_lr`, `max_lr`, `base_momentum`, `max_momentum`: one number, or one per group.
    - `step_size_down`: as many as up, by default.
    - `mode`: "triangular", always to max_lr; "triangular2", each time half as high; "exp_range", times gamma^step.
    - `scale_fn`: your own function in place of a mode, of the number of the cycle, from 1, or with
      scale_mode="iterations" of the step.
    - `cycle_momentum`: move momentum, or the first of Adam's betas, from max_momentum to base_momentum and back.

    (Smith, arXiv:1506.01186.) Raises ValueError for invalid settings.
    """

    base_lr: float | Sequence[float]
    max_lr: float | Sequence[float]
    step_size_up: int = 2000
    step_size_down: int | None = None
    mode: str = "triangular"
    gamma: float = 1.0
    scale_fn: Callable[[float], float] | None = None
    scale_mode: str = "cycle"
    cycle_momentum: bool = True
    base_momentum: float | Sequence[float] = 0.8
    max_momentum: float | Sequence[float] = 0.9
    limits = LRScheduler.limits | {
        "step_size_up": at_least_1,
        "mode": one_of("triangular", "triangular2", "exp_range"),
    }

    def prepare(self) -> None:
        self.min_lrs = per_group("CyclicLR: base_lr", self.base_lr, self.optimizer)
        self.max_lrs = per_group("CyclicLR: max_lr", self.max_lr, self.optimizer)
        if self.scale_fn is None:
            self.scale_mode = "iterations" if self.mode == "exp_range" else "cycle"
        note_momenta(self)
        if self.last_epoch == -1:
            for group, lowest in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                group["lr"] = lowest

    def get_lr(self) -> list[float]:
        up = float(self.step_size_up)
        total = up + (up if self.step_size_down is None else self.step_size_down)
        ratio, cycle = up / total, math.floor(1 + self.last_epoch / total)
        x = 1.0 + self.last_epoch / total - cycle  # how much of this cycle is done
        height = x / ratio if x <= ratio else (x - 1) / (ratio - 1)
        scale = self._scale(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                low, high = group["base_momentum"], group["max_momentum"]
                set_momentum(group, high - (high - low) * height * scale)
        return [low + (high - low) * height * scale for low, high in zip(self.min_lrs, self.max_lrs, strict=True)]

    def _scale(self, x: float) -> float:
        return _SCALES[self.mode](x, self.gamma) if self.scale_fn is None else self.scale_fn(x)


_SCALES: dict[str, Callable[[float, float], float]] = {
    "triangular": lambda cycle, gamma: 1.0,
    "triangular2": lambda cycle, gamma: 1 / 2.0 ** (cycle - 1),
    "exp_range": lambda step, gamma: float(gamma**step),
}


class OneCycleLR(LRScheduler):
    """One cycle up to max_lr and down to almost 0, with momentum in the opposite direction.

    The rate rises from max_lr / div_factor to max_lr in the first pct_start of the steps, then falls to
    max_lr / div_factor / final_div_factor at step total_steps - 1. With three_phase=True it first falls back to
    max_lr / div_factor, as slowly as it rose.

    - `max_lr`, `base_momentum`, `max_momentum`: one number, or one per group.
    - `total_steps`: alternatively `epochs` and `steps_per_epoch`.
    - `anneal_strategy`: "cos" or "linear".
    - `cycle_momentum`: move momentum, or the first of Adam's betas, from max_momentum to base_momentum and back.

    Raises ValueError for invalid settings, and for a step past total_steps. (Smith & Topin, arXiv:1708.07120.)
    """

    max_lr: float | Sequence[float]
    total_steps: int | None = None
    epochs: int | None = None
    steps_per_epoch: int | None = None
    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    cycle_momentum: bool = True
    base_momentum: float | Sequence[float] = 0.85
    max_momentum: float | Sequence[float] = 0.95
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False
    limits = LRScheduler.limits | {"pct_start": from_0_to_1, "anneal_strategy": one_of("cos", "linear")}

    def prepare(self) -> None:
        if self.total_steps is None:
            if self.epochs is None or self.steps_per_epoch is None:
                raise ValueError("OneCycleLR: pass total_steps, or epochs and steps_per_epoch")
            self.total_steps = self.epochs * self.steps_per_epoch
        if complaint := at_least_1(self.total_steps):
            raise ValueError(f"OneCycleLR: total_steps {complaint}")
        peaks = per_group("OneCycleLR: max_lr", self.max_lr, self.optimizer)
        note_momenta(self)
        if self.last_epoch == -1:
            for group, peak in zip(self.optimizer.param_groups, peaks, strict=True):
                initial = peak / self.div_factor
                group.update(initial_lr=initial, max_lr=peak, min_lr=initial / self.final_div_factor)

    def get_lr(self) -> list[float]:
        step, total, groups = self.last_epoch, self.total_steps or 0, self.optimizer.param_groups
        if step > total:
            raise ValueError(f"OneCycleLR: step {step} is past the end of a cycle of {total} steps")
        top, back = float(self.pct_start * total) - 1, float(2 * self.pct_start * total) - 2
        points = [(0.0, "initial_lr", "max_momentum"), (top, "max_lr", "base_momentum")]
        points += [(back, "initial_lr", "max_momentum")] if self.three_phase else []
        points += [(total - 1, "min_lr", "max_momentum")]
        phase = min(sum(step > end for end, _, _ in points[1:]), len(points) - 2)
        (start, rate, momentum), (end, next_rate, next_momentum) = points[phase : phase + 2]
        done = (step - start) / (end - start) if end > start else 1.0
        if self.cycle_momentum:
            for group in groups:
                set_momentum(group, self._between(group[momentum], group[next_momentum], done))
        return [self._between(group[rate], group[next_rate], done) for group in groups]

    def _between(self, start: float, end: float, done: float) -> float:
        """From start to end; done goes from 0 to 1."""
        if self.anneal_strategy == "linear":
            return (end - start) * done + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * done) + 1)


def note_momenta(schedule: CyclicLR | OneCycleLR) -> None:
    """Note in each group the momentum at the lowest rate and at the highest, if a schedule moves it.

    Raises ValueError unless the optimiser has momentum, or betas of which the first is one.
    """
    if not schedule.cycle_momentum:
        return
    optimizer, name = schedule.optimizer, type(schedule).__name__
    if not optimizer.defaults.keys() & {"momentum", "betas"}:
        raise ValueError(f"{name}: this optimiser has no momentum to cycle; pass cycle_momentum=False")
    lows = per_group(f"{name}: base_momentum", schedule.base_momentum, optimizer)
    highs = per_group(f"{name}: max_momentum", schedule.max_momentum, optimizer)
    if schedule.last_epoch == -1:
        for group, low, high in zip(optimizer.param_groups, lows, highs, strict=True):
            set_momentum(group, high)
            group.update(base_momentum=low, max_momentum=high)


def set_momentum(group: dict[str, Any], momentum: float) -> None:
    """Set the momentum of a group, or the first of its betas."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum

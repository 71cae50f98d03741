"""Schedules that go up and down, with momentum in the opposite direction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..optimizer import Optimizer
from .base import LRScheduler, at_least_one, check_momentum, check_optimizer, fraction, per_group, set_momentum


class CyclicLR(LRScheduler):
    """Up from base_lr to max_lr in step_size_up steps and down again in step_size_down, over and over.

    - `base_lr`, `max_lr`, `base_momentum`, `max_momentum`: one number, or one per group.
    - `step_size_down`: as many as up, by default.
    - `mode`: "triangular", always to max_lr; "triangular2", each time half as high; "exp_range", times gamma^step.
    - `scale_fn`: a function of one's own in place of a mode, of the number of the cycle, from 1, or with
      scale_mode="iterations" of the step.
    - `cycle_momentum`: move momentum, or the first of Adam's betas, from max_momentum to base_momentum and back.

    (Smith, arXiv:1506.01186.) Raises ValueError for invalid settings.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
        verbose: bool = False,
    ) -> None:
        check_optimizer("CyclicLR", optimizer)
        if scale_fn is None and mode not in _SCALES:
            raise ValueError(f"CyclicLR: mode must be one of {', '.join(_SCALES)}, not {mode!r}, or give a scale_fn")
        base_lrs = per_group("CyclicLR: base_lr", base_lr, optimizer)
        self.max_lrs = per_group("CyclicLR: max_lr", max_lr, optimizer)
        self.up = float(at_least_one("CyclicLR: step_size_up", step_size_up))
        self.down = self.up if step_size_down is None else float(step_size_down)
        self.mode, self.gamma, self.scale_fn = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            check_momentum("CyclicLR", optimizer)
            self.base_momentums = per_group("CyclicLR: base_momentum", base_momentum, optimizer)
            self.max_momentums = per_group("CyclicLR: max_momentum", max_momentum, optimizer)
            bounds = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(optimizer.param_groups, bounds, strict=True):
                group.update(base_momentum=low, max_momentum=high)
        if last_epoch == -1:
            for group, lowest in zip(optimizer.param_groups, base_lrs, strict=True):
                group["lr"] = lowest
        super().__init__(optimizer, last_epoch, verbose)
        self.base_lrs = base_lrs

    def get_lr(self) -> list[float]:
        total = self.up + self.down
        ratio, cycle = self.up / total, math.floor(1 + self.last_epoch / total)
        x = 1.0 + self.last_epoch / total - cycle  # how much of this cycle is done
        height = x / ratio if x <= ratio else (x - 1) / (ratio - 1)
        scale = self._scale(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(self.optimizer.param_groups, bounds, strict=True):
                set_momentum(group, high - (high - low) * height * scale)
        return [low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

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

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
        verbose: bool = False,
    ) -> None:
        check_optimizer("OneCycleLR", optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: pass total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'OneCycleLR: anneal_strategy must be "cos" or "linear", not {anneal_strategy!r}')
        self.total_steps = at_least_one("OneCycleLR: total_steps", total_steps)
        self.anneal_strategy, self.cycle_momentum = anneal_strategy, cycle_momentum
        top = float(fraction("OneCycleLR: pct_start", pct_start) * total_steps) - 1
        self.ends = [top, float(2 * pct_start * total_steps) - 2] if three_phase else [top]
        self.ends.append(total_steps - 1)
        if last_epoch == -1:
            for group, peak in zip(
                optimizer.param_groups, per_group("OneCycleLR: max_lr", max_lr, optimizer), strict=True
            ):
                initial = peak / div_factor
                group.update(initial_lr=initial, max_lr=peak, min_lr=initial / final_div_factor)
        if cycle_momentum:
            check_momentum("OneCycleLR", optimizer)
            lows = per_group("OneCycleLR: base_momentum", base_momentum, optimizer)
            highs = per_group("OneCycleLR: max_momentum", max_momentum, optimizer)
            if last_epoch == -1:
                for group, low, high in zip(optimizer.param_groups, lows, highs, strict=True):
                    set_momentum(group, high)
                    group.update(base_momentum=low, max_momentum=high)
        super().__init__(optimizer, last_epoch, verbose)

    def get_lr(self) -> list[float]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"OneCycleLR: step {step} is past the end of a cycle of {self.total_steps} steps")
        phase = min(sum(step > end for end in self.ends), len(self.ends) - 1)
        start, end = self.ends[phase - 1] if phase else 0.0, self.ends[phase]
        done = (step - start) / (end - start) if end > start else 1.0
        rates, momenta = ["initial_lr", "max_lr", "min_lr"], ["max_momentum", "base_momentum", "max_momentum"]
        if len(self.ends) == 3:
            rates.insert(2, "initial_lr")
            momenta.append("max_momentum")
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                set_momentum(group, self._between(group[momenta[phase]], group[momenta[phase + 1]], done))
        groups = self.optimizer.param_groups
        return [self._between(group[rates[phase]], group[rates[phase + 1]], done) for group in groups]

    def _between(self, start: float, end: float, done: float) -> float:
        """From start to end; done goes from 0 to 1."""
        if self.anneal_strategy == "linear":
            return (end - start) * done + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * done) + 1)

"""Learning rate schedules: they set the rate of the optimiser's parameter groups, step by step.

    optimizer = nn.optim.AdamW(model.parameters(), lr=3e-4)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps=100, total_steps=5000)
    for x, y in batches:
        ...
        optimizer.step()
        schedule.step()

A schedule sets the rate that its formula gives. PyTorch's multiply the rate that is there, so two of them on one
optimiser give their product; here the second warns. Schedules follow each other in a `SequentialLR`; to multiply them,
write a function for `LambdaLR`.

A schedule of your own defines `rate`, a formula for the rate after any number of steps, or `get_lr`, which computes the
rates of all groups, also from those that they have now:

    class Halves(nn.optim.lr_scheduler.LRScheduler):
        def rate(self, step, initial):
            return initial / 2**step

    class HalvesToo(nn.optim.lr_scheduler.LRScheduler):
        def get_lr(self):
            return [group["lr"] / (2 if self.last_epoch else 1) for group in self.optimizer.param_groups]
"""

from __future__ import annotations

import copy
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from tinygrad_lecture.errors import brief, warn

from ..errors import ExplainsArguments
from .optimizer import Limit, Optimizer, above_0_to_1, at_least_1, below_1, broken, from_0_to_1, one_of

__all__ = [
    "CosineAnnealingLR", "CosineWithWarmup", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR",
    "OneCycleLR", "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip


class LRScheduler(ExplainsArguments):
    """Base class of all schedules, as in PyTorch: lr = rate(step, initial), from step 0, one on with each `step()`.

    A subclass with settings sets them as attributes first, since the first rate is set here:

        class Divided(LRScheduler):
            def __init__(self, optimizer, by=2.0):
                self.by = by
                super().__init__(optimizer)

    `last_epoch`, an attribute, is the number of the last step done, counted from 0. Raises TypeError unless `optimizer`
    is an Optimizer, ValueError for settings outside their limits, or for a `last_epoch` to begin with.
    """

    limits: ClassVar[dict[str, Limit]] = {}  # of the settings

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{self._name}: optimizer must be an Optimizer, not {brief(optimizer)}")
        if complaints := list(broken(vars(self), self.limits)):
            raise ValueError(f"{self._name}: {'; '.join(complaints)}")
        if last_epoch != -1:
            raise ValueError(f"{self._name}: to go on after step {last_epoch}, load its state by load_state_dict")
        self.optimizer, self.last_epoch = optimizer, last_epoch
        self.base_lrs: list[float] = []
        self._step_count = 1
        self._update()

    @property
    def _name(self) -> str:
        return type(self).__name__

    # --- the formula ------------------------------------------------------------------------------------

    def rate(self, step: int, initial: float) -> float:
        """The learning rate after `step` steps, from the initial rate.

        Raises NotImplementedError unless a class defines it.
        """
        raise NotImplementedError(f"{self._name} has no formula; define rate(self, step, initial) or get_lr(self)")

    def get_lr(self) -> list[float]:
        """The rates after `last_epoch` steps, one per group."""
        return [self.rate(self.last_epoch, initial) for initial in self.base_lrs]

    # --- stepping ---------------------------------------------------------------------------------------

    def step(self) -> None:
        """Set the next rate; call it after the optimiser's step.

        Warns if the optimiser has not made a step before the first call, or if something else has set the rate.
        """
        if self._step_count == 1 and not self.optimizer.stepped:
            warn(f"{self._name}.step() before optimizer.step() skips the first rate; call optimizer.step() first")
        rates = [group["lr"] for group in self.optimizer.param_groups]
        if type(self).rate is not LRScheduler.rate and rates[: len(self._last_lr)] != self._last_lr:
            warn(
                f"{self._name}.step() replaces the rate {rates}, which another schedule or your program has set, by "
                "that of its formula; join schedules by SequentialLR, or multiply them in a function for LambdaLR"
            )
        self._step_count += 1
        self._update()

    def get_last_lr(self) -> list[float]:
        """The rate of each group after the last step of this schedule."""
        return list(self._last_lr)

    def _update(self) -> None:
        """Set the rates of the next step."""
        groups = self.optimizer.param_groups
        for group in groups[len(self.base_lrs) :]:  # also one that was added later
            group.setdefault("initial_lr", group["lr"])
            self.base_lrs.append(group["initial_lr"])
        self.last_epoch += 1
        for group, rate in zip(groups, self.get_lr(), strict=False):
            group["lr"] = rate
        self._last_lr: list[float] = [group["lr"] for group in groups]

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The settings and the position of the schedule: all attributes but the optimiser, and functions."""
        return {name: _saved(value) for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a `state_dict`. The rate itself is in the optimiser's state: load that too.

        Raises ValueError for a state with another number of groups; nothing is changed then.
        """
        groups, initials = self.optimizer.param_groups, state_dict.get("base_lrs")
        if initials and len(initials) != len(groups):
            raise ValueError(f"{self._name}: the state is for {len(initials)} parameter groups, not {len(groups)}")
        for name, value in state_dict.items():
            if name == "schedulers":
                for schedule, saved in zip(vars(self)[name], value, strict=True):
                    schedule.load_state_dict(saved)
            elif name in vars(self) and name not in ("optimizer", "lr_lambda"):
                setattr(self, name, copy.copy(value))


def _saved(value: Any) -> Any:
    """An attribute as a state holds it: None in place of a function."""
    if isinstance(value, list):
        return [_saved(item) for item in value]
    if isinstance(value, LRScheduler):
        return value.state_dict()
    return None if callable(value) else value


# --- formulas -----------------------------------------------------------------------------------------------


class StepLR(LRScheduler):
    """Times gamma every step_size steps: initial · gamma^(step // step_size), as in PyTorch."""

    limits: ClassVar = {"step_size": at_least_1}

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma ** (step // self.step_size)


class MultiStepLR(LRScheduler):
    """Times gamma at each milestone: initial · gamma^(number of milestones reached), as in PyTorch."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma ** bisect_right(self.milestones, step)


class ExponentialLR(LRScheduler):
    """Times gamma at each step: initial · gamma^step, as in PyTorch."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma**step


class LinearLR(LRScheduler):
    """From initial · start_factor to initial · end_factor in a straight line of total_iters steps, as in PyTorch."""

    limits: ClassVar = {"start_factor": above_0_to_1, "end_factor": from_0_to_1, "total_iters": at_least_1}

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def rate(self, step: int, initial: float) -> float:
        way = (self.end_factor - self.start_factor) * min(self.total_iters, step) / self.total_iters
        return initial * (self.start_factor + way)


class LambdaLR(LRScheduler):
    """initial · lr_lambda(step), for a function of your own, as in PyTorch. Raises TypeError for anything else."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]) -> None:
        if not callable(lr_lambda):
            raise TypeError(f"{self._name}: lr_lambda must be a function of the step, not {brief(lr_lambda)}")
        self.lr_lambda = lr_lambda
        super().__init__(optimizer)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.lr_lambda(step)


# --- along half a cosine wave: slowly at first, fast in the middle, slowly at the end -----------------------


def cosine(start: float, end: float, done: float, length: float = 1) -> float:
    """Half a cosine wave: `start` at done = 0, `end` at done = length, with slope 0 at both."""
    return end + (start - end) * (1 + math.cos(math.pi * done / length)) / 2


class CosineAnnealingLR(LRScheduler):
    """Half a cosine wave from initial down to eta_min in T_max steps, then up again.

        eta_min + (initial - eta_min) · (1 + cos(π · step / T_max)) / 2

    (Loshchilov & Hutter, arXiv:1608.03983.)
    """

    limits: ClassVar = {"T_max": at_least_1}

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rate(self, step: int, initial: float) -> float:
        return cosine(initial, self.eta_min, step, self.T_max)


class CosineWithWarmup(LRScheduler):
    """Linear warm-up to initial, then half a cosine wave down to min_lr, as transformers are trained.

        initial · (step + 1) / (warmup_steps + 1)                           before warmup_steps, so never 0
        min_lr + (initial - min_lr) · (1 + cos(π · done)) / 2               with done from 0 to 1 at total_steps
        min_lr                                                              from there on

    Raises ValueError unless 0 <= warmup_steps < total_steps. (Radford et al., 2018, for the first GPT.)
    """

    def __init__(self, optimizer: Optimizer, warmup_steps: int, total_steps: int, min_lr: float = 0.0) -> None:
        if not 0 <= warmup_steps < total_steps:
            raise ValueError(f"{self._name}: warmup_steps must be 0 or more and below total_steps, not {warmup_steps}")
        self.warmup_steps, self.total_steps, self.min_lr = warmup_steps, total_steps, min_lr
        super().__init__(optimizer)

    def rate(self, step: int, initial: float) -> float:
        if step < self.warmup_steps:
            return initial * (step + 1) / (self.warmup_steps + 1)
        done = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return cosine(initial, self.min_lr, min(done, 1.0))


class OneCycleLR(LRScheduler):
    """One cycle up to max_lr and down to almost 0, with momentum in the opposite direction.

        start + (end - start) · (1 - cos(π · done)) / 2     done goes from 0 to 1 between two of the rates below

    The rate rises from max_lr / div_factor to max_lr in the first pct_start of the steps, then falls to
    max_lr / div_factor / final_div_factor at step total_steps - 1.

    - `total_steps`: alternatively `epochs` and `steps_per_epoch`.
    - `cycle_momentum`: move momentum, or the first of Adam's betas, from max_momentum to base_momentum and back.

    Raises ValueError for invalid settings, and for a step past total_steps. (Smith & Topin, arXiv:1708.07120.)
    """

    limits: ClassVar = {"total_steps": at_least_1, "pct_start": from_0_to_1}

    def __init__(
        self, optimizer: Optimizer, max_lr: float, total_steps: int | None = None, epochs: int | None = None,
        steps_per_epoch: int | None = None, pct_start: float = 0.3, *, cycle_momentum: bool = True,
        base_momentum: float = 0.85, max_momentum: float = 0.95, div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:  # fmt: skip
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("OneCycleLR: pass total_steps, or epochs and steps_per_epoch")
        self.total_steps = total_steps if total_steps is not None else (epochs or 0) * (steps_per_epoch or 0)
        self.max_lr, self.pct_start, self.cycle_momentum = max_lr, pct_start, cycle_momentum
        self.base_momentum, self.max_momentum = base_momentum, max_momentum
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        for group in getattr(optimizer, "param_groups", ()):
            group["initial_lr"] = max_lr / div_factor
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        if (step := self.last_epoch) > self.total_steps:
            raise ValueError(f"OneCycleLR: step {step} is past the end of a cycle of {self.total_steps} steps")
        start, high, low = self.max_lr / self.div_factor, self.max_momentum, self.base_momentum
        for group in self.optimizer.param_groups if self.cycle_momentum else ():
            momentum = self._between(high, low, high)
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            elif "momentum" in group:
                group["momentum"] = momentum
            else:
                raise ValueError("OneCycleLR: this optimiser has no momentum to cycle; pass cycle_momentum=False")
        rate = self._between(start, self.max_lr, start / self.final_div_factor)
        return [rate] * len(self.optimizer.param_groups)

    def _between(self, start: float, middle: float, end: float) -> float:
        """A number on its way from start to middle, or then from there to end."""
        step, top = self.last_epoch, self.pct_start * self.total_steps - 1
        if step <= top:
            return cosine(start, middle, step / top if top else 1.0)
        left = self.total_steps - 1 - top
        return cosine(middle, end, (step - top) / left if left > 0 else 1.0)


# --- by a score ---------------------------------------------------------------------------------------------


class ReduceLROnPlateau(LRScheduler):
    """lr ← lr · factor when a score has not got better for more than `patience` steps, as in PyTorch.

        for epoch in range(100):
            ...
            schedule.step(loss_on_test_data)

    - `mode`: "min" if a lower score is better, as of a loss; "max" if a higher one is.
    - `threshold`: how much better it must be to count, a part of the best score.
    - `min_lr`: the smallest rate.

    Raises TypeError unless `optimizer` is an Optimizer, ValueError for invalid settings.
    """

    limits: ClassVar = {"mode": one_of("min", "max"), "factor": below_1}

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, *, min_lr: float = 0.0,
    ) -> None:  # fmt: skip
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.min_lr = threshold, min_lr
        self.best, self.num_bad_epochs = math.inf if mode == "min" else -math.inf, 0
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Note a score, a number or a Tensor of one, and reduce the rate if it is time."""
        score, sign = float(metrics), 1 if self.mode == "max" else -1
        better = sign * score > sign * self.best * (1.0 + sign * self.threshold)
        self.best, self.num_bad_epochs = (score, 0) if better else (self.best, self.num_bad_epochs + 1)
        if self.num_bad_epochs > self.patience:
            self.num_bad_epochs = 0
            for group in self.optimizer.param_groups:
                lower = max(group["lr"] * self.factor, self.min_lr)
                group["lr"] = lower if group["lr"] - lower > 1e-8 else group["lr"]
        self._update()


# --- made of schedules --------------------------------------------------------------------------------------


class SequentialLR(LRScheduler):
    """Schedules one after another: at each milestone, a number of steps, the next one starts at its step 0.

    The rate is schedules[k].rate(step - milestones[k - 1], initial), as in PyTorch.
    Raises ValueError unless there is one milestone fewer than schedules, in rising order, and all have one optimiser.
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
        self.schedulers, self.milestones, n = list(schedulers), list(milestones), len(schedulers)
        if not schedulers or any(each.optimizer is not optimizer for each in schedulers):
            raise ValueError("SequentialLR: schedulers must be one or more schedules of one optimiser")
        if other := [type(each).__name__ for each in schedulers if type(each).rate is LRScheduler.rate]:
            raise ValueError(f"SequentialLR: {other[0]} has no formula, rate(step, initial); call its step yourself")
        if len(milestones) != n - 1 or self.milestones != sorted(set(milestones)):
            raise ValueError(f"SequentialLR: {n} schedules need {n - 1} milestones in rising order, not {milestones}")
        super().__init__(optimizer)

    def rate(self, step: int, initial: float) -> float:
        k = bisect_right(self.milestones, step)
        return self.schedulers[k].rate(step - [0, *self.milestones][k], initial)

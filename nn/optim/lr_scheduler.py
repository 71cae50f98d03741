"""Learning rate schedules: formulas for the learning rate of each step.

    optimizer = nn.optim.AdamW(model.parameters(), lr=3e-4)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps=100, total_steps=5000)
    for x, y in batches:
        ...
        optimizer.step()
        schedule.step()

    plt.plot(schedule.curve(5000))              # the rates, without training

A schedule is a formula in the number of steps done, `rate(step, initial)`. So its curve can be drawn beforehand, and a
resumed schedule continues exactly. Only one schedule may set the rate: SequentialLR runs several one after another,
ChainedScheduler combines several at once.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from tinygrad_lecture.errors.users_line import hide_frames
from tinygrad_lecture.errors.words import shown

from .optimizer import Optimizer

T = TypeVar("T")


class LRScheduler:
    """Base class of all schedules: sets the rate of step 0 when it is made, and the next rate with each `step()`.

    `last_epoch` is the number of the last step done, counted from 0; -1 starts with the groups' rates as initial ones.
    Raises TypeError unless `optimizer` is an Optimizer, ValueError for a last_epoch if groups lack an initial rate.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            hide_frames()
            raise TypeError(f"{self._name}: optimizer must be an Optimizer, not {shown(optimizer)}")
        if last_epoch != -1 and not all("initial_lr" in group for group in optimizer.param_groups):
            raise ValueError(
                f'{self._name}: last_epoch={last_epoch} needs an "initial_lr" in every parameter group; load the saved '
                "states of optimiser and schedule instead"
            )
        self.optimizer = optimizer
        self._set(last_epoch + 1)

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def base_lrs(self) -> list[float]:
        """The initial rate of each group."""
        for group in self.optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        return [float(group["initial_lr"]) for group in self.optimizer.param_groups]

    # --- the formula ------------------------------------------------------------------------------------

    def rate(self, step: int, initial: float) -> float:
        """The learning rate after `step` steps, from the initial rate. A subclass defines it."""
        raise NotImplementedError(f"{self._name} has no rate; define rate(self, step, initial) in its class")

    def rates(self, step: int, initials: Sequence[float]) -> list[float]:
        """The rates of all groups after `step` steps."""
        return [self.rate(step, initial) for initial in initials]

    def curve(self, steps: int, group: int = 0) -> list[float]:
        """The rates of the first `steps` steps, for a plot; changes nothing."""
        initials = self.base_lrs
        return [self.rates(step, initials)[group] for step in range(steps)]

    def set_momentum(self, step: int) -> None:
        """Set the momentum after `step` steps; only OneCycleLR does."""

    # --- stepping ---------------------------------------------------------------------------------------

    def step(self) -> None:
        """Set the next rate; call it after the optimiser's step.

        Raises RuntimeError if the rate is not the one this schedule set last, since the change would be lost.
        """
        for group, last in zip(self.optimizer.param_groups, self._last_lr, strict=False):
            if not math.isclose(group["lr"], last, rel_tol=1e-9):
                raise RuntimeError(
                    f"{self._name}: the learning rate was {last} after this schedule's last step, but is now "
                    f"{group['lr']}; combine schedules with SequentialLR or ChainedScheduler, and load the schedule's "
                    "state after the optimiser's"
                )
        self._set(self.last_epoch + 1)

    def get_last_lr(self) -> list[float]:
        """The current rate of each group."""
        return list(self._last_lr)

    def _set(self, step: int) -> None:
        self._last_lr = self.rates(step, self.base_lrs)
        for group, rate in zip(self.optimizer.param_groups, self._last_lr, strict=True):
            group["lr"] = rate
        self.set_momentum(step)
        self.last_epoch = step

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """{"last_epoch": ..., "base_lrs": [...]}, the position of the schedule; its settings are not saved."""
        return {"last_epoch": self.last_epoch, "base_lrs": self.base_lrs}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a `state_dict`, and set the rate.

        Raises ValueError for a state with another number of groups; nothing is changed then.
        """
        groups = self.optimizer.param_groups
        initials = state_dict.get("base_lrs", self.base_lrs)
        if len(initials) != len(groups):
            raise ValueError(
                f"{self._name}.load_state_dict: the state is for {len(initials)} parameter groups, but the optimiser "
                f"has {len(groups)}"
            )
        for group, initial in zip(groups, initials, strict=True):
            group["initial_lr"] = float(initial)
        self._set(int(state_dict["last_epoch"]))


# --- stepwise -----------------------------------------------------------------------------------------------


class StepLR(LRScheduler):
    """initial · gamma^(step // step_size)."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = _at_least_one("StepLR: step_size", step_size), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma ** (step // self.step_size)


class MultiStepLR(LRScheduler):
    """initial · gamma^(number of milestones reached)."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma ** bisect_right(self.milestones, step)


class ConstantLR(LRScheduler):
    """initial · factor for total_iters steps, then initial."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        self.factor, self.total_iters = _fraction("ConstantLR: factor", factor), total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return initial * (self.factor if step < self.total_iters else 1.0)


# --- smooth -------------------------------------------------------------------------------------------------


class ExponentialLR(LRScheduler):
    """initial · gamma^step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma**step


class LinearLR(LRScheduler):
    """From initial · start_factor to initial · end_factor in a straight line of total_iters steps."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = _fraction("LinearLR: start_factor", start_factor)
        self.end_factor = _fraction("LinearLR: end_factor", end_factor)
        self.total_iters = _at_least_one("LinearLR: total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        done = min(step, self.total_iters) / self.total_iters
        return initial * _line(self.start_factor, self.end_factor, done)


class CosineAnnealingLR(LRScheduler):
    """Half a cosine wave from initial down to eta_min in T_max steps, then up again.

        eta_min + (initial - eta_min) · (1 + cos(π · step / T_max)) / 2

    (Loshchilov & Hutter, arXiv:1608.03983.)
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = _at_least_one("CosineAnnealingLR: T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return _cosine(initial, self.eta_min, step / self.T_max)


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
        return _cosine(initial, self.min_lr, min(done, 1.0))


class OneCycleLR(LRScheduler):
    """One cycle up to max_lr and down to almost 0, with momentum in the opposite direction.

    The rate rises from max_lr / div_factor to max_lr in the first pct_start of the steps, then falls to
    max_lr / div_factor / final_div_factor at step total_steps - 1. With three_phase=True it first falls back to
    max_lr / div_factor, as slowly as it rose.

    - `max_lr`: one number, or one per group.
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
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: pass total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'OneCycleLR: anneal_strategy must be "cos" or "linear", not {anneal_strategy!r}')
        if cycle_momentum and not optimizer.defaults.keys() & {"momentum", "betas"}:
            raise ValueError("OneCycleLR: this optimiser has no momentum to cycle; pass cycle_momentum=False")
        self.total_steps = _at_least_one("OneCycleLR: total_steps", total_steps)
        self.between = _cosine if anneal_strategy == "cos" else _line
        self.cycle_momentum, self.low, self.high = cycle_momentum, base_momentum, max_momentum
        self.div_factor, self.final_div_factor = div_factor, final_div_factor

        top = _fraction("OneCycleLR: pct_start", pct_start) * total_steps - 1
        self.ends = [top, 2 * top, total_steps - 1] if three_phase else [top, total_steps - 1]
        if last_epoch == -1:
            peaks = _per_group("OneCycleLR: max_lr", max_lr, optimizer)
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["initial_lr"] = peak / div_factor
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        peak, last = initial * self.div_factor, initial / self.final_div_factor
        levels = [initial, peak, initial, last] if len(self.ends) == 3 else [initial, peak, last]
        return self._at(step, levels)

    def set_momentum(self, step: int) -> None:
        if self.cycle_momentum:
            momentum = self._at(step, [self.high, self.low, self.high, self.high])
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, group["betas"][1])
                else:
                    group["momentum"] = momentum

    def _at(self, step: int, levels: Sequence[float]) -> float:
        """The value at a step of a curve through `levels`, which it reaches at step 0 and at `ends`."""
        if step > self.total_steps:
            raise ValueError(f"OneCycleLR: step {step} is past the end of a cycle of {self.total_steps} steps")
        phase = min(sum(step > end for end in self.ends), len(self.ends) - 1)
        start, end = self.ends[phase - 1] if phase else 0.0, self.ends[phase]
        done = min((step - start) / (end - start), 1.0) if end > start else 1.0
        return self.between(levels[phase], levels[phase + 1], done)


# --- custom and combined ------------------------------------------------------------------------------------


class LambdaLR(LRScheduler):
    """initial · lr_lambda(step), for a function of your own, or a list with one per group."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        self.lr_lambdas = _per_group("LambdaLR: lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def rates(self, step: int, initials: Sequence[float]) -> list[float]:
        return [initial * factor(step) for initial, factor in zip(initials, self.lr_lambdas, strict=True)]


class SequentialLR(LRScheduler):
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
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        _check_optimizers("SequentialLR", self.schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1 or self.milestones != sorted(set(milestones)):
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedules need {len(schedulers) - 1} milestones in rising order, not "
                f"{self.milestones}"
            )
        super().__init__(optimizer, last_epoch)

    def rates(self, step: int, initials: Sequence[float]) -> list[float]:
        schedule, step = self._current(step)
        return schedule.rates(step, initials)

    def set_momentum(self, step: int) -> None:
        schedule, step = self._current(step)
        schedule.set_momentum(step)

    def _current(self, step: int) -> tuple[LRScheduler, int]:
        """(the schedule in charge, its own number of steps)."""
        index = bisect_right(self.milestones, step)
        return self.schedulers[index], step - (self.milestones[index - 1] if index else 0)


class ChainedScheduler(LRScheduler):
    """Schedules at once: each takes the rate of the one before as its initial rate, so factors multiply.

    Raises ValueError for no schedules, or schedules of several optimisers.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self.schedulers = list(schedulers)
        chosen = optimizer or (self.schedulers[0].optimizer if self.schedulers else None)
        _check_optimizers("ChainedScheduler", self.schedulers, chosen)
        assert chosen is not None
        super().__init__(chosen)

    def rates(self, step: int, initials: Sequence[float]) -> list[float]:
        rates = list(initials)
        for schedule in self.schedulers:
            rates = schedule.rates(step, rates)
        return rates

    def set_momentum(self, step: int) -> None:
        for schedule in self.schedulers:
            schedule.set_momentum(step)


# --- helpers ------------------------------------------------------------------------------------------------


def _line(start: float, end: float, done: float) -> float:
    """Linear interpolation: `start` at done = 0, `end` at done = 1."""
    return start + (end - start) * done


def _cosine(start: float, end: float, done: float) -> float:
    """Half a cosine wave: `start` at done = 0, `end` at done = 1, with slope 0 at both."""
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


def _at_least_one(what: str, value: int) -> int:
    if not isinstance(value, int | float):
        raise TypeError(f"{what} must be an int, not {shown(value)}")
    if value < 1:
        raise ValueError(f"{what} must be at least 1, but is {value}")
    return value


def _fraction(what: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{what} must be from 0 to 1, but is {value}")
    return value


def _per_group(what: str, values: T | Sequence[T], optimizer: Optimizer) -> list[T]:
    """A value for each parameter group: those of a sequence, or one value for all."""
    n = len(optimizer.param_groups)
    each = list(values) if isinstance(values, Sequence) else [values] * n
    if len(each) != n:
        raise ValueError(f"{what} has {len(each)} values for {n} parameter groups")
    return each


def _check_optimizers(name: str, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
    if not schedulers or any(schedule.optimizer is not optimizer for schedule in schedulers):
        raise ValueError(f"{name}: schedulers must be one or more schedules of one optimiser")

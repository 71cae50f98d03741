"""Schedules: how the learning rate changes while a network learns. In PyTorch's names `nn.optim.lr_scheduler`.

    optimizer = nn.optim.AdamW(model.parameters(), lr=3e-4)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps=100, total_steps=5000)
    for x, y in batches:
        ...
        optimizer.step()
        schedule.step()

    plt.plot(schedule.curve(5000))              # to see it beforehand

A schedule is a formula in the number of steps done: `rate(step, initial)`. So it can be drawn without an optimiser's
taking part, and a resumed one is exactly where it would have been. A formula needs to be the only one that sets the
rate: two of them after each other are a SequentialLR, two at once a ChainedScheduler.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from .optimizer import Optimizer

Factor: TypeAlias = Callable[[int], float]


class LRScheduler:
    """The base of all schedules. It sets the rate of step 0 when it is made, and the next one with each `step()`.

    last_epoch: how many steps were done before, less one; -1 starts afresh, with the groups' rates as the initial ones.
    Raises TypeError for what is no optimiser, ValueError for last_epoch without an earlier schedule's initial rates.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{self._name}: a schedule is of an optimiser, not of a {type(optimizer).__name__}")
        if last_epoch != -1 and not all("initial_lr" in group for group in optimizer.param_groups):
            raise ValueError(
                f'{self._name}: to go on from last_epoch={last_epoch} the groups need an "initial_lr"; load the states '
                "of optimiser and schedule instead"
            )
        self.optimizer = optimizer
        self._set(last_epoch + 1)

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def base_lrs(self) -> list[float]:
        """The initial rate of each group, from which the others are computed."""
        for group in self.optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        return [float(group["initial_lr"]) for group in self.optimizer.param_groups]

    # --- the formula ------------------------------------------------------------------------------------

    def rate(self, step: int, initial: float) -> float:
        """The learning rate after so many steps, given the initial one. A subclass says it."""
        raise NotImplementedError(f"{self._name} has no formula: give its class a method rate(self, step, initial)")

    def rates(self, step: int, initials: Sequence[float]) -> list[float]:
        """The rates of all groups after so many steps."""
        return [self.rate(step, initial) for initial in initials]

    def curve(self, steps: int, group: int = 0) -> list[float]:
        """The rates of the first `steps` steps, to be drawn; nothing is changed."""
        initials = self.base_lrs
        return [self.rates(step, initials)[group] for step in range(steps)]

    # --- its course -------------------------------------------------------------------------------------

    def step(self) -> None:
        """Set the next rate; to be called after the optimiser's step.

        Raises RuntimeError if something else has changed the rate since, which would be lost.
        """
        for group, last in zip(self.optimizer.param_groups, self._last_lr, strict=False):
            if not math.isclose(group["lr"], last, rel_tol=1e-9):
                raise RuntimeError(
                    f"{self._name}: the learning rate was {last} after this schedule's last step, and something else "
                    f"has made {group['lr']} of it; combine schedules as SequentialLR or ChainedScheduler, and load "
                    "the schedule's state after the optimiser's"
                )
        self._set(self.last_epoch + 1)

    def get_last_lr(self) -> list[float]:
        """The current rate of each group."""
        return list(self._last_lr)

    def _set(self, step: int) -> None:
        self._last_lr = self.rates(step, self.base_lrs)
        for group, rate in zip(self.optimizer.param_groups, self._last_lr, strict=True):
            group["lr"] = rate
        self.set_others(step)
        self.last_epoch = step

    def set_others(self, step: int) -> None:
        """Set what else the schedule changes; most change nothing else."""

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule is, in numbers: {"last_epoch": ..., "base_lrs": [...]}. Its settings are not in it."""
        return {"last_epoch": self.last_epoch, "base_lrs": self.base_lrs}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go to where `state_dict` was taken, and set the rate.

        Raises ValueError for a state with another number of groups, and then nothing has been changed.
        """
        groups = self.optimizer.param_groups
        initials = state_dict.get("base_lrs", self.base_lrs)
        if len(initials) != len(groups):
            raise ValueError(
                f"{self._name}.load_state_dict: the state is for {len(initials)} groups of parameters, and here are "
                f"{len(groups)}"
            )
        for group, initial in zip(groups, initials, strict=True):
            group["initial_lr"] = float(initial)
        self._set(int(state_dict["last_epoch"]))


# --- by steps -----------------------------------------------------------------------------------------------


class StepLR(LRScheduler):
    """initial · gamma^(step // step_size): by a factor less every step_size steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = _at_least_one("StepLR: step_size", step_size), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma ** (step // self.step_size)


class MultiStepLR(LRScheduler):
    """initial · gamma^(how many milestones are reached): by a factor less at each of these steps."""

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
        self.factor, self.total_iters = _between(0, 1, "ConstantLR: factor", factor), total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return initial * (self.factor if step < self.total_iters else 1.0)


# --- smoothly -----------------------------------------------------------------------------------------------


class ExponentialLR(LRScheduler):
    """initial · gamma^step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma**step


class LinearLR(LRScheduler):
    """From initial · start_factor in a straight line to initial · end_factor, within total_iters steps."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = _between(0, 1, "LinearLR: start_factor", start_factor)
        self.end_factor = _between(0, 1, "LinearLR: end_factor", end_factor)
        self.total_iters = _at_least_one("LinearLR: total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        done = min(step, self.total_iters) / self.total_iters
        return initial * _line(self.start_factor, self.end_factor, done)


class CosineAnnealingLR(LRScheduler):
    """Half a cosine wave from initial down to eta_min within T_max steps, and up again after that
    (Loshchilov & Hutter, arXiv:1608.03983)."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = _at_least_one("CosineAnnealingLR: T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return _cosine(initial, self.eta_min, step / self.T_max)


class CosineWithWarmup(LRScheduler):
    """As transformers are trained: up to initial in warmup_steps steps, then half a cosine wave down to min_lr.

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
                f"CosineWithWarmup: warmup_steps must be from 0 to below total_steps, but they are {warmup_steps} and "
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
    """Once up to max_lr and down again to almost nothing, with momentum going the other way
    (Smith & Topin, arXiv:1708.07120).

    From max_lr / div_factor to max_lr in the first pct_start of the steps, then down to 1/final_div_factor of where
    it began; with three_phase first down to where it began, as slowly as it went up. It ends at step total_steps - 1.
    max_lr: one, or one for each group.  total_steps: or epochs and steps_per_epoch.  anneal_strategy: "cos", "linear".
    cycle_momentum: turn momentum, or the first of Adam's betas, from max_momentum to base_momentum and back.
    Raises ValueError for settings that make no sense, and for a step past total_steps.
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
                raise ValueError("OneCycleLR: say how long it is, by total_steps or by epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'OneCycleLR: anneal_strategy is "cos" or "linear", not {anneal_strategy!r}')
        if cycle_momentum and not optimizer.defaults.keys() & {"momentum", "betas"}:
            raise ValueError("OneCycleLR: this optimiser has no momentum to turn; set cycle_momentum=False")
        self.total_steps = _at_least_one("OneCycleLR: total_steps", total_steps)
        self.between = _cosine if anneal_strategy == "cos" else _line
        self.cycle_momentum, self.low, self.high = cycle_momentum, base_momentum, max_momentum
        self.div_factor, self.final_div_factor = div_factor, final_div_factor

        top = _between(0, 1, "OneCycleLR: pct_start", pct_start) * total_steps - 1
        self.ends = [top, 2 * top, total_steps - 1] if three_phase else [top, total_steps - 1]
        if last_epoch == -1:
            peaks = list(max_lr) if isinstance(max_lr, Sequence) else [max_lr] * len(optimizer.param_groups)
            if len(peaks) != len(optimizer.param_groups):
                raise ValueError(
                    f"OneCycleLR: max_lr has {len(peaks)} rates for {len(optimizer.param_groups)} groups of parameters"
                )
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["initial_lr"] = peak / div_factor
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        peak, last = initial * self.div_factor, initial / self.final_div_factor
        levels = [initial, peak, initial, last] if len(self.ends) == 3 else [initial, peak, last]
        return self._at(step, levels)

    def set_others(self, step: int) -> None:
        if self.cycle_momentum:
            momentum = self._at(step, [self.high, self.low, self.high, self.high])
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, group["betas"][1])
                else:
                    group["momentum"] = momentum

    def _at(self, step: int, levels: Sequence[float]) -> float:
        """Where on the way from level to level a step is; the ends of the phases are in `ends`."""
        if step > self.total_steps:
            raise ValueError(f"OneCycleLR: this is step {step} of a cycle of {self.total_steps}; its end is reached")
        phase = min(sum(step > end for end in self.ends), len(self.ends) - 1)
        start, end = self.ends[phase - 1] if phase else 0.0, self.ends[phase]
        done = min((step - start) / (end - start), 1.0) if end > start else 1.0
        return self.between(levels[phase], levels[phase + 1], done)


# --- of one's own, and of others ----------------------------------------------------------------------------


class LambdaLR(LRScheduler):
    """initial · lr_lambda(step), with a function of one's own, or a list of one for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, Sequence) else [lr_lambda] * groups
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"LambdaLR: {len(self.lr_lambdas)} functions for {groups} groups of parameters")
        super().__init__(optimizer, last_epoch)

    def rates(self, step: int, initials: Sequence[float]) -> list[float]:
        return [initial * factor(step) for initial, factor in zip(initials, self.lr_lambdas, strict=True)]


class SequentialLR(LRScheduler):
    """One schedule after another: the next takes over at each milestone, a number of steps, and begins at its step 0.

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
        _of_one_optimizer("SequentialLR", self.schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1 or self.milestones != sorted(set(milestones)):
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedules need {len(schedulers) - 1} milestones in rising order, not "
                f"{self.milestones}"
            )
        super().__init__(optimizer, last_epoch)

    def rates(self, step: int, initials: Sequence[float]) -> list[float]:
        schedule, step = self._current(step)
        return schedule.rates(step, initials)

    def set_others(self, step: int) -> None:
        schedule, step = self._current(step)
        schedule.set_others(step)

    def _current(self, step: int) -> tuple[LRScheduler, int]:
        """The schedule in charge, and how many steps it has done."""
        index = bisect_right(self.milestones, step)
        return self.schedulers[index], step - (self.milestones[index - 1] if index else 0)


class ChainedScheduler(LRScheduler):
    """Several schedules at once: each takes the rate of the one before as the initial one, so that factors multiply.

    Raises ValueError if there are none or not all have one optimiser.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self.schedulers = list(schedulers)
        chosen = optimizer or (self.schedulers[0].optimizer if self.schedulers else None)
        _of_one_optimizer("ChainedScheduler", self.schedulers, chosen)
        assert chosen is not None
        super().__init__(chosen)

    def rates(self, step: int, initials: Sequence[float]) -> list[float]:
        rates = list(initials)
        for schedule in self.schedulers:
            rates = schedule.rates(step, rates)
        return rates

    def set_others(self, step: int) -> None:
        for schedule in self.schedulers:
            schedule.set_others(step)


# --- from one number to another -----------------------------------------------------------------------------


def _line(start: float, end: float, done: float) -> float:
    """A straight line: start where done is 0, end where it is 1."""
    return start + (end - start) * done


def _cosine(start: float, end: float, done: float) -> float:
    """Half a cosine wave: start where done is 0, end where it is 1, level at both."""
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


def _at_least_one(what: str, value: int) -> int:
    if value < 1:
        raise ValueError(f"{what} must be at least 1, but is {value}")
    return value


def _between(low: float, high: float, what: str, value: float) -> float:
    if not low <= value <= high:
        raise ValueError(f"{what} must be from {low} to {high}, but is {value}")
    return value


def _of_one_optimizer(name: str, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
    if not schedulers or any(schedule.optimizer is not optimizer for schedule in schedulers):
        raise ValueError(f"{name}: it takes schedules, one or more, all of one optimiser")

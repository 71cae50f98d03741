"""Learning rate schedules: they set the rate of the optimiser's parameter groups, step by step.

    optimizer = nn.optim.AdamW(model.parameters(), lr=3e-4)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps=100, total_steps=5000)
    for x, y in batches:
        ...
        optimizer.step()
        schedule.step()

A schedule sets the rate that its formula gives. But where a rate was changed by hand, or by another schedule, it moves
on from there by the same factor, as in PyTorch; so several schedules of one optimiser work together.

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
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias, TypeVar

from tinygrad_lecture.errors import brief, warn

from ..errors import ExplainsArguments
from .optimizer import Optimizer
from .settings import Limit, above_0_to_1, at_least_1, below_1, broken, from_0_to_1, one_of

__all__ = [
    "CosineAnnealingLR", "CosineWithWarmup", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR",
    "OneCycleLR", "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip

T = TypeVar("T")
PerGroup: TypeAlias = float | Sequence[float]  # a number for each parameter group, or one for all
Factor: TypeAlias = Callable[[int], float]


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
    lowest = 0.0  # the rate to which the formula goes down, and from which changes are measured

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
        self.prepare()
        self._update()

    @property
    def _name(self) -> str:
        return type(self).__name__

    def prepare(self) -> None:
        """Called with the settings as attributes, before the first rate is set, to check and convert them."""

    # --- the formula ------------------------------------------------------------------------------------

    def rate(self, step: int, initial: float) -> float:
        """The learning rate after `step` steps, from the initial rate, if nothing else changes it.

        Raises NotImplementedError unless a class defines it.
        """
        raise NotImplementedError(f"{self._name} has no formula; define rate(self, step, initial) or get_lr(self)")

    def get_lr(self) -> list[float]:
        """The rates after `last_epoch` steps, one per group: the formula's, as long as nothing else changes a rate.

        A rate that was changed since moves on from there: its distance from `lowest` by the factor by which the
        formula's distance changes.
        """
        step, lowest, rates = self.last_epoch, self.lowest, []
        for group, initial in zip(self.optimizer.param_groups, self.base_lrs, strict=False):
            lr, now = group["lr"], self.rate(step, initial)
            before = self.rate(step - 1, initial) if step > 0 else initial
            if lr == before:
                rates.append(now)
            elif before == lowest:
                rates.append(lr + now - before)
            else:
                rates.append(lowest + (lr - lowest) * (now - lowest) / (before - lowest))
        return rates

    # --- stepping ---------------------------------------------------------------------------------------

    def step(self, epoch: int | None = None) -> None:
        """Set the next rate; call it after the optimiser's step.

        epoch: set the rate after so many steps instead, by the formula where there is one.
        Warns if the optimiser has not made a step before the first call.
        """
        if self._step_count == 1 and not self.optimizer.stepped:
            warn(f"{self._name}.step() before optimizer.step() skips the first rate; call optimizer.step() first")
        self._step_count += 1
        self._update(epoch)

    def get_last_lr(self) -> list[float]:
        """The rate of each group after the last step of this schedule."""
        return list(self._last_lr)

    def _update(self, epoch: int | None = None) -> None:
        """Set the rates of the next step, or of the step `epoch`."""
        groups = self.optimizer.param_groups
        for group in groups[len(self.base_lrs) :]:  # also one that was added later
            group.setdefault("initial_lr", group["lr"])
            self.base_lrs.append(group["initial_lr"])
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if epoch is not None and type(self).rate is not LRScheduler.rate:
            rates = [self.rate(epoch, initial) for initial in self.base_lrs]
        else:
            rates = self.get_lr()
        for group, rate in zip(groups, rates, strict=False):
            group["lr"] = rate
        self._last_lr: list[float] = [group["lr"] for group in groups]

    # --- saving -----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The settings and the position of the schedule: all attributes but the optimiser, and functions."""
        return {name: _saved(value) for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a `state_dict`, PyTorch's included. The rate itself is in the optimiser's state: load that too.

        Raises ValueError for a state with another number of groups; nothing is changed then.
        """
        groups, initials = self.optimizer.param_groups, state_dict.get("base_lrs")
        if initials and len(initials) != len(groups):
            raise ValueError(f"{self._name}: the state is for {len(initials)} parameter groups, not {len(groups)}")
        for name, value in state_dict.items():
            own = name if name in vars(self) else name.removeprefix("_")  # PyTorch's _schedulers and _milestones
            if own == "schedulers":
                for schedule, saved in zip(vars(self)[own], value, strict=True):
                    schedule.load_state_dict(saved)
            elif own in vars(self) and own not in ("optimizer", "lr_lambdas"):
                setattr(self, own, copy.copy(value))


def _saved(value: Any) -> Any:
    """An attribute as a state holds it: None in place of a function."""
    if isinstance(value, list):
        return [_saved(item) for item in value]
    if isinstance(value, LRScheduler):
        return value.state_dict()
    return None if callable(value) else value


def per_group(what: str, values: T | Sequence[T], optimizer: Optimizer) -> list[T]:
    """A value for each parameter group: those of a sequence, or one for all. Raises ValueError for another number."""
    n = len(optimizer.param_groups)
    each = list(values) if isinstance(values, Sequence) and not isinstance(values, str) else [values] * n
    if len(each) != n:
        raise ValueError(f"{what} has {len(each)} values for {n} parameter groups")
    return each


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

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        saved = Counter(state_dict.get("milestones", self.milestones))  # PyTorch has {milestone: how often}
        super().load_state_dict({**state_dict, "milestones": sorted(saved.elements())})


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
    """initial · lr_lambda(step), for a function of your own, or a list with one per group, as in PyTorch."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor]) -> None:
        self.lr_lambdas: Any = lr_lambda
        super().__init__(optimizer)

    def prepare(self) -> None:
        self.lr_lambdas = per_group(f"{self._name}: lr_lambda", self.lr_lambdas, self.optimizer)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"{self._name}: lr_lambda must be a function of the step, not {brief(function)}")

    def get_lr(self) -> list[float]:
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [initial * factor(self.last_epoch) for initial, factor in pairs]


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

    @property
    def lowest(self) -> float:  # type: ignore[override]
        return self.eta_min

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
    max_lr / div_factor / final_div_factor at step total_steps - 1. With three_phase=True it first falls back to
    max_lr / div_factor, as slowly as it rose.

    - `max_lr`, `base_momentum`, `max_momentum`: one number, or one per group.
    - `total_steps`: alternatively `epochs` and `steps_per_epoch`.
    - `anneal_strategy`: "cos" or "linear".
    - `cycle_momentum`: move momentum, or the first of Adam's betas, from max_momentum to base_momentum and back.

    Raises ValueError for invalid settings, and for a step past total_steps. (Smith & Topin, arXiv:1708.07120.)
    """

    limits: ClassVar = {"pct_start": from_0_to_1, "anneal_strategy": one_of("cos", "linear")}

    def __init__(
        self, optimizer: Optimizer, max_lr: PerGroup, total_steps: int | None = None, epochs: int | None = None,
        steps_per_epoch: int | None = None, pct_start: float = 0.3, anneal_strategy: str = "cos",
        cycle_momentum: bool = True, base_momentum: PerGroup = 0.85, max_momentum: PerGroup = 0.95,
        div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
    ) -> None:  # fmt: skip
        self.max_lr, self.total_steps, self.epochs = max_lr, total_steps, epochs
        self.steps_per_epoch, self.pct_start, self.anneal_strategy = steps_per_epoch, pct_start, anneal_strategy
        self.div_factor, self.final_div_factor, self.three_phase = div_factor, final_div_factor, three_phase
        self.cycle_momentum, self.base_momentum, self.max_momentum = cycle_momentum, base_momentum, max_momentum
        super().__init__(optimizer)

    def prepare(self) -> None:
        """Note in each group the rates and momenta between which it moves. Raises ValueError for invalid settings."""
        if self.total_steps is None:
            if self.epochs is None or self.steps_per_epoch is None:
                raise ValueError("OneCycleLR: pass total_steps, or epochs and steps_per_epoch")
            self.total_steps = self.epochs * self.steps_per_epoch
        if complaint := at_least_1(self.total_steps):
            raise ValueError(f"OneCycleLR: total_steps {complaint}")
        if self.cycle_momentum and not self.optimizer.defaults.keys() & {"momentum", "betas"}:
            raise ValueError("OneCycleLR: this optimiser has no momentum to cycle; pass cycle_momentum=False")
        names = ("max_lr", "base_momentum", "max_momentum")
        columns = [per_group(f"OneCycleLR: {name}", getattr(self, name), self.optimizer) for name in names]
        for group, peak, low, high in zip(self.optimizer.param_groups, *columns, strict=True):
            initial = peak / self.div_factor
            group.update(initial_lr=initial, max_lr=peak, min_lr=initial / self.final_div_factor)
            if self.cycle_momentum:
                group.update(base_momentum=low, max_momentum=high)

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
                now = self._between(group[momentum], group[next_momentum], done)
                group.update({"betas": (now, *group["betas"][1:])} if "betas" in group else {"momentum": now})
        return [self._between(group[rate], group[next_rate], done) for group in groups]

    def _between(self, start: float, end: float, done: float) -> float:
        """From start to end; done goes from 0 to 1."""
        return (end - start) * done + start if self.anneal_strategy == "linear" else cosine(start, end, done)


# --- by a score ---------------------------------------------------------------------------------------------


class ReduceLROnPlateau(LRScheduler):
    """lr ← lr · factor when a score has not got better for more than `patience` steps, as in PyTorch.

        for epoch in range(100):
            ...
            schedule.step(loss_on_test_data)

    - `mode`: "min" if a lower score is better, as of a loss; "max" if a higher one is.
    - `threshold`: how much better it must be to count, a part of the best score, or with threshold_mode="abs" itself.
    - `cooldown`: how many steps are not counted after a reduction.
    - `min_lr`: the smallest rate, one number or one per group.  `eps`: smaller changes are not made.

    Raises TypeError unless `optimizer` is an Optimizer, ValueError for invalid settings.
    """

    limits: ClassVar = {"mode": one_of("min", "max"), "threshold_mode": one_of("rel", "abs"), "factor": below_1}

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0, min_lr: PerGroup = 0,
        eps: float = 1e-8,
    ) -> None:  # fmt: skip
        self.mode, self.factor, self.patience, self.cooldown = mode, factor, patience, cooldown
        self.threshold, self.threshold_mode, self.min_lr, self.eps = threshold, threshold_mode, min_lr, eps
        super().__init__(optimizer)

    def prepare(self) -> None:
        self.min_lrs: list[float] = per_group("ReduceLROnPlateau: min_lr", self.min_lr, self.optimizer)
        self.num_bad_epochs = self.cooldown_counter = 0
        self.best = math.inf if self.mode == "min" else -math.inf

    def get_lr(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Note a score, a number or a Tensor of one, and reduce the rate if it is time."""
        score = float(metrics)
        if self._is_better(score):
            self.best, self.num_bad_epochs = score, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._update()

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


class SequentialLR(LRScheduler):
    """Schedules one after another: at each milestone, a number of steps, the next one starts at its step 0.

    The rate is schedules[k].rate(step - milestones[k - 1], initial), as in PyTorch.
    Raises ValueError unless there is one milestone fewer than schedules, in rising order, and all have one optimiser.
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
        self.schedulers, self.milestones, n = list(schedulers), list(milestones), len(schedulers)
        if not schedulers or any(each.optimizer is not optimizer for each in schedulers):
            raise ValueError("SequentialLR: schedulers must be one or more schedules of one optimiser")
        if any(isinstance(each, ReduceLROnPlateau) for each in schedulers):
            raise ValueError("SequentialLR: ReduceLROnPlateau needs a score at each step; call its step yourself")
        if len(milestones) != n - 1 or self.milestones != sorted(set(milestones)):
            raise ValueError(f"SequentialLR: {n} schedules need {n - 1} milestones in rising order, not {milestones}")
        super().__init__(optimizer)

    def state_dict(self) -> dict[str, Any]:
        return {name: value for name, value in super().state_dict().items() if name != "base_lrs"}  # its schedules' own

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            for group in self.optimizer.param_groups:
                group["lr"] = group["initial_lr"]  # which each schedule has changed when it was made
        schedule = self.schedulers[bisect_right(self.milestones, self.last_epoch)]
        schedule._update(0 if self.last_epoch in (0, *self.milestones) else None)
        return schedule.get_last_lr()

"""Learning rate schedules: they set the rate of the optimiser's parameter groups, step by step.

    optimizer = nn.optim.AdamW(model.parameters(), lr=3e-4)
    schedule = nn.optim.lr_scheduler.CosineWithWarmup(optimizer, warmup_steps=100, total_steps=5000)
    for x, y in batches:
        ...
        optimizer.step()
        schedule.step()

A schedule sets the rate that its formula gives. But where a rate was changed by hand, or by another schedule, it moves
on from there by the same factor, as in PyTorch; so several schedules of one optimiser work together.

Their base is in schedule.py.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from tinygrad_lecture import no_grad
from tinygrad_lecture.errors import brief

from .optimizer import Optimizer
from .schedule import LRScheduler, PerGroup, per_group
from .settings import above_0_to_1, at_least_1, below_1, from_0_to_1, one_of

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CosineWithWarmup",
    "CyclicLR", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR",
    "OneCycleLR", "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip

Factor: TypeAlias = Callable[[int], float]


# --- by a factor, or straight -------------------------------------------------------------------------------


class StepLR(LRScheduler):
    """Times gamma every step_size steps: initial · gamma^(step // step_size), as in PyTorch."""

    limits = LRScheduler.limits | {"step_size": at_least_1}

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma ** (step // self.step_size)


class MultiStepLR(LRScheduler):
    """Times gamma at each milestone: initial · gamma^(number of milestones reached), as in PyTorch."""

    def __init__(
        self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma ** bisect_right(self.milestones, step)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        saved = Counter(state_dict.get("milestones", self.milestones))  # PyTorch has {milestone: how often}
        super().load_state_dict({**state_dict, "milestones": sorted(saved.elements())})


class ConstantLR(LRScheduler):
    """initial · factor for total_iters steps, then initial, as in PyTorch."""

    limits = LRScheduler.limits | {"factor": above_0_to_1}

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return initial * (self.factor + (step >= self.total_iters) * (1 - self.factor))


class ExponentialLR(LRScheduler):
    """Times gamma at each step: initial · gamma^step, as in PyTorch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        return initial * self.gamma**step


class LinearLR(LRScheduler):
    """From initial · start_factor to initial · end_factor in a straight line of total_iters steps, as in PyTorch."""

    limits = LRScheduler.limits | {"start_factor": above_0_to_1, "end_factor": from_0_to_1, "total_iters": at_least_1}

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        way = (self.end_factor - self.start_factor) * min(self.total_iters, step) / self.total_iters
        return initial * (self.start_factor + way)


class PolynomialLR(LRScheduler):
    """Down to 0 in total_iters steps: initial · (1 - step / total_iters)^power, as in PyTorch."""

    limits = LRScheduler.limits | {"total_iters": at_least_1}

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

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

    limits = LRScheduler.limits | {"T_max": at_least_1}

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    @property
    def lowest(self) -> float:  # type: ignore[override]
        return self.eta_min

    def rate(self, step: int, initial: float) -> float:
        return cosine(initial, self.eta_min, step, self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine wave from initial down to eta_min in T_0 steps, then from initial again, each T_mult times as long.

        eta_min + (initial - eta_min) · (1 + cos(π · T_cur / T_i)) / 2      after T_cur steps of a wave of T_i

    `step(epoch)` takes fractions too, as in step(epoch + i / len(batches)). (Loshchilov & Hutter, arXiv:1608.03983.)
    """

    limits = LRScheduler.limits | {"T_0": at_least_1, "T_mult": at_least_1}

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

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

    Raises ValueError unless 0 <= warmup_steps < total_steps. (Radford et al., 2018, for the first GPT.)
    """

    def __init__(
        self, optimizer: Optimizer, warmup_steps: int, total_steps: int, min_lr: float = 0.0, last_epoch: int = -1
    ) -> None:
        if not 0 <= warmup_steps < total_steps:
            raise ValueError(f"{self._name}: warmup_steps must be 0 or more and below total_steps, not {warmup_steps}")
        self.warmup_steps, self.total_steps, self.min_lr = warmup_steps, total_steps, min_lr
        super().__init__(optimizer, last_epoch)

    def rate(self, step: int, initial: float) -> float:
        if step < self.warmup_steps:
            return initial * (step + 1) / (self.warmup_steps + 1)
        done = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return cosine(initial, self.min_lr, min(done, 1.0))


# --- up and down, with momentum in the opposite direction ---------------------------------------------------


class CyclicLR(LRScheduler):
    """Up from base_lr to max_lr in step_size_up steps and down again in step_size_down, over and over.

        base_lr + (max_lr - base_lr) · height · scale       height goes from 0 to 1 and back, scale is that of the mode

    - `base_lr`, `max_lr`, `base_momentum`, `max_momentum`: one number, or one per group.
    - `step_size_down`: as many as up, by default.
    - `mode`: "triangular", always to max_lr; "triangular2", each time half as high; "exp_range", times gamma^step.
    - `scale_fn`: your own function in place of a mode, of the number of the cycle, from 1, or with
      scale_mode="iterations" of the step.
    - `cycle_momentum`: move momentum, or the first of Adam's betas, from max_momentum to base_momentum and back.

    (Smith, arXiv:1506.01186.) Raises ValueError for invalid settings.
    """

    limits = LRScheduler.limits | {"step_size_up": at_least_1, "mode": one_of("triangular", "triangular2", "exp_range")}

    def __init__(
        self, optimizer: Optimizer, base_lr: PerGroup, max_lr: PerGroup, step_size_up: int = 2000,
        step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle", cycle_momentum: bool = True,
        base_momentum: PerGroup = 0.8, max_momentum: PerGroup = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        self.base_lr, self.max_lr, self.step_size_up = base_lr, max_lr, step_size_up
        self.step_size_down, self.mode, self.gamma, self.scale_fn = step_size_down, mode, gamma, scale_fn
        self.scale_mode, self.cycle_momentum, self.base_momentum = scale_mode, cycle_momentum, base_momentum
        self.max_momentum = max_momentum
        super().__init__(optimizer, last_epoch)

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
        way = cycle if self.scale_mode == "cycle" else self.last_epoch
        scale = _SCALES[self.mode](way, self.gamma) if self.scale_fn is None else self.scale_fn(way)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                low, high = group["base_momentum"], group["max_momentum"]
                set_momentum(group, high - (high - low) * height * scale)
        return [low + (high - low) * height * scale for low, high in zip(self.min_lrs, self.max_lrs, strict=True)]


_SCALES: dict[str, Callable[[float, float], float]] = {
    "triangular": lambda cycle, gamma: 1.0,
    "triangular2": lambda cycle, gamma: 1 / 2.0 ** (cycle - 1),
    "exp_range": lambda step, gamma: float(gamma**step),
}


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

    limits = LRScheduler.limits | {"pct_start": from_0_to_1, "anneal_strategy": one_of("cos", "linear")}

    def __init__(
        self, optimizer: Optimizer, max_lr: PerGroup, total_steps: int | None = None, epochs: int | None = None,
        steps_per_epoch: int | None = None, pct_start: float = 0.3, anneal_strategy: str = "cos",
        cycle_momentum: bool = True, base_momentum: PerGroup = 0.85, max_momentum: PerGroup = 0.95,
        div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        self.max_lr, self.total_steps, self.epochs = max_lr, total_steps, epochs
        self.steps_per_epoch, self.pct_start, self.anneal_strategy = steps_per_epoch, pct_start, anneal_strategy
        self.div_factor, self.final_div_factor, self.three_phase = div_factor, final_div_factor, three_phase
        self.cycle_momentum, self.base_momentum, self.max_momentum = cycle_momentum, base_momentum, max_momentum
        super().__init__(optimizer, last_epoch)

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
        return cosine(start, end, done)


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


# --- by a function of your own ------------------------------------------------------------------------------


class _ByFunction(LRScheduler):
    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1) -> None:
        self.lr_lambdas: Any = lr_lambda
        super().__init__(optimizer, last_epoch)

    def prepare(self) -> None:
        self.lr_lambdas = per_group(f"{self._name}: lr_lambda", self.lr_lambdas, self.optimizer)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"{self._name}: lr_lambda must be a function of the step, not {brief(function)}")


class LambdaLR(_ByFunction):
    """initial · lr_lambda(step), for a function of your own, or a list with one per group, as in PyTorch."""

    def get_lr(self) -> list[float]:
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [initial * factor(self.last_epoch) for initial, factor in pairs]


class MultiplicativeLR(_ByFunction):
    """lr ← lr · lr_lambda(step), for a function of your own, or a list with one per group, as in PyTorch."""

    def get_lr(self) -> list[float]:
        groups = self.optimizer.param_groups
        if self._initial:
            return [group["lr"] for group in groups]
        pairs = zip(groups, self.lr_lambdas, strict=True)
        return [group["lr"] * factor(self.last_epoch) for group, factor in pairs]


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

    limits = LRScheduler.limits | {
        "mode": one_of("min", "max"),
        "threshold_mode": one_of("rel", "abs"),
        "factor": below_1,
    }

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

    @no_grad()
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

    The rate is schedules[k].rate(step - milestones[k - 1], initial), as in PyTorch.
    Raises ValueError unless there is one milestone fewer than schedules, in rising order, and all have one optimiser.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        super().__init__(optimizer, schedulers)
        self.milestones, n = list(milestones), len(schedulers)
        if len(milestones) != n - 1 or self.milestones != sorted(set(milestones)):
            raise ValueError(f"SequentialLR: {n} schedules need {n - 1} milestones in rising order, not {milestones}")
        self.last_epoch = last_epoch + 1
        self._start()

    def _start(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        first = self.schedulers[bisect_right(self.milestones, 0)]
        first._restart()
        self._last_lr = first.get_last_lr()

    _restart = _start

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

    So lr = initial · f(step) · g(step) for two with these factors, as in PyTorch.
    Raises ValueError for no schedules, or schedules of several optimisers.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        super().__init__(optimizer or (schedulers[0].optimizer if schedulers else None), schedulers)
        self._start()

    def _start(self) -> None:
        self._note_last()

    def _restart(self) -> None:
        for schedule in self.schedulers:
            schedule._restart()
        self._note_last()

    def step(self) -> None:  # type: ignore[override]
        """Make a step of each schedule, in order."""
        for schedule in self.schedulers:
            schedule.step()
        self._note_last()

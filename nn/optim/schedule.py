"""LRScheduler, the base of all schedules of learning rates.

A subclass defines `rate`, a formula for the rate after any number of steps, or `get_lr`, which computes the rates of
all groups, also from those that they have now:

    class Halves(nn.optim.lr_scheduler.LRScheduler):
        def rate(self, step, initial):
            return initial / 2**step

    class HalvesToo(nn.optim.lr_scheduler.LRScheduler):
        def get_lr(self):
            return [group["lr"] / (2 if self.last_epoch else 1) for group in self.optimizer.param_groups]
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import Any, ClassVar, TypeAlias, TypeVar

from tinygrad_lecture.errors import brief, warn

from ..errors import ExplainsArguments
from .optimizer import Optimizer
from .settings import Limit, broken

T = TypeVar("T")
PerGroup: TypeAlias = float | Sequence[float]  # a number for each parameter group, or one for all


class LRScheduler(ExplainsArguments):
    """Base class of all schedules, as in PyTorch: lr = rate(step, initial), from step 0, one on with each `step()`.

    A subclass with settings sets them as attributes first, since the first rate is set here:

        class Divided(LRScheduler):
            def __init__(self, optimizer, by=2.0, last_epoch=-1):
                self.by = by
                super().__init__(optimizer, last_epoch)

    `last_epoch` is the number of the last step done, counted from 0; -1 starts with the groups' rates as initial ones.
    Raises TypeError unless `optimizer` is an Optimizer, ValueError for a last_epoch if groups lack an initial rate.
    """

    limits: ClassVar[dict[str, Limit]] = {}  # of the settings
    lowest = 0.0  # the rate to which the formula goes down, and from which changes are measured
    _initial = False  # whether the first rate is being set

    @property
    def _name(self) -> str:
        return type(self).__name__

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{self._name}: optimizer must be an Optimizer, not {brief(optimizer)}")
        if complaints := list(broken(vars(self), self.limits)):
            raise ValueError(f"{self._name}: {'; '.join(complaints)}")
        self.optimizer, self.last_epoch = optimizer, last_epoch
        self.prepare()
        if last_epoch != -1 and not all("initial_lr" in group for group in optimizer.param_groups):
            raise ValueError(f'{self._name}: last_epoch={last_epoch} needs "initial_lr" in groups; load saved states')
        self.base_lrs: list[float] = []
        self._note_initial_rates()
        self._start()

    def prepare(self) -> None:
        """Called with the settings as attributes, before the first rate is set, to check and convert them."""

    def _note_initial_rates(self) -> None:
        """Append the rates of groups that are not noted yet to `base_lrs`."""
        for group in self.optimizer.param_groups[len(self.base_lrs) :]:
            group.setdefault("initial_lr", group["lr"])
            self.base_lrs.append(group["initial_lr"])

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
        groups, step = self.optimizer.param_groups, self.last_epoch
        if self._initial and step > 0:  # the optimiser's state has this rate already
            return [group["lr"] for group in groups]
        rates = []
        for group, initial, now in zip(groups, self.base_lrs, self._get_closed_form_lr(), strict=False):
            lr, before = group["lr"], self.rate(step - 1, initial) if step > 0 else initial
            if lr == before:
                lr = now
            elif before == self.lowest:
                lr += now - before
            elif now != before:
                lr = self.lowest + (lr - self.lowest) * (now - self.lowest) / (before - self.lowest)
            rates.append(lr)
        return rates

    def _get_closed_form_lr(self) -> list[float]:
        return [self.rate(self.last_epoch, initial) for initial in self.base_lrs]

    # --- stepping ---------------------------------------------------------------------------------------

    def step(self, epoch: int | None = None) -> None:
        """Set the next rate; call it after the optimiser's step.

        epoch: set the rate after so many steps instead, by the formula where there is one.
        Warns if the optimiser has not made a step before the first call.
        """
        if self._step_count == 1 and not self.optimizer.stepped:
            warn(f"{self._name}.step() before optimizer.step() skips the first rate; call optimizer.step() first")
        self._step_count += 1
        self._update_lr(epoch)

    def get_last_lr(self) -> list[float]:
        """The rate of each group after the last step of this schedule."""
        return list(self._last_lr)

    def _start(self) -> None:
        """Set the rate of the step after `last_epoch`, which is 0 for a new schedule."""
        self._step_count = 0
        self._initial = True
        self.step()
        del self._initial

    def _restart(self) -> None:
        """Make the first step again, from the rates that the groups have now."""
        self.last_epoch -= 1
        self._start()

    def _update_lr(self, epoch: int | None = None) -> None:
        self._note_initial_rates()
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        formula = epoch is not None and type(self).rate is not LRScheduler.rate
        self._set(self._get_closed_form_lr() if formula else self.get_lr())

    def _set(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=False):
            group["lr"] = rate
        self._note_last()

    def _note_last(self) -> None:
        self._last_lr: list[float] = [group["lr"] for group in self.optimizer.param_groups]

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
            if own in vars(self) and own != "optimizer":
                setattr(self, own, _loaded(vars(self)[own], value))


def _saved(value: Any) -> Any:
    """An attribute as a state holds it: of a function None, of another callable object its attributes."""
    if isinstance(value, list):
        return [_saved(item) for item in value]
    if isinstance(value, LRScheduler):
        return value.state_dict()
    return (None if isinstance(value, FunctionType) else dict(vars(value))) if callable(value) else value


def _loaded(own: Any, saved: Any) -> Any:
    """The new value of an attribute that is `own`, from what `_saved` made."""
    if isinstance(own, list) and any(callable(item) or isinstance(item, LRScheduler) for item in own):
        return [_loaded(item, value) for item, value in zip(own, saved, strict=True)]
    if isinstance(own, LRScheduler):
        own.load_state_dict(saved)
        return own
    if callable(own):
        vars(own).update(saved or {})
        return own
    return copy.copy(saved)


def per_group(what: str, values: T | Sequence[T], optimizer: Optimizer) -> list[T]:
    """A value for each parameter group: those of a sequence, or one for all. Raises ValueError for another number."""
    n = len(optimizer.param_groups)
    each = list(values) if isinstance(values, Sequence) and not isinstance(values, str) else [values] * n
    if len(each) != n:
        raise ValueError(f"{what} has {len(each)} values for {n} parameter groups")
    return each

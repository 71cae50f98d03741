"""Schedules by functions of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from tinygrad_lecture.errors.words import shown

from ..optimizer import Optimizer
from .arguments import check_optimizer, per_group
from .base import LRScheduler

Factor: TypeAlias = Callable[[int], float]


class _ByFunction(LRScheduler):
    def __init__(
        self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1, verbose: bool = False
    ) -> None:
        check_optimizer(self._name, optimizer)
        self.lr_lambdas: list[Any] = per_group(f"{self._name}: lr_lambda", lr_lambda, optimizer)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"{self._name}: lr_lambda must be a function of the step, not {shown(function)}")
        super().__init__(optimizer, last_epoch, verbose)


class LambdaLR(_ByFunction):
    """initial · lr_lambda(step), for a function of your own, or a list with one per group."""

    def get_lr(self) -> list[float]:
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [initial * factor(self.last_epoch) for initial, factor in pairs]


class MultiplicativeLR(_ByFunction):
    """Times lr_lambda(step) at each step, for a function of your own, or a list with one per group."""

    def get_lr(self) -> list[float]:
        groups = self.optimizer.param_groups
        if self._initial:
            return [group["lr"] for group in groups]
        pairs = zip(groups, self.lr_lambdas, strict=True)
        return [group["lr"] * factor(self.last_epoch) for group, factor in pairs]

"""SWALR: brings the learning rate to a constant one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..lr_scheduler.arguments import check_optimizer, per_group
from ..lr_scheduler.base import LRScheduler
from ..optimizer import Optimizer


class SWALR(LRScheduler):
    """From the current rate to swa_lr in anneal_epochs steps, along half a cosine wave or a line; then swa_lr.

    - `swa_lr`: one number, or one per group.  `anneal_strategy`: "cos" or "linear".

    (Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization, arXiv:1803.05407.)
    Raises ValueError for invalid settings.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        check_optimizer("SWALR", optimizer)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'SWALR: anneal_strategy must be "cos" or "linear", not {anneal_strategy!r}')
        if not anneal_epochs >= 0:
            raise ValueError(f"SWALR: anneal_epochs must not be negative, but is {anneal_epochs}")
        for group, end in zip(optimizer.param_groups, per_group("SWALR: swa_lr", swa_lr, optimizer), strict=True):
            group["swa_lr"] = end
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._done(step - 1), self._done(step)
        rates = []
        for group in self.optimizer.param_groups:
            end = group["swa_lr"]
            start = end if before == 1 else (group["lr"] - before * end) / (1 - before)
            rates.append(end * now + start * (1 - now))
        return rates

    def _done(self, step: int) -> float:
        """The part of the way that is done after so many steps."""
        part = max(0, min(1, step / max(1, self.anneal_epochs)))
        return part if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * part)) / 2

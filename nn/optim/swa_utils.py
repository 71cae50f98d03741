"""Means of weights over training: stochastic weight averaging, and exponential moving averages.

average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999))
for x, y in batches:
    ...
    optimizer.step()
    average.update_parameters(model)
average(x)
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, TypeAlias

from tinygrad_lecture import Tensor, no_grad, tensor

from ..module import Module
from .optimizer import Optimizer
from .schedule import LRScheduler, PerGroup, per_group
from .settings import not_negative, one_of

Mean: TypeAlias = Callable[[Tensor, Tensor, Any], Tensor]  # (mean so far, new value, how many) -> the new mean
Means: TypeAlias = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]  # the same for lists, in place


def get_ema_avg_fn(decay: float = 0.999) -> Mean:
    """The exponential moving average: decay · mean + (1 - decay) · new. Raises ValueError unless 0 <= decay <= 1."""
    if not 0 <= decay <= 1:
        raise ValueError(f"get_ema_avg_fn: decay must be from 0 to 1, but is {decay}")
    return lambda mean, new, n: decay * mean + (1 - decay) * new


def get_swa_avg_fn() -> Mean:
    """The mean of all values with equal weights: mean + (new - mean) / (n + 1)."""
    return lambda mean, new, n: mean + (new - mean) / (n + 1)


def get_ema_multi_avg_fn(decay: float = 0.999) -> Means:
    """`get_ema_avg_fn` for lists of tensors, which it changes in place."""
    return _for_lists(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Means:
    """`get_swa_avg_fn` for lists of tensors, which it changes in place."""
    return _for_lists(get_swa_avg_fn())


def _for_lists(mean_of: Mean) -> Means:
    def update(means: Sequence[Tensor], news: Sequence[Tensor], n: Any) -> None:
        with no_grad():
            for mean, new in zip(means, news, strict=True):
                mean.copy_(mean_of(mean, new, n))

    return update


class AveragedModel(Module):
    """A copy of a model whose parameters are a mean of those that the model had at each `update_parameters`.

    - `avg_fn` or `multi_avg_fn`: how to update the mean of a tensor, or of lists; by default all count the same.
    - `device`: where the copy is.  `use_buffers`: average buffers as well; by default they are the model's last.

    The copy is `module`, and `n_averaged` the number of updates. Raises ValueError for both functions at once.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: str | None = None,
        avg_fn: Mean | None = None,
        multi_avg_fn: Means | None = None,
        use_buffers: bool = False,
    ) -> None:
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: give avg_fn or multi_avg_fn, not both")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, device=device))
        self.update = multi_avg_fn or _for_lists(avg_fn or get_swa_avg_fn())
        self.use_buffers = use_buffers

    def forward(self, *inputs: Any, **settings: Any) -> Any:
        """The copy's output."""
        return self.module(*inputs, **settings)

    def update_parameters(self, model: Module) -> None:
        """Take the model's parameters into the mean; the first time, copy them."""
        pairs = list(zip(self._averaged(self.module), self._averaged(model), strict=True))
        means, news = [p.detach() for p, _ in pairs], [q.detach().to(device=p.device) for p, q in pairs]
        if self.n_averaged.item():
            self.update(means, news, self.n_averaged.item())
        else:
            for mean, new in zip(means, news, strict=True):
                mean.copy_(new)
        if not self.use_buffers:
            for own, buffer in zip(self.module.buffers(), model.buffers(), strict=True):
                own.detach().copy_(buffer.detach())
        self.n_averaged += 1

    def _averaged(self, model: Module) -> Iterable[Tensor]:
        return chain(model.parameters(), model.buffers()) if self.use_buffers else model.parameters()


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: str | None = None) -> None:
    """Compute the running statistics of a model's batch normalisation anew, over all batches of a loader.

    Of a batch that is a tuple or list, the first item is the input.
    """
    layers = [module for module in model.modules() if hasattr(module, "reset_running_stats")]
    if not layers:
        return
    momenta, training = [layer.momentum for layer in layers], model.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # all batches count the same
    model.train()
    for batch in loader:
        x = batch[0] if isinstance(batch, list | tuple) else batch
        model(x if device is None else x.to(device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    model.train(training)


class SWALR(LRScheduler):
    """From the current rate to swa_lr in anneal_epochs steps, along half a cosine wave or a line; then swa_lr.

    - `swa_lr`: one number, or one per group.  `anneal_strategy`: "cos" or "linear".

    (Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization, arXiv:1803.05407.)
    Raises ValueError for invalid settings.
    """

    limits = LRScheduler.limits | {"anneal_epochs": not_negative, "anneal_strategy": one_of("cos", "linear")}

    def __init__(
        self, optimizer: Optimizer, swa_lr: PerGroup, anneal_epochs: int = 10, anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        self.swa_lr, self.anneal_epochs, self.anneal_strategy = swa_lr, anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def prepare(self) -> None:
        ends = per_group("SWALR: swa_lr", self.swa_lr, self.optimizer)
        for group, end in zip(self.optimizer.param_groups, ends, strict=True):
            group["swa_lr"] = end

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

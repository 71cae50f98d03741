"""distribute: one model, trained by all workers of a run together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import numpy as np

from tinygrad_lecture import Tensor, get_rng_state, set_rng_state
from tinygrad_lecture.autograd.modes import modes

from ..module import Module
from ..optim import Optimizer
from .averaging import Averaging
from .buckets import in_buckets
from .group import Group, group
from .overlap import OverlappedAveraging
from .sharding import Sharding


class distribute:
    """Train one model in all workers together, with the results of one worker that gets all rows.

        nn.parallel.distribute(model, optimizer)

    Model and optimiser are used as before:

    - The weights and buffers of worker 0 are copied to the others, now.
    - `loss.backward()` leaves in each `grad` the mean over the rows of all workers.
    - `optimizer.step()` updates this worker's share of the parameters and takes over the others'. The optimiser's
      state is split as well; `optimizer.state_dict()` gathers it, so all workers must call it.
    - From now on each worker draws random numbers of its own, as for dropout.

    Without an optimiser, every worker updates all parameters. `close()`, or the end of a `with` block, ends it; so does
    the end of `run`. A worker alone trains as ever.
    Raises ValueError if the model of a worker does not fit that of worker 0, TypeError for LBFGS, whose step cannot be
    split.
    """

    def __init__(self, model: Module, optimizer: Optimizer | None = None) -> None:
        self._averaging: Averaging | None = None
        self._sharding: Sharding | None = None
        self._group, self._model = group(), model
        if self._group.size == 1:
            return
        if optimizer is not None and not optimizer.by_parameter:
            raise TypeError(
                f"nn.parallel.distribute: {type(optimizer).__name__} looks at all parameters together, so its step "
                "cannot be split: leave it out, nn.parallel.distribute(model), and return nn.parallel.mean(loss) from "
                "the closure"
            )
        trained = [] if optimizer is None else [p for g in optimizer.param_groups for p in g["params"]]
        parameters = list(dict.fromkeys([*model.parameters(), *trained]))
        _copy_values(model, parameters, self._group)
        _part_streams(self._group)
        self._buckets = in_buckets(parameters, self._group)
        averaging = OverlappedAveraging if self._group.bucket_bytes else Averaging
        self._averaging = averaging(parameters, self._buckets, self._group)
        if optimizer is not None:
            self._sharding = Sharding(optimizer, self._buckets, self._group)
        modes.after_backward += (self.average,)
        self._group.handles.append(self)

    def average(self) -> None:
        """Set each gradient to the mean over the rows of all workers. `backward` does it, unless within `no_sync`."""
        if self._averaging is not None:
            self._averaging.add_up(self._averaging.share())
            self._averaging.kept.clear()

    @contextmanager
    def summing(self) -> Iterator[None]:
        """Context manager for the last `backward` of a step whose losses are shares of the whole already: in the end
        each gradient is the sum over all workers. A worker without rows enters it as well."""
        with self._without_average(lambda: 1.0):
            yield
        if self._averaging is not None:
            self._averaging.add_up(1.0)

    def copy_buffers(self) -> None:
        """Copy worker 0's buffers to the others, such as running means, which each takes over its own rows."""
        buffers = dict(self._model.named_buffers())
        if self._averaging is not None and buffers:
            for name, value in self._group.broadcast(buffers, "copy_buffers").items():
                buffers[name].inplace()[...] = value.array

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Context manager in which `backward` adds to this worker's gradients alone, as for all but the last batch of
        an accumulated step. Their rows must divide evenly among the workers, or be as many in each batch."""
        if self._averaging is not None and all(p.grad is None for p in self._averaging.parameters):
            self._averaging.kept.clear()  # those gradients are gone
        with self._without_average(None):
            yield
        if self._averaging is not None:
            self._averaging.keep()

    @contextmanager
    def _without_average(self, factor: Callable[[], float] | None) -> Iterator[None]:
        """Context manager in which `backward` does not end with `average`. factor: see Averaging."""
        if self._averaging is None:
            yield
            return
        before = modes.after_backward, self._averaging.factor
        modes.after_backward = tuple(finish for finish in modes.after_backward if finish != self.average)
        self._averaging.factor = factor
        try:
            yield
        finally:
            modes.after_backward, self._averaging.factor = before

    def close(self, complete: bool = True) -> None:
        """End it. complete: all workers do so now, and each optimiser gets the whole state again."""
        if self._averaging is None:
            return
        self._group.handles.remove(self)
        modes.after_backward = tuple(finish for finish in modes.after_backward if finish != self.average)
        if self._sharding is not None:
            self._sharding.restore(complete)
        self._averaging.close()
        for bucket in self._buckets:
            bucket.exchange.close()
        self._averaging = self._sharding = None
        self._buckets, self._group = [], Group()  # so that what holds this one can be copied, and sent to workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        self.close(complete=kind is None)


def _copy_values(model: Module, parameters: Sequence[Tensor], group: Group) -> None:
    """Copy worker 0's weights and buffers, and parameters that the optimiser alone has, to the other workers."""
    state, values = group.broadcast((model.state_dict(), [p.detach() for p in parameters]), "distribute")
    if group.rank:
        model.load_state_dict(state)
        for p, value in zip(parameters, values, strict=True):
            p.inplace()[...] = value.array


def _part_streams(group: Group) -> None:
    """Give each worker but worker 0 a random stream of its own, which follows from worker 0's."""
    state = group.broadcast(get_rng_state(), "distribute")
    if group.rank:
        seed = np.random.SeedSequence([state["state"]["state"], group.rank])
        set_rng_state(dict(np.random.PCG64(seed).state))

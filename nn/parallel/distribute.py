"""distribute: one model, trained by all workers of a run together; after each backward, its gradients are averaged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import numpy as np

from tinygrad_lecture import Tensor, get_rng_state, set_rng_state
from tinygrad_lecture.autograd.modes import modes
from tinygrad_lecture.backend import Array, move, to_host

from ..module import Module
from ..optim import Optimizer
from .group import AllReduce, Group, group


class distribute:
    """Train one model in all workers together, with the results of one worker that gets all rows.

        nn.parallel.distribute(model, optimizer)

    Model and optimiser are used as before:

    - The weights and buffers of worker 0 are copied to the others, now.
    - `loss.backward()` leaves in each `grad` the mean over the rows of all workers.
    - So `optimizer.step()` makes the same step in all workers.
    - From now on each worker draws random numbers of its own, as for dropout.

    `close()`, or the end of a `with` block, ends it; so does the end of `run`. A worker alone trains as ever.
    Raises ValueError if the model of a worker does not fit that of worker 0, TypeError for LBFGS, whose closure must
    return the same loss in all workers.
    """

    def __init__(self, model: Module, optimizer: Optimizer | None = None) -> None:
        self._group, self._model, self._optimizer = group(), model, optimizer
        self._parameters: list[Tensor] = []  # none: a worker alone
        self._sums: list[tuple[list[Tensor], AllReduce]] = []  # the parameters of a dtype, and their gradients
        self._pending: set[tuple[int, ...]] = set()  # parts of batches whose gradients are not yet added up
        if self._group.size == 1:
            return
        if optimizer is not None and not optimizer.by_parameter:
            raise TypeError(
                f"nn.parallel.distribute: {type(optimizer).__name__} looks at all parameters together and at the loss: "
                "leave it out, nn.parallel.distribute(model), and return nn.parallel.mean(loss) from the closure"
            )
        self._parameters = list(dict.fromkeys([*model.parameters(), *self._trained()]))
        _copy_values(model, self._parameters, self._group)
        _part_streams(self._group)
        for dtype in sorted({p.dtype.name for p in self._parameters}):
            parameters = [p for p in self._parameters if p.dtype.name == dtype]
            n = sum(p.numel() for p in parameters) + len(parameters)  # of each also whether it has a gradient
            self._sums.append((parameters, self._group.all_reduce(n, dtype)))
        modes.after_backward += (self.average,)
        self._group.to_close.append(self)

    def average(self) -> None:
        """Set each gradient to the mean over the rows of all workers. `backward` does it, unless within `no_sync`.

        Raises RuntimeError if the gradients may be of several batches with other shares.
        """
        if not self._parameters:
            return
        if len(self._pending | self._group.parts_of_backward()) > 1:
            raise RuntimeError(
                "backward: nn.parallel.shares gave several batches since the last averaged backward, and the workers' "
                "parts of them differ, so their gradients cannot be weighed. Call backward for each batch before the "
                "next; or take batches whose rows divide evenly among the workers, as with drop_last=True; or a "
                "Trainer, whose accumulate= weighs each batch"
            )
        rows = self._group.latest.rows
        self._add_up(rows[self._group.rank] / (sum(rows) or 1))
        self._pending.clear()

    @contextmanager
    def summing(self) -> Iterator[None]:
        """Context manager for the last `backward` of a step whose losses are shares of the whole already: in the end
        each gradient is the sum over all workers. A worker without rows enters it as well."""
        with self._without_average():
            yield
        self._add_up(1.0)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Context manager in which `backward` adds to this worker's gradients alone, as for all but the last batch of
        an accumulated step. Their rows must divide evenly among the workers, or be as many in each batch."""
        if all(p.grad is None for p in self._parameters):
            self._pending.clear()  # those gradients are gone
        with self._without_average():
            yield
        self._pending |= self._group.parts_of_backward()

    def copy_buffers(self) -> None:
        """Copy worker 0's buffers to the others, such as running means, which each takes over its own rows."""
        buffers = dict(self._model.named_buffers())
        if self._parameters and buffers:
            for name, value in self._group.broadcast(buffers, "copy_buffers").items():
                buffers[name].inplace()[...] = value.array

    def close(self) -> None:
        """End it."""
        if not self._parameters:
            return
        self._group.to_close.remove(self)
        modes.after_backward = tuple(finish for finish in modes.after_backward if finish != self.average)
        for _, all_reduce in self._sums:
            all_reduce.close()
        self._parameters, self._sums, self._group = [], [], Group()  # so that it can be copied, and sent to workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _trained(self) -> list[Tensor]:
        return [] if self._optimizer is None else [p for g in self._optimizer.param_groups for p in g["params"]]

    @contextmanager
    def _without_average(self) -> Iterator[None]:
        """Context manager in which `backward` does not end with `average`."""
        before = modes.after_backward
        modes.after_backward = tuple(finish for finish in before if finish != self.average)
        try:
            yield
        finally:
            modes.after_backward = before

    def _add_up(self, factor: float) -> None:
        """Set each gradient to the sum over the workers of gradient times factor.

        The workers tell each other which parameters have a gradient: one may be frozen, or not used by a worker's rows.
        """
        if not self._parameters:
            return
        if late := len(set(self._trained()).difference(self._parameters)):
            raise RuntimeError(
                f"backward: the optimizer got {late} parameters after nn.parallel.distribute: add the parameter group "
                "before it"
            )
        for parameters, all_reduce in self._sums:
            *parts, has = np.split(all_reduce.mine, np.cumsum([p.numel() for p in parameters]))
            has[...] = [p.grad is not None for p in parameters]
            for p, part in zip(parameters, parts, strict=True):
                _write(p, factor, part.reshape(p.shape))
            *parts, has = np.split(all_reduce.sum("backward"), np.cumsum([p.numel() for p in parameters]))
            for p, part, any_has in zip(parameters, parts, has, strict=True):
                if any_has:
                    _read(p, part.reshape(p.shape))


def _write(p: Tensor, factor: float, into: Array) -> None:
    if p.grad is None or not factor:  # a worker without rows may have NaN
        into[...] = 0
        return
    if p.grad.requires_grad:
        raise RuntimeError(
            "backward(create_graph=True) cannot be averaged over workers: take the inner derivative with "
            "tl.grad(..., create_graph=True), which computes it on this worker's rows, and call backward() on the loss"
        )
    np.multiply(to_host(p.grad.array), np.array(factor, p.dtype), out=into)


def _read(p: Tensor, total: Array) -> None:
    if p.grad is None:
        p.grad = Tensor(total, device=p.device)
    else:
        p.grad.inplace()[...] = move(total, p.device)


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

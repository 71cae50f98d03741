"""What a loop with several workers needs: `shares`, the rows of this worker; `distribute`, one model that all train.

After each backward its gradients are averaged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor, get_rng_state, is_grad_enabled, set_rng_state
from tinygrad_lecture.autograd.modes import modes
from tinygrad_lecture.backend import Array, move, to_host
from tinygrad_lecture.errors import brief
from tinygrad_lecture.func.gradients import leaves, map_leaves
from tinygrad_lecture.random import replay

from ..errors import is_data
from ..module import Module
from ..optim import Optimizer
from .workers import Group, group


class shares:
    """Yields of each batch the rows of this worker; the workers together have the whole batch, whatever their number.

        for x, y in nn.parallel.shares(loader): ...

    - `batches`: a DataLoader, a list of batches or the like. A batch is a tensor, or a tuple, list or dict of them,
      with the rows on axis 0. All workers take the batches in worker 0's order, and what these draw comes from its
      random stream. What another library draws must be the same in all workers.

    Workers may differ by one row. Each takes the mean of its rows' losses; `backward` weighs these means by their rows,
    so that the gradient is that of the mean over all rows. Where a batch has fewer rows than there are workers, one
    without any gets the first row, and its gradient does not count.

    Take a backward for each batch before the next: a backward of several, as of two loaders at once or a list of
    batches, raises RuntimeError if their rows are shared differently. Batches taken within `tl.no_grad`, as for an
    evaluation, do not count.
    """

    def __init__(self, batches: Iterable[Any]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        workers = group()
        if workers.size == 1:
            yield from self.batches
            return
        before = workers.rows
        try:
            for batch in in_one_order(self.batches, workers):
                bounds = row_bounds(batch, workers)
                workers.rows = [end - first for first, end in pairwise(bounds)]
                if is_grad_enabled():
                    divisor = math.gcd(*workers.rows) or 1
                    workers.given = set() if workers.seen else workers.given
                    workers.given.add(tuple(n // divisor for n in workers.rows))
                    workers.seen = False
                first, end = bounds[workers.rank : workers.rank + 2]
                yield take_rows(batch, slice(first, end) if first < end else slice(0, 1))
        finally:
            workers.rows = before
            if workers.seen:
                workers.given = {(1,) * workers.size}


def in_one_order(batches: Iterable[Any], workers: Group) -> Iterator[Any]:
    """The same batches in all workers: what they draw comes from worker 0's random stream.

    Worker 0 tells the state of its stream before each batch, since dropout may have drawn from it in between.
    """
    with drawing_alike(workers):
        iterator = iter(batches)
    end = object()
    while True:
        with drawing_alike(workers):
            batch = next(iterator, end)
        if batch is end:
            return
        yield batch


def drawing_alike(workers: Group) -> AbstractContextManager[None]:
    """Context manager: numbers come from worker 0's stream, of which the others have a copy."""
    if workers.size == 1:
        return nullcontext()
    state = workers.broadcast(get_rng_state(), "the order of the batches")
    return replay(state) if workers.rank else nullcontext()


def of_own_rows(batches: Iterable[Any], workers: Group) -> Iterator[Any]:
    """Of each batch the rows of this worker, without batches of which it has none."""
    for batch in batches:
        if workers.size == 1:
            yield batch
        elif (rows := own_rows(batch, workers)).start < rows.stop:
            yield take_rows(batch, rows)


def own_rows(batch: Any, workers: Group) -> slice:
    """The rows of a batch that are this worker's."""
    return slice(*row_bounds(batch, workers)[workers.rank :][:2])


def row_bounds(batch: Any, workers: Group) -> list[int]:
    """The row of a batch with which each worker begins, and the number of rows."""
    n = count_rows(batch)
    return [-(-n * rank // workers.size) for rank in range(workers.size + 1)]


def take_rows(batch: Any, rows: slice) -> Any:
    """Some rows of a batch, in the same structure."""
    return map_leaves(lambda part: part[rows], batch)


def count_rows(batch: Any) -> int:
    """The rows of a batch. Raises TypeError for what has none, ValueError if its parts have different numbers."""
    for part in leaves(batch):
        if not (is_data(part) and part.ndim):
            raise TypeError(f"nn.parallel: a batch has {brief(part)}, which has no rows to share among workers")
    counts = {len(part) for part in leaves(batch)}
    if len(counts) != 1:
        raise ValueError(f"nn.parallel: parts of a batch have {sorted(counts)} rows; each needs as many on axis 0")
    return counts.pop()


# --- one model ----------------------------------------------------------------------------------------------


class distribute(AbstractContextManager["distribute"]):
    """Train one model in all workers together, with the results of one worker that gets all rows.

        nn.parallel.distribute(model, optimizer)

    Model and optimiser are used as before:

    - The weights and buffers of worker 0 are copied to the others, now.
    - `loss.backward()` leaves in each `grad` the mean over the rows of all workers.
    - So `optimizer.step()` makes the same step in all workers.
    - From now on each worker draws random numbers of its own, as for dropout.

    `close()`, or the end of a `with` block, ends it; so does the end of `run`. A worker alone trains as ever.
    Raises ValueError if the model of a worker does not fit that of worker 0.
    """

    def __init__(self, model: Module, optimizer: Optimizer | None = None) -> None:
        self._group, self._model, self._optimizer = group(), model, optimizer
        self._parameters: list[Tensor] = []  # none: a worker alone
        self._sums: list[tuple[list[Tensor], Array]] = []  # the parameters of a dtype, and room for their gradients
        if self._group.size == 1:
            return
        self._parameters = list(dict.fromkeys([*model.parameters(), *self._trained()]))
        _copy_values(model, self._parameters, self._group)
        _part_streams(self._group)
        for dtype in sorted({p.dtype.name for p in self._parameters}):
            parameters = [p for p in self._parameters if p.dtype.name == dtype]
            n = sum(p.numel() for p in parameters) + len(parameters)  # of each also whether it has a gradient
            self._sums.append((parameters, np.empty(n, dtype)))
        modes.after_backward += (self.average,)
        self._group.to_close.append(self)

    def average(self) -> None:
        """Set each gradient to the mean over the rows of all workers. `backward` does it.

        Raises RuntimeError if the gradients may be of several batches with other shares.
        """
        if len(self._group.given) > 1:
            raise RuntimeError(
                "backward: nn.parallel.shares gave several batches since the last backward, and the workers' parts of "
                "them differ, so their gradients cannot be weighed. Call backward for each batch before the next; or "
                "take batches whose rows divide evenly among the workers, as with drop_last=True; or a Trainer, whose "
                "accumulate= weighs each batch. Take batches of an evaluation within tl.no_grad()"
            )
        (rows,) = self._group.given
        self._group.seen = True
        self._add_up(rows[self._group.rank] / (sum(rows) or 1))

    @contextmanager
    def summing(self) -> Iterator[None]:
        """Context manager for a step whose losses are shares of the whole already: `backward` adds to this worker's
        gradients alone, and in the end each is the sum over all workers. A worker without rows enters it as well."""
        before = modes.after_backward
        modes.after_backward = tuple(finish for finish in before if finish != self.average)
        try:
            yield
        finally:
            modes.after_backward = before
        self._add_up(1.0)

    def copy_buffers(self) -> None:
        """Copy worker 0's buffers to the others, such as running means, which each takes over its own rows."""
        buffers = dict(self._model.named_buffers())
        if self._parameters and buffers:
            for name, value in self._group.broadcast(buffers, "copy_buffers").items():
                buffers[name].inplace()[...] = move(value, buffers[name].device)

    def close(self) -> None:
        """End it."""
        if not self._parameters:
            return
        self._group.to_close.remove(self)
        modes.after_backward = tuple(finish for finish in modes.after_backward if finish != self.average)
        self._parameters, self._sums = [], []

    def __exit__(self, *error: object) -> None:
        self.close()

    def _trained(self) -> list[Tensor]:
        return [] if self._optimizer is None else [p for g in self._optimizer.param_groups for p in g["params"]]

    def _add_up(self, factor: float) -> None:
        """Set each gradient to the sum over the workers of gradient times factor.

        The workers tell each other which parameters have a gradient: one may be frozen, or not used by a worker's rows.
        """
        if not self._parameters:
            return
        if late := len(set(self._trained()).difference(self._parameters)):
            raise RuntimeError(f"backward: {late} parameters came after nn.parallel.distribute: add them before it")
        for parameters, numbers in self._sums:
            *parts, has = np.split(numbers, np.cumsum([p.numel() for p in parameters]))
            has[...] = [p.grad is not None for p in parameters]
            for p, part in zip(parameters, parts, strict=True):
                _write(p, factor, part.reshape(p.shape))
            self._group.add_up(numbers, "backward")
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
            p.inplace()[...] = move(value, p.device)


def _part_streams(group: Group) -> None:
    """Give each worker but worker 0 a random stream of its own, which follows from worker 0's."""
    state = group.broadcast(get_rng_state(), "distribute")
    if group.rank:
        seed = np.random.SeedSequence([state["state"]["state"], group.rank])
        set_rng_state(dict(np.random.PCG64(seed).state))

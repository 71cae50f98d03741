"""What several workers need to train one model: the rows of each batch that are a worker's, and sums of gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from operator import itemgetter
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor, get_rng_state, set_rng_state
from tinygrad_lecture.backend import move, to_host
from tinygrad_lecture.errors import brief
from tinygrad_lecture.func.gradients import leaves, map_leaves
from tinygrad_lecture.random import replay

from ..errors import is_data
from ..module import Module
from ..optim import Optimizer
from .workers import Group, group

# --- the rows of each batch ---------------------------------------------------------------------------------


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
            yield map_leaves(itemgetter(rows), batch)


def own_rows(batch: Any, workers: Group) -> slice:
    """The rows of a batch that are this worker's. Workers may differ by one row; worker 0 has rows if any has."""
    n = count_rows(batch)
    first, end = (-(-n * rank // workers.size) for rank in (workers.rank, workers.rank + 1))
    return slice(first, end)


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


def begin_alike(model: Module, optimizer: Optimizer) -> None:
    """Copy the weights and buffers of worker 0, and parameters that the optimiser alone has, to the other workers.

    Each but worker 0 gets a random stream of its own, as for dropout, which follows from worker 0's.
    Raises ValueError if the model of a worker does not fit that of worker 0.
    """
    workers, parameters = group(), trained(model, optimizer)
    if workers.size == 1:
        return
    values = [p.detach() for p in parameters]
    state, values, stream = workers.broadcast((model.state_dict(), values, get_rng_state()), "fit")
    if workers.rank:
        model.load_state_dict(state)
        for p, value in zip(parameters, values, strict=True):
            p.inplace()[...] = move(value, p.device)
        seed = np.random.SeedSequence([stream["state"]["state"], workers.rank])
        set_rng_state(dict(np.random.PCG64(seed).state))


def copy_buffers(model: Module) -> None:
    """Copy worker 0's buffers to the others, such as running means, which each takes over its own rows."""
    buffers = dict(model.named_buffers())
    if group().size > 1 and buffers:
        for name, value in group().broadcast(buffers, "copy_buffers").items():
            buffers[name].inplace()[...] = move(value, buffers[name].device)


def add_up_gradients(model: Module, optimizer: Optimizer) -> None:
    """Set each gradient to the sum over the workers.

    They tell each other which parameters have a gradient: one may be frozen, or not used by a worker's rows.
    """
    parameters = trained(model, optimizer)
    have = group().gather([p.grad is not None for p in parameters], "backward")
    for p, *has in zip(parameters, *have, strict=True):
        if any(has):
            total = np.zeros(p.shape, p.dtype)
            if p.grad is not None:
                total[...] = to_host(p.grad.array)
            group().add_up(total)
            p.grad = Tensor(total, device=p.device)


def trained(model: Module, optimizer: Optimizer) -> list[Tensor]:
    """The parameters of a model, and others that the optimiser has."""
    return list(dict.fromkeys([*model.parameters(), *(p for g in optimizer.param_groups for p in g["params"])]))

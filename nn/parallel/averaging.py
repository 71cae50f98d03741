"""Averaging: after each backward, every gradient becomes the mean over the rows of all workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, move, to_host

from .buckets import Bucket, Place
from .group import Group, Parts


class Averaging:
    """Adds up the gradients of parameters over all workers.

    First the workers tell each other which parameters have a gradient, so that none waits for one that another lacks:
    a parameter may be frozen, or not used by a worker's rows. Then they add up the others, bucket by bucket.
    factor: of each gradient in what `backward` is to add up; None: it adds up nothing, as within `no_sync`.
    """

    def __init__(self, parameters: Sequence[Tensor], buckets: Sequence[Bucket], group: Group) -> None:
        self.parameters, self.buckets, self.group = parameters, buckets, group
        self.factor: Callable[[], float] | None = self.share
        self.kept: set[Parts] = set()  # of batches whose gradients are not yet added up
        self.told = group.exchange(group.size * (len(parameters) + len(buckets)), np.int8)

    def share(self) -> float:
        """This worker's rows as a share of all: its factor in the mean, Σ rows · gradient / Σ rows.

        Raises RuntimeError if the gradients may be of several batches with other shares.
        """
        dealt = self.group.dealt
        if len(self.kept | dealt.coming()) > 1:
            raise RuntimeError(
                "backward: nn.parallel.shares has dealt several batches since the last averaged backward, and the "
                "workers' parts of them differ, so their gradients cannot be weighed. Call backward for each batch "
                "before the next; or take batches whose rows divide evenly among the workers, as with drop_last=True; "
                "or a Trainer, whose accumulate= weighs each batch"
            )
        return dealt.rows[self.group.rank] / (sum(dealt.rows) or 1)

    def keep(self) -> None:
        """Note that a `backward` has left gradients which the next sum is of as well."""
        self.kept |= self.group.dealt.coming()

    def add_up(self, factor: float) -> None:
        """Set each gradient to the sum over the workers of gradient times factor."""
        having, _ = self.tell([False] * len(self.buckets))
        for bucket in self.buckets:
            places, bounds = bucket.places(having)
            if places:
                write(places, factor, bucket.exchange.open("backward"))
                read(places, bucket.exchange.sum(bounds[-1], "backward"))

    def tell(self, flags: Sequence[bool]) -> tuple[set[Tensor], list[bool]]:
        """The parameters that have a gradient in any worker, and for each bucket whether any worker sets its flag."""
        told = [*(p.grad is not None for p in self.parameters), *flags]
        bounds = [len(told) * i for i in range(self.group.size + 1)]
        start = bounds[self.group.rank]
        self.told.open("backward")[start : start + len(told)] = told
        rows = self.told.collect(bounds, "backward")
        any_of = np.any([row[bounds[i] : bounds[i + 1]] for i, row in enumerate(rows)], axis=0).tolist()
        count = len(self.parameters)
        return {p for p, has in zip(self.parameters, any_of, strict=False) if has}, any_of[count:]

    def close(self) -> None:
        """Let go of the memory."""
        self.told.close()


def write(places: Sequence[Place], factor: float, into: Array) -> None:
    """Write the gradients of parameters, times a factor, into host memory."""
    for p, _, columns in places:
        _write(p, factor, into[columns].reshape(p.shape))


def read(places: Sequence[Place], total: Array) -> None:
    """Set the gradients of parameters to what host memory holds."""
    for p, _, columns in places:
        _read(p, total[columns].reshape(p.shape))


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

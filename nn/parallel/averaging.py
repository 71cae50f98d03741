"""Averaging: after each backward, every gradient becomes the mean over the rows of all workers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, move, to_host

from .buckets import Bucket
from .group import Group


class Averaging:
    """Adds up the gradients of parameters over all workers.

    First the workers tell each other which parameters have a gradient, so that none waits for one that another lacks:
    a parameter may be frozen, or not used by a worker's rows. Then they add up the others, bucket by bucket.
    """

    def __init__(self, parameters: Sequence[Tensor], buckets: Sequence[Bucket], group: Group) -> None:
        self.parameters, self.buckets, self.group = parameters, buckets, group
        self.told = group.exchange(group.size * (len(parameters) + 1), np.float64)

    def mean(self) -> None:
        """Set each gradient to the mean over the workers, weighted by their rows: Σ rows · gradient / Σ rows."""
        rows, having = self._tell(self.group.rows)
        self._add_up(having, self.group.rows / sum(rows))

    def sum(self) -> None:
        """Set each gradient to its sum over the workers."""
        _, having = self._tell(1)
        self._add_up(having, 1.0)

    def _tell(self, rows: float) -> tuple[list[float], set[Tensor]]:
        """The rows of each worker, and the parameters that have a gradient in any of them."""
        width = 1 + len(self.parameters)
        bounds = [width * i for i in range(self.group.size + 1)]
        start = bounds[self.group.rank]
        self.told.open("backward")[start : start + width] = [rows, *(p.grad is not None for p in self.parameters)]
        collected = self.told.collect(bounds, "backward")
        told = np.array([row[bounds[i] : bounds[i + 1]] for i, row in enumerate(collected)])  # (workers, width)
        have = told[:, 1:].sum(axis=0)
        return told[:, 0].tolist(), {p for p, count in zip(self.parameters, have, strict=True) if count}

    def _add_up(self, having: set[Tensor], factor: float) -> None:
        """Set the gradients of some parameters to the sum over the workers, each multiplied by its factor."""
        for bucket in self.buckets:
            places, bounds = bucket.places(having)
            if not places:
                continue
            mine = bucket.exchange.open("backward")
            for p, _, columns in places:
                _write(p, factor, mine[columns].reshape(p.shape))
            total = bucket.exchange.sum(bounds[-1], "backward")
            for p, _, columns in places:
                _read(p, total[columns].reshape(p.shape))


def _write(p: Tensor, factor: float, into: Array) -> None:
    """Write a parameter's gradient times a factor into host memory."""
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
    """Set a parameter's gradient to what host memory holds."""
    if p.grad is None:
        p.grad = Tensor(total, device=p.device)
    else:
        p.grad.inplace()[...] = move(total, p.device)

"""Buckets: parameters of one dtype in one flat array, in which the workers exchange gradients and new values."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from tinygrad_lecture import Tensor

from .group import Group


class Place(NamedTuple):
    """Where a parameter stands in a flat array, and the rank of the worker that updates it."""

    parameter: Tensor
    owner: int
    columns: slice


class Bucket:
    """Parameters of one dtype, in the order of their owners: worker i updates those of owner i.

    The largest go first, each to the worker that has the fewest numbers so far, so all have about as many.
    """

    def __init__(self, parameters: Iterable[Tensor], group: Group) -> None:
        shares: list[list[Tensor]] = [[] for _ in range(group.size)]
        loads = [0] * group.size
        for p in sorted(parameters, key=lambda p: -p.numel()):
            owner = loads.index(min(loads))
            shares[owner].append(p)
            loads[owner] += p.numel()
        self.shares = shares
        self.exchange = group.exchange(sum(loads), shares[0][0].dtype)

    def places(self, chosen: Collection[Tensor]) -> tuple[list[Place], list[int]]:
        """The places of some of the parameters, packed, and the bounds of the workers' parts."""
        places, bounds, end = [], [0], 0
        for owner, share in enumerate(self.shares):
            for p in share:
                if p in chosen:
                    places.append(Place(p, owner, slice(end, end + p.numel())))
                    end += p.numel()
            bounds.append(end)
        return places, bounds


def in_buckets(parameters: Iterable[Tensor], group: Group) -> list[Bucket]:
    """Buckets for all parameters, one for each dtype."""
    by_dtype: dict[str, list[Tensor]] = {}
    for p in parameters:
        by_dtype.setdefault(p.dtype.name, []).append(p)
    return [Bucket(some, group) for some in by_dtype.values()]

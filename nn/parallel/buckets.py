"""Buckets: parameters of one dtype in one flat array, in which the workers exchange gradients and new values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

    The largest go first, each to the worker that has the fewest numbers so far, so all have about as many. loads: how
    many numbers each worker has from other buckets, of frozen parameters and of those that are trained; this bucket's
    are added.
    """

    def __init__(self, parameters: Sequence[Tensor], group: Group, loads: Mapping[bool, list[int]]) -> None:
        self.shares: list[list[Tensor]] = [[] for _ in range(group.size)]
        for p in sorted(parameters, key=lambda p: -p.numel()):
            alike = loads[p.requires_grad]
            owner = alike.index(min(alike))
            self.shares[owner].append(p)
            alike[owner] += p.numel()
        self.parameters = dict.fromkeys(p for share in self.shares for p in share)
        self.exchange = group.exchange(sum(p.numel() for p in parameters), parameters[0].dtype)

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


def in_buckets(parameters: Sequence[Tensor], group: Group) -> list[Bucket]:
    """Buckets for all parameters, from the last one to the first; each bucket for one dtype, and of up to
    `group.bucket_bytes` if the group has a limit, but for a single larger parameter."""
    open_: dict[str, list[Tensor]] = {}
    filled: list[list[Tensor]] = []
    for p in reversed(parameters):
        bucket = open_.setdefault(p.dtype.name, [])
        if bucket and group.bucket_bytes and sum(q.nbytes for q in bucket) + p.nbytes > group.bucket_bytes:
            filled.append(bucket)
            bucket = open_[p.dtype.name] = []
        bucket.append(p)
    loads = {trained: [0] * group.size for trained in (False, True)}
    return [Bucket(some, group, loads) for some in [*filled, *open_.values()]]

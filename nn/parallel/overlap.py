"""Overlap: between machines, gradients are on their way while `backward` still computes others.

The last layers' gradients are complete first. So buckets are filled from the last parameter to the first, and the sum
of each starts as soon as all its gradients have arrived (Li et al., arXiv:2006.15704). MPI goes on with it
in the background.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_lecture import Tensor
from tinygrad_lecture.autograd.versions import tick, written_since

from .averaging import Averaging, read, write
from .buckets import Bucket
from .group import Group


class OverlappedAveraging(Averaging):
    """Averaging whose sums start during `backward`, in the same order in all workers.

    A gradient that changes after it was sent, as when a parameter is used in two recomputed blocks, is found at the
    end, and its bucket is added up again.
    """

    def __init__(self, parameters: Sequence[Tensor], buckets: Sequence[Bucket], group: Group) -> None:
        super().__init__(parameters, buckets, group)
        self._number = {p: i for i, bucket in enumerate(buckets) for p in bucket.parameters}
        self._hooks = [p.register_post_accumulate_grad_hook(self._arrived) for p in parameters if p.requires_grad]
        self._begin()

    def _begin(self) -> None:
        self._sent: list[tuple[int, list[Tensor | None]]] = []  # of each bucket sent: when, and its gradients
        self._missing = [{p for p in bucket.parameters if p.requires_grad} for bucket in self.buckets]

    def _arrived(self, p: Tensor) -> None:
        """Called when a pass has added to p.grad: send the buckets that are complete."""
        self._missing[self._number[p]].discard(p)
        while self.factor is not None and len(self._sent) < len(self.buckets) and not self._missing[len(self._sent)]:
            self._send(self.factor())

    def _send(self, factor: float) -> None:
        """Start the sum of the next bucket."""
        bucket = self.buckets[len(self._sent)]
        places, bounds = bucket.places(bucket.parameters)
        write(places, factor, bucket.exchange.open("backward"))
        bucket.exchange.start(bounds[-1])
        self._sent.append((tick(), [p.grad for p in bucket.parameters]))

    def add_up(self, factor: float) -> None:
        while len(self._sent) < len(self.buckets):
            self._send(factor)
        changed = [_changed(bucket, *sent) for bucket, sent in zip(self.buckets, self._sent, strict=True)]
        self.group.meet("backward")  # MPI would wait for ever for a worker that is elsewhere
        totals = [bucket.exchange.wait() for bucket in self.buckets]
        having, changed = self.tell(changed)
        for bucket, total, again in zip(self.buckets, totals, changed, strict=True):
            places, bounds = bucket.places(bucket.parameters)
            if again:
                write(places, factor, bucket.exchange.open("backward"))
                total = bucket.exchange.sum(bounds[-1], "backward")
            read([place for place in places if place.parameter in having], total)
        self._begin()

    def close(self) -> None:
        for hook in self._hooks:
            hook.remove()
        super().close()


def _changed(bucket: Bucket, age: int, gradients: list[Tensor | None]) -> bool:
    """Whether one of the bucket's gradients is no longer what it was at that time."""
    now = [p.grad for p in bucket.parameters]
    return any(
        a is not b or (a is not None and written_since(a.array, age)) for a, b in zip(now, gradients, strict=True)
    )

"""Sharding: each worker updates its share of the parameters, and the others take over the new values.

So an optimiser's work and its state are split, as in the first stage of ZeRO (Rajbhandari et al., arXiv:1910.02054).
One worker updates the whole of a parameter, so this fits every optimiser that looks at one parameter at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tinygrad_lecture import Tensor, enable_grad
from tinygrad_lecture.backend import move, to_host

from ..optim import Optimizer
from .buckets import Bucket
from .group import Group


class Sharding:
    """Stands in for the methods `step`, `state_dict` and `load_state_dict` of an optimiser, until `restore`.

    All workers must call them together.
    """

    def __init__(self, optimizer: Optimizer, buckets: Sequence[Bucket], group: Group) -> None:
        self.optimizer, self.buckets, self.group = optimizer, buckets, group
        self.own = {p for bucket in buckets for p in bucket.shares[group.rank]}
        self.others = {p for bucket in buckets for share in bucket.shares for p in share} - self.own
        self._step, self._state_dict = optimizer.step, optimizer.state_dict
        self._load_state_dict = optimizer.load_state_dict
        for method in (self.step, self.state_dict, self.load_state_dict):
            setattr(optimizer, method.__name__, method)
        self._forget_others()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update this worker's parameters, and take over those of the others. Returns what a closure returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        gradients = {p: p.grad for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None}
        if unknown := gradients.keys() - self.own - self.others:
            raise RuntimeError(
                f"step: the optimizer got {len(unknown)} parameters after nn.parallel.distribute: add the parameter "
                "group before it"
            )
        hidden = gradients.keys() & self.others
        for p in hidden:
            p.grad = None  # so the optimiser leaves it alone
        if self.own & gradients.keys() or not gradients:
            self._step()
        self.optimizer.stepped = True  # for the schedule, where this worker has none to update
        for p in hidden:
            p.grad = gradients[p]
        for bucket in self.buckets:
            self._exchange(bucket, gradients)
        return loss

    def _exchange(self, bucket: Bucket, updated: Collection[Tensor]) -> None:
        """Give the values of this worker's updated parameters to the others, and take over theirs."""
        places, bounds = bucket.places(updated)
        if not places:
            return
        mine = bucket.exchange.open("step")
        for p, owner, columns in places:
            if owner == self.group.rank:
                mine[columns].reshape(p.shape)[...] = to_host(p.array)
        rows = bucket.exchange.collect(bounds, "step")
        for p, owner, columns in places:
            if owner != self.group.rank:
                p.inplace()[...] = move(rows[owner][columns].reshape(p.shape), p.device)

    def state_dict(self) -> dict[str, Any]:
        """The state of all parameters, gathered from all workers, as one worker alone has it."""
        return self._gather("optimizer.state_dict")

    def _gather(self, call: str) -> dict[str, Any]:
        own = self._state_dict()
        parts = self.group.gather(own["state"], call)
        state = {number: held for part in parts for number, held in part.items()}
        return {**own, "state": dict(sorted(state.items()))}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Load the state of all parameters, and keep that of this worker's."""
        self._load_state_dict(state_dict)
        self._forget_others()

    def _forget_others(self) -> None:
        for p in self.others:
            self.optimizer.state.pop(p, None)

    def restore(self, gather: bool = True) -> None:
        """Give the optimiser its own methods back and, with `gather`, the state of all parameters."""
        whole = self._gather("distribute, at its end") if gather else None
        for method in (self.step, self.state_dict, self.load_state_dict):
            delattr(self.optimizer, method.__name__)
        if whole is not None:
            self.optimizer.load_state_dict(whole)

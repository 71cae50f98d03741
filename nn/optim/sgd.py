"""SGD: stochastic gradient descent, one step downhill per mini-batch; with momentum, like a ball that rolls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinygrad_lecture.backend import Array

from .optimizer import Number, Optimizer, Update
from .settings import Group, not_negative


class SGD(Optimizer):
    """Stochastic gradient descent, p ← p - lr · d, with the direction d from the gradient g:

        d = g + weight_decay · p
        v ← momentum · v + (1 - dampening) · d          with momentum; the first v is d
        d = v,  or  d + momentum · v  with nesterov

    These are PyTorch's formulas (Sutskever et al., ICML 2013, but with lr outside v). Raises ValueError for negative
    settings, and for nesterov without momentum or with dampening.

    `Optimizer` makes the settings below arguments of SGD(params, ...). Its `step` calls the `update` of `rule` for each
    parameter, with the decayed gradient and the arrays that `memory` names.
    """

    lr: float = 1e-3
    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False

    limits = Optimizer.limits | {"momentum": not_negative}

    def complaints(self, group: Group) -> Iterator[str]:
        yield from super().complaints(group)
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            yield "nesterov needs momentum above 0 and dampening 0"

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        lr, momentum, nesterov = number(group["lr"]), number(group["momentum"]), group["nesterov"]
        new_part = number(1 if t == 1 else 1 - group["dampening"])

        def update(p: Array, d: Array, v: Array | None = None) -> None:  # d has the weight decay already
            if v is not None:
                v *= momentum
                v += new_part * d
                d = d + momentum * v if nesterov else v
            p -= lr * d

        return update

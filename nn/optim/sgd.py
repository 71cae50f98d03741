"""SGD: gradient descent, a step downhill after each mini-batch; with momentum, a ball that rolls downhill."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, xp

from .optimizer import Optimizer, blocks


class SGD(Optimizer):
    """p ← p - lr · d, where the direction d is

        d = g + weight_decay · p                        the gradient, pulled towards 0
        v ← momentum · v + (1 - dampening) · d          with momentum; the first v is d
        d = v,  or  d + momentum · v  with nesterov

    as PyTorch has it (Sutskever et al., ICML 2013, with lr outside of v).
    Raises ValueError for negative settings, and for nesterov without momentum or with dampening.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        if not group["momentum"] >= 0:
            raise ValueError(f"SGD: momentum must not be negative, but is {group['momentum']}")
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError("SGD: nesterov needs momentum above 0 and dampening 0")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": None}

    def update(self, param: Array, grad: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        lib = xp(param)
        lr, decay, momentum, nesterov = group["lr"], group["weight_decay"], group["momentum"], group["nesterov"]
        new_part = 1 - group["dampening"]
        velocity = grad  # in its place where there is no momentum
        if momentum:
            velocity = state["momentum_buffer"]
            if velocity is None:
                velocity = state["momentum_buffer"] = lib.zeros_like(param)
                new_part = 1
        for p, g, v, scratch in blocks(param, grad, velocity):
            d = g
            if decay:
                d = lib.multiply(p, decay, out=scratch)
                d += g
            if momentum:
                v *= momentum
                v += d if new_part == 1 else lib.multiply(d, new_part, out=scratch)
                if not nesterov:
                    d = v
            p -= lib.multiply(d, lr, out=scratch)
            if nesterov:
                p -= lib.multiply(v, lr * momentum, out=scratch)

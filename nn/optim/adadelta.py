"""Adadelta: steps as long as recent steps were, per parameter, so that they need no learning rate of a certain size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinygrad_lecture.backend import Array

from .optimizer import Number, Optimizer, Params, Update
from .settings import Group


class Adadelta(Optimizer):
    """Adadelta, with running means v of the squared gradient g and u of the squared steps d:

        g = g + weight_decay · p
        v ← rho · v + (1 - rho) · g²
        d = sqrt(u + eps) / sqrt(v + eps) · g
        u ← rho · u + (1 - rho) · d²
        p ← p - lr · d

    (Zeiler, arXiv:1212.5701.) With maximize=True it uses -g and climbs. Raises ValueError for negative settings, or rho
    outside [0, 1].
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize})

    def complaints(self, group: Group) -> Iterator[str]:
        yield from super().complaints(group)
        if not 0 <= group["rho"] <= 1:
            yield f"rho must be in [0, 1], not {group['rho']}"

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        lr, eps, decay = number(group["lr"]), number(group["eps"]), number(group["weight_decay"])
        old, new, maximize = number(group["rho"]), number(1 - group["rho"]), group["maximize"]

        def update(p: Array, g: Array, v: Array, u: Array) -> None:
            if maximize:
                g = -g
            if decay:
                g = g + decay * p
            v *= old
            v += new * (g * g)
            d = (u + eps) ** 0.5 / (v + eps) ** 0.5 * g
            u *= old
            u += new * (d * d)
            p -= lr * d

        return update

"""Adamax: Adam with the largest recent gradient in place of the root of a mean square."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinygrad_lecture.backend import Array, xp

from .optimizer import Number, Optimizer, Params, Update
from .settings import Group
from .settings import betas as about_betas


class Adamax(Optimizer):
    """Adamax, with a running mean m of the gradient g and its largest size u, which fades; at step t:

        g = g + weight_decay · p
        m ← β1 · m + (1 - β1) · g
        u ← max(β2 · u, |g| + eps)
        p ← p - lr / (1 - β1^t) · m / u

    (Kingma & Ba, arXiv:1412.6980, section 7.) With maximize=True it uses -g and climbs. Raises ValueError for negative
    settings, or betas outside [0, 1).
    """

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings)

    def complaints(self, group: Group) -> Iterator[str]:
        yield from super().complaints(group)
        yield from about_betas(group)

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        beta1, beta2 = group["betas"]
        step, eps, decay = number(group["lr"] / (1 - beta1**t)), number(group["eps"]), number(group["weight_decay"])
        new_m, old_u, maximize = number(1 - beta1), number(beta2), group["maximize"]

        def update(p: Array, g: Array, m: Array, u: Array) -> None:
            if maximize:
                g = -g
            if decay:
                g = g + decay * p
            m += new_m * (g - m)
            u *= old_u
            xp(u).maximum(u, abs(g) + eps, out=u)
            p -= step * (m / u)

        return update

"""RAdam: Adam that begins without its scaling, until enough gradients were seen to trust it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinygrad_lecture.backend import Array

from .optimizer import Number, Optimizer, Params, Update
from .settings import Group
from .settings import betas as about_betas


class RAdam(Optimizer):
    """Rectified Adam, with Adam's means m̂ and v; ρ_t is the number of gradients in v that count, at step t:

        ρ_∞ = 2 / (1 - β2) - 1,    ρ_t = ρ_∞ - 2 t · β2^t / (1 - β2^t)
        p ← p - lr · m̂ · r_t · sqrt(1 - β2^t) / (sqrt(v) + eps)        if ρ_t > 5
        p ← p - lr · m̂                                                 else
        r_t = sqrt((ρ_t - 4) (ρ_t - 2) ρ_∞ / ((ρ_∞ - 4) (ρ_∞ - 2) ρ_t))

    (Liu et al., arXiv:1908.03265.) Weight decay is part of the gradient or, with decoupled_weight_decay=True, AdamW's.
    With maximize=True it climbs. Raises ValueError for negative settings, or betas outside [0, 1).
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def complaints(self, group: Group) -> Iterator[str]:
        yield from super().complaints(group)
        yield from about_betas(group)

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
        step, scaled = lr / (1 - beta1**t), False
        most = 2 / (1 - beta2) - 1
        seen = most - 2 * t * beta2**t / (1 - beta2**t)
        if seen > 5:
            scaled = True
            step *= ((seen - 4) * (seen - 2) * most / ((most - 4) * (most - 2) * seen)) ** 0.5
            step *= (1 - beta2**t) ** 0.5
        step, eps = number(step), number(group["eps"])
        new_m, old_v, new_v = number(1 - beta1), number(beta2), number(1 - beta2)
        pull, keep = number(decay), number(1 - lr * decay)
        decoupled, maximize = group["decoupled_weight_decay"], group["maximize"]

        def update(p: Array, g: Array, m: Array, v: Array) -> None:
            if maximize:
                g = -g
            if decay and decoupled:
                p *= keep
            elif decay:
                g = g + pull * p
            m += new_m * (g - m)
            v *= old_v
            v += new_v * (g * g)
            p -= step * (m / (v**0.5 + eps) if scaled else m)

        return update

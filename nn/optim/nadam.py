"""NAdam: Adam that looks ahead, with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinygrad_lecture.backend import Array

from .optimizer import Number, Optimizer, Params, Update
from .settings import Group, not_negative
from .settings import betas as about_betas


class NAdam(Optimizer):
    """NAdam, Adam whose step goes on in the direction of the new mean; at step t:

        g = g + weight_decay · p
        m ← β1 · m + (1 - β1) · g
        v ← β2 · v + (1 - β2) · g²,    v̂ = v / (1 - β2^t)
        μ_t = β1 · (1 - 0.96^(t · momentum_decay) / 2)
        d = (1 - μ_t) / (1 - μ_1 ... μ_t) · g + μ_{t+1} / (1 - μ_1 ... μ_{t+1}) · m
        p ← p - lr · d / (sqrt(v̂) + eps)

    (Dozat, Incorporating Nesterov momentum into Adam, 2016.) With decoupled_weight_decay=True weight decay is AdamW's,
    p ← p - lr · weight_decay · p. With maximize=True it uses -g and climbs. Raises ValueError for negative settings, or
    betas outside [0, 1).
    """

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def complaints(self, group: Group) -> Iterator[str]:
        yield from super().complaints(group)
        yield from about_betas(group)
        yield from not_negative(group, "momentum_decay")

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def numbers(self, group: Group) -> Mapping[str, float]:
        return {"mu_product": 1.0}

    def next_numbers(self, group: Group, t: int) -> Mapping[str, float]:
        return {"mu_product": group["mu_product"] * _mu(group, t)}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
        mu, next_mu = _mu(group, t), _mu(group, t + 1)
        product = group["mu_product"] * mu
        of_g, of_m = number(lr * (1 - mu) / (1 - product)), number(lr * next_mu / (1 - product * next_mu))
        correction, eps = number(1 - beta2**t), number(group["eps"])
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
            p -= (of_g * g + of_m * m) / ((v / correction) ** 0.5 + eps)

        return update


def _mu(group: Group, t: int) -> float:
    """The part of the mean in the t-th step, which grows to beta1."""
    return float(group["betas"][0] * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])))

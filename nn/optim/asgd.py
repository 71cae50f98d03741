"""ASGD: stochastic gradient descent with steps that shrink, which also keeps the mean of all weights on its way."""

from __future__ import annotations

from collections.abc import Mapping

from tinygrad_lecture.backend import Array

from .optimizer import Number, Optimizer, Params, Update
from .settings import Group


class ASGD(Optimizer):
    """Averaged stochastic gradient descent. The first η is lr, the first μ 1; at step t:

        g = g + weight_decay · p
        p ← (1 - lambd · η) · p - η · g
        ax ← ax + μ · (p - ax)                          the mean, from step t0 on; before that p itself
        η ← lr / (1 + lambd · lr · t)^alpha,    μ ← 1 / max(1, t - t0)

    (Polyak & Juditsky, SIAM J. Control Optim. 30, 1992.) The mean is in `state[p]["ax"]`; assign it to the parameters
    at the end. With maximize=True it uses -g and climbs. Raises ValueError for negative settings.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"ax": 0.0}

    def numbers(self, group: Group) -> Mapping[str, float]:
        return {"eta": float(group["lr"]), "mu": 1.0}

    def next_numbers(self, group: Group, t: int) -> Mapping[str, float]:
        eta = group["lr"] / (1 + group["lambd"] * group["lr"] * t) ** group["alpha"]
        return {"eta": float(eta), "mu": 1 / max(1, t - group["t0"])}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        eta, mu, decay = number(group["eta"]), number(group["mu"]), number(group["weight_decay"])
        keep, maximize, averages = number(1 - group["lambd"] * group["eta"]), group["maximize"], group["mu"] != 1

        def update(p: Array, g: Array, ax: Array) -> None:
            if maximize:
                g = -g
            if decay:
                g = g + decay * p
            p *= keep
            p -= eta * g
            if averages:
                ax += mu * (p - ax)
            else:
                ax[...] = p

        return update

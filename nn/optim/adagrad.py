"""Adagrad: smaller steps for parameters with large past gradients, larger ones for rarely updated parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinygrad_lecture.backend import Array

from .optimizer import Number, Optimizer, Params, Update
from .settings import Group, not_negative


class Adagrad(Optimizer):
    """Adagrad, which divides the gradient g by the root of the sum of its squares; at step t:

        g = g + weight_decay · p
        s ← s + g²                                      starting from initial_accumulator_value
        p ← p - lr / (1 + (t - 1) · lr_decay) · g / (sqrt(s) + eps)

    (Duchi, Hazan & Singer, JMLR 12, 2011.) With maximize=True it uses -g and climbs. Raises ValueError for negative
    settings.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def complaints(self, group: Group) -> Iterator[str]:
        yield from super().complaints(group)
        yield from not_negative(group, "lr_decay", "initial_accumulator_value")

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        step = number(group["lr"] / (1 + (t - 1) * group["lr_decay"]))
        eps, decay, maximize = number(group["eps"]), number(group["weight_decay"]), group["maximize"]

        def update(p: Array, g: Array, s: Array) -> None:
            if maximize:
                g = -g
            if decay:
                g = g + decay * p
            s += g * g
            p -= step * (g / (s**0.5 + eps))

        return update

"""Rprop: steps from the signs of gradients, longer while a sign stays and shorter when it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinygrad_lecture.backend import Array, xp

from .optimizer import Number, Optimizer, Params, Update
from .settings import Group


class Rprop(Optimizer):
    """Resilient backpropagation, with a step size s per element, lr at first, and the gradient g' of the step before:

        s ← s · η+  if g g' > 0,    s · η-  if g g' < 0,    within step_sizes
        g ← 0                       if g g' < 0
        p ← p - s · sign(g)

    (Riedmiller & Braun, ICNN 1993.) `etas` are (η-, η+). It needs gradients of all data, not of mini-batches. With
    maximize=True it uses -g and climbs. Raises ValueError for a negative lr, or unless 0 < η- < 1 < η+.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize})

    def complaints(self, group: Group) -> Iterator[str]:
        yield from super().complaints(group)
        shorter, longer = group["etas"]
        if not 0 < shorter < 1 < longer:
            yield f"etas must be two numbers, one between 0 and 1 and one above 1, not {group['etas']}"

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"prev": 0.0, "step_size": float(group["lr"])}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        (shorter, longer), (least, most) = map(number, group["etas"]), group["step_sizes"]
        one, maximize = number(1), group["maximize"]

        def update(p: Array, g: Array, before: Array, size: Array) -> None:
            lib = xp(p)
            if maximize:
                g = -g
            agrees = g * before
            size *= lib.where(agrees > 0, longer, lib.where(agrees < 0, shorter, one))
            lib.clip(size, least, most, out=size)
            before[...] = lib.where(agrees < 0, 0, g)
            p -= lib.sign(before) * size

        return update

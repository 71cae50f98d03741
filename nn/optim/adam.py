"""Adam and AdamW: steps of about one length for every parameter, whatever the size of its gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tinygrad_lecture.autograd.modes import modes
from tinygrad_lecture.backend import Array, xp
from tinygrad_lecture.errors.users_line import warn
from tinygrad_lecture.kernels.compiled import compiles

from .optimizer import Number, Optimizer, Params, Update
from .settings import Group
from .settings import betas as about_betas


class Adam(Optimizer):
    """Adam, with running means m of the gradient g and v of its square; at step t:

        g = g + weight_decay · p
        m ← β1 · m + (1 - β1) · g,     m̂ = m / (1 - β1^t)
        v ← β2 · v + (1 - β2) · g²,    v̂ = v / (1 - β2^t)
        p ← p - lr · m̂ / (sqrt(v̂) + eps)

    (Kingma & Ba, arXiv:1412.6980.) Both means start at 0; m̂ and v̂ correct that bias. Weight decay is part of g here
    and so rescaled with it; AdamW keeps it apart.

    With amsgrad=True the denominator has the largest v so far, corrected for step t as in PyTorch, so that steps do
    not grow again (Reddi et al., ICLR 2018). With maximize=True it uses -g and climbs.
    Raises ValueError for negative settings, or betas outside [0, 1).
    """

    decoupled = False  # whether weight decay acts on the parameter directly, not through g

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
        }
        super().__init__(params, defaults)
        if betas[0] ** 2 > betas[1] ** 0.5:  # the condition of the paper's theorem 4.1
            warn(f"{self._name}: betas {betas} do not meet beta1² < sqrt(beta2), so it may diverge; are they swapped?")

    def complaints(self, group: Group) -> Iterator[str]:
        yield from super().complaints(group)
        yield from about_betas(group)

    def memory(self, group: Group) -> Mapping[str, float]:
        means = {"exp_avg": 0.0, "exp_avg_sq": 0.0}
        return {**means, "max_exp_avg_sq": 0.0} if group["amsgrad"] else means

    def rule(self, group: Group, t: int, number: Number) -> Update:
        lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
        # With c = sqrt(1 - β2^t) the step is lr c / (1 - β1^t) · m / (sqrt(v) + eps c): two numbers correct the bias.
        c = (1 - beta2**t) ** 0.5
        step, eps = number(lr * c / (1 - beta1**t)), number(group["eps"] * c)
        new_m, old_v, new_v = number(1 - beta1), number(beta2), number(1 - beta2)
        pull, keep = number(decay), number(1 - lr * decay)  # for Adam, for AdamW
        decoupled, maximize = self.decoupled, group["maximize"]

        def update(p: Array, g: Array, m: Array, v: Array, largest: Array | None = None) -> None:
            if maximize:
                g = -g
            if decay and decoupled:
                p *= keep
            elif decay:
                g = g + pull * p
            m += new_m * (g - m)
            v *= old_v
            v += new_v * (g * g)
            if largest is not None:
                v = xp(v).maximum(largest, v, out=largest)
            p -= step * (m / (v**0.5 + eps))

        if group["amsgrad"] or modes.reference:
            return update
        decays = (0, keep) if decoupled else (pull, 1)
        return _compiled(update, step, eps, new_m, old_v, new_v, -1 if maximize else 1, *decays)


def _compiled(update: Update, *numbers: Any) -> Update:
    """The same update, for large arrays by a loop that Numba compiles, where it is installed."""

    def compiled(p: Array, g: Array, m: Array, v: Array) -> None:
        if not compiles(p, g, m, v) or not p.size == g.size == m.size == v.size:
            return update(p, g, m, v)
        from tinygrad_lecture.kernels.compiled import loops

        flat = p.reshape(-1), g.reshape(-1), m.reshape(-1), v.reshape(-1)
        return loops.adam(*flat, tuple(map(np.float32, numbers)))

    return compiled


class AdamW(Adam):
    """Adam with decoupled weight decay: p ← p - lr · weight_decay · p before each step, and g without it.

    (Loshchilov & Hutter, arXiv:1711.05101.)
    """

    decoupled = True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

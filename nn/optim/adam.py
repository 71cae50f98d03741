"""Adam and AdamW: steps of about one length for every parameter, whatever the size of its gradients."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinygrad_lecture.autograd.modes import modes
from tinygrad_lecture.backend import Array, xp
from tinygrad_lecture.kernels.compiled import compiles, run_rows

from .optimizer import Number, Optimizer, Update
from .settings import Group, two_below_1


class WithBetas(Optimizer):
    """Base of Adam and its relatives, which keep running means m of the gradient g and v of its square, or the like."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0

    limits = Optimizer.limits | {"betas": two_below_1}
    zeros = ("exp_avg", "exp_avg_sq")


class Adam(WithBetas):
    """Adam, with running means m of the gradient g and v of its square; at step t:

        g = g + weight_decay · p
        m ← β1 · m + (1 - β1) · g,     m̂ = m / (1 - β1^t)
        v ← β2 · v + (1 - β2) · g²,    v̂ = v / (1 - β2^t)
        p ← p - lr · m̂ / (sqrt(v̂) + eps)

    (Kingma & Ba, arXiv:1412.6980.) Both means start at 0; m̂ and v̂ correct that bias. Weight decay is part of g here
    and so rescaled with it; AdamW keeps it apart.

    With amsgrad=True the denominator has the largest v so far, corrected for step t as in PyTorch, so that steps do
    not grow again (Reddi et al., ICLR 2018).
    Raises ValueError for negative settings, or betas outside [0, 1).
    """

    amsgrad: bool = False

    def memory(self, group: Group) -> Mapping[str, float]:
        return dict.fromkeys((*self.zeros, *(["max_exp_avg_sq"] if group["amsgrad"] else [])), 0.0)

    def rule(self, group: Group, t: int, number: Number) -> Update:
        step, eps, new_m, old_v, new_v = map(number, _coefficients(group, t))

        def update(p: Array, g: Array, m: Array, v: Array, largest: Array | None = None) -> None:
            m += new_m * (g - m)
            v *= old_v
            v += new_v * (g * g)
            if largest is not None:
                v = xp(v).maximum(largest, v, out=largest)
            p -= step * (m / (v**0.5 + eps))

        return update

    def whole_rule(self, group: Group, t: int, number: Number) -> Update:
        """The same, for large arrays by a loop that Numba compiles, where it is installed."""
        update, lr, decay = super().whole_rule(group, t, number), group["lr"], group["weight_decay"]
        if group["amsgrad"] or modes.reference:
            return update
        decays = (0, 1 - lr * decay) if self.decoupled else (decay, 1)
        numbers = np.array([*_coefficients(group, t), -1 if group["maximize"] else 1, *decays], np.float32)

        def compiled(p: Array, g: Array, m: Array, v: Array) -> None:
            if not compiles(p, g, m, v) or not p.size == g.size == m.size == v.size:
                return update(p, g, m, v)
            from tinygrad_lecture.kernels.compiled import loops

            return run_rows(loops.adam, p.reshape(-1), g.reshape(-1), m.reshape(-1), v.reshape(-1), numbers)

        return compiled


def _coefficients(group: Group, t: int) -> tuple[float, ...]:
    """With c = sqrt(1 - β2^t) the step is lr c / (1 - β1^t) · m / (sqrt(v) + eps c): two numbers correct the bias."""
    beta1, beta2 = group["betas"]
    c = (1 - beta2**t) ** 0.5
    return group["lr"] * c / (1 - beta1**t), group["eps"] * c, 1 - beta1, beta2, 1 - beta2


class AdamW(Adam):
    """Adam with decoupled weight decay: p ← p - lr · weight_decay · p before each step, and g without it.

    (Loshchilov & Hutter, arXiv:1711.05101.)
    """

    weight_decay: float = 1e-2
    decoupled = True

"""Adam and AdamW: each parameter gets a step of about the same length, however large its gradients are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, xp

from .optimizer import Optimizer, blocks


class Adam(Optimizer):
    """p ← p - lr · m̂ / (sqrt(v̂) + eps), with running means of the gradient and its square:

        m ← β1 · m + (1 - β1) · g,     m̂ = m / (1 - β1^t)
        v ← β2 · v + (1 - β2) · g²,    v̂ = v / (1 - β2^t)

    at step t (Kingma & Ba, arXiv:1412.6980). Both means start at 0, which the hats make up for.
    weight_decay adds weight_decay · p to g, and so is scaled away with it; AdamW repairs that.
    Raises ValueError for negative settings, and betas outside of [0, 1).
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        beta1, beta2 = group["betas"]
        if not (0 <= beta1 < 1 and 0 <= beta2 < 1):
            raise ValueError(f"{self._name}: betas must be two numbers from 0 to below 1, not {group['betas']}")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        lib = xp(p)
        return {"step": 0, "exp_avg": lib.zeros_like(p), "exp_avg_sq": lib.zeros_like(p)}

    def update(self, param: Array, grad: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        lib = xp(param)
        lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
        t = state["step"] = state["step"] + 1
        # With c = sqrt(1 - β2^t) the step is lr c / (1 - β1^t) · m / (sqrt(v) + eps c): two passes fewer.
        c = (1 - beta2**t) ** 0.5
        step_size, eps = lr * c / (1 - beta1**t), group["eps"] * c
        for p, g, m, v, scratch in blocks(param, grad, state["exp_avg"], state["exp_avg_sq"]):
            if decay:
                g = self.decay(p, g, lr, decay)
            m *= beta1
            m += lib.multiply(g, 1 - beta1, out=scratch)
            lib.multiply(g, g, out=scratch)
            scratch *= 1 - beta2
            v *= beta2
            v += scratch
            lib.sqrt(v, out=scratch)
            scratch += eps
            lib.divide(m, scratch, out=scratch)
            scratch *= step_size
            p -= scratch

    def decay(self, p: Array, g: Array, lr: float, decay: float) -> Array:
        """The gradient with the penalty's in it: that of weight_decay/2 · |p|²."""
        return g + decay * p


class AdamW(Adam):
    """Adam whose weight decay goes straight to the parameter, p ← p - lr · weight_decay · p, before each step
    (Loshchilov & Hutter, arXiv:1711.05101)."""

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def decay(self, p: Array, g: Array, lr: float, decay: float) -> Array:
        p *= 1 - lr * decay
        return g

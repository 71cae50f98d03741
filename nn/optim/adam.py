"""Adam and AdamW: steps of about one length for every parameter, whatever the size of its gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from tinygrad_lecture.autograd.modes import modes
from tinygrad_lecture.backend import Array
from tinygrad_lecture.kernels.compiled import compiles, run_rows

from .optimizer import LIMITS, Group, Optimizer, Params, floats, in_pieces


class Adam(Optimizer, settings_in_groups=True):
    """Adam, with running means m of the gradient g and v of its square; at step t:

        g = g + weight_decay · p
        m ← β1 · m + (1 - β1) · g,     m̂ = m / (1 - β1^t)
        v ← β2 · v + (1 - β2) · g²,    v̂ = v / (1 - β2^t)
        p ← p - lr · m̂ / (sqrt(v̂) + eps)

    (Kingma & Ba, arXiv:1412.6980.) Both means start at 0; m̂ and v̂ correct that bias. Weight decay is part of g here
    and so rescaled with it; AdamW keeps it apart.

    Raises ValueError for negative settings, or betas outside [0, 1).
    """

    limits = LIMITS
    decoupled: ClassVar[bool] = False  # whether weight decay acts on the parameter directly, not through its gradient

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings)

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def update(self, group: Group) -> None:
        lr, eps, decay = floats(group, "lr", "eps", "weight_decay")
        beta1, beta2 = map(float, group["betas"])
        new_m, new_v, kept = 1 - beta1, 1 - beta2, 1 - lr * decay
        for t, arrays in self.trained(group):
            c = (1 - beta2**t) ** 0.5  # so the step is length · m / (sqrt(v) + small), with fewer passes
            length, small = lr * c / (1 - beta1**t), eps * c
            decays = (0, kept) if self.decoupled else (decay, 1)
            if _compiled(arrays, (length, small, new_m, beta2, new_v, *decays)):
                continue
            for p, g, m, v in in_pieces(arrays):
                if decay and self.decoupled:
                    p *= kept
                elif decay:
                    g = g + decay * p
                m += new_m * (g - m)
                v *= beta2
                v += new_v * (g * g)
                p -= length * (m / (v**0.5 + small))


def _compiled(arrays: Sequence[Array], numbers: Sequence[float]) -> bool:
    """The same update of a large parameter by a loop that Numba compiles. Whether it did: it is installed, and fits.

    It pays: an update of the 10 million parameters of a GPT takes 0.3 of the time.
    """
    p, g, m, v = arrays
    if modes.reference or not compiles(p, g, m, v) or not p.size == g.size == m.size == v.size:
        return False
    from tinygrad_lecture.kernels.compiled import loops

    run_rows(loops.adam, *[array.reshape(-1) for array in arrays], np.array(numbers, np.float32))
    return True


class AdamW(Adam, settings_in_groups=True):
    """Adam with decoupled weight decay: p ← p - lr · weight_decay · p before each step, and g without it.

    (Loshchilov & Hutter, arXiv:1711.05101.) Raises ValueError as Adam.
    """

    decoupled = True

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, maximize=maximize)

"""RMSprop: divides each gradient by the root of a running mean of its square."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinygrad_lecture.backend import Array, xp

from .optimizer import Number, Optimizer, Params, Update
from .settings import Group, not_negative


class RMSprop(Optimizer):
    """RMSprop, p ← p - lr · d, with the direction d from the gradient g:

        g = g + weight_decay · p
        v ← alpha · v + (1 - alpha) · g²                a running mean of the square
        d = g / (sqrt(v) + eps)
        u ← momentum · u + d,  d = u                    with momentum

    (Tieleman & Hinton, lecture 6e of Neural Networks for Machine Learning, 2012.) With centered=True, v is reduced by
    the square of a running mean of g, which makes it a variance (Graves, arXiv:1308.0850). With maximize=True it uses
    -g and climbs. Raises ValueError for negative settings, or alpha outside [0, 1).
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def complaints(self, group: Group) -> Iterator[str]:
        yield from super().complaints(group)
        yield from not_negative(group, "momentum")
        if not 0 <= group["alpha"] < 1:
            yield f"alpha must be in [0, 1), not {group['alpha']}"

    def memory(self, group: Group) -> Mapping[str, float]:
        names = ["square_avg"]
        names += ["grad_avg"] if group["centered"] else []
        names += ["momentum_buffer"] if group["momentum"] else []
        return dict.fromkeys(names, 0.0)

    def rule(self, group: Group, t: int, number: Number) -> Update:
        lr, eps, decay, momentum = (number(group[name]) for name in ("lr", "eps", "weight_decay", "momentum"))
        old, new = number(group["alpha"]), number(1 - group["alpha"])
        centered, maximize = group["centered"], group["maximize"]

        def update(p: Array, g: Array, v: Array, *more: Array) -> None:
            if maximize:
                g = -g
            if decay:
                g = g + decay * p
            v *= old
            v += new * (g * g)
            if centered:
                mean = more[0]
                mean += new * (g - mean)
                v = xp(v).maximum(v - mean * mean, 0)  # rounding must not make a variance negative
            d = g / (v**0.5 + eps)
            if momentum:
                u = more[-1]
                u *= momentum
                u += d
                d = u
            p -= lr * d

        return update

"""Optimisers that divide each element's gradient by the size of its past ones: Adagrad, RMSprop, Adadelta."""

from __future__ import annotations

from collections.abc import Mapping

from .optimizer import LIMITS, Group, Optimizer, Params, floats, from_0_below_1, from_0_to_1, not_negative


class Adagrad(Optimizer, settings_in_groups=True):
    """Adagrad, which divides the gradient g by the root of the sum of its squares; at step t:

        g = g + weight_decay · p
        s ← s + g²                                      starting from initial_accumulator_value
        p ← p - lr / (1 + (t - 1) · lr_decay) · g / (sqrt(s) + eps)

    (Duchi, Hazan & Singer, JMLR 12, 2011.) Raises ValueError for negative settings.
    """

    limits = LIMITS | dict.fromkeys(("lr_decay", "initial_accumulator_value"), not_negative)

    def __init__(
        self, params: Params, lr: float = 1e-2, lr_decay: float = 0.0, weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0, eps: float = 1e-10, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        settings = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps, "maximize": maximize}
        super().__init__(params, {**settings, "initial_accumulator_value": initial_accumulator_value})

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def update(self, group: Group) -> None:
        lr, lr_decay, eps = floats(group, "lr", "lr_decay", "eps")
        for t, p, g, s in self.pieces(group):
            s += g * g
            p -= lr / (1 + (t - 1) * lr_decay) * (g / (s**0.5 + eps))


class RMSprop(Optimizer, settings_in_groups=True):
    """RMSprop, p ← p - lr · d, with the direction d from the gradient g:

        g = g + weight_decay · p
        v ← alpha · v + (1 - alpha) · g²                a running mean of the square
        d = g / (sqrt(v) + eps)
        u ← momentum · u + d,  d = u                    with momentum

    (Tieleman & Hinton, lecture 6e of Neural Networks for Machine Learning, 2012.)
    Raises ValueError for negative settings, or alpha outside [0, 1).
    """

    limits = LIMITS | {"alpha": from_0_below_1}

    def __init__(
        self, params: Params, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0,
        momentum: float = 0.0, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        settings = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, {**settings, "maximize": maximize})

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"square_avg": 0.0, "momentum_buffer": 0.0} if group["momentum"] else {"square_avg": 0.0}

    def update(self, group: Group) -> None:
        lr, alpha, eps, momentum = floats(group, "lr", "alpha", "eps", "momentum")
        for _, p, g, v, *buffer in self.pieces(group):
            v *= alpha
            v += (1 - alpha) * (g * g)
            d = g / (v**0.5 + eps)
            if momentum:
                (u,) = buffer
                u *= momentum
                u += d
                d = u
            p -= lr * d


class Adadelta(Optimizer, settings_in_groups=True):
    """Adadelta, with running means v of the squared gradient g and u of the squared steps d:

        g = g + weight_decay · p
        v ← rho · v + (1 - rho) · g²
        d = sqrt(u + eps) / sqrt(v + eps) · g
        u ← rho · u + (1 - rho) · d²
        p ← p - lr · d

    (Zeiler, arXiv:1212.5701.) Raises ValueError for negative settings, or rho outside [0, 1].
    """

    limits = LIMITS | {"rho": from_0_to_1}

    def __init__(
        self, params: Params, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0,
        *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize})

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def update(self, group: Group) -> None:
        lr, rho, eps = floats(group, "lr", "rho", "eps")
        for _, p, g, v, u in self.pieces(group):
            v *= rho
            v += (1 - rho) * (g * g)
            d = (u + eps) ** 0.5 / (v + eps) ** 0.5 * g
            u *= rho
            u += (1 - rho) * (d * d)
            p -= lr * d

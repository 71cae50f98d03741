"""Optimisers with steps scaled per element, and other relatives of SGD and Adam."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from tinygrad_lecture.backend import Array, xp

from .optimizer import Optimizer, Params
from .settings import LIMITS, Group, State, floats, from_0_below_1, from_0_to_1, not_negative, settings

Pieces: TypeAlias = Iterable[tuple[Array, ...]]


class Variant(Optimizer):
    """Base of these: a step is `SGD.step` with the `update` of each parameter in it."""

    limits = LIMITS

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, in place, as `SGD.step`. Raises as that does."""
        loss = self.begin(closure)
        for group in self.param_groups:
            for state, arrays in self.trained(group):
                self.update(group, state, self.pieces(group, arrays))
        return loss

    def update(self, group: Group, state: State, pieces: Pieces) -> None:
        """The formula for one parameter. state: its "step", from 1, and numbers.  pieces: (p, g, *memory), as arrays.

        g has the weight decay already.
        """


# --- divided by past gradients ------------------------------------------------------------------------------


class Adagrad(Variant):
    """Adagrad, which divides the gradient g by the root of the sum of its squares; at step t:

        g = g + weight_decay · p
        s ← s + g²                                      starting from initial_accumulator_value
        p ← p - lr / (1 + (t - 1) · lr_decay) · g / (sqrt(s) + eps)

    (Duchi, Hazan & Singer, JMLR 12, 2011.) Raises ValueError for negative settings.
    """

    limits = LIMITS | dict.fromkeys(("lr_decay", "initial_accumulator_value"), not_negative)

    def __init__(
        self, params: Params, lr: float = 1e-2, lr_decay: float = 0.0, weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0, eps: float = 1e-10, *, maximize: bool = False, foreach: Any = None,
        fused: Any = None, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, settings(locals()))

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def update(self, group: Group, state: State, pieces: Pieces) -> None:
        lr, lr_decay, eps = floats(group, "lr", "lr_decay", "eps")
        length = lr / (1 + (state["step"] - 1) * lr_decay)
        for p, g, s in pieces:
            s += g * g
            p -= length * (g / (s**0.5 + eps))


class RMSprop(Variant):
    """RMSprop, p ← p - lr · d, with the direction d from the gradient g:

        g = g + weight_decay · p
        v ← alpha · v + (1 - alpha) · g²                a running mean of the square
        d = g / (sqrt(v) + eps)
        u ← momentum · u + d,  d = u                    with momentum

    (Tieleman & Hinton, lecture 6e of Neural Networks for Machine Learning, 2012.) With centered=True, v is reduced by
    the square of a running mean of g, which makes it a variance (Graves, arXiv:1308.0850).
    Raises ValueError for negative settings, or alpha outside [0, 1).
    """

    limits = LIMITS | {"alpha": from_0_below_1}

    def __init__(
        self, params: Params, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0,
        momentum: float = 0.0, centered: bool = False, *, maximize: bool = False, foreach: Any = None,
        fused: Any = None, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, settings(locals()))

    def memory(self, group: Group) -> Mapping[str, float]:
        kept = {"square_avg": True, "grad_avg": group["centered"], "momentum_buffer": group["momentum"]}
        return {name: 0.0 for name, needed in kept.items() if needed}

    def update(self, group: Group, state: State, pieces: Pieces) -> None:
        lr, eps, alpha, momentum = floats(group, "lr", "eps", "alpha", "momentum")
        for p, g, v, *more in pieces:
            v *= alpha
            v += (1 - alpha) * (g * g)
            if group["centered"]:
                mean = more[0]
                mean += (1 - alpha) * (g - mean)
                v = xp(v).maximum(v - mean * mean, 0)  # rounding must not make a variance negative
            d = g / (v**0.5 + eps)
            if momentum:
                u = more[-1]
                u *= momentum
                u += d
                d = u
            p -= lr * d


class Adadelta(Variant):
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
        *, maximize: bool = False, foreach: Any = None, fused: Any = None,
        capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, settings(locals()))

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def update(self, group: Group, state: State, pieces: Pieces) -> None:
        lr, eps, rho = floats(group, "lr", "eps", "rho")
        for p, g, v, u in pieces:
            v *= rho
            v += (1 - rho) * (g * g)
            d = (u + eps) ** 0.5 / (v + eps) ** 0.5 * g
            u *= rho
            u += (1 - rho) * (d * d)
            p -= lr * d


# --- relatives of Adam --------------------------------------------------------------------------------------


class Adamax(Variant):
    """Adamax, with a running mean m of the gradient g and its largest size u, which fades; at step t:

        g = g + weight_decay · p
        m ← β1 · m + (1 - β1) · g
        u ← max(β2 · u, |g| + eps)
        p ← p - lr / (1 - β1^t) · m / u

    (Kingma & Ba, arXiv:1412.6980, section 7.) Raises ValueError for negative settings, or betas outside [0, 1).
    """

    def __init__(
        self, params: Params, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, *, maximize: bool = False, foreach: Any = None, fused: Any = None,
        capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, settings(locals()))

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def update(self, group: Group, state: State, pieces: Pieces) -> None:
        lr, eps = floats(group, "lr", "eps")
        beta1, beta2 = map(float, group["betas"])
        length = lr / (1 - beta1 ** state["step"])
        for p, g, m, u in pieces:
            m += (1 - beta1) * (g - m)
            u *= beta2
            xp(u).maximum(u, abs(g) + eps, out=u)
            p -= length * (m / u)


class NAdam(Variant):
    """NAdam, Adam whose step goes on in the direction of the new mean; at step t:

        g = g + weight_decay · p
        m ← β1 · m + (1 - β1) · g
        v ← β2 · v + (1 - β2) · g²,    v̂ = v / (1 - β2^t)
        μ_t = β1 · (1 - 0.96^(t · momentum_decay) / 2)
        d = (1 - μ_t) / (1 - μ_1 ... μ_t) · g + μ_{t+1} / (1 - μ_1 ... μ_{t+1}) · m
        p ← p - lr · d / (sqrt(v̂) + eps)

    (Dozat, Incorporating Nesterov momentum into Adam, 2016.) With decoupled_weight_decay=True weight decay is AdamW's,
    p ← p - lr · weight_decay · p. Raises ValueError for negative settings, or betas outside [0, 1).
    """

    numbers = ("mu_product",)

    def __init__(
        self, params: Params, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
        maximize: bool = False, foreach: Any = None, fused: Any = None, capturable: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, settings(locals()))

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0, "mu_product": 1.0}

    def update(self, group: Group, state: State, pieces: Pieces) -> None:
        lr, eps, momentum_decay = floats(group, "lr", "eps", "momentum_decay")
        beta1, beta2 = map(float, group["betas"])
        t = state["step"]
        mu, next_mu = (beta1 * (1 - 0.5 * 0.96 ** (n * momentum_decay)) for n in (t, t + 1))
        product = state["mu_product"] = state["mu_product"] * mu
        of_g, of_m = lr * (1 - mu) / (1 - product), lr * next_mu / (1 - product * next_mu)
        for p, g, m, v in pieces:
            m += (1 - beta1) * (g - m)
            v *= beta2
            v += (1 - beta2) * (g * g)
            p -= (of_g * g + of_m * m) / ((v / (1 - beta2**t)) ** 0.5 + eps)


class RAdam(Variant):
    """Rectified Adam, with Adam's means m̂ and v; ρ_t is the number of gradients in v that count, at step t:

        ρ_∞ = 2 / (1 - β2) - 1,    ρ_t = ρ_∞ - 2 t · β2^t / (1 - β2^t)
        p ← p - lr · m̂ · r_t · sqrt(1 - β2^t) / (sqrt(v) + eps)        if ρ_t > 5
        p ← p - lr · m̂                                                 else
        r_t = sqrt((ρ_t - 4) (ρ_t - 2) ρ_∞ / ((ρ_∞ - 4) (ρ_∞ - 2) ρ_t))

    (Liu et al., arXiv:1908.03265.) Weight decay is part of the gradient or, with decoupled_weight_decay=True, AdamW's.
    Raises ValueError for negative settings, or betas outside [0, 1).
    """

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, decoupled_weight_decay: bool = False, *, maximize: bool = False,
        foreach: Any = None, fused: Any = None, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, settings(locals()))

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def update(self, group: Group, state: State, pieces: Pieces) -> None:
        lr, eps = floats(group, "lr", "eps")
        beta1, beta2 = map(float, group["betas"])
        most = 2 / (1 - beta2) - 1
        t = state["step"]
        length, seen = lr / (1 - beta1**t), most - 2 * t * beta2**t / (1 - beta2**t)
        if seen > 5:
            length *= ((seen - 4) * (seen - 2) * most / ((most - 4) * (most - 2) * seen)) ** 0.5
            length *= (1 - beta2**t) ** 0.5
        for p, g, m, v in pieces:
            m += (1 - beta1) * (g - m)
            v *= beta2
            v += (1 - beta2) * (g * g)
            p -= length * (m / (v**0.5 + eps) if seen > 5 else m)


# --- other steps along the gradient -------------------------------------------------------------------------


class ASGD(Variant):
    """Averaged stochastic gradient descent. The first η is lr, the first μ 1; at step t:

        g = g + weight_decay · p
        p ← (1 - lambd · η) · p - η · g
        ax ← ax + μ · (p - ax)                          the mean, from step t0 on; before that p itself
        η ← lr / (1 + lambd · lr · t)^alpha,    μ ← 1 / max(1, t - t0)

    (Polyak & Juditsky, SIAM J. Control Optim. 30, 1992.) The mean is in `state[p]["ax"]`; assign it to the parameters
    at the end. Raises ValueError for negative settings.
    """

    numbers = ("eta", "mu")

    def __init__(
        self, params: Params, lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0.0, *, maximize: bool = False, foreach: Any = None, fused: Any = None,
        capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, settings(locals()))

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"ax": 0.0, "eta": float(group["lr"]), "mu": 1.0}

    def update(self, group: Group, state: State, pieces: Pieces) -> None:
        lr, lambd, alpha, t0 = floats(group, "lr", "lambd", "alpha", "t0")
        t, eta, mu = state["step"], state["eta"], state["mu"]
        state.update(eta=lr / (1 + lambd * lr * t) ** alpha, mu=1 / max(1, t - t0))
        for p, g, ax in pieces:
            p *= 1 - lambd * eta
            p -= eta * g
            if mu != 1:
                ax += mu * (p - ax)
            else:
                ax[...] = p


class Rprop(Variant):
    """Resilient backpropagation, with a step size s per element, lr at first, and the gradient g' of the step before:

        s ← s · η+  if g g' > 0,    s · η-  if g g' < 0,    within step_sizes
        g ← 0                       if g g' < 0
        p ← p - s · sign(g)

    (Riedmiller & Braun, ICNN 1993.) `etas` are (η-, η+). It needs gradients of all data, not of mini-batches.
    Raises ValueError for a negative lr, or unless 0 < η- < 1 < η+.
    """

    def __init__(
        self, params: Params, lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, maximize: bool = False, foreach: Any = None,
        fused: Any = None, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, settings(locals()))

    def complaints(self, group: Group) -> Iterator[str]:
        yield from super().complaints(group)
        shorter, longer = group["etas"]
        if not 0 < shorter < 1 < longer:
            yield f"etas must be two numbers, one between 0 and 1 and one above 1, not {group['etas']}"

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"prev": 0.0, "step_size": float(group["lr"])}

    def update(self, group: Group, state: State, pieces: Pieces) -> None:
        (shorter, longer), (least, most) = map(float, group["etas"]), group["step_sizes"]
        for p, g, before, size in pieces:
            lib, agrees = xp(p), g * before
            size *= lib.where(agrees > 0, p.dtype.type(longer), lib.where(agrees < 0, shorter, p.dtype.type(1)))
            lib.clip(size, least, most, out=size)
            before[...] = lib.where(agrees < 0, 0, g)
            p -= lib.sign(before) * size

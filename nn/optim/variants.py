"""Optimisers with steps scaled per element, and other relatives of SGD and Adam."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinygrad_lecture.backend import Array, xp

from .adam import WithBetas
from .optimizer import Number, Optimizer, Update
from .settings import Group, from_0_below_1, from_0_to_1, not_negative

# --- divided by past gradients ------------------------------------------------------------------------------


class Adagrad(Optimizer):
    """Adagrad, which divides the gradient g by the root of the sum of its squares; at step t:

        g = g + weight_decay · p
        s ← s + g²                                      starting from initial_accumulator_value
        p ← p - lr / (1 + (t - 1) · lr_decay) · g / (sqrt(s) + eps)

    (Duchi, Hazan & Singer, JMLR 12, 2011.) Raises ValueError for negative
    settings.
    """

    lr: float = 1e-2
    lr_decay: float = 0.0
    weight_decay: float = 0.0
    initial_accumulator_value: float = 0.0
    eps: float = 1e-10

    limits = Optimizer.limits | dict.fromkeys(("lr_decay", "initial_accumulator_value"), not_negative)

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        step, eps = number(group["lr"] / (1 + (t - 1) * group["lr_decay"])), number(group["eps"])

        def update(p: Array, g: Array, s: Array) -> None:
            s += g * g
            p -= step * (g / (s**0.5 + eps))

        return update


class RMSprop(Optimizer):
    """RMSprop, p ← p - lr · d, with the direction d from the gradient g:

        g = g + weight_decay · p
        v ← alpha · v + (1 - alpha) · g²                a running mean of the square
        d = g / (sqrt(v) + eps)
        u ← momentum · u + d,  d = u                    with momentum

    (Tieleman & Hinton, lecture 6e of Neural Networks for Machine Learning, 2012.) With centered=True, v is reduced by
    the square of a running mean of g, which makes it a variance (Graves, arXiv:1308.0850).
    Raises ValueError for negative settings, or alpha outside [0, 1).
    """

    lr: float = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False

    limits = Optimizer.limits | {"momentum": not_negative, "alpha": from_0_below_1}

    def memory(self, group: Group) -> Mapping[str, float]:
        kept = {"square_avg": True, "grad_avg": group["centered"], "momentum_buffer": group["momentum"]}
        return {name: 0.0 for name, needed in kept.items() if needed}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        lr, eps, old, momentum = (number(group[name]) for name in ("lr", "eps", "alpha", "momentum"))
        new, centered = number(1 - group["alpha"]), group["centered"]

        def update(p: Array, g: Array, v: Array, *more: Array) -> None:
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


class Adadelta(Optimizer):
    """Adadelta, with running means v of the squared gradient g and u of the squared steps d:

        g = g + weight_decay · p
        v ← rho · v + (1 - rho) · g²
        d = sqrt(u + eps) / sqrt(v + eps) · g
        u ← rho · u + (1 - rho) · d²
        p ← p - lr · d

    (Zeiler, arXiv:1212.5701.) Raises ValueError for negative settings, or rho
    outside [0, 1].
    """

    lr: float = 1.0
    rho: float = 0.9
    eps: float = 1e-6
    weight_decay: float = 0.0

    limits = Optimizer.limits | {"rho": from_0_to_1}
    zeros = ("square_avg", "acc_delta")

    def rule(self, group: Group, t: int, number: Number) -> Update:
        lr, eps, old, new = map(number, (group["lr"], group["eps"], group["rho"], 1 - group["rho"]))

        def update(p: Array, g: Array, v: Array, u: Array) -> None:
            v *= old
            v += new * (g * g)
            d = (u + eps) ** 0.5 / (v + eps) ** 0.5 * g
            u *= old
            u += new * (d * d)
            p -= lr * d

        return update


# --- relatives of Adam --------------------------------------------------------------------------------------


class Adamax(WithBetas):
    """Adamax, with a running mean m of the gradient g and its largest size u, which fades; at step t:

        g = g + weight_decay · p
        m ← β1 · m + (1 - β1) · g
        u ← max(β2 · u, |g| + eps)
        p ← p - lr / (1 - β1^t) · m / u

    (Kingma & Ba, arXiv:1412.6980, section 7.) Raises ValueError for negative
    settings, or betas outside [0, 1).
    """

    lr: float = 2e-3

    zeros = ("exp_avg", "exp_inf")

    def rule(self, group: Group, t: int, number: Number) -> Update:
        beta1, beta2 = group["betas"]
        step, eps, new_m, old_u = map(number, (group["lr"] / (1 - beta1**t), group["eps"], 1 - beta1, beta2))

        def update(p: Array, g: Array, m: Array, u: Array) -> None:
            m += new_m * (g - m)
            u *= old_u
            xp(u).maximum(u, abs(g) + eps, out=u)
            p -= step * (m / u)

        return update


class NAdam(WithBetas):
    """NAdam, Adam whose step goes on in the direction of the new mean; at step t:

        g = g + weight_decay · p
        m ← β1 · m + (1 - β1) · g
        v ← β2 · v + (1 - β2) · g²,    v̂ = v / (1 - β2^t)
        μ_t = β1 · (1 - 0.96^(t · momentum_decay) / 2)
        d = (1 - μ_t) / (1 - μ_1 ... μ_t) · g + μ_{t+1} / (1 - μ_1 ... μ_{t+1}) · m
        p ← p - lr · d / (sqrt(v̂) + eps)

    (Dozat, Incorporating Nesterov momentum into Adam, 2016.) With decoupled_weight_decay=True weight decay is AdamW's,
    p ← p - lr · weight_decay · p. Raises ValueError for negative settings, or
    betas outside [0, 1).
    """

    lr: float = 2e-3
    momentum_decay: float = 4e-3
    decoupled_weight_decay: bool = False

    limits = WithBetas.limits | {"momentum_decay": not_negative}

    def numbers(self, group: Group) -> Mapping[str, float]:
        return {"mu_product": 1.0}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        lr, (beta1, beta2) = group["lr"], group["betas"]
        mu, next_mu = (beta1 * (1 - 0.5 * 0.96 ** (step * group["momentum_decay"])) for step in (t, t + 1))
        product = group["mu_product"] = group["mu_product"] * mu
        of_g, of_m = number(lr * (1 - mu) / (1 - product)), number(lr * next_mu / (1 - product * next_mu))
        correction, eps = number(1 - beta2**t), number(group["eps"])
        new_m, old_v, new_v = map(number, (1 - beta1, beta2, 1 - beta2))

        def update(p: Array, g: Array, m: Array, v: Array) -> None:
            m += new_m * (g - m)
            v *= old_v
            v += new_v * (g * g)
            p -= (of_g * g + of_m * m) / ((v / correction) ** 0.5 + eps)

        return update


class RAdam(WithBetas):
    """Rectified Adam, with Adam's means m̂ and v; ρ_t is the number of gradients in v that count, at step t:

        ρ_∞ = 2 / (1 - β2) - 1,    ρ_t = ρ_∞ - 2 t · β2^t / (1 - β2^t)
        p ← p - lr · m̂ · r_t · sqrt(1 - β2^t) / (sqrt(v) + eps)        if ρ_t > 5
        p ← p - lr · m̂                                                 else
        r_t = sqrt((ρ_t - 4) (ρ_t - 2) ρ_∞ / ((ρ_∞ - 4) (ρ_∞ - 2) ρ_t))

    (Liu et al., arXiv:1908.03265.) Weight decay is part of the gradient or, with decoupled_weight_decay=True, AdamW's.
    Raises ValueError for negative settings, or betas outside [0, 1).
    """

    decoupled_weight_decay: bool = False

    def rule(self, group: Group, t: int, number: Number) -> Update:
        beta1, beta2 = group["betas"]
        step, most = group["lr"] / (1 - beta1**t), 2 / (1 - beta2) - 1
        seen = most - 2 * t * beta2**t / (1 - beta2**t)
        if scaled := seen > 5:
            step *= ((seen - 4) * (seen - 2) * most / ((most - 4) * (most - 2) * seen)) ** 0.5
            step *= (1 - beta2**t) ** 0.5
        step, eps, new_m, old_v, new_v = map(number, (step, group["eps"], 1 - beta1, beta2, 1 - beta2))

        def update(p: Array, g: Array, m: Array, v: Array) -> None:
            m += new_m * (g - m)
            v *= old_v
            v += new_v * (g * g)
            p -= step * (m / (v**0.5 + eps) if scaled else m)

        return update


# --- other steps along the gradient -------------------------------------------------------------------------


class ASGD(Optimizer):
    """Averaged stochastic gradient descent. The first η is lr, the first μ 1; at step t:

        g = g + weight_decay · p
        p ← (1 - lambd · η) · p - η · g
        ax ← ax + μ · (p - ax)                          the mean, from step t0 on; before that p itself
        η ← lr / (1 + lambd · lr · t)^alpha,    μ ← 1 / max(1, t - t0)

    (Polyak & Juditsky, SIAM J. Control Optim. 30, 1992.) The mean is in `state[p]["ax"]`; assign it to the parameters
    at the end. Raises ValueError for negative settings.
    """

    lr: float = 1e-2
    lambd: float = 1e-4
    alpha: float = 0.75
    t0: float = 1e6
    weight_decay: float = 0.0

    zeros = ("ax",)

    def numbers(self, group: Group) -> Mapping[str, float]:
        return {"eta": float(group["lr"]), "mu": 1.0}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        lr, lambd, averages = group["lr"], group["lambd"], group["mu"] != 1
        eta, mu, keep = map(number, (group["eta"], group["mu"], 1 - lambd * group["eta"]))
        group.update(eta=float(lr / (1 + lambd * lr * t) ** group["alpha"]), mu=1 / max(1, t - group["t0"]))

        def update(p: Array, g: Array, ax: Array) -> None:
            p *= keep
            p -= eta * g
            if averages:
                ax += mu * (p - ax)
            else:
                ax[...] = p

        return update


class Rprop(Optimizer):
    """Resilient backpropagation, with a step size s per element, lr at first, and the gradient g' of the step before:

        s ← s · η+  if g g' > 0,    s · η-  if g g' < 0,    within step_sizes
        g ← 0                       if g g' < 0
        p ← p - s · sign(g)

    (Riedmiller & Braun, ICNN 1993.) `etas` are (η-, η+). It needs gradients of all data, not of mini-batches.
    Raises ValueError for a negative lr, or unless 0 < η- < 1 < η+.
    """

    lr: float = 1e-2
    etas: tuple[float, float] = (0.5, 1.2)
    step_sizes: tuple[float, float] = (1e-6, 50)

    def complaints(self, group: Group) -> Iterator[str]:
        yield from super().complaints(group)
        shorter, longer = group["etas"]
        if not 0 < shorter < 1 < longer:
            yield f"etas must be two numbers, one between 0 and 1 and one above 1, not {group['etas']}"

    def memory(self, group: Group) -> Mapping[str, float]:
        return {"prev": 0.0, "step_size": float(group["lr"])}

    def rule(self, group: Group, t: int, number: Number) -> Update:
        (shorter, longer), (least, most), one = map(number, group["etas"]), group["step_sizes"], number(1)

        def update(p: Array, g: Array, before: Array, size: Array) -> None:
            lib = xp(p)
            agrees = g * before
            size *= lib.where(agrees > 0, longer, lib.where(agrees < 0, shorter, one))
            lib.clip(size, least, most, out=size)
            before[...] = lib.where(agrees < 0, 0, g)
            p -= lib.sign(before) * size

        return update

"""The table of optimisers and schedules: for each its settings, also as Hypothesis draws them, and its formula.

The names of classes and settings are PyTorch's too, so that the same rows drive the parity tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import nn

# --- optimisers ---------------------------------------------------------------------------------------------


def sgd(p, g, t, m, lr, momentum=0.0, dampening=0.0, nesterov=False):
    m["v"] = g if t == 1 else momentum * m["v"] + (1 - dampening) * g
    return p - lr * (g + momentum * m["v"] if nesterov else m["v"] if momentum else g)


def adam(p, g, t, m, lr, betas=(0.9, 0.999), eps=1e-8):
    m["m"] = betas[0] * m.get("m", 0) + (1 - betas[0]) * g
    m["v"] = betas[1] * m.get("v", 0) + (1 - betas[1]) * g**2
    return p - lr * (m["m"] / (1 - betas[0] ** t)) / (np.sqrt(m["v"] / (1 - betas[1] ** t)) + eps)


def rmsprop(p, g, t, m, lr, alpha=0.99, eps=1e-8, momentum=0.0):
    m["v"] = alpha * m.get("v", 0) + (1 - alpha) * g**2
    m["u"] = momentum * m.get("u", 0) + g / (np.sqrt(m["v"]) + eps)
    return p - lr * m["u"]


def adagrad(p, g, t, m, lr, lr_decay=0.0, initial_accumulator_value=0.0, eps=1e-10):
    m["s"] = m.get("s", initial_accumulator_value) + g**2
    return p - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(m["s"]) + eps)


def adadelta(p, g, t, m, lr, rho=0.9, eps=1e-6):
    m["v"] = rho * m.get("v", 0) + (1 - rho) * g**2
    d = np.sqrt(m.get("u", 0) + eps) / np.sqrt(m["v"] + eps) * g
    m["u"] = rho * m.get("u", 0) + (1 - rho) * d**2
    return p - lr * d


class Row(NamedTuple):
    kind: str  # the class
    formula: Callable[..., Any]  # (p, gradient, t, memory, settings) -> p; the gradient has the weight decay in it
    settings: dict[str, Any]

    def make(self, params, **more):
        return getattr(nn.optim, self.kind)(params, **{**self.settings, **more})


OPTIMIZERS = {
    "SGD": Row("SGD", sgd, {"lr": 0.1}),
    "momentum": Row("SGD", sgd, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    "nesterov": Row("SGD", sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "Adam": Row("Adam", adam, {"lr": 0.1, "weight_decay": 0.01}),
    "AdamW": Row("AdamW", adam, {"lr": 0.1, "weight_decay": 0.01}),
    "RMSprop": Row("RMSprop", rmsprop, {"lr": 0.05, "weight_decay": 0.01}),
    "RMSprop with momentum": Row("RMSprop", rmsprop, {"lr": 0.01, "momentum": 0.5}),
    "Adagrad": Row("Adagrad", adagrad, {"lr": 0.5, "lr_decay": 0.01, "weight_decay": 0.01}),
    "Adadelta": Row("Adadelta", adadelta, {"lr": 1.0, "eps": 1e-2, "weight_decay": 0.01}),
}


@st.composite
def of_sgd(draw):
    momentum = draw(fractions)
    nesterov = momentum > 0 and draw(st.booleans())
    return {
        "momentum": momentum,
        "dampening": 0.0 if nesterov else draw(st.sampled_from([0.0, 0.3])),
        "nesterov": nesterov,
    }


def drawn(**choices):
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in choices.items()})


fractions = st.sampled_from([0.0, 0.5, 0.9, 0.99])
betas = [(one, two) for one in (0.0, 0.5, 0.9, 0.99) for two in (0.5, 0.95, 0.999)]
SETTINGS = {  # class -> settings beside lr, weight_decay and maximize
    "SGD": of_sgd(),
    "Adam": drawn(betas=betas, eps=[1e-8, 1e-3]),
    "AdamW": drawn(betas=betas, eps=[1e-8, 1e-3]),
    "RMSprop": drawn(alpha=[0.0, 0.5, 0.99], eps=[1e-8, 1e-3], momentum=[0.0, 0.9]),
    "Adagrad": drawn(lr_decay=[0.0, 0.1], initial_accumulator_value=[0.0, 0.5], eps=[1e-10, 1e-3]),
    "Adadelta": drawn(rho=[0.0, 0.9, 1.0], eps=[1e-6, 1e-3]),
}

# --- schedules ----------------------------------------------------------------------------------------------

STEPS = 60
factors, few = st.floats(0.05, 1.0), st.integers(1, 12)


def made(kind, **arguments):
    """Functions of the module that has the schedules, and of an optimiser, that make a schedule of this class."""
    return st.fixed_dictionaries(arguments).map(
        lambda given: lambda module, optimizer: getattr(module, kind)(optimizer, **given)
    )


FORMULAS = {  # those whose parts may be any steps long
    "StepLR": made("StepLR", step_size=few, gamma=factors),
    "MultiStepLR": made("MultiStepLR", milestones=st.lists(few, max_size=4), gamma=factors),
    "LinearLR": made("LinearLR", start_factor=factors, end_factor=factors, total_iters=few),
    "ExponentialLR": made("ExponentialLR", gamma=factors),
    "CosineAnnealingLR": made("CosineAnnealingLR", T_max=few, eta_min=st.sampled_from([0.0, 1e-3])),
    "LambdaLR": made("LambdaLR", lr_lambda=few.map(lambda n: lambda step: n / (n + step))),
}


@st.composite
def sequential(draw):
    parts = draw(st.lists(st.one_of(*FORMULAS.values()), min_size=1, max_size=3))
    milestones = sorted(draw(st.sets(st.integers(1, 30), min_size=len(parts) - 1, max_size=len(parts) - 1)))
    return lambda module, optimizer: module.SequentialLR(
        optimizer, [part(module, optimizer) for part in parts], milestones
    )


SCHEDULES = {
    **FORMULAS,
    "OneCycleLR": made(
        "OneCycleLR",
        max_lr=st.just(0.5),
        total_steps=st.just(STEPS),
        pct_start=st.floats(0.05, 0.45),
        div_factor=st.floats(2, 30),
        final_div_factor=st.floats(2, 1e4),
        cycle_momentum=st.booleans(),
        base_momentum=st.sampled_from([0.5, 0.85]),
    ),
    "SequentialLR": sequential(),
}

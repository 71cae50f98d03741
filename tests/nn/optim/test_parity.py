"""Optimisers and clipping against PyTorch's: the same gradients give the same parameters for fifty steps.

The gradients are drawn, not computed, so that the optimisers alone are compared; some are missing at some steps.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from numeric import assert_close

torch = pytest.importorskip("torch")

from torch_parity import examples  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

STEPS = 50
TOLERANCE = {"float64": 1e-9, "float32": 1e-5}
dtypes = st.sampled_from(sorted(TOLERANCE))
rates = st.sampled_from([0.0, 1e-3, 0.01, 0.1])
decays = st.sampled_from([0.0, 0.01, 0.1])
fractions = st.sampled_from([0.0, 0.5, 0.9, 0.99])


# --- optimisers ---------------------------------------------------------------------------------------------


@st.composite
def sgd(draw: Callable[..., Any]) -> dict[str, Any]:
    momentum = draw(fractions)
    nesterov = momentum > 0 and draw(st.booleans())
    dampening = 0.0 if nesterov else draw(st.sampled_from([0.0, 0.3]))
    return {"momentum": momentum, "dampening": dampening, "nesterov": nesterov}


@st.composite
def rmsprop(draw: Callable[..., Any]) -> dict[str, Any]:
    """Centered only if the variance is not mere rounding, for which PyTorch may give NaN and we give 0."""
    centered = draw(st.booleans())
    alpha = draw(st.sampled_from([0.9, 0.99]) if centered else fractions)
    eps = draw(st.sampled_from([1e-3] if centered else [1e-8, 1e-3]))
    return {"alpha": alpha, "eps": eps, "momentum": draw(fractions), "centered": centered}


def drawn(**choices: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in choices.items()})


betas = [(one, two) for one in (0.0, 0.5, 0.9, 0.99) for two in (0.5, 0.95, 0.999)]
eps, either = [1e-8, 1e-3], [False, True]
SETTINGS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "SGD": sgd(),
    "Adam": drawn(betas=betas, eps=eps, amsgrad=either),
    "AdamW": drawn(betas=betas, eps=eps, amsgrad=either),
    "RMSprop": rmsprop(),
    "Adagrad": drawn(lr_decay=[0.0, 0.1], initial_accumulator_value=[0.0, 0.5], eps=[1e-10, 1e-3]),
    "Adadelta": drawn(rho=[0.0, 0.9, 1.0], eps=[1e-6, 1e-3]),
    "Adamax": drawn(betas=betas, eps=eps),
    "NAdam": drawn(betas=betas, momentum_decay=[0.0, 4e-3, 0.5], decoupled_weight_decay=either, eps=eps),
    "RAdam": drawn(betas=betas, decoupled_weight_decay=either, eps=eps),
    "ASGD": drawn(lambd=[0.0, 1e-4, 0.1], alpha=[0.0, 0.75], t0=[0, 10, 1e6]),
    "Rprop": drawn(etas=[(0.5, 1.2), (0.2, 2.0)], step_sizes=[(1e-6, 50), (1e-3, 0.1)]),
}
NO_DECAY = {"Rprop"}  # without weight_decay


@contextmanager
def numbers_in(dtype: str) -> Iterator[None]:
    """Let PyTorch keep the numbers of an optimiser, such as NAdam's mu_product, in this dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def decay_of(name: str) -> st.SearchStrategy[dict[str, float]]:
    return st.just({}) if name in NO_DECAY else decays.map(lambda decay: {"weight_decay": decay})


SHAPES = [(), (3,), (2, 3), (0, 2)]


class Twins:
    """Our parameters and PyTorch's, with the same gradients."""

    def __init__(self, shapes: list[tuple[int, ...]], dtype: str, rng: np.random.Generator) -> None:
        self.dtype, self.rng = dtype, rng
        start = [rng.normal(size=shape).astype(dtype) for shape in shapes]
        self.ours = [nn.Parameter(tl.tensor(x)) for x in start]
        self.theirs = [torch.nn.Parameter(torch.tensor(x)) for x in start]

    def gradients(self, missing: float = 0.0) -> None:
        """New gradients; each is missing with some probability."""
        for p, q in zip(self.ours, self.theirs, strict=True):
            g = np.asarray(self.rng.normal(size=p.shape)).astype(self.dtype)
            g = np.where(np.abs(g) < 0.05, np.sign(g) * 0.05, g).astype(self.dtype)
            absent = self.rng.random() < missing
            p.grad = None if absent else tl.tensor(g)
            q.grad = None if absent else torch.tensor(g)

    def agree(self, what: str) -> None:
        for i, (p, q) in enumerate(zip(self.ours, self.theirs, strict=True)):
            assert_close(p.detach().numpy(), q.detach().numpy(), f"parameter {i} {what}", TOLERANCE[self.dtype])


def pair(
    name: str, settings: dict[str, Any], ours: list[dict[str, Any]], theirs: list[dict[str, Any]]
) -> tuple[Any, Any]:
    """Our optimiser and PyTorch's with the same settings, one parameter at a time."""
    return getattr(nn.optim, name)(ours, **settings), getattr(torch.optim, name)(theirs, **settings, foreach=False)


@pytest.mark.parametrize("name", SETTINGS)
@examples
@given(st.data(), dtypes)
def test_fifty_steps(name: str, data: st.DataObject, dtype: str) -> None:
    """Three groups, the last one added later with its own rate; then saved, loaded and continued."""
    settings = data.draw(SETTINGS[name])
    settings |= {"lr": data.draw(rates), "maximize": data.draw(st.booleans())} | data.draw(decay_of(name))
    twins = Twins([*SHAPES, (2,)], dtype, np.random.default_rng(data.draw(st.integers(0, 1000))))
    own = {"lr": data.draw(rates)} | data.draw(decay_of(name))

    def groups(params: list[Any]) -> list[dict[str, Any]]:
        return [{"params": params[:2]}, {"params": params[2:4], **own}]

    ours, theirs = pair(name, settings, groups(twins.ours), groups(twins.theirs))
    for step in range(STEPS):
        if step == 20:
            ours.add_param_group({"params": twins.ours[4:], "lr": own["lr"] / 2})
            theirs.add_param_group({"params": twins.theirs[4:], "lr": own["lr"] / 2})
        if step == 30:
            ours.load_state_dict(from_torch(theirs.state_dict()))
        twins.gradients(missing=0.1)
        ours.step()
        with numbers_in(dtype):
            theirs.step()
        twins.agree(f"after step {step + 1}")


def from_torch(state: dict[str, Any]) -> dict[str, Any]:
    """PyTorch's state_dict with NumPy arrays instead of tensors."""
    arrays = {
        i: {name: v.numpy() if isinstance(v, torch.Tensor) else v for name, v in held.items()}
        for i, held in state["state"].items()
    }
    return {**state, "state": arrays}


@pytest.mark.parametrize("name", SETTINGS)
def test_pytorch_continues_from_our_state(name: str) -> None:
    twins = Twins(SHAPES[1:], "float64", np.random.default_rng(0))
    settings = {"lr": 0.01, "momentum": 0.9} if name == "SGD" else {"lr": 0.01}
    ours, theirs = pair(name, settings, [{"params": twins.ours}], [{"params": twins.theirs}])
    for _ in range(3):
        twins.gradients()
        ours.step()
        with numbers_in("float64"):
            theirs.step()
    state = ours.state_dict()
    fresh = getattr(torch.optim, name)(twins.theirs, **settings, foreach=False)
    layout = fresh.state_dict()["param_groups"]
    held = {
        i: {key: torch.tensor(v.numpy() if isinstance(v, tl.Tensor) else v).double() for key, v in kept.items()}
        for i, kept in state["state"].items()
    }
    groups = [{**theirs_group, **group} for theirs_group, group in zip(layout, state["param_groups"], strict=True)]
    fresh.load_state_dict({"state": held, "param_groups": groups})
    for _ in range(3):
        twins.gradients()
        ours.step()
        fresh.step()
        twins.agree("after loading")


@pytest.mark.parametrize("name", SETTINGS)
def test_defaults(name: str) -> None:
    ours = getattr(nn.optim, name)([nn.Parameter(tl.ones(1))]).defaults
    theirs = getattr(torch.optim, name)([torch.nn.Parameter(torch.ones(1))]).defaults
    assert ours == {setting: theirs[setting] for setting in ours}


@pytest.mark.parametrize("name", [*SETTINGS, "LBFGS"])
def test_arguments(name: str) -> None:
    """Settings by position are in PyTorch's order; `__init__` is the class's own, and says them."""
    own = getattr(nn.optim, name)
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (nn.optim, torch.optim))
    flags = {"maximize", "foreach", "fused", "capturable", "differentiable"}
    by_position = [name for name, p in theirs.items() if p.kind is p.POSITIONAL_OR_KEYWORD and name not in flags]
    assert list(ours)[: len(by_position)] == by_position
    assert not theirs.keys() - ours.keys() - {"decoupled_weight_decay"}
    assert "__init__" in vars(own)


# --- clipping -----------------------------------------------------------------------------------------------


@examples
@given(st.data(), dtypes, st.sampled_from([1.0, 2.0, 3.5, math.inf]), st.sampled_from([0.1, 1.0, 100.0]))
def test_clip_grad_norm(data: st.DataObject, dtype: str, order: float, limit: float) -> None:
    shapes = data.draw(st.lists(st.sampled_from(SHAPES[:3]), min_size=1, max_size=4))
    twins = Twins(shapes, dtype, np.random.default_rng(data.draw(st.integers(0, 1000))))
    twins.gradients(missing=0.2)
    norm = nn.clip_grad_norm_(twins.ours, limit, order)
    wanted = torch.nn.utils.clip_grad_norm_(twins.theirs, limit, order)
    if any(p.grad is not None for p in twins.ours):
        assert norm.dtype == dtype
    assert_close(norm.numpy().astype(dtype), wanted.numpy().astype(dtype), "norm", TOLERANCE[dtype])
    gradients_agree(twins)


def gradients_agree(twins: Twins) -> None:
    for p, q in zip(twins.ours, twins.theirs, strict=True):
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None:
            got: NDArray[Any] = p.grad.numpy()
            assert_close(got, q.grad.numpy(), "gradient", TOLERANCE[twins.dtype])

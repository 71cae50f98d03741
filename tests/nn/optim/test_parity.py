"""Optimisers, schedules and clipping against PyTorch's: the same parameters, rates and momenta, to rounding.

The gradients are drawn, not computed, so that the optimisers alone are compared; some are missing at some steps. States
are saved and loaded in between.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nn
import tinygrad_lecture as tl
from numeric import assert_close
from optim_table import SCHEDULES, SETTINGS, STEPS

torch = pytest.importorskip("torch")

from torch_parity import examples  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

TOLERANCE = {"float64": 1e-9, "float32": 1e-5}
dtypes = st.sampled_from(sorted(TOLERANCE))
rates = st.sampled_from([0.0, 1e-3, 0.01, 0.1])
NONE_HERE = {"amsgrad", "capturable", "centered", "decoupled_weight_decay", "differentiable", "foreach", "fused"}
decays = st.sampled_from([0.0, 0.01, 0.1])


# --- optimisers ---------------------------------------------------------------------------------------------

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
    settings |= {"lr": data.draw(rates), "maximize": data.draw(st.booleans()), "weight_decay": data.draw(decays)}
    twins = Twins([*SHAPES, (2,)], dtype, np.random.default_rng(data.draw(st.integers(0, 1000))))
    own = {"lr": data.draw(rates), "weight_decay": data.draw(decays)}

    def groups(params: list[Any]) -> list[dict[str, Any]]:
        return [{"params": params[:2]}, {"params": params[2:4], **own}]

    ours, theirs = pair(name, settings, groups(twins.ours), groups(twins.theirs))
    for step in range(50):
        if step == 20:
            ours.add_param_group({"params": twins.ours[4:], "lr": own["lr"] / 2})
            theirs.add_param_group({"params": twins.theirs[4:], "lr": own["lr"] / 2})
        if step == 30:
            ours.load_state_dict(from_torch(theirs.state_dict()))
        twins.gradients(missing=0.1)
        ours.step()
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
def test_arguments(name: str) -> None:
    """Settings by position are in PyTorch's order, with its defaults; `__init__` is the class's own, and says them."""
    own = getattr(nn.optim, name)
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (nn.optim, torch.optim))
    by_position = [
        name for name, p in theirs.items() if p.kind is p.POSITIONAL_OR_KEYWORD and name not in {*NONE_HERE, "maximize"}
    ]
    assert list(ours)[: len(by_position)] == by_position
    assert not theirs.keys() - ours.keys() - NONE_HERE
    assert "__init__" in vars(own)
    defaults = torch.optim.__dict__[name]([torch.nn.Parameter(torch.ones(1))]).defaults.items()
    assert own([nn.Parameter(tl.ones(1))]).defaults.items() <= defaults


# --- clipping -----------------------------------------------------------------------------------------------


@examples
@given(st.data(), dtypes, st.sampled_from([0.1, 1.0, 100.0]))
def test_clip_grad_norm(data: st.DataObject, dtype: str, limit: float) -> None:
    shapes = data.draw(st.lists(st.sampled_from(SHAPES[:3]), min_size=1, max_size=4))
    twins = Twins(shapes, dtype, np.random.default_rng(data.draw(st.integers(0, 1000))))
    twins.gradients(missing=0.2)
    norm = nn.clip_grad_norm_(twins.ours, limit)
    wanted = torch.nn.utils.clip_grad_norm_(twins.theirs, limit)
    assert_close(norm.numpy().astype(dtype), wanted.numpy().astype(dtype), "norm", TOLERANCE[dtype])
    for p, q in zip(twins.ours, twins.theirs, strict=True):
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None:
            assert_close(p.grad.numpy(), q.grad.numpy(), "gradient", TOLERANCE[dtype])


# --- schedules ----------------------------------------------------------------------------------------------

Make = Callable[[Any, Any], Any]  # (the module with the schedules, an optimiser) -> a schedule


class Schedules:
    """An optimiser of ours and one of PyTorch's, each with a schedule; `agree` compares all that it sets."""

    def __init__(self, name: str, make: Make) -> None:
        settings = {"lr": 0.1, "momentum": 0.9} if name == "SGD" else {"lr": 0.1}
        ours, theirs = (
            [{"params": [make(2)]}, {"params": [make(3)], "lr": 0.02}]
            for make in (lambda n: nn.Parameter(tl.ones(n)), lambda n: torch.nn.Parameter(torch.ones(n)))
        )
        self.optimizers = getattr(nn.optim, name)(ours, **settings), getattr(torch.optim, name)(theirs, **settings)
        self.make = make
        self.schedules = self._made()
        self.optimizers[0].state[None], self.optimizers[1]._opt_called = {}, True  # else both warn

    def _made(self) -> list[Any]:
        modules = (nn.optim.lr_scheduler, torch.optim.lr_scheduler)
        return [self.make(module, optimizer) for module, optimizer in zip(modules, self.optimizers, strict=True)]

    def agree(self, what: str) -> None:
        for key in ("lr", "momentum", "betas"):
            ours, theirs = ([g[key] for g in o.param_groups if key in g] for o in self.optimizers)
            assert np.array(ours) == pytest.approx(np.array(theirs), rel=1e-12, abs=1e-15), f"{key} {what}"
        ours, theirs = (schedule.get_last_lr() for schedule in self.schedules)
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15), what

    def step(self, *args: Any) -> None:
        for schedule in self.schedules:
            schedule.step(*args)

    def save_and_load(self) -> None:
        """New schedules with the states of the old ones, and the rates and momenta that the optimisers have."""
        states = [schedule.state_dict() for schedule in self.schedules]
        groups = [[dict(g) for g in o.param_groups] for o in self.optimizers]
        self.schedules = self._made()
        for schedule, state, optimizer, kept in zip(self.schedules, states, self.optimizers, groups, strict=True):
            schedule.load_state_dict(state)
            for group, saved in zip(optimizer.param_groups, kept, strict=True):
                group.update(saved)


optimizers = st.sampled_from(["SGD", "Adam"])


@pytest.mark.parametrize("kind", SCHEDULES)
@settings(max_examples=40)
@given(st.data(), optimizers)
@pytest.mark.filterwarnings("ignore")
def test_sixty_steps(kind: str, data: st.DataObject, name: str) -> None:
    """With a state that is saved and loaded."""
    run = Schedules(name, data.draw(SCHEDULES[kind]))
    reload = data.draw(st.integers(0, STEPS))
    for step in range(STEPS):
        run.agree(f"at step {step}")
        if step == reload:
            run.save_and_load()
        run.step()


@settings(max_examples=60)
@given(
    st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["min", "max"]),
            "factor": st.floats(0.1, 0.9),
            "patience": st.integers(0, 4),
            "threshold": st.sampled_from([0.0, 1e-4, 0.1]),
            "min_lr": st.sampled_from([0, 0.01]),
        }
    ),
    st.lists(
        st.sampled_from([1.0, 0.9, 0.99, 0.95, 2.0, -1.0, float("nan")]) | st.floats(-2, 2), min_size=60, max_size=60
    ),
    st.integers(0, STEPS),
)
@pytest.mark.filterwarnings("ignore")
def test_plateaus(given: dict[str, Any], scores: list[float], reload: int) -> None:
    run = Schedules("SGD", lambda module, optimizer: module.ReduceLROnPlateau(optimizer, **given))
    for step, score in enumerate(scores):
        if step == reload:
            run.save_and_load()
        run.step(score)
        run.agree(f"at step {step}")

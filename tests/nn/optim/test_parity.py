"""Optimisers and clipping against PyTorch's: the same gradients give the same parameters for fifty steps.

The gradients are drawn, not computed, so that the optimisers alone are compared; some are missing at some steps.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

import nn
import tinygrad_lecture as tl
from numeric import assert_close
from optim_table import SETTINGS

torch = pytest.importorskip("torch")

from torch_parity import examples  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity

STEPS = 50
TOLERANCE = {"float64": 1e-9, "float32": 1e-5}
dtypes = st.sampled_from(sorted(TOLERANCE))
rates = st.sampled_from([0.0, 1e-3, 0.01, 0.1])
FLAGS = ("maximize", "foreach", "fused", "capturable", "differentiable")
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
    for step in range(STEPS):
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
def test_pytorch_continues_from_our_state(name: str) -> None:
    twins = Twins(SHAPES[1:], "float64", np.random.default_rng(0))
    settings = {"lr": 0.01, "momentum": 0.9} if name == "SGD" else {"lr": 0.01}
    ours, theirs = pair(name, settings, [{"params": twins.ours}], [{"params": twins.theirs}])
    for _ in range(3):
        twins.gradients()
        ours.step()
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


@pytest.mark.parametrize("name", SETTINGS)
def test_arguments(name: str) -> None:
    """Settings by position are in PyTorch's order; `__init__` is the class's own, and says them."""
    own = getattr(nn.optim, name)
    ours, theirs = (inspect.signature(getattr(module, name)).parameters for module in (nn.optim, torch.optim))
    by_position = [name for name, p in theirs.items() if p.kind is p.POSITIONAL_OR_KEYWORD and name not in FLAGS]
    assert list(ours)[: len(by_position)] == by_position
    assert not theirs.keys() - ours.keys() - {*FLAGS, "decoupled_weight_decay"}
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

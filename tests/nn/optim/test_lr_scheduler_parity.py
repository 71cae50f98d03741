"""Schedules against PyTorch's: the same rates and momenta, to rounding, for sixty steps.

Rates are changed by hand, two schedules run on one optimiser, states are saved and loaded in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nn
import tinygrad_lecture as tl
from optim_table import FORMULAS, SCHEDULES, STEPS, sequential

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.parity

Make = Callable[[Any, Any], Any]  # (the module with the schedules, an optimiser) -> a schedule


class Twins:
    """An optimiser of ours and one of PyTorch's, each with schedules; `agree` compares all that they set."""

    def __init__(self, name: str, makes: list[Make]) -> None:
        settings = {"lr": 0.1, "momentum": 0.9} if name == "SGD" else {"lr": 0.1}
        ours, theirs = (
            [{"params": [make(2)]}, {"params": [make(3)], "lr": 0.02}]
            for make in (lambda n: nn.Parameter(tl.ones(n)), lambda n: torch.nn.Parameter(torch.ones(n)))
        )
        self.optimizers = getattr(nn.optim, name)(ours, **settings), getattr(torch.optim, name)(theirs, **settings)
        self.makes = makes
        self.schedules = self._made()

    def _made(self) -> list[tuple[Any, Any]]:
        modules = (nn.optim.lr_scheduler, torch.optim.lr_scheduler)
        sides = list(zip(modules, self.optimizers, strict=True))
        pairs = [[make(module, optimizer) for make in self.makes] for module, optimizer in sides]
        self.optimizers[0].state[None], self.optimizers[1]._opt_called = {}, True  # else both warn
        return list(zip(*pairs, strict=True))

    def agree(self, what: str) -> None:
        for key in ("lr", "momentum", "betas"):
            ours, theirs = ([g[key] for g in o.param_groups if key in g] for o in self.optimizers)
            assert np.array(ours) == pytest.approx(np.array(theirs), rel=1e-12, abs=1e-15), f"{key} {what}"
        for schedule, wanted in self.schedules:
            assert schedule.get_last_lr() == pytest.approx(wanted.get_last_lr(), rel=1e-12, abs=1e-15), what

    def step(self, which: int, *args: Any) -> None:
        for schedule in self.schedules[which]:
            schedule.step(*args)

    def by_hand(self, lr: float) -> None:
        for optimizer in self.optimizers:
            optimizer.param_groups[0]["lr"] = lr

    def save_and_load(self) -> None:
        """New schedules of other settings' state, with the rates and momenta that the optimisers have."""
        states = [tuple(schedule.state_dict() for schedule in pair) for pair in self.schedules]
        groups = [[dict(g) for g in o.param_groups] for o in self.optimizers]
        self.schedules = self._made()
        for pair, saved in zip(self.schedules, states, strict=True):
            for schedule, state in zip(pair, saved, strict=True):
                schedule.load_state_dict(state)
        for optimizer, kept in zip(self.optimizers, groups, strict=True):
            for group, saved_group in zip(optimizer.param_groups, kept, strict=True):
                group.update(saved_group)


changes = st.lists(st.tuples(st.integers(0, STEPS - 1), st.sampled_from([0.3, 1e-4])), max_size=3)
optimizers = st.sampled_from(["SGD", "Adam"])


@pytest.mark.parametrize("kind", SCHEDULES)
@settings(max_examples=40)
@given(st.data(), optimizers, changes)
@pytest.mark.filterwarnings("ignore")
def test_sixty_steps(kind: str, data: st.DataObject, name: str, changes: list[tuple[int, float]]) -> None:
    """With changes by hand, and a state that is saved and loaded."""
    run = Twins(name, [data.draw(SCHEDULES[kind])])
    reload = data.draw(st.integers(0, STEPS))
    for step in range(STEPS):
        run.agree(f"at step {step}")
        for when, lr in changes:
            if when == step:
                run.by_hand(lr)
        if step == reload:
            run.save_and_load()
        run.step(0)


@settings(max_examples=100)
@given(st.data(), optimizers, changes)
@pytest.mark.filterwarnings("ignore")
def test_two_schedules_of_one_optimiser(data: st.DataObject, name: str, changes: list[tuple[int, float]]) -> None:
    """One at each step, the other at every third."""
    kinds = st.one_of(*FORMULAS.values(), sequential())
    run = Twins(name, [data.draw(kinds), data.draw(kinds)])
    for step in range(STEPS):
        run.agree(f"at step {step}")
        for when, lr in changes:
            if when == step:
                run.by_hand(lr)
        run.step(0)
        if step % 3 == 2:
            run.step(1)


@pytest.mark.parametrize("kind", FORMULAS)
@settings(max_examples=20)
@given(st.data(), st.lists(st.none() | st.integers(0, 30), max_size=12))
@pytest.mark.filterwarnings("ignore")
def test_steps_to_an_epoch(kind: str, data: st.DataObject, epochs: list[int | None]) -> None:
    run = Twins("SGD", [data.draw(SCHEDULES[kind])])
    for epoch in epochs:
        run.step(0, epoch)
        run.agree(f"after step({epoch})")


@settings(max_examples=60)
@given(
    st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["min", "max"]),
            "factor": st.floats(0.1, 0.9),
            "patience": st.integers(0, 4),
            "threshold": st.sampled_from([0.0, 1e-4, 0.1]),
            "threshold_mode": st.sampled_from(["rel", "abs"]),
            "cooldown": st.integers(0, 3),
            "min_lr": st.sampled_from([0, 0.01, [0.03, 0.01]]),
            "eps": st.sampled_from([1e-8, 0.02]),
        }
    ),
    st.lists(
        st.sampled_from([1.0, 0.9, 0.99, 0.95, 2.0, -1.0, float("nan")]) | st.floats(-2, 2), min_size=60, max_size=60
    ),
    changes,
    st.integers(0, STEPS),
)
@pytest.mark.filterwarnings("ignore")
def test_plateaus(given: dict[str, Any], scores: list[float], changes: list[tuple[int, float]], reload: int) -> None:
    run = Twins("SGD", [lambda module, optimizer: module.ReduceLROnPlateau(optimizer, **given)])
    for step, score in enumerate(scores):
        for when, lr in changes:
            if when == step:
                run.by_hand(lr)
        if step == reload:
            run.save_and_load()
        run.step(0, score)
        run.agree(f"at step {step}")

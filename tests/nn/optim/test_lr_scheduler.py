"""Schedules: values, saving, combining, bad input. Their table: optim_table.py."""

import json

import pytest
from hypothesis import given, settings, strategies as st

import nn
import tinygrad_lecture as tl
from nn.optim import lr_scheduler
from nn.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineWithWarmup,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from optim_table import SCHEDULES


def sgd(lr=1.0, groups=1):
    """An optimiser that has made a step, so that schedules do not warn."""
    params = [nn.Parameter(tl.ones(1)) for _ in range(groups)]
    params[0].grad = tl.zeros(1)
    optimizer = nn.optim.SGD([{"params": [p]} for p in params], lr=lr, momentum=0.9)
    optimizer.step()
    return optimizer


def rates(schedule, steps, group=0):
    """A group's rates in a run of `steps` steps."""
    seen = []
    for step in range(steps):
        if step:
            schedule.step()
        seen.append(schedule.optimizer.param_groups[group]["lr"])
    return seen


def warm_then_cosine(o):
    return SequentialLR(o, [LinearLR(o, 0.5, total_iters=2), CosineAnnealingLR(o, 2)], [3])


VALUES = {
    "StepLR": (lambda o: StepLR(o, 2, gamma=0.5), [1, 1, 0.5, 0.5, 0.25]),
    "MultiStepLR": (lambda o: MultiStepLR(o, [3, 1], gamma=0.1), [1, 0.1, 0.1, 0.01]),
    "ExponentialLR": (lambda o: ExponentialLR(o, 0.5), [1, 0.5, 0.25]),
    "LinearLR": (lambda o: LinearLR(o, 0.5, 0.8, total_iters=2), [0.5, 0.65, 0.8, 0.8]),
    "LambdaLR": (lambda o: LambdaLR(o, lambda step: 1 / (1 + step)), [1, 1 / 2, 1 / 3]),
    "CosineAnnealingLR": (lambda o: CosineAnnealingLR(o, 2, eta_min=0.2), [1, 0.6, 0.2, 0.6]),
    "CosineWithWarmup": (lambda o: CosineWithWarmup(o, 3, 5, min_lr=0.2), [0.25, 0.5, 0.75, 1, 0.6, 0.2, 0.2]),
    "OneCycleLR": (lambda o: OneCycleLR(o, 1, 5, pct_start=0.6), [0.04, 0.52, 1, 0.5000020, 0.000004]),
    "SequentialLR": (warm_then_cosine, [0.5, 0.75, 1, 1, 0.5, 0]),
}


@pytest.mark.parametrize(("make", "expected"), VALUES.values(), ids=VALUES)
def test_the_rates_are_the_formulas(make, expected):
    assert rates(make(sgd()), len(expected)) == pytest.approx(expected, abs=1e-12)


warmup = st.just(lambda module, o: module.CosineWithWarmup(o, 3, 10, min_lr=0.1))


@pytest.mark.parametrize("kind", [*SCHEDULES, "CosineWithWarmup"])
@settings(max_examples=10)
@given(st.data())
def test_a_resumed_schedule_continues_exactly(kind, data):
    make = data.draw({**SCHEDULES, "CosineWithWarmup": warmup}[kind])
    straight = make(lr_scheduler, sgd(groups=2))
    whole = rates(straight, 12)
    optimizer = sgd(groups=2)
    schedule = make(lr_scheduler, optimizer)
    rates(schedule, 6)
    again = sgd(lr=99, groups=2)
    resumed = make(lr_scheduler, again)
    again.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    assert resumed.get_last_lr() == schedule.get_last_lr()
    assert rates(resumed, 7) == whole[5:]
    assert again.param_groups[0]["momentum"] == straight.optimizer.param_groups[0]["momentum"]


def test_each_group_has_its_own_rate_even_one_added_later():
    optimizer = sgd(groups=2)
    optimizer.param_groups[1]["lr"] = 0.5
    schedule = ExponentialLR(optimizer, 0.5)
    schedule.step()
    optimizer.add_param_group({"params": [nn.Parameter(tl.ones(1))], "lr": 8.0})
    schedule.step()
    assert schedule.get_last_lr() == [0.25, 0.125, 2.0]  # the new group is where the others are
    assert schedule.base_lrs == [1.0, 0.5, 8.0]


def test_a_step_past_the_end_of_a_cycle_is_refused():
    schedule = OneCycleLR(sgd(), 1.0, epochs=2, steps_per_epoch=3)
    rates(schedule, 7)  # a step after each of six updates
    with pytest.raises(ValueError, match="step 7 is past the end of a cycle of 6"):
        schedule.step()
    assert OneCycleLR(sgd(), 1.0, total_steps=1).get_last_lr()[0] == pytest.approx(1 / 25 / 1e4)


def test_a_schedule_before_the_optimisers_first_step_is_warned_of():
    optimizer = nn.optim.SGD([nn.Parameter(tl.ones(1))])
    schedule = StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match=r"StepLR.step\(\) before optimizer.step\(\) skips the first rate"):
        schedule.step()
    schedule.step()


def test_a_rate_that_another_schedule_has_set_is_not_replaced_in_silence():
    optimizer = sgd()
    first, second = ExponentialLR(optimizer, 0.5), StepLR(optimizer, 10)
    rates(first, 2)
    with pytest.warns(UserWarning, match=r"StepLR.step\(\) replaces the rate \[0.5\].*multiply them in a function"):
        second.step()


def test_a_plateau_reduces_every_group_even_one_added_later():
    optimizer = sgd()
    schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    optimizer.add_param_group({"params": [nn.Parameter(tl.ones(1))], "lr": 4.0})
    found = []
    for score in (1, tl.tensor(1.0), 1, 0.5):
        schedule.step(score)
        found.append(schedule.get_last_lr())
    assert found == [[1, 4], [1, 4], [0.5, 2], [0.5, 2]]


# --- bad input ----------------------------------------------------------------------------------------------


BAD = {
    "no optimiser": (lambda o: StepLR(o.param_groups, 3), TypeError, "StepLR: optimizer must be an Optimizer"),
    "last_epoch": (lambda o: LRScheduler(o, 5), ValueError, "to go on after step 5, load its state by load_state_dict"),
    "no function": (lambda o: LambdaLR(o, 0.5), TypeError, "lr_lambda must be a function of the step, not 0.5"),
    "plateau": (lambda o: ReduceLROnPlateau(o, "least"), ValueError, "mode must be .min. or .max., not .least"),
    "warm-up": (lambda o: CosineWithWarmup(o, 5, 5), ValueError, "0 or more and below total_steps, not 5"),
    "length": (lambda o: OneCycleLR(o, 1.0, epochs=3), ValueError, "pass total_steps, or epochs and steps_per_epoch"),
    "no momentum": (lambda o: OneCycleLR(nn.optim.Adagrad(o.param_groups[0]["params"]), 1, 9), ValueError, "to cycle"),
    "milestones": (lambda o: SequentialLR(o, [StepLR(o, 1)], [5]), ValueError, "1 schedules need 0 milestones"),
    "a plateau within": (
        lambda o: SequentialLR(o, [ReduceLROnPlateau(o)], []),
        ValueError,
        "ReduceLROnPlateau has no form",
    ),
    "no formula": (LRScheduler, NotImplementedError, "LRScheduler has no formula; define rate"),
}


@pytest.mark.parametrize(("make", "error", "message"), BAD.values(), ids=BAD)
def test_bad_settings_are_refused(make, error, message):
    optimizer = sgd()
    with pytest.raises(error, match=message):
        make(optimizer)


def test_a_custom_schedule_is_a_formula():
    class Halved(LRScheduler):
        def rate(self, step, initial):
            return initial / 2**step

    schedule = Halved(sgd())
    assert rates(schedule, 3) == [1, 0.5, 0.25]
    with pytest.raises(TypeError, match="Halved: optimizer is missing"):
        Halved()
    with pytest.raises(ValueError, match="the state is for 2 parameter groups, not 1"):
        schedule.load_state_dict({"last_epoch": 5, "base_lrs": [1.0, 2.0]})
    assert schedule.last_epoch == 2

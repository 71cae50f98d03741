"""Schedules: values, stepping with an optimiser, saving, combining, bad input."""

import json
import math

import pytest

import nn
import tinygrad_lecture as tl
from nn.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CosineWithWarmup,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)


def sgd(lr=1.0, momentum=0.9):
    """An optimiser that has made a step, so that schedules do not warn."""
    p = nn.Parameter(tl.ones(1))
    p.grad = tl.zeros(1)
    optimizer = nn.optim.SGD([p], lr=lr, momentum=momentum)
    optimizer.step()
    return optimizer


def warm_then_cosine(optimizer):
    return SequentialLR(optimizer, [LinearLR(optimizer, 0.1, total_iters=3), CosineAnnealingLR(optimizer, 9)], [4])


MAKERS = {
    "step": lambda o: StepLR(o, 3, gamma=0.5),
    "multi step": lambda o: MultiStepLR(o, [8, 2, 5], gamma=0.1),
    "constant": lambda o: ConstantLR(o, 0.25, total_iters=4),
    "linear": lambda o: LinearLR(o, 0.1, 0.8, total_iters=7),
    "exponential": lambda o: ExponentialLR(o, 0.9),
    "cosine": lambda o: CosineAnnealingLR(o, 8, eta_min=0.1),
    "cosine with warm-up": lambda o: CosineWithWarmup(o, 3, 10, min_lr=0.1),
    "one cycle": lambda o: OneCycleLR(o, 1.0, total_steps=12),
    "one cycle in three phases": lambda o: OneCycleLR(o, 1.0, 12, anneal_strategy="linear", three_phase=True),
    "lambda": lambda o: LambdaLR(o, lambda step: 1 / (1 + step)),
    "polynomial": lambda o: PolynomialLR(o, 9, power=2),
    "cosine with restarts": lambda o: CosineAnnealingWarmRestarts(o, 3, T_mult=2),
    "cyclic": lambda o: CyclicLR(o, 0.1, 1.0, step_size_up=4, mode="triangular2"),
    "multiplicative": lambda o: MultiplicativeLR(o, lambda step: 1 / step),
    "sequential": warm_then_cosine,
    "chained": lambda o: ChainedScheduler([ExponentialLR(o, 0.9), ConstantLR(o, 0.5, total_iters=4)]),
}
every_schedule = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def rates(schedule, steps, group=0):
    """A group's rates in a run of `steps` steps."""
    seen = []
    for step in range(steps):
        if step:
            schedule.step()
        seen.append(schedule.optimizer.param_groups[group]["lr"])
    return seen


@every_schedule
def test_a_resumed_schedule_continues_exactly(make):
    straight = make(sgd())
    whole = rates(straight, 12)
    optimizer = sgd()
    schedule = make(optimizer)
    rates(schedule, 6)
    again = sgd(lr=99)
    resumed = make(again)
    again.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    assert resumed.get_last_lr() == schedule.get_last_lr()
    assert rates(resumed, 7) == whole[5:]
    assert again.param_groups[0]["momentum"] == straight.optimizer.param_groups[0]["momentum"]


def test_a_warm_up_is_linear_and_the_cosine_ends_at_the_least_rate():
    assert rates(CosineWithWarmup(sgd(), 3, 5, min_lr=0.2), 7) == pytest.approx([0.25, 0.5, 0.75, 1, 0.6, 0.2, 0.2])


def test_each_group_has_its_own_rate_even_one_added_later():
    first, second, third = (nn.Parameter(tl.ones(1)) for _ in range(3))
    optimizer = nn.optim.SGD([{"params": [first]}, {"params": [second], "lr": 0.5}], lr=1.0)
    first.grad = tl.zeros(1)
    optimizer.step()
    schedule = ExponentialLR(optimizer, 0.5)
    schedule.step()
    optimizer.add_param_group({"params": [third], "lr": 8.0})
    schedule.step()
    assert schedule.get_last_lr() == [0.25, 0.125, 4.0]  # the new group has made one step
    assert schedule.base_lrs == [1.0, 0.5, 8.0]
    each = LambdaLR(optimizer, [lambda s: 1.0, lambda s: 0.0, lambda s: s])
    assert rates(each, 3, group=2) == [0, 8, 16]
    tops = OneCycleLR(optimizer, [1.0, 2.0, 3.0], total_steps=10)
    assert max(rates(tops, 10, group=2)) == 3.0


def test_a_step_past_the_end_of_a_cycle_is_refused():
    schedule = OneCycleLR(sgd(), 1.0, epochs=2, steps_per_epoch=3)
    rates(schedule, 7)  # a step after each of six updates
    with pytest.raises(ValueError, match="step 7 is past the end of a cycle of 6"):
        schedule.step()
    assert math.isclose(OneCycleLR(sgd(), 1.0, total_steps=1).get_last_lr()[0], 1 / 25 / 1e4)


def test_schedules_can_be_combined():
    schedule = warm_then_cosine(sgd())
    linear, cosine = LinearLR(sgd(), 0.1, total_iters=3), CosineAnnealingLR(sgd(), 9)
    assert rates(schedule, 12) == rates(linear, 4) + rates(cosine, 8)
    optimizer = sgd()
    both = ChainedScheduler([ConstantLR(optimizer, 0.5, total_iters=2), ExponentialLR(optimizer, 0.5)])
    first = SequentialLR(optimizer, [both, ConstantLR(optimizer, 0.25)], [3])
    assert rates(first, 4) == [0.5, 0.25, 0.25, 0.25]
    optimizer = sgd()
    inner = SequentialLR(optimizer, [ConstantLR(optimizer, 0.5), OneCycleLR(optimizer, 1.0, 10)], [2])
    both = ChainedScheduler([inner, ExponentialLR(optimizer, 0.5)])
    other = sgd()
    inner_rates = rates(SequentialLR(other, [ConstantLR(other, 0.5), OneCycleLR(other, 1.0, 10)], [2]), 6)
    halved = [rate / 2 for rate in inner_rates]  # a cycle does not continue from the rate that it finds
    assert rates(both, 6) == pytest.approx([inner_rates[0], *halved[1:]])
    assert optimizer.param_groups[0]["momentum"] < 0.95  # the cycle's third step


# --- beside other changes of the rate -----------------------------------------------------------------------


def test_a_schedule_before_the_optimisers_first_step_is_warned_of():
    optimizer = nn.optim.SGD([nn.Parameter(tl.ones(1))])
    schedule = StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match=r"StepLR.step\(\) before optimizer.step\(\) skips the first rate"):
        schedule.step()
    schedule.step()


# --- plateaus -----------------------------------------------------------------------------------------------


def test_a_group_added_later_is_reduced_too():
    optimizer = sgd()
    schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    optimizer.add_param_group({"params": [nn.Parameter(tl.ones(1))], "lr": 4.0})
    schedule.step(1)
    schedule.step(1)
    assert schedule.get_last_lr() == [0.5, 2]


# --- bad input ----------------------------------------------------------------------------------------------


def other_optimizer(o):
    return SequentialLR(sgd(), [StepLR(o, 1)], [])


BAD = {
    "no optimiser": (
        lambda o: StepLR(o.param_groups, 3),
        TypeError,
        "StepLR: optimizer must be an Optimizer",
    ),
    "last_epoch": (lambda o: StepLR(o, 3, last_epoch=5), ValueError, 'needs "initial_lr"'),
    "step_size": (lambda o: StepLR(o, 0), ValueError, "step_size must be at least 1, not 0"),
    "factor": (lambda o: ConstantLR(o, 2.0), ValueError, r"factor must be in \(0, 1\], not 2.0"),
    "start": (lambda o: LinearLR(o, 0.0), ValueError, r"start_factor must be in \(0, 1\], not 0.0"),
    "no function": (lambda o: LambdaLR(o, 0.5), TypeError, "lr_lambda must be a function of the step, not 0.5"),
    "cyclic mode": (lambda o: CyclicLR(o, 0.1, 1, mode="up"), ValueError, "mode must be 'triangular' or .*, not 'up'"),
    "restart": (lambda o: CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0 must be at least 1, not 0"),
    "epoch": (lambda o: CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError, "epoch must not be negative"),
    "plateau": (lambda o: ReduceLROnPlateau(o, "least"), ValueError, "mode must be .min. or .max., not .least"),
    "plateau factor": (lambda o: ReduceLROnPlateau(o, factor=1.0), ValueError, "factor must be below 1, not 1.0"),
    "a plateau in a sequence": (
        lambda o: ChainedScheduler([ReduceLROnPlateau(o)]),
        ValueError,
        "ReduceLROnPlateau needs a score at each step",
    ),
    "linear": (lambda o: LinearLR(o, 0.5, 1.5), ValueError, r"end_factor must be in \[0, 1\], not 1.5"),
    "T_max": (lambda o: CosineAnnealingLR(o, 0), ValueError, "T_max must be at least 1"),
    "warm-up": (lambda o: CosineWithWarmup(o, 5, 5), ValueError, "0 or more and below total_steps, not 5"),
    "length": (lambda o: OneCycleLR(o, 1.0, epochs=3), ValueError, "pass total_steps, or epochs and steps_per_epoch"),
    "strategy": (lambda o: OneCycleLR(o, 1.0, 9, anneal_strategy="cosine"), ValueError, "not 'cosine'"),
    "rates": (lambda o: OneCycleLR(o, [1.0, 2.0], 9), ValueError, "max_lr has 2 values for 1 parameter groups"),
    "functions": (lambda o: LambdaLR(o, []), ValueError, "lr_lambda has 0 values for 1 parameter groups"),
    "milestones": (lambda o: SequentialLR(o, [StepLR(o, 1)], [5]), ValueError, "1 schedules need 0 milestones"),
    "order": (lambda o: SequentialLR(o, [StepLR(o, 1)] * 3, [5, 5]), ValueError, "in rising order, not .5, 5."),
    "optimisers": (other_optimizer, ValueError, "schedules of one optimiser"),
    "none": (lambda o: ChainedScheduler([]), ValueError, "ChainedScheduler: schedulers must be one or more"),
    "no momentum": (lambda o: OneCycleLR(nn.optim.Adagrad(o.param_groups[0]["params"]), 1, 9), ValueError, "to cycle"),
    "no formula": (LRScheduler, NotImplementedError, "LRScheduler has no formula; define rate"),
}


@pytest.mark.parametrize(("make", "error", "message"), BAD.values(), ids=BAD)
def test_bad_settings_are_refused(make, error, message):
    optimizer = sgd()
    with pytest.raises(error, match=message):
        make(optimizer)


def test_a_state_for_other_groups_is_refused():
    schedule = StepLR(sgd(), 3)
    before = schedule.state_dict()
    with pytest.raises(ValueError, match="the state is for 2 parameter groups, not 1"):
        schedule.load_state_dict({"last_epoch": 5, "base_lrs": [1.0, 2.0]})
    assert schedule.state_dict() == before


def test_the_state_of_a_callable_object_is_saved_and_that_of_a_function_is_not():
    class Decay:
        def __init__(self, by):
            self.by = by

        def __call__(self, step):
            return self.by**step

    schedule = LambdaLR(sgd(), Decay(0.5))
    assert schedule.state_dict()["lr_lambdas"] == [{"by": 0.5}]
    other = LambdaLR(sgd(), Decay(0.1))
    other.load_state_dict(schedule.state_dict())
    other.step()
    assert other.get_last_lr() == [0.5]
    assert LambdaLR(sgd(), lambda step: 1.0).state_dict()["lr_lambdas"] == [None]


def test_a_custom_schedule_is_a_formula():
    class Halved(LRScheduler):
        def rate(self, step, initial):
            return initial / 2**step

    assert rates(Halved(sgd()), 3) == [1, 0.5, 0.25]
    with pytest.raises(TypeError, match="Halved: optimizer is missing"):
        Halved()


def test_a_schedule_written_as_in_pytorch():
    class Warmup(LRScheduler):
        def __init__(self, optimizer, steps, last_epoch=-1):
            self.steps = steps
            super().__init__(optimizer, last_epoch)

        def get_lr(self):
            if self.last_epoch < self.steps:
                return [base * (self.last_epoch + 1) / (self.steps + 1) for base in self.base_lrs]
            return [group["lr"] for group in self.optimizer.param_groups]

    schedule = Warmup(sgd(), 3)
    assert rates(schedule, 5) == [0.25, 0.5, 0.75, 0.75, 0.75]
    assert schedule.state_dict()["steps"] == 3

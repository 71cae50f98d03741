"""LBFGS: it finds the bottom, stops when told, and keeps its state; its line search meets the Wolfe conditions."""

import math

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from nn.optim.lbfgs import C1, C2, Point, strong_wolfe


def valley(device="cpu", **settings):
    """(parameters, optimiser, closure, a list of the losses) of Rosenbrock's valley, with its bottom at (1, 1)."""
    x, y = nn.Parameter(tl.tensor([-1.2], dtype=tl.float64)), nn.Parameter(tl.tensor(1.0, dtype=tl.float64))
    optimizer = nn.optim.LBFGS([x, y], **settings)
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = ((1 - x) ** 2 + 100 * (y - x**2) ** 2).sum()
        loss.backward()
        losses.append(loss.item())
        return loss

    return (x, y), optimizer, closure, losses


def test_it_finds_the_bottom_of_a_curved_valley():
    (x, y), optimizer, closure, losses = valley(line_search_fn="strong_wolfe")
    first = optimizer.step(closure)
    assert first.item() == losses[0]
    for _ in range(3):
        optimizer.step(closure)
    assert (x.item(), y.item()) == pytest.approx((1, 1), abs=1e-3)
    assert len(losses) < 70


def test_without_a_line_search_each_iteration_is_one_evaluation():
    _, optimizer, closure, losses = valley(lr=0.01, max_iter=7)
    optimizer.step(closure)
    assert len(losses) == 7


def test_a_step_ends_after_so_many_evaluations_or_when_the_gradient_is_small():
    _, optimizer, closure, losses = valley(max_eval=3, lr=0.01)
    optimizer.step(closure)
    assert len(losses) == 3
    _, optimizer, closure, losses = valley(tolerance_grad=1e6)
    optimizer.step(closure)
    assert len(losses) == 1


def test_the_history_is_as_long_as_said():
    (x, _), optimizer, closure, _ = valley(history_size=3, line_search_fn="strong_wolfe")
    optimizer.step(closure)
    assert [len(optimizer.state[x][name]) for name in ("old_dirs", "old_stps", "ro")] == [3, 3, 3]


def test_a_loaded_optimizer_continues_bit_for_bit():
    (x, y), optimizer, closure, _ = valley(max_iter=5, line_search_fn="strong_wolfe")
    optimizer.step(closure)
    here, state = (x.item(), y.item()), optimizer.state_dict()
    optimizer.step(closure)
    (again, other), restored, same, _ = valley()
    again.data, other.data = tl.tensor([here[0]], dtype=tl.float64), tl.tensor(here[1], dtype=tl.float64)
    restored.load_state_dict(state)
    restored.step(same)
    assert (again.item(), other.item()) == (x.item(), y.item())


def test_parameters_without_gradient_stay():
    x, unused = nn.Parameter(tl.tensor([2.0])), nn.Parameter(tl.tensor([5.0]))
    optimizer = nn.optim.LBFGS([x, unused])

    def closure():
        optimizer.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose([x.item(), unused.item()], [0, 5], atol=1e-6)


def test_a_step_without_a_closure_and_several_groups_are_refused():
    p = nn.Parameter(tl.ones(1))
    with pytest.raises(TypeError, match="give a closure, since a step computes the loss several times"):
        nn.optim.LBFGS([p]).step()
    with pytest.raises(ValueError, match="LBFGS takes one parameter group, not 2"):
        nn.optim.LBFGS([{"params": [p]}, {"params": [nn.Parameter(tl.ones(1))]}])


# --- the line search ----------------------------------------------------------------------------------------

LINES = {  # f and its slope
    "bowl": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
    "steep": (lambda t: math.exp(t) - 20 * t, lambda t: math.exp(t) - 20),
    "wavy": (lambda t: 0.05 * (t - 8) ** 2 + math.sin(3 * t), lambda t: 0.1 * (t - 8) + 3 * math.cos(3 * t)),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 10.0])
def test_the_point_is_lower_and_flatter(line, first):
    f, slope = line
    tried = []

    def evaluate(t):
        tried.append(t)
        return Point(t, f(t), slope(t), None)

    start = Point(0.0, f(0.0), slope(0.0) if slope(0.0) < 0 else -1.0, None)
    found, evaluations = strong_wolfe(evaluate, start, first, 1.0, 1e-9, 25)
    assert tried[0] == first
    assert evaluations == len(tried) <= 26
    if slope(0.0) < 0:
        assert found.value <= start.value + C1 * found.t * start.slope
        assert abs(found.slope) <= C2 * abs(start.slope)


def test_it_stops_after_so_many_evaluations_with_the_lower_end():
    falling = lambda t: Point(t, -t, -1.0, None)  # noqa: E731 - the lower, the further
    found, evaluations = strong_wolfe(falling, falling(0.0), 1.0, 1.0, 1e-9, 4)
    assert evaluations == 5
    assert found.t > 1

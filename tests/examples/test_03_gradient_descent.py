"""Gradient descent: the valley, what learning rates do, the three ways, 13,002 dimensions."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from helpers.descent import Trained, batch_sizes, verdict
from programs import load, numbers_after

program = load("03_gradient_descent")


@pytest.fixture(scope="module")
def text(run_once):
    return run_once("03_gradient_descent", "--evaluations", "60", "--epochs", "1")[0]


@pytest.fixture(scope="module")
def points():
    tl.manual_seed(3)
    x = tl.rand(40, dtype=tl.float64)
    return nn.TensorDataset(x, 2 * x - 1 + 0.1 * tl.randn(40, dtype=tl.float64))


def test_the_valley_is_where_least_squares_has_it(points):
    valley = program.survey(points)
    x, y = (t.numpy() for t in points.tensors)
    assert [valley.w, valley.b] == pytest.approx(np.polyfit(x, y, 1))


@pytest.mark.parametrize(
    ("factor", "says"), [(0.01, "too small"), (1, "just right"), (1.95, "oscillates"), (2.1, "diverges")]
)
def test_what_a_rate_does_follows_from_the_curvature(points, factor, says):
    valley = program.survey(points)
    steps = 60 if factor != 1 else 300
    descent = program.descend(points, "", factor / valley.steepest, batch=40, steps=steps)
    assert verdict(descent, valley).startswith(says)


def test_fewer_points_a_step_tremble_more_and_need_fewer_points(text):
    way = {name: numbers_after(text, f"\n  {name} ") for name in ("batch", "mini-batch", "stochastic")}
    rises = [row[2] for row in way.values()]
    looked_at = [row[4] for row in way.values()]
    assert rises == sorted(rises)
    assert looked_at == sorted(looked_at, reverse=True)


def test_no_random_direction_comes_near_the_gradient(text):
    for length in ("0.01", "0.1", "1"):
        gradient, best, downhill = numbers_after(text, f"\n{length:>13} ")
        assert gradient > 10 * best
        assert 20 < downhill < 80


@pytest.mark.parametrize(
    ("small", "large", "seen"),
    [
        (0.95, 0.91, "So a regularization effect"),
        (0.92, 0.91, "So no regularization effect"),
        (0.90, 0.91, "1.0 points less of the new pictures"),
        (0.87, 0.91, "So the opposite of a regularization effect"),
    ],
)
def test_a_regularization_effect_is_more_than_chance(small, large, seen, capsys):
    rows = [Trained(8, 7, 7441, 0.95, small, 1500), Trained(256, 71, 2414, 0.951, large, 1500)]
    batch_sizes(rows, 0.95, 100)
    assert seen in capsys.readouterr().out


def test_networks_that_have_not_learnt_enough_are_not_compared(text):
    assert "Not all have come to 95%, so they cannot be compared" in text
    assert "regularization" not in text


def test_a_batch_is_no_larger_than_all_points(points):
    assert program.descend(points, "", 0.1, batch=1000, steps=3).looked_at.tolist() == [0, 40, 80, 120]


def test_descent_beats_random_search(text):
    reached = {name: numbers_after(text, f"\n  {name} ")[1] for name in ("gradient descent", "random changes")}
    assert reached["gradient descent"] < reached["random changes"]

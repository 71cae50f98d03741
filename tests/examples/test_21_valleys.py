"""Valleys and saddles of XOR, and universal approximation."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from helpers import valleys
from programs import load, numbers_after, output_of

program = load("21_valleys")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    small = {"starts": 12, "steps": 300, "widths": (1, 8), "fit_steps": 150}
    return output_of(program, out=tmp_path_factory.mktemp("valleys"), **small)


def test_some_starts_lead_to_the_global_minimum(text):
    assert numbers_after(text, "random starts:\n")[0] >= 4


def test_every_start_is_curved_like_a_saddle(text):
    assert numbers_after(text, "\n  at")[:2] == [12, 12]


def test_batch_descent_stays_at_the_saddle(text):
    assert numbers_after(text, "\n  After 300 steps")[0] == 0


def test_a_wider_network_fits_closer(text):
    narrow, wide = (numbers_after(text, f"\n{'':14}{width:2} ")[1] for width in (1, 8))
    assert wide < narrow / 2


def test_many_networks_descend_as_each_would_alone():
    tl.manual_seed(1)
    weights = program.random_weights(3, 2, 1.0)
    _, together = program.descend(weights, 2.0, 20)
    for i in range(3):
        _, alone = program.descend([w[i : i + 1] for w in weights], 2.0, 20)
        np.testing.assert_allclose(together[:, i], alone[:, 0], rtol=1e-10)


def test_the_curvatures_are_those_of_the_cost():
    """Their sum is the trace of the Hessian, found here by differences of the cost."""
    tl.manual_seed(1)
    weights, h, trace = program.random_weights(1, 2, 1.0), 1e-4, 0.0
    middle = program.costs_of(weights, program.X, program.Y).item()
    for w in weights:
        for index in np.ndindex(w.shape):
            for side in (h, -h):
                w[index] += side
                trace += (program.costs_of(weights, program.X, program.Y).item() - middle) / h**2
                w[index] -= side
    assert program.curvature(weights, 0).sum() == pytest.approx(trace, abs=1e-5)


@pytest.mark.parametrize(("stochastic", "verdict"), [(0.2, "pushes them off"), (1.0, "No noise was needed")])
def test_noise_is_named_as_the_reason_only_where_it_is(stochastic, verdict, capsys):
    valleys.saddle(np.full((9, 3), 1.0), np.full((5, 3), stochastic))
    assert verdict in capsys.readouterr().out


def test_a_descent_that_still_moves_is_not_called_stuck(capsys):
    moving, still = np.linspace(1, 0.6, 10), np.full(10, 0.5)
    valleys.ends(np.stack([moving, still, np.zeros(10)], axis=1), 2)
    printed = capsys.readouterr().out
    assert "1 end in valleys that are not the deepest, at a cost of 0.50" in printed
    assert "1 are still on the way" in printed


def test_a_point_that_still_curves_down_is_not_called_the_bottom(capsys):
    valleys.curvatures(np.array([[-1.0, 1.0]]), np.array([-1e-6, 1.0]))
    assert "1 of 2 still curve down" in capsys.readouterr().out

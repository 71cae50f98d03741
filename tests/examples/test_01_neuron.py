"""The neuron: its numbers, what weights and bias do, its activation functions."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from helpers.neuron import ACTIVATIONS, curve
from programs import numbers_after


@pytest.fixture(scope="module")
def text(run_once):
    return run_once("01_neuron")[0]


def test_it_weighs_sums_and_activates(text):
    z = 0.9 * 3 - 0.6 * 2 + 0.4 * 1.5 - 1
    assert f"= {z:.3f}" in text
    assert f"a = sigmoid({z:.3f}) = {1 / (1 + np.exp(-z)):.3f}    it fires" in text


def test_a_positive_weight_encourages_and_a_negative_one_inhibits(text):
    for name, word in {"sunshine": "encourages", "wind": "inhibits", "company": "encourages"}.items():
        line = text[text.index(f"  {name:10} weight") :].split("\n")[0]
        off, on = (float(part.split()[-1]) for part in line.split(" -> ")[0:1] + [line.split(" -> ")[1].split()[0]])
        assert (on > off) == (word == "encourages")
        assert line.endswith(word)


def test_with_a_bias_it_fires_without_any_input(text):
    assert numbers_after(text, "\n  bias    4    activation")[0] == pytest.approx(0.982)
    assert numbers_after(text, "\n  bias   -4    activation")[0] == pytest.approx(0.018)


def test_without_bias_the_line_passes_through_the_origin(text):
    with_bias, right = numbers_after(text, "with bias     line")
    without, fewer = numbers_after(text, "without bias  line")
    assert with_bias == pytest.approx(0.5**0.5, abs=0.05)
    assert without == 0
    assert right > 95
    assert fewer < 85


def test_the_slopes_are_the_derivatives():
    for activation in ACTIVATIONS.values():
        z, a, slope = curve(activation, points=10_001)
        smooth = np.abs(z) > 0.01  # away from the corner of ReLU
        np.testing.assert_allclose(slope[smooth], np.gradient(a, z)[smooth], atol=1e-5)
    z, a, slope = curve(tl.sigmoid)
    assert slope.max() <= 0.25
    assert (0 < a).all() and (a < 1).all()

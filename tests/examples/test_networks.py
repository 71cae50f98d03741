"""Networks and their descent: what claims alone do not show of 01 to 04, 21 and 22."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from helpers import mnist
from programs import load, numbers_after, output_of
from show import digits, robust, valleys
from show.neuron import ACTIVATIONS

# --- 01 neuron --------------------------------------------------------------------------------------------------------


def test_the_slopes_are_the_derivatives():
    for activation in ACTIVATIONS.values():
        z, a, slope = load("01_neuron").slopes(activation, np.linspace(-5, 5, 10_001))
        smooth = np.abs(z) > 0.01  # away from the corner of ReLU
        np.testing.assert_allclose(slope[smooth], np.gradient(a, z)[smooth], atol=1e-5)
    _, a, slope = load("01_neuron").slopes(ACTIVATIONS["sigmoid"], np.linspace(-5, 5, 1000))
    assert slope.max() <= 0.25
    assert (0 < a).all() and (a < 1).all()


# --- 02 digits --------------------------------------------------------------------------------------------------------

p02 = load("02_digits")
PICTURES = ["threes", "curves", "confusion", "mistakes", "first_layer", "last_hidden_layer"]


@pytest.mark.parametrize(("patience", "ends"), [(1, (3, 0.7)), (3, (7, 0.79)), (5, (8, 0.79))])
def test_a_plateau_is_where_the_accuracy_has_not_risen(patience, ends):
    assert digits.plateau([0.5, 0.7, 0.7, 0.8, 0.8, 0.75, 0.79], patience) == ends


def test_a_picture_made_smaller_keeps_its_middle_and_its_shape():
    square = np.zeros((1, 28, 28), np.float32)
    square[:, 6:22, 6:22] = 1  # 16 pixels wide, about the middle
    small = mnist.resized(tl.tensor(square.reshape(1, 784)), 0.5).numpy().reshape(28, 28)
    assert small.sum() == pytest.approx(8 * 8)
    np.testing.assert_array_equal(small, small[::-1, ::-1])


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": (8,), "activation": "leaky-relu", "loss": "cross-entropy", "optimizer": "adam"},
        {"hidden": (), "optimizer": "momentum", "batch_size": "all"},
    ],
    ids=str,
)
def test_other_networks_and_other_ways_downhill(settings, tmp_path, monkeypatch):
    for name in PICTURES:
        monkeypatch.setattr(p02.show, f"draw_{name}", lambda *results: None)
    text = output_of(p02, epochs=1, out=tmp_path, **settings)
    assert numbers_after(text, "Test accuracy")[0] > 5
    assert ("a probability distribution." in text) == ("loss" in settings)
    assert ("mean cross-entropy" in text) == ("loss" in settings) == ("mean cost" not in text)


# --- 04 backprop ------------------------------------------------------------------------------------------------------

p04 = load("04_backprop")


@pytest.mark.parametrize("activation", p04.ACTIVATIONS)
def test_the_gradients_of_other_networks_agree_too(activation, tmp_path, monkeypatch):
    monkeypatch.setattr(p04, "measure_times", lambda *_: (1.0, 1.0))  # the price is that of another network
    monkeypatch.setattr(p04, "gradient_noise", lambda *_: [1.0, 1.0])
    monkeypatch.setattr(p04, "memory", lambda *_: 1)
    m = p04.measure(p04.Settings(layers=(3, 4, 2), activation=activation, out=tmp_path))
    assert len(m.gradients) == 3 * 4 + 4 + 4 * 2 + 2
    assert max(m.by_formula, m.by_nudging) < 1e-5


def test_a_page_to_step_through_is_written(run_once):
    _, folder = run_once("04_backprop", "--page", "--repeats", "1")
    assert "<title>Backpropagation" in (folder / "backprop.html").read_text(encoding="utf-8")


# --- 21 valleys -------------------------------------------------------------------------------------------------------

p21 = load("21_valleys")


def test_many_networks_descend_as_each_would_alone():
    tl.manual_seed(1)
    weights = p21.random_weights(3, 2, 1.0)
    _, together = p21.descend(weights, 2.0, 20)
    for i in range(3):
        _, alone = p21.descend([w[i : i + 1] for w in weights], 2.0, 20)
        np.testing.assert_allclose(together[:, i], alone[:, 0], rtol=1e-10)


def test_the_curvatures_are_those_of_the_cost():
    """Their sum is the trace of the Hessian, found here by differences of the cost."""
    tl.manual_seed(1)
    weights, h, trace = p21.random_weights(1, 2, 1.0), 1e-4, 0.0
    middle = p21.costs_of(weights, p21.X, p21.Y).item()
    for w in weights:
        for index in np.ndindex(w.shape):
            for side in (h, -h):
                w[index] += side
                trace += (p21.costs_of(weights, p21.X, p21.Y).item() - middle) / h**2
                w[index] -= side
    found = p21.curvature(lambda w: p21.costs_of(w, p21.X, p21.Y).sum(), weights)
    assert found.sum() == pytest.approx(trace, abs=1e-5)


def test_a_descent_that_still_moves_is_not_called_stuck():
    moving, still = np.linspace(1, 0.6, 10), np.full(10, 0.5)
    assert valleys.are_stuck(np.stack([moving, still, np.zeros(10)], axis=1)).tolist() == [False, True, False]


def test_a_probe_reads_what_is_there_and_no_more():
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(2, 500, 3))
    assert p21.explained(a, b, a[:, :1] + 2, b[:, :1] + 2) == pytest.approx(1)
    assert abs(p21.explained(a, b, draw.normal(size=(500, 1)), draw.normal(size=(500, 1)))) < 0.05


# --- 22 robust --------------------------------------------------------------------------------------------------------


def test_rules_are_right_for_the_pictures_that_they_were_written_for():
    draw = np.random.default_rng(0)
    pictures, labels = draw.random((60, 49)), draw.integers(10, size=60)
    *_, rules = robust.write_rules(pictures, labels)
    answers = [rules[0].judge(ink)[0].answer for ink in pictures]
    assert answers == labels.tolist()
    assert 10 <= len(rules) <= 60
    assert any(rule.exception for rule in rules)

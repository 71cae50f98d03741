"""Networks and their descent: what claims alone do not show of 01 to 04, 21 and 22."""

import re

import numpy as np
import pytest

import tinygrad_lecture as tl
from helpers import digits, robust, valleys
from helpers.descent import Trained, batch_sizes
from helpers.neuron import ACTIVATIONS
from programs import load, numbers_after, output_of

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


@pytest.fixture(scope="module")
def text_02(run_once):
    return run_once("02_digits", "--epochs", "3")[0]


def test_the_cost_of_a_3_is_the_sum_of_ten_squares(text_02):
    for title in ("The untrained network", "The trained network"):
        table = text_02[text_02.index(title) :]
        a, y, squares = (
            numbers_after(table, f"\n  {name}")[-10:] for name in ("output a_j", "wanted y_j", "(a_j - y_j)")
        )
        assert y == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        assert squares == pytest.approx((np.array(a) - y) ** 2, abs=2e-4)
        assert numbers_after(table, "\n  C =")[0] == pytest.approx(sum(squares), abs=1e-3)


def test_a_plateau_is_where_the_accuracy_has_not_risen(capsys):
    digits.plateau([digits.Epoch([1.0], right) for right in (0.5, 0.7, 0.7, 0.8, 0.8, 0.75, 0.79)])
    said = capsys.readouterr().out
    assert "1 epoch: after epoch 3, with 70.0% right" in said
    assert "3 epochs: after epoch 7, with 79.0% right" in said
    assert "5 epochs: not within these 7" in said


def without_pictures(monkeypatch):
    for name in PICTURES:
        monkeypatch.setattr(p02.show, f"draw_{name}", lambda *results: None)


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": (8,), "activation": "leaky-relu", "loss": "cross-entropy", "optimizer": "adam"},
        {"hidden": (), "optimizer": "momentum", "batch_size": "all"},
    ],
    ids=str,
)
def test_other_networks_and_other_ways_downhill(settings, tmp_path, monkeypatch):
    without_pictures(monkeypatch)
    text = output_of(p02, epochs=1, out=tmp_path, **settings)
    assert numbers_after(text, "Test accuracy")[0] > 5
    assert ("a probability distribution." in text) == ("loss" in settings)
    assert ("mean cross-entropy" in text) == ("loss" in settings) == ("mean cost" not in text)


def test_a_network_that_learns_nothing_is_said_to_have_no_strokes(tmp_path, monkeypatch):
    without_pictures(monkeypatch)
    text = output_of(p02, epochs=1, lr=1e-9, out=tmp_path)
    assert numbers_after(text, "\n  after training")[0] == pytest.approx(0, abs=0.05)
    assert "edges and strokes are learnt" not in text


# --- 03 gradient descent ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("small", "large", "seen"),
    [
        (0.95, 0.91, "So a regularization effect"),
        (0.92, 0.91, "So no regularization effect"),
        (0.90, 0.91, "8 against 256 per step: 90.0% and 91.0% of the test pictures"),
        (0.87, 0.91, "So the opposite of a regularization effect"),
    ],
)
def test_a_regularization_effect_is_more_than_chance(small, large, seen, capsys):
    rows = [Trained(8, 7, 7441, 0.95, small, 1500), Trained(256, 71, 2414, 0.951, large, 1500)]
    batch_sizes(rows, 0.95, 100)
    assert seen in capsys.readouterr().out


# --- 04 backprop ------------------------------------------------------------------------------------------------------

p04 = load("04_backprop")


@pytest.fixture(scope="module")
def text_04(run_once):
    text, folder = run_once("04_backprop", "--page", "--repeats", "1")
    assert "<title>Backpropagation" in (folder / "backprop.html").read_text(encoding="utf-8")
    return text


def gradients(text_04):
    """Parameter -> its gradient by the formula, by backward(), by nudging."""
    number = r" +(-?[\d.]+)"
    return {row[0]: [float(x) for x in row[1:]] for row in re.findall(rf"  ([Wb]\d\[.*\]) .*={3 * number}", text_04)}


def test_every_parameter_has_its_gradient_three_times(text_04):
    found = gradients(text_04)
    assert len(found) == 9
    for row in found.values():
        assert row == pytest.approx([row[0]] * 3, abs=1e-6)


@pytest.mark.parametrize("activation", p04.ACTIVATIONS)
def test_the_gradients_of_other_networks_agree_too(activation, tmp_path, monkeypatch):
    monkeypatch.setattr(p04, "measure_times", lambda *_: (1.0, 1.0))  # the price is that of another network
    monkeypatch.setattr(p04, "gradient_noise", lambda *_: [1.0, 1.0])
    monkeypatch.setattr(p04, "memory", lambda *_: 1)
    for name in ("network", "computation_graph", "price"):
        monkeypatch.setattr(p04.show, f"draw_{name}", lambda *_: None)
    text = output_of(p04, layers=(3, 4, 2), activation=activation, out=tmp_path)
    found = gradients(text)
    assert len(found) == 3 * 4 + 4 + 4 * 2 + 2
    assert all(row == pytest.approx([row[0]] * 3, abs=1e-5) for row in found.values())


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

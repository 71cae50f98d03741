"""The digit network: its parameters, its cost for one picture, what it learns, what its neurons see."""

import re

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from helpers import digits
from programs import load, numbers_after, output_of

program = load("02_digits")
PICTURES = ["threes", "curves", "confusion", "mistakes", "first_layer", "last_hidden_layer"]


@pytest.fixture(scope="module")
def text(run_once):
    return run_once("02_digits", "--epochs", "3")[0]


def test_the_parameters_are_the_lectures(text):
    assert "weights: 12,544 + 256 + 160 = 12,960" in text
    assert "biases: 16 + 16 + 10 = 42" in text
    assert "together 13,002 adjustable parameters" in text


def test_the_cost_of_a_3_is_the_sum_of_ten_squares(text):
    for title in ("The untrained network", "The trained network"):
        table = text[text.index(title) :]
        a, y, squares = (
            numbers_after(table, f"\n  {name}")[-10:] for name in ("output a_j", "wanted y_j", "(a_j - y_j)")
        )
        assert y == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        assert squares == pytest.approx((np.array(a) - y) ** 2, abs=2e-4)
        assert numbers_after(table, "\n  C =")[0] == pytest.approx(sum(squares), abs=1e-3)


def test_an_untrained_network_has_a_favourite_digit_and_reads_no_more_than_chance(text):
    favourite, _, right, *_ = numbers_after(text, "it calls ")
    assert favourite > 15
    assert right < 25


def test_a_plateau_is_where_the_accuracy_has_not_risen(capsys):
    digits.plateau([digits.Epoch([1.0], right) for right in (0.5, 0.7, 0.7, 0.8, 0.8, 0.75, 0.79)])
    said = capsys.readouterr().out
    assert "1 epoch: after epoch 3, with 70.0% right" in said
    assert "3 epochs: after epoch 7, with 79.0% right" in said
    assert "5 epochs: not within these 7" in said


def test_three_epochs_read_most_digits_and_the_cost_falls(text):
    assert numbers_after(text, "Test accuracy")[0] > 80
    costs = [float(cost) for cost in re.findall(r"mean cost (\d\.\d+)   test", text)]
    assert costs[-1] < costs[0]
    sure, unsure = (numbers_after(text, f"\n  {group}")[1] for group in ("sure and right", "unsure "))
    assert sure < unsure


def test_those_that_it_is_surer_of_are_right_more_often(text):
    shares = [float(share) for share in re.findall(r"to a person +([\d.]+)% of the rest", text)]
    assert shares == sorted(shares)


def test_first_layer_weights_become_smooth(text):
    before, after = (numbers_after(text, f"\n  {when} training")[-1] for when in ("before", "after"))
    assert abs(before) < 0.05
    assert after > 0.2


def test_weights_and_pictures_are_kept(run_once):
    text, folder = run_once("02_digits", "--epochs", "3")
    assert set(nn.weights.load_file(folder / "weights.safetensors")) == set(nn.MLP([784, 16, 16, 10]).state_dict())
    for name in PICTURES:
        assert str(folder / f"{name}.png") in text


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": (8,), "activation": "leaky-relu", "loss": "cross-entropy", "optimizer": "adam"},
        {"hidden": (), "optimizer": "momentum", "batch_size": "all"},
    ],
    ids=str,
)
def test_other_networks_and_other_ways_downhill(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(program.show, "draw", lambda *results: None)
    text = output_of(program, epochs=1, out=tmp_path, **settings)
    assert numbers_after(text, "Test accuracy")[0] > 5
    assert ("a probability distribution." in text) == ("loss" in settings)
    assert ("mean cross-entropy" in text) == ("loss" in settings) == ("mean cost" not in text)


def test_a_network_that_learns_nothing_is_said_to_have_no_strokes(tmp_path, monkeypatch):
    monkeypatch.setattr(program.show, "draw", lambda *results: None)
    text = output_of(program, epochs=1, lr=1e-9, out=tmp_path)
    assert numbers_after(text, "\n  after training")[-1] == pytest.approx(0, abs=0.05)
    assert "have become patches" not in text


def test_a_coarser_picture_has_the_means_of_squares():
    picture = tl.tensor(np.kron(np.arange(196.0).reshape(14, 14), np.ones((2, 2))).reshape(1, 784))
    assert program.coarser(picture, 14).numpy() == pytest.approx(np.arange(196.0)[None])


def test_a_perfect_loop_detector_would_be_found():
    means = np.zeros((2, 10))
    means[1, [0, 6, 8, 9]] = 1
    assert digits.separation(means, (0, 6, 8, 9)) == 1
    assert digits.fires_for(means[1]) == "0 6 8 9"

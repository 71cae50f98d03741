"""Robustness, more data, retraining: what is measured, and the methods that are compared."""

import re

import numpy as np
import pytest

from helpers import robust
from helpers.mnist import load_digits
from helpers.robust import is_a_three
from programs import load, numbers_after, output_of

program = load("22_robust")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return output_of(program, steps=200, sizes=(300, 3000, 8500), out=tmp_path_factory.mktemp("robust"))


def test_rules_find_fewer_threes_than_are_there(text):
    found, of, missed, wrong = numbers_after(text, "\n  if-then rules")[:4]
    assert found + missed == of == 150
    assert found > 75
    assert 0 < wrong < 30


def test_the_more_a_picture_is_spoilt_the_less_nearest_mean_reads(text):
    for kind in robust.KINDS:
        shares = numbers_after(text[text.index(f"\n  {kind}") :], "\n  nearest mean ")
        assert len(shares) == 6
        assert shares[-1] < shares[0]


def test_nearest_mean_stops_gaining(text):
    gains = re.search(r"nearest mean gains (-?[\d.]+) points and the network (-?[\d.]+)", text)
    assert float(gains[1]) < 1.5


def test_retraining_is_followed_for_new_and_old_pictures(text):
    assert len(re.findall(r"after +\d+ steps +turned pictures read right +[\d.]+% +upright ones +[\d.]+%", text)) == 4


def test_the_ways_to_spoil():
    random, images = np.random.default_rng(0), np.ones((50, 784), np.float32)
    assert robust.drop_pixels(images, 0.3, random).mean() == pytest.approx(0.7, abs=0.02)
    assert robust.wrong_pixels(images, 0.3, random).mean() == pytest.approx(0.85, abs=0.02)
    assert robust.add_noise(images, 0.5, random).std() == pytest.approx(0.5, abs=0.02)
    picture = load_digits().test_images[:1]
    assert np.array_equal(robust.turn(robust.turn(robust.turn(robust.turn(picture)))), picture)
    assert robust.shift(picture, 2, random).reshape(28, 28)[:, 2:].tolist() == picture.reshape(28, 28)[:, :-2].tolist()


def test_an_empty_picture_is_no_three():
    assert not is_a_three(np.zeros((28, 28)))


def test_what_retraining_does_is_told_by_its_numbers(capsys):
    robust.retraining([(0, 0.17, 0.92), (500, 0.6, 0.5), (1000, 0.2, 0.95)])
    printed = capsys.readouterr().out
    assert "its new data, 17% -> 20%; upright ones, no longer shown, 92% -> 95%." in printed

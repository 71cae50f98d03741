"""Calibration, routing to a person, and errors by kind."""

import numpy as np
import pytest

from helpers import human
from programs import load, numbers_after, output_of

program = load("20_ask_a_human")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return output_of(program, out=tmp_path_factory.mktemp("human"), epochs=4, long=5)


def test_calibration_by_hand():
    p, spam = np.array([0.02, 0.04, 0.71, 0.79, 1.0]), np.array([False, False, True, False, True])
    said, true, n = program.calibration(p, spam)
    np.testing.assert_allclose(said, [0.03, 0.75, 1.0])
    np.testing.assert_allclose(true, [0, 0.5, 1])
    assert n.tolist() == [2, 2, 1]
    assert program.error(said, true, n) == pytest.approx((2 * 0.03 + 2 * 0.25) / 5)


def test_to_ask_about_the_least_certain_avoids_more_mistakes_than_to_ask_at_random(text):
    avoided, of, random = numbers_after(text, "With 10% to a person ")[:3]
    assert of >= avoided > 3 * random


def test_most_mistakes_are_of_messages_that_could_be_either(text):
    messages, wrong, *_ = numbers_after(text, "\n  could be either ")
    assert 0.2 < wrong / messages < 0.6
    assert numbers_after(text, "\n  friends ")[1] <= 5


@pytest.mark.parametrize(("missed", "verdict"), [(4, "it may be chance"), (12, "different")])
def test_groups_are_called_different_only_beyond_chance(missed, verdict, capsys):
    """Of 20 spam messages in shorthand some are missed, of 80 written out 8."""
    group, wrong = np.repeat([True, False], [20, 80]), np.zeros(100, bool)
    wrong[:missed] = wrong[-8:] = True
    spam = np.append(np.ones(100, bool), [False, False])  # and one ham message in each group
    human.by_group(group, np.append(group, [True, False]), spam, np.append(~wrong, [False, False]).astype(float))
    assert capsys.readouterr().out.rstrip().endswith(f": {verdict}")


def test_what_chance_brings_by_hand():
    wrong, group = np.array([True, False, False, False]), np.array([True, True, False, False])
    assert human.difference(wrong, group) == pytest.approx((0.5, np.sqrt(0.25 * 0.75 * (1 / 2 + 1 / 2))))

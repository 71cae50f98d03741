"""Texts of worked lines, and what counts in them."""

import numpy as np
import pytest

from helpers import few_shot
from programs import load

program = load("17_few_shot")


def test_a_text_has_five_lines_of_one_shift():
    text = program.make(50, np.array([3, 7]), np.random.default_rng(0))
    x, y = text[:, 0::4], text[:, 2::4]
    shift = (y - x) % 10
    assert (shift == shift[:, :1]).all()
    assert set(shift[:, 0]) == {3, 7}
    assert all(len({*row}) == 5 for row in x.tolist())  # no line can be copied
    assert program.written(text[0]).count("=") == 5


def test_only_the_answers_count():
    text = program.make(4, np.array([1]), np.random.default_rng(0))
    targets = program.answers_only(text)
    assert (targets[:, 1::4] == text[:, 2::4]).all()
    assert (np.delete(targets, np.s_[1::4], axis=1) == -100).all()


@pytest.mark.parametrize("k", [0, 9])
def test_the_share_of_right_answers_is_by_line(k):
    text = program.make(20, np.array([k]), np.random.default_rng(0))

    class Knows:
        def __call__(self, tokens):
            logits = np.zeros((*tokens.shape, 12))
            rows, places = np.indices(tokens.shape)
            logits[rows, places, (np.roll(tokens, 1, axis=1) + k) % 10] = 1
            return program.tl.tensor(logits)

    assert (program.right(Knows(), text) == 1).all()


@pytest.mark.parametrize(("share", "verdict"), [(0.9, "it knows from the lines"), (0.06, "hardly better than a guess")])
def test_what_it_says_of_new_tasks_is_what_was_measured(share, verdict, capsys):
    few_shot.exam({"tasks it has learnt from": np.full(5, 1.0), "new tasks": np.full(5, share)})
    assert verdict in capsys.readouterr().out

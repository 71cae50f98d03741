"""What a program concludes holds by its numbers: with a second seed and starved settings, it concludes otherwise."""

import re

import numpy as np
import pytest

from helpers.claims import Measured
from programs import PROGRAMS
from show import arithmetic as sums
from show import gradient_descent as descent
from show import robust

STARVED = {  # a tenth of the steps, and where that is still long, less
    "01_neuron": ["--steps", "50"],
    "02_digits": ["--epochs", "1"],
    "03_gradient_descent": ["--steps", "6", "--epochs", "1", "--evaluations", "20", "--directions", "50"],
    "04_backprop": ["--repeats", "1"],
    "06_word_vectors": ["--sentences", "3000"],
    "07_attention": ["--steps", "100"],
    "08_gpt": ["--steps", "4", "--layers", "1", "--width", "32", "--tokens", "20"],
    "09_architectures": ["--next-steps", "2", "--hidden-steps", "2", "--date-steps", "2"],
    "10_gpt2": ["--steps", "3", "--tokens", "5"],
    "11_spam": ["--epochs", "1"],
    "12_arithmetic": ["--steps", "5", "--width", "16"],
    "13_temperature": ["--draws", "20"],
    "15_next_word": ["--steps", "20", "--T", "0.1", "3.0"],
    "16_order_and_memory": ["--steps", "3", "--lengths", "4", "16"],
    "17_few_shot": ["--steps", "10"],
    "18_expressions": ["--steps", "10"],
    "19_tokens_and_size": ["--steps", "5", "--widths", "8", "--shares", "0.8"],
    "20_ask_a_human": ["--epochs", "1", "--long", "2"],
    "21_valleys": ["--steps", "100", "--starts", "12", "--fit-steps", "10", "--deep-steps", "100"],
    "22_robust": ["--steps", "100", "--sizes", "300", "3000", "8500"],
    "25_change_a_thought": ["--steps", "5"],
}
LINES = 40  # of a program's output, without --more
REFERRED_TO = {  # what other lines of the output speak of, so that it is shown without --more too
    "06_word_vectors": ["animal and dog"],
    "07_attention": ["head 1, grammatical", "without W_O"],
    "14_inside_a_block": ["projected by W_O", "weights 175,181,291,520"],
    "16_order_and_memory": ["An open LSTM begins with its forget gate"],
}


def starved(name):
    return "--seed", "2", "--no-more", *STARVED.get(name, [])


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in ("23_chat", "24_fine_tune")])
def test_a_program_runs_with_another_seed_and_starved_settings(name, run_once):
    text, folder = run_once(name, *starved(name))
    assert {*re.findall(r"(\w+\.png)", text)} == {path.name for path in folder.glob("*.png")} != set()
    assert len(text.splitlines()) <= LINES
    assert not [piece for piece in REFERRED_TO.get(name, ()) if piece not in " ".join(text.split())]


VALLEY = descent.Valley(0.0, 0.0, 1.0, steepest=1.0, flattest=1.0)


def went(rate, *w):
    """A descent along w, at whose end the cost is |w|, or 1 at the bottom."""
    path = np.array(w, float)
    return descent.Descent("", rate, 1, np.stack([path, 0 * path], axis=1), np.maximum(np.abs(path), 1.0))


RULE, LABELS = robust.Rule(0, -1.0, True, 0, np.zeros(49)), np.zeros(10, int)


def learnt(*right):
    """The share of right sums at some looks."""
    return [sums.Point(step, share, []) for step, share in enumerate(right, 1)]


# What a helper concludes from numbers that no short run would give: the call, and what it returns or prints.
MADE = [
    (lambda: descent.verdict(went(1.9, 9, -8, 7, -6), VALLEY), "oscillates"),
    (lambda: descent.verdict(went(2.1, 9, -10, 11, -12), VALLEY), "diverges"),
    (lambda: descent.verdict(went(1.0, 9, 4, 1), VALLEY), "just right"),
    (lambda: descent.verdict(went(0.01, 9, 8.9, 8.8), VALLEY), "too small"),
    (lambda: descent.verdict(went(1.0, 9, 5, 3), VALLEY), "too few steps"),
    (lambda: descent.batch_sizes(Measured(trained=[descent.Trained(8, 1, 1063, 0.94, 0.9)]), 1), "cannot be compared"),
    (lambda: sums.largest_fall(learnt(0.5, 0.96, 0.55, 1, 1)), "it fell from 96% to 55%"),
]
NOT = [
    (lambda: sums.largest_fall(learnt(0.5, 0.96, 0.95, 1)), "it fell"),
]


@pytest.mark.parametrize(("conclude", "sentence"), [*MADE, *NOT])
def test_a_conclusion_follows_from_made_numbers(conclude, sentence, capsys):
    said = conclude() or capsys.readouterr().out
    assert (sentence in said) == ((conclude, sentence) in MADE), said


def test_what_some_numbers_do_not_say_others_do():
    assert not [sentence for _, sentence in NOT if not any(sentence in said for _, said in MADE)]

"""What a program concludes holds by its numbers: with a second seed and starved settings, it concludes otherwise."""

import re

import numpy as np
import pytest

import tinygrad_lecture as tl
from helpers import descent, expressions, few_shot, robust, spam, thought, tokens_and_size, valleys
from helpers.claims import Measured
from helpers import descent, robust, sums, thought, valleys, word_vectors
from programs import PROGRAMS, Output
from transformer import Shares

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
FED = {  # as much as the conclusions need; where test_claims has the same settings, it is the same run
    "21_valleys": ["--steps", "400", "--widths", "1", "8", "--fit-steps", "150"],
}


LINES = 60  # of a program's output, without --more
REFERRED_TO = {  # what other lines of the output speak of, so that it is shown without --more too
    "06_word_vectors": ["animal and dog"],
    "07_attention": ["head 1, grammatical", "without W_O"],
    "14_inside_a_block": ["projected by W_O", "weights 175,181,291,520"],
    "16_order_and_memory": ["An open LSTM begins with its forget gate"],
    "22_robust": ["or curl above found", "rules read"],
}


def starved(name):
    return "--seed", "2", "--no-more", *STARVED.get(name, [])


CONCLUSIONS = {  # program, what it prints -> whether its numbers say so; of its two runs one says it, one does not
    ("21_valleys", "the wider the network, the closer the fit"): lambda t: (
        [*(errors := t.floats(r"\n +\d+ +\d+ +(0\.\d{6})"))] == sorted(errors, reverse=True)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in ("23_chat", "24_fine_tune")])
def test_a_program_runs_with_another_seed_and_starved_settings(name, run_once):
    text, folder = run_once(name, *starved(name))
    assert {*re.findall(r"(\w+\.png)", text)} == {path.name for path in folder.glob("*.png")} != set()
    assert len(text.splitlines()) <= LINES
    assert not [piece for piece in REFERRED_TO.get(name, ()) if piece not in " ".join(text.split())]


@pytest.mark.parametrize(("name", "sentence"), CONCLUSIONS, ids=lambda x: x[:40])
def test_a_conclusion_is_drawn_where_the_numbers_say_so_and_only_there(name, sentence, run_once):
    runs = [Output(run_once(name, *o)[0]) for o in (FED[name], starved(name))]
    drawn = [sentence in run for run in runs]
    assert drawn == [bool(CONCLUSIONS[name, sentence](run)) for run in runs]
    assert sorted(drawn) == [False, True], "these runs do not show that it is drawn from the numbers"


VALLEY = descent.Valley(0.0, 0.0, 1.0, steepest=1.0, flattest=1.0)
NONE, ALL = np.full((9, 3), 1.0), np.full((9, 3), 0.2)  # costs of three descents: at a saddle, of cost 1, and below
SADDLES, FALLING = (
    np.tile([-1.0, 1], (3, 1)),
    np.array([[0.51], [0.5]]),
)  # curvatures at three starts; costs of a descent


def went(rate, *w):
    """A descent along w, at whose end the cost is |w|, or 1 at the bottom."""
    path = np.array(w, float)
    return descent.Descent("", rate, 1, np.stack([path, 0 * path], axis=1), np.maximum(np.abs(path), 1.0))


def sure_of(n, right):
    """Outputs for ten pictures of 0, that are sure for n of them and right for so many of these."""
    outputs = np.full((10, 10), 0.1)
    outputs[np.arange(n), 1 * (np.arange(n) >= right)] = 0.9
    return outputs


RULE, LABELS = robust.Rule(0, -1.0, True, 0, np.zeros(49)), np.zeros(10, int)


def learnt(*right):
    """The share of right sums at some looks."""
    return [sums.Point(step, share, []) for step, share in enumerate(right, 1)]


FADING = [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]
LAYERS = [0.5, 0.5, 0.6], [0.5, 0.3, 0.2]  # what a probe explains of a pattern, by layer: trained, untrained
ON, OFF = np.ones(10), -np.ones(10)  # the lead of another capital in ten texts
CARRIED = {"country": [ON, ON, OFF], "last": [OFF, OFF, ON]}  # after the embedding and two blocks
ASKED = thought.Subject(None, {}, [], ["a", "b"], None, None, {"copying": ([], []), "known": ([], [])}, [], ["So"], 0)
SHARE = np.array([[0.1, 0.9], [0.2, 0.8]])


def without_heads(*losses):
    """Heads whose silence costs two kinds of sentences so much."""
    lost = {(0, head): np.array(row) for head, row in enumerate(losses)}
    return thought.heads(ASKED, np.ones(2), np.array(losses).T[:, None], lost)


def few_shot_without(found, others):
    answered = dict(zip("abcd", [[1.0, 1.0], [1.0, 1.0], [found, 1.0], [others, 1.0]], strict=True))
    return thought.induction(ASKED, SHARE, [(0, 1), (1, 1)], answered)


def steered(*leads):
    """The loss of formal and casual sentences at three strengths."""
    return thought.tone(
        ASKED, {s: (np.array([[1.0, 1 + x]] * 10), ["text"]) for s, x in zip((-1, 0, 1), leads, strict=True)}
    )


def shared(heads, ffns):
    made = [Shares(0, 1.0, 0.0, 0.0, np.array([[x]]), np.array([]), np.array([y])) for x, y in ((heads, ffns), (0, 0))]
    return thought.updates([tuple(made)] * 10)


# What a helper concludes from numbers that no short run would give: the call, and what it returns or prints.
MADE = [
    (lambda: descent.verdict(went(1.9, 9, -8, 7, -6), VALLEY), "oscillates"),
    (lambda: descent.verdict(went(2.1, 9, -10, 11, -12), VALLEY), "diverges"),
    (lambda: descent.verdict(went(1.0, 9, 4, 1), VALLEY), "just right"),
    (lambda: descent.verdict(went(0.01, 9, 8.9, 8.8), VALLEY), "too small"),
    (lambda: descent.verdict(went(1.0, 9, 5, 3), VALLEY), "too few steps"),
    (lambda: descent.batch_sizes(Measured(trained=[descent.Trained(8, 1, 1063, 0.94, 0.9)]), 1), "cannot be compared"),
    (lambda: valleys.saddle(NONE, ALL, SADDLES), "The noise of single examples pushes them off"),
    (lambda: valleys.saddle(ALL, ALL, SADDLES), "No noise was needed"),
    (lambda: valleys.saddle(NONE, NONE, SADDLES), "None has left it"),
    (lambda: valleys.saddle(NONE, ALL, SADDLES), "so this is a saddle"),
    (lambda: valleys.valleys(np.ones(1), FALLING, [tl.ones(1, 2, 2)], [2 * tl.ones(1, 2, 2)]), "slopes that flatten"),
    (lambda: robust.wrong_labels(0.2, 0.9, 0.79), "than its labels: network, since wrong labels have no pattern"),
    (lambda: robust.rules_and_exceptions({1: 0.7}, 1, [RULE], 0.9), "of new ones fewer than the network"),
    (
        lambda: robust.incomplete({0: sure_of(10, 9), 0.5: sure_of(10, 9), 0.7: sure_of(10, 2)}, LABELS),
        "Up to 0.5, where it is sure",
    ),
    (lambda: valleys.critical([np.ones(9), np.array([-1.0, 1])]), "None does at the lowest"),
    (lambda: valleys.read_from_layers({"ink": FADING, "digit": LAYERS}), "From layer to layer less of the ink is left"),
    (lambda: valleys.read_from_layers({"ink": FADING, "digit": LAYERS}), "random weights all of it fades"),
    (lambda: sums.largest_fall(learnt(0.5, 0.96, 0.55, 1, 1)), "it fell from 96% to 55%"),
    (lambda: thought.moved(OFF, CARRIED), "From block 1 on the last token's vector holds what was read"),
    (lambda: thought.moved(OFF, {"country": [ON] * 3, "last": [OFF] * 3}), "There is no block from which on"),
    (lambda: thought.kept(OFF, {"attention": OFF, "ffn": ON}), "Only attention exchanges"),
    (lambda: thought.kept(OFF, {"attention": ON, "ffn": ON}), "Not only attention exchanges"),
    (
        lambda: thought.silent([["blocks.1", "blocks.2"], ["blocks.3"]], 9, {"attention": [9, 9], "ffn": [1, 9]}),
        "So the FFNs of 1-2 recall",
    ),
    (lambda: shared(1.0, 2.0), '"the FFN decides what it means" is borne out.'),
    (lambda: shared(2.0, 1.0), '"the FFN decides what it means" is not borne out.'),
    (lambda: without_heads([1.0, 0.0], [0.0, 2.0]), '"one head, one type of relationship" is borne out.'),
    (lambda: without_heads([1.0, 1.0], [3.0, 2.0]), '"one head, one type of relationship" is not borne out.'),
    (lambda: few_shot_without(0.0, 1.0), "breaks for copying; without others it does not for copying"),
    (lambda: few_shot_without(0.0, 0.1), "breaks for copying; without others it does not for none"),
    (lambda: steered(-1, 0, 1), "It moves the tone step by step"),
    (lambda: steered(-1, 1, 0), "It does not move the tone"),
]
NOT = [
    (lambda: valleys.saddle(NONE, ALL, np.ones((3, 2))), "so this is a saddle"),
    (lambda: valleys.valleys(np.ones(1), FALLING, [tl.ones(1, 2, 2)], [tl.ones(1, 2, 2)]), "slopes that flatten"),
    (lambda: robust.wrong_labels(0.2, 0.5, 0.79), "no pattern"),
    (lambda: robust.rules_and_exceptions({1: 0.9}, 1, [RULE], 0.9), "fewer"),
    (lambda: sums.largest_fall(learnt(0.5, 0.96, 0.95, 1)), "it fell"),
    (lambda: valleys.critical([np.array([-1.0, 1]), np.array([-1.0, 1])]), "None does"),
    (lambda: valleys.read_from_layers({"ink": LAYERS, "digit": LAYERS}), "From layer to layer"),
    (lambda: thought.silent([["blocks.1"], ["blocks.2"]], 9, {"attention": [1, 9], "ffn": [9, 9]}), "So the FFNs of"),
]


@pytest.mark.parametrize(("conclude", "sentence"), [*MADE, *NOT])
def test_a_conclusion_follows_from_made_numbers(conclude, sentence, capsys):
    said = conclude() or capsys.readouterr().out
    assert (sentence in said) == ((conclude, sentence) in MADE), said


def test_what_some_numbers_do_not_say_others_do():
    assert not [sentence for _, sentence in NOT if not any(sentence in said for _, said in MADE)]

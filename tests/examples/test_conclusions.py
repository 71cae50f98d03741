"""What a program concludes holds by its numbers: with a second seed and starved settings, it concludes otherwise."""

import re

import numpy as np
import pytest

from helpers import descent, expressions, few_shot, spam, tokens_and_size, word_vectors
from programs import PROGRAMS, Output

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
    "03_gradient_descent": ["--evaluations", "60", "--epochs", "1"],
    "07_attention": ["--steps", "600"],
    "11_spam": ["--epochs", "3", "--message", "you won a phone! txt 80086"],
    "15_next_word": ["--steps", "220", "--T", "0.1", "3.0"],
    "16_order_and_memory": ["--steps", "100", "--lengths", "4", "16"],
}


LINES = 60  # of a program's output, without --more
REFERRED_TO = {  # what other lines of the output speak of, so that it is shown without --more too
    "06_word_vectors": ["animal and dog"],
    "07_attention": ["Head 1, grammatical", "without W_O"],
    "14_inside_a_block": ["sum over 3,072 hidden units", "projected by W_O", "weights 175,181,291,520"],
    "15_next_word": ["no longer in its context"],
    "16_order_and_memory": ["An open LSTM begins with its forget gate"],
}


def starved(name):
    return "--seed", "2", "--no-more", *STARVED.get(name, [])


def verdicts(t):
    """What each learning rate did, by the table."""
    return dict.fromkeys(re.findall(r"  rate 0\.\S+ +cost .*\d   ([^:]+):", t))


CONCLUSIONS = {  # program, what it prints -> whether its numbers say so; of its two runs one says it, one does not
    ("03_gradient_descent", "Learning rates: too small, just right, oscillates, diverges"): lambda t: (
        [*verdicts(t)] == ["too small", "just right", "oscillates", "diverges"]
    ),
    ("07_attention", "It blends, it does not select"): lambda t: max(t.floats(r"weight (\d\.\d\d)   ")) < 0.9,
    ("11_spam", "So combinations help here"): lambda t: (
        (combined := (n := t("\n  with 16 hidden ones  "))[0]) - (added := t("\n  one neuron ")[0])
        > 1.96 * (2 * (m := (combined + added) / 2) * (1 - m / n[1])) ** 0.5
    ),
    ("15_next_word", "So nothing in the sentence tells you that it is invented"): lambda t: (
        t("After the others ")[0] > 80
    ),
    ("15_next_word", "It says what is usual in its text"): lambda t: t("probabilities differ from these by ")[0] < 0.1,
    ("16_order_and_memory", "The longer the text, the less an RNN remembers"): lambda t: (
        (n := t("A task", f"\n  {'RNN':12}"))[0] > 2 * n[-1]
    ),
    ("16_order_and_memory", "after 3 steps: none"): lambda t: all(
        t("A task", f"\n  {kind:12}")[-1] <= 25 for kind in ("RNN", "GRU", "LSTM", "open LSTM", "attention")
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


def capitals(off):
    """Vectors in which rome is about where paris should be: the nearer, the larger `off`."""
    rows = np.array([[1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 1, 1], [0.3 - off, 1, 1], [0, 1, 0.1]])
    return word_vectors.WordVectors(["germany", "berlin", "france", "paris", "rome", "spain"], rows)


def went(rate, *w):
    """A descent along w, at whose end the cost is |w|, or 1 at the bottom."""
    path = np.array(w, float)
    return descent.Descent("", rate, 1, np.stack([path, 0 * path], axis=1), np.maximum(np.abs(path), 1.0))


def grown(digits, sums):
    return {
        "neurons": {4**i: (np.array([a]), np.array([b])) for i, (a, b) in enumerate(zip(digits, sums, strict=True))}
    }


STEADY = went(1.0, 9, 4, 1)
SUMS = expressions.small_expressions()[1][::40]
RIGHT, WRONG = [str(e.result) for e in SUMS], ["no number" for _ in SUMS]


# What a helper concludes from numbers that no short run would give: the call, and what it returns or prints.
MADE = [
    (lambda: word_vectors.germany_and_berlin(capitals(0), ["france"]), "leads clearly to paris"),
    (lambda: descent.verdict(went(1.9, 9, -8, 7, -6), VALLEY), "oscillates"),
    (lambda: descent.verdict(went(2.1, 9, -10, 11, -12), VALLEY), "diverges"),
    (lambda: descent.verdict(went(1.0, 9, 4, 1), VALLEY), "just right"),
    (lambda: descent.verdict(went(0.01, 9, 8.9, 8.8), VALLEY), "too small"),
    (lambda: descent.verdict(went(1.0, 9, 5, 3), VALLEY), "too few steps"),
    (lambda: descent.directions({1.0: [1, 0.1, -0.1]}, np.array([0.03])), "the best has a cosine of"),
    (lambda: descent.directions({1.0: [1, 0.1, 0.1]}, np.array([0.9])), "100% of these directions go down"),
    (lambda: spam.needed({30: 0.8, 300: 0.93, 3000: 0.94}, 600), "  300 are about as good as 3,000"),
    (
        lambda: tokens_and_size.emergence(grown([0.4, 0.6, 0.9], [0.1, 0.2, 0.7])),
        "50 points for whole sums, 30 for digits, all three of which a sum needs",
    ),
    (lambda: descent.ways([STEADY, went(1.0, 9, 1, 9)], VALLEY), "rose in 1 of the 2 steps instead of none"),
    (lambda: descent.ways([STEADY, went(1.0, 9, 1, 9)], VALLEY), "in the end its cost is 800% above the lowest"),
    (
        lambda: expressions.by_form(SUMS, {"at once": RIGHT, "steps written": WRONG}),
        f"Not in every row are more right with steps written: of {len(SUMS)} expressions 100 points fewer",
    ),
    (
        lambda: expressions.steps_and_results(SUMS, {"at once": RIGHT, "steps written": WRONG}, 1, 1),
        "over all written steps do not help",
    ),
    (lambda: expressions.operations({"x": (0.9, 0.2)}), "x: results are known by heart. Less"),
    (lambda: few_shot.exam({"known": np.ones(5), "new": np.full(5, 0.9)}), "it knows from the lines before"),
    (lambda: few_shot.exam({"known": np.ones(5), "new": np.full(5, 0.1)}), "hardly better than a guess"),
    (lambda: tokens_and_size.compared({"characters": 0.9, "number tokens": 0.1}, 50), "take longer to learn"),
]
NOT = [
    (lambda: word_vectors.germany_and_berlin(capitals(0.3), ["france"]), "clearly"),
    (lambda: descent.ways([STEADY, STEADY], VALLEY), "rose in"),
    (lambda: descent.ways([STEADY, STEADY], VALLEY), "above the lowest"),
    (lambda: expressions.by_form(SUMS, {"at once": WRONG, "steps written": RIGHT}), "Not in every row"),
    (lambda: expressions.steps_and_results(SUMS, {"at once": WRONG, "steps written": RIGHT}, 1, 1), "do not help"),
    (lambda: tokens_and_size.emergence(grown([0.4, 0.6, 0.9], [0.2, 0.4, 0.7])), "of which a sum needs"),
    (lambda: expressions.operations({"x": (0.1, 0.01)}), "by heart. "),
    (lambda: tokens_and_size.compared({"characters": 0.5, "number tokens": 0.9}, 50), "take longer"),
]


@pytest.mark.parametrize(("conclude", "sentence"), [*MADE, *NOT])
def test_a_conclusion_follows_from_made_numbers(conclude, sentence, capsys):
    said = conclude() or capsys.readouterr().out
    assert (sentence in said) == ((conclude, sentence) in MADE), said


def test_what_some_numbers_do_not_say_others_do():
    assert not [sentence for _, sentence in NOT if not any(sentence in said for _, said in MADE)]

"""What the programs print is what the lecture says: a table of claims, each with what is to be seen in the output."""

import math
import re

import numpy as np
import pytest

from helpers.program import DataError
from programs import Output, load, output_of

approx = pytest.approx


def rises(numbers):
    return sorted(numbers) == list(numbers) and len(numbers) > 1


def falls(numbers):
    return rises([-x for x in numbers])




CLAIMS = {
    ("21_valleys", "--steps", "400", "--widths", "1", "8", "--fit-steps", "150"): {
        "some starts lead to the global minimum": lambda t: t("random starts:\n")[0] >= 4,
        "every start is curved like a saddle": lambda t: t("\n  at")[:2] == [40, 40],
        "in 172 dimensions a descent is never where all curves up": lambda t: (
            len(n := t.floats(r"cost .*: (\d+)% of the curvatures")) == 5 and min(n) > 0
        ),
        "of the points without gradient but one all are saddles": lambda t: (
            t("drawn from them ")[0] == 20 and t("saddles: ")[0] > 0 and "None does at the lowest" in t
        ),
        "from layer to layer more complex patterns can be read": lambda t: all(
            sign * (n := t(f"\n  {pattern}"))[-1] > sign * n[-4] + 5
            for pattern, sign in (("ink in each of 16 squares ", -1), ("whether a line ", 1), ("which digit it is", 1))
        ),
        "batch descent stays at the saddle": lambda t: t("\n  After 400 steps")[0] == 0,
        "a wider network fits closer": lambda t: t(f"\n{'':14}{8:2} ")[1] < t(f"\n{'':14}{1:2} ")[1] / 2,
    },
    ("22_robust", "--steps", "200", "--sizes", "300", "3000", "8500"): {
        "rules find fewer threes than are there": lambda t: (
            (n := t("\n  if-then rules"))[0] + n[2] == n[1] == 150 and n[0] > 75 and 0 < n[3] < 30
        ),
        "rules and exceptions do not end, and read their own pictures only": lambda t: (
            rises(n := t("Rules for all ten", "test pictures read right")[:4]) and n[-1] < 80 < t("rules read ")[0]
        ),
        "the fewer pixels, the less sure": lambda t: falls(t("Incomplete", "\n  sure of ")[1:]),
        "the more a picture is spoilt the less is read": lambda t: all(
            len(n := t(f"\n  {kind}", "\n  nearest mean ")) == 6 and n[-1] < n[0] for kind in load("22_robust").KINDS
        ),
        "nearest mean stops gaining, nearest neighbour does not": lambda t: (
            (n := t("pictures on: nearest mean "))[0] < 1.5 < n[1]
        ),
        "a network without one of its neurons still reads most of what it read": lambda t: (
            (n := t("hidden neurons is silenced: "))[1] < n[0] < n[2] and n[0] > n[2] / 2
        ),
        "retraining is followed": lambda t: (
            len(re.findall(r"after +\d+ steps +turned pictures read right +[\d.]+% +upright ones +[\d.]+%", t)) == 4
        ),
    },
    ("25_change_a_thought", "--steps", "40"): {
        "only attention exchanges between tokens": lambda t: t("past it come ")[0] < 1e-4,
        "a logit is a sum of updates": lambda t: t("FFNs add, but for ")[0] < 1e-4,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "claim"), [(command, claim) for command, claims in CLAIMS.items() for claim in claims],
    ids=lambda x: x if isinstance(x, str) else x[0],
)  # fmt: skip
def test_a_claim(command, claim, run_once):
    text = Output(run_once(*command)[0])
    assert CLAIMS[command][claim](text), text


REFUSED = [
    ("13_temperature", {"T": (1.0, 0.0)}, "--T is 0.0; it can be 0.01 or more"),
    ("13_temperature", {"T": (math.nan,)}, "--T is nan; it can be 0.01 or more"),
    ("13_temperature", {"T": ()}, "--T needs at least one number, 0.01 or more"),
    ("15_next_word", {"T": (math.inf,)}, "--T is inf; it can be 0 or more"),
    ("17_few_shot", {"kept_back": (3, 10)}, "--kept-back is 10; it can be from 0 to 9"),
    ("17_few_shot", {"kept_back": tuple(range(10))}, "--kept-back names all ten shifts"),
    ("19_tokens_and_size", {"shares": (0.9,)}, "--shares is 0.9; it can be from 0.01 to 0.8"),
    ("19_tokens_and_size", {"widths": (8, 30)}, "--widths: give multiples of 4"),
    ("20_ask_a_human", {"share": 1.5}, "--share is 1.5; it can be from 0 to 1"),
    ("22_robust", {"sizes": (8501,)}, "--sizes is 8501; it can be from 100 to 8,500"),
    ("04_backprop", {"layers": (2,)}, "--layers: a network has inputs and at least one layer"),
    ("04_backprop", {"layers": (2, 0, 1)}, "--layers: a network has inputs and at least one layer"),
    ("04_backprop", {"inputs": (1.0,)}, "--inputs: a network 2-2-1 needs 2 of them, not 1"),
    ("04_backprop", {"target": (1.0, 0.0)}, "--target: a network 2-2-1 needs 1 of them, not 2"),
    ("07_attention", {"sentence": "Was the seagull flooded?"}, "the made sentences do not have seagull"),
    ("14_inside_a_block", {"changed": "river"}, "--changed river: the tokens are Was the bank"),
    ("25_change_a_thought", {"strengths": ()}, "--strengths needs at least one number, from -10 to 10"),
    ("15_next_word", {"ask": ("The moon",)}, '--ask "The moon": it knows only the words of its corpus'),
]


@pytest.mark.parametrize(("name", "settings", "sentence"), REFUSED)
def test_settings_that_a_program_cannot_run_with_are_refused_in_a_sentence(name, settings, sentence, tmp_path):
    with pytest.raises(DataError, match=f"^{sentence}"):
        output_of(load(name), out=tmp_path, **settings)

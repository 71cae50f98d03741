"""What the programs print is what the lecture says: a table of claims, each with what is to be seen in the output."""

import math

import pytest

from helpers.program import DataError
from programs import Output, load, output_of

approx = pytest.approx


def rises(numbers):
    return sorted(numbers) == list(numbers) and len(numbers) > 1


def falls(numbers):
    return rises([-x for x in numbers])


CLAIMS = {
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

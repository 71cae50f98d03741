"""Settings that a program cannot run with are refused in a sentence, before the work."""

import math

import pytest

from helpers.program import DataError
from programs import load

WRONG = [
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
]


@pytest.mark.parametrize(("name", "settings", "sentence"), WRONG)
def test_settings_out_of_range_are_refused(name, settings, sentence):
    with pytest.raises(DataError, match=f"^{sentence}"):
        load(name).Settings(**settings)

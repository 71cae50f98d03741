"""Expressions are what Python says; their steps lead to the result."""

import pytest

from helpers.expressions import LARGEST, encode, four_operations, parse, small_expressions
from helpers.program import DataError
from programs import load

program = load("18_expressions")


def value(text):
    return eval(text.replace("x", "*").replace("/", "//"))


def test_results_and_steps_are_pythons():
    two, three = small_expressions()
    assert len(two) == 3 * (LARGEST + 1) ** 2
    assert len({e.text for e in three}) == 3 * 8 * (LARGEST + 1) ** 3
    assert all(e.result == value(e.text) for e in two)
    assert all(e.result == value(e.text) == value(e.step) for e in three)
    for expressions in four_operations().values():
        assert all(e.result == value(e.text) for e in expressions)


def test_the_lectures_examples():
    assert [parse(text).result for text in ("1 + 1", "5 - 3", "12 × 7", "100 ÷ 4")] == [2, 2, 84, 25]
    parentheses, none = parse("(2 + 3) × 4"), parse("2 + 3 * 4")
    assert (parentheses.answer(True), none.answer(True)) == ("5x4=20.", "2+12=14.")
    assert (parentheses.needs_order, none.needs_order) == (False, True)
    with pytest.raises(DataError, match=r"it knows expressions of three numbers up to 6"):
        parse("2+3x4x5")


def test_only_what_follows_the_first_equals_sign_counts():
    tokens, targets = encode([parse("2+3x4"), parse("1+1")], steps_written=True)
    decode = program.TOKENIZER.decode
    assert [decode([t for t in row if t >= 0]) for row in targets.tolist()] == ["2+12=14.", "2."]
    assert decode(tokens[1].tolist()).startswith("1+1=2.")

"""Models that answer: 12, 13 and 17 to 19."""

import numpy as np
import pytest

from helpers.program import DataError
from programs import load, output_of
from show import arithmetic as sums
from show.arithmetic import TOKENIZER, Notation, answers, deal
from show.expressions import LARGEST, encode, four_operations, parse, small_expressions
from show.tokens_and_size import byte_pairs, characters, numbers, special
from transformer.training import IGNORED

# --- 12 arithmetic ----------------------------------------------------------------------------------------------------

p12 = load("12_arithmetic")
SMALL = {"digits": 1, "layers": 1, "width": 16, "steps": 10}
NOTATIONS = [Notation(2, "+", True), Notation(2, "-", False), Notation(1, "-", True)]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("arithmetic")


@pytest.fixture(scope="module")
def text_12(out):
    return output_of(p12, out=out, ask=("2+3",), **SMALL)


class Student:
    """In place of a model: answers each question with what `say` makes of its two numbers."""

    def __init__(self, notation, say):
        self.notation, self.say = notation, say

    def generate_batch(self, prompts, **settings):
        texts = [TOKENIZER.decode(prompt).rstrip("=") for prompt in prompts]
        pairs = [(int(t[: self.notation.places]), int(t[self.notation.places + 1 :])) for t in texts]
        return [TOKENIZER.encode(self.notation.turned(str(self.say(a, b)))) for a, b in pairs]


# --- a run --------------------------------------------------------------------------------------------------


def test_it_is_examined_and_asked_and_drawn(text_12, out):
    assert "2 + 3 = " in text_12
    assert {path.name for path in out.iterdir()} == {"learning.png", "mistakes.png"}


# --- problems -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("notation", NOTATIONS)
def test_only_the_answer_is_a_target(notation):
    pairs = deal(notation, 5, seed=0)[0][:20]
    tokens, targets = sums.encode(notation, pairs)
    for (a, b), row in zip(pairs.tolist(), targets, strict=True):
        assert TOKENIZER.decode(row[row != IGNORED].tolist()) == notation.answer(a, b)
    assert (tokens[:, 1:][targets[:, :-1] != IGNORED] == targets[:, :-1][targets[:, :-1] != IGNORED]).all()


def test_what_is_held_out_is_not_learnt_from():
    learnt, held_out = deal(NOTATIONS[0], 1500, seed=0)
    assert len({*map(tuple, learnt.tolist())} | {*map(tuple, held_out.tolist())}) == 10_000
    assert len(held_out) == 1500


# --- judging ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("notation", NOTATIONS)
def test_who_knows_the_rule_is_right_also_for_larger_numbers(notation):
    knows = Student(notation, (lambda a, b: a + b) if notation.operation == "+" else (lambda a, b: a - b))
    for pairs in (deal(notation, 10, 0)[1], *p12.larger(notation, 0).values()):
        exam = sums.examine(knows, notation, pairs)
        assert exam.right == 1
        assert set(exam.digits) == {1}
        assert answers(knows, notation, pairs) == exam.true.tolist()


def test_consistent_is_not_yet_right():
    notation, pairs = NOTATIONS[0], np.array([[2, 3], [9, 8]])
    one_more = Student(notation, lambda a, b: a + b + (a + b == 5))  # 2 + 3 = 3 + 2 = 6
    there, mirrored = (sums.examine(one_more, notation, some) for some in (pairs, pairs[:, ::-1]))
    assert sums.consistency(there, mirrored) == (1.0, 1)


@pytest.mark.parametrize(
    ("said", "true", "kind"),
    [("126", "125", "off by one"), ("115", "125", "a carry (off by 10, 100, ...)"), ("77", "125", "other"),
     ("", "125", "no number"), ("25", "125", "a carry (off by 10, 100, ...)")],
)  # fmt: skip
def test_mistakes_are_sorted(said, true, kind):
    assert sums.kind_of(said, true) == kind


@pytest.mark.parametrize(
    ("operation", "say", "found"),
    [
        ("+", lambda a, b: a % 100 + b % 100, (900, 900, 0, 0)),
        ("+", lambda a, b: 5000, (900, 0, 0, 0)),
        ("+", lambda a, b: a + b, (0, 0, 900, 0)),
        ("-", lambda a, b: a % 100 - b % 100, (862, 862, 38, 38)),  # as 745 - 712 = 45 - 12
    ],
)
def test_answers_to_larger_numbers_are_sorted_by_whether_they_ignore_the_extra_digit(operation, say, found):
    notation = Notation(2, operation, True)
    exams = [sums.examine(Student(notation, say), notation, pairs) for pairs in p12.larger(notation, 0).values()]
    assert (*sums.extra_digit(exams).values(),) == found


# --- 17 few shot ------------------------------------------------------------------------------------------------------

p17 = load("17_few_shot")


def test_a_text_has_five_lines_of_one_shift():
    text = p17.make(50, np.array([3, 7]), np.random.default_rng(0))
    x, y = text[:, 0::4], text[:, 2::4]
    shift = (y - x) % 10
    assert (shift == shift[:, :1]).all()
    assert set(shift[:, 0]) == {3, 7}
    assert all(len({*row}) == 5 for row in x.tolist())  # no line can be copied
    assert p17.written(text[0]).count("=") == 5


# --- 18 expressions ---------------------------------------------------------------------------------------------------

p18 = load("18_expressions")


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
    decode = p18.TOKENIZER.decode
    assert [decode([t for t in row if t >= 0]) for row in targets.tolist()] == ["2+12=14.", "2."]
    assert decode(tokens[1].tolist()).startswith("1+1=2.")


# --- 19 tokens and size -----------------------------------------------------------------------------------------------

p19 = load("19_tokens_and_size")
PAIRS = np.stack(np.divmod(np.arange(2500), 50), axis=1)
CUTS = {"characters": characters(), "numbers": numbers(100), "special": special(100), "pairs": byte_pairs(PAIRS)}


@pytest.mark.parametrize("name", CUTS)
def test_every_sum_comes_back_from_its_tokens(name):
    cut = CUTS[name]
    assert all(cut.decode(cut.encode(str(a))) == str(a) for a in range(100))
    tokens, targets = p19.encode(cut, PAIRS)
    answers = [cut.decode([t for t in row if t >= 0]) for row in targets.tolist()]
    assert answers == [str(a + b) for a, b in PAIRS.tolist()]
    assert tokens.max() < len(cut.pieces)

"""Arithmetic: how problems are written, what counts, how answers are judged, and that a run is kept."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from helpers import sums
from helpers.program import DataError
from helpers.sums import TOKENIZER, Curve, Notation, Point, Problems, answers, cost_of, deal, parse
from programs import load, output_of
from transformer import GPT, GPTConfig
from transformer.training import IGNORED

program = load("12_arithmetic")
SMALL = {"digits": 1, "layers": 1, "width": 16, "steps": 10}
NOTATIONS = [Notation(2, "+", True), Notation(2, "-", False), Notation(1, "-", True)]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("arithmetic")


@pytest.fixture(scope="module")
def text(out):
    return output_of(program, out=out, ask=("2+3",), **SMALL)


def after_learning(text):
    return text[text.index("\nRight answers.") : text.index("\nErrors of the")]


class Student:
    """In place of a model: answers each question with what `say` makes of its two numbers."""

    def __init__(self, notation, say):
        self.notation, self.say = notation, say

    def generate_batch(self, prompts, **settings):
        texts = [TOKENIZER.decode(prompt).rstrip("=") for prompt in prompts]
        pairs = [(int(t[: self.notation.places]), int(t[self.notation.places + 1 :])) for t in texts]
        return [TOKENIZER.encode(self.notation.turned(str(self.say(a, b)))) for a, b in pairs]


# --- a run --------------------------------------------------------------------------------------------------


def test_it_is_examined_and_asked_and_drawn(text, out):
    assert "2 + 3 = " in text
    for kind in ("learnt from", "held out", "first number larger", "second number larger", "both larger"):
        assert f"\n  {kind} " in text
    assert {"learning.png", "surprise.png", "mistakes.png", "attention.png"} < {path.name for path in out.iterdir()}


def test_a_run_is_not_overwritten_without_being_told(text, out):
    with pytest.raises(DataError, match="holds a run that is finished: --resume continues it, --again replaces it"):
        output_of(program, out=out, **SMALL)


def test_a_finished_run_that_is_resumed_has_learnt_the_same(text, out):
    again = output_of(program, out=out, resume=True, **SMALL)
    assert after_learning(again) == after_learning(text)


def test_a_run_with_other_settings_is_not_continued(text, out):
    with pytest.raises(DataError, match="width"):
        output_of(program, out=out, resume=True, **{**SMALL, "width": 32})


def test_the_curve_is_kept_and_forgets_what_a_killed_run_comes_to_again(tmp_path):
    points = [Point(step, 1 / step, 0.5, [0.5, 1.0]) for step in (1, 2, 3)]
    curve = Curve(tmp_path / "curve.json", continued=False)
    for point in points:
        curve.add(point)
    continued = Curve(tmp_path / "curve.json", continued=True)
    assert continued.points == points
    continued.add(points[1])
    assert Curve(tmp_path / "curve.json", continued=True).points == points[:2]
    (tmp_path / "curve.json").write_text("[{}]")
    with pytest.raises(DataError, match="is damaged"):
        Curve(tmp_path / "curve.json", continued=True)


# --- problems -----------------------------------------------------------------------------------------------


def test_problems_are_written_as_the_docstring_says():
    notation = Notation(2, "+", reverse=True)
    assert (notation.question(7, 58), notation.answer(7, 58)) == ("  7+ 58=", "56.")
    assert Notation(2, "-", reverse=False).answer(7, 58) == "-51."


@pytest.mark.parametrize("notation", NOTATIONS)
def test_only_the_answer_is_a_target(notation):
    pairs = deal(notation, 5, seed=0)[0][:20]
    tokens, targets = (part.numpy() for part in Problems(notation, pairs)[:])
    for (a, b), row in zip(pairs.tolist(), targets, strict=True):
        assert TOKENIZER.decode(row[row != IGNORED].tolist()) == notation.answer(a, b)
    assert (tokens[:, 1:][targets[:, :-1] != IGNORED] == targets[:, :-1][targets[:, :-1] != IGNORED]).all()


def test_what_is_held_out_is_not_learnt_from():
    learnt, held_out = deal(NOTATIONS[0], 1500, seed=0)
    assert len({*map(tuple, learnt.tolist())} | {*map(tuple, held_out.tolist())}) == 10_000
    assert len(held_out) == 1500


def test_a_problem_is_read_and_what_it_has_no_place_for_is_refused():
    assert parse(" 58 + 67", NOTATIONS[0]) == (58, 67)
    for wrong in ("58-67", "1000+1", "two+3"):
        with pytest.raises(DataError, match="it can be asked a \\+ b, with numbers up to 999"):
            parse(wrong, NOTATIONS[0])


def test_the_cost_of_an_answer_is_that_of_its_characters():
    tl.manual_seed(0)
    notation = NOTATIONS[0]
    model = GPT(GPTConfig(vocab_size=TOKENIZER.vocab_size, context=notation.length, layers=1, heads=1, width=8))
    pairs = np.array([[7, 58]])
    text = notation.question(7, 58) + notation.answer(7, 58)
    tokens = TOKENIZER.encode(text)
    with tl.no_grad():
        log_p = tl.log_softmax(model(tokens[:-1]), -1).numpy()  # (tokens - 1, characters)
    expected = -sum(log_p[i, tokens[i + 1]] for i in range(notation.asked - 1, len(tokens) - 1))
    np.testing.assert_allclose(cost_of(model, Problems(notation, pairs)), [expected], rtol=1e-5)


# --- judging ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("notation", NOTATIONS)
def test_who_knows_the_rule_is_right_also_for_larger_numbers(notation):
    knows = Student(notation, (lambda a, b: a + b) if notation.operation == "+" else (lambda a, b: a - b))
    for pairs in (deal(notation, 10, 0)[1], *program.larger(notation, 0).values()):
        exam = sums.examine(knows, notation, pairs)
        assert exam.right == 1
        assert set(exam.digits) == {1}
        assert answers(knows, notation, pairs) == exam.true


def test_consistent_is_not_yet_right(capsys):
    notation, pairs = NOTATIONS[0], np.array([[2, 3], [9, 8]])
    one_more = Student(notation, lambda a, b: a + b + (a + b == 5))  # 2 + 3 = 3 + 2 = 6
    sums.consistency(sums.examine(one_more, notation, pairs[:, ::-1]), sums.examine(one_more, notation, pairs))
    printed = capsys.readouterr().out
    assert "The two answers agree for 2 of 2 pairs" in printed
    assert "Here that happened once." in printed


@pytest.mark.parametrize(
    ("said", "true", "kind"),
    [("126", "125", "off by one"), ("115", "125", "a carry (off by 10, 100, ...)"), ("77", "125", "other"),
     ("", "125", "no number"), ("25", "125", "a carry (off by 10, 100, ...)")],
)  # fmt: skip
def test_mistakes_are_sorted(said, true, kind):
    assert sums.kind_of(said, true) == kind


@pytest.mark.parametrize(
    ("operation", "say", "counts", "verdict"),
    [
        ("+", lambda a, b: a % 100 + b % 100, "900 of 900", "learnt to ignore it"),
        ("+", lambda a, b: 5000, "0 of 900", "not learnt to read a digit there"),
        ("-", lambda a, b: a % 100 - b % 100, "862 of 862", "Of the 38 right answers 38 are right without it too"),
    ],
)
def test_it_is_said_to_ignore_the_extra_digit_only_where_it_does(operation, say, counts, verdict, capsys):
    notation = Notation(2, operation, True)
    student = Student(notation, say)
    exams = {name: sums.examine(student, notation, pairs) for name, pairs in program.larger(notation, 0).items()}
    sums.overlooked(exams)
    printed = capsys.readouterr().out
    assert f"larger numbers, {counts} are the right answer without the extra digit" in printed
    assert verdict in printed


def test_who_takes_minus_for_plus_gives_sums(capsys):
    learnt, asked = Notation(2, "+", True), Notation(2, "-", True)
    sums.other_operation(sums.examine(Student(asked, lambda a, b: a + b), asked, np.array([[5, 3], [9, 0]])), learnt)
    assert "asked a - b, it is right for 50.0%, and gives the result of a + b for 100.0%" in capsys.readouterr().out

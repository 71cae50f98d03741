"""The grader is graded: solutions pass, untouched files fail, typical mistakes are caught and rightly explained."""

from __future__ import annotations

import ast
import re
from types import SimpleNamespace

import pytest

from exercises import display
from exercises.course import COURSE
from ladder import Checked, solve, with_answers, write, wrong_answers
from tinygrad_lecture.testing import search
from tinygrad_lecture.testing.courses import GAP, gaps

WRONG = wrong_answers()
NAMES = [exercise.name for exercise in COURSE]
ANSWERS = [pytest.param(k, id=f"{w.name}-{k}", marks=[pytest.mark.slow] * (k % 16 != 8)) for k, w in enumerate(WRONG)]


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("solved")
    solve(folder)
    return folder


@pytest.fixture(scope="module")
def checked(solved):
    checked = Checked(solved)
    yield checked
    checked.close()


@pytest.fixture
def outcome_with(solved, checked):
    """The outcome of an exercise with a text in its file, while all others are solved."""

    def outcome(exercise, text):
        write(solved, exercise, text)
        try:
            return checked.outcome(exercise)
        finally:
            write(solved, exercise, COURSE.solved(exercise))

    return outcome


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_solution_passes(name, checked):
    outcome = checked.outcome(COURSE[name])
    assert outcome.passed, (outcome.what, outcome.shown, outcome.cause)


def changed(line):
    """What a line of code gives: the name that it assigns to, "return", or "" for something else."""
    try:
        (statement,) = ast.parse(line.strip()).body
    except (SyntaxError, ValueError):
        return ""
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    return "return" if isinstance(statement, ast.Return) else ast.unparse(targets[0]) if targets[0] else ""


@pytest.mark.parametrize("name", [n for n in NAMES if changed(COURSE[n].another) and n != "3.4"])  # of another rule
def test_another_way_passes_in_place_of_a_line_of_the_solution(name, outcome_with):
    exercise, passed = COURSE[name], []
    for k, right in enumerate(exercise.solution):
        lines = right.split("\n")
        for n, line in enumerate(lines):
            if changed(line) == changed(exercise.another):
                margin = line[: len(line) - len(line.lstrip())]
                answer = "\n".join([*lines[:n], margin + exercise.another, *lines[n + 1 :]])
                text = with_answers(exercise, (*exercise.solution[:k], answer, *exercise.solution[k + 1 :]))
                passed.append(outcome_with(exercise, f"import numpy as np\n{text}").passed)
    assert any(passed) or not passed


@pytest.mark.parametrize("name", NAMES)
def test_no_file_holds_its_solution_in_words(name):
    def bare(text):
        return re.sub(r"\s|np\.|math\.|\*(?!\*)|^return ", "", text.replace("<-", "="), flags=re.M)

    words = bare(ast.get_docstring(ast.parse(COURSE.given(COURSE[name]))))
    lines = [line for answer in COURSE[name].solution for line in answer.split("\n") if line.strip()]
    assert not all(bare(line) in words for line in lines)


@pytest.fixture
def require_one_rule(capsys):
    """Require that the cause of a failure is told at the second check or by `why`, and that this says so if none is."""

    def told(outcome, tries, why=False):
        progress = SimpleNamespace(tries={outcome.exercise.name: tries}, file=lambda e: e.file, text=lambda e: "")
        display.show_failure(COURSE, progress, outcome, why)
        said = capsys.readouterr().out
        return [words for words in ("Do you see why?", "Likely cause:", "is not known") if words in said]

    def require(outcome):
        assert told(outcome, 1) == ["Do you see why?"] * bool(outcome.cause)
        assert told(outcome, 2) == told(outcome, 1, why=True) == ["Likely cause:" if outcome.cause else "is not known"]

    return require


@pytest.mark.parametrize("name", NAMES)
def test_each_gap_left_open_fails_and_its_cause_is_told_by_one_rule(name, outcome_with, monkeypatch, require_one_rule):
    draw = search._draw  # what fails on any input needs few
    monkeypatch.setattr(search, "_draw", lambda run, inputs, draws, **seed: draw(run, inputs, min(draws, 4), **seed))
    exercise = COURSE[name]
    right = tuple(exercise.solution)
    for k, gap in enumerate(GAP.finditer(COURSE.given(exercise))):
        answers = (*right[:k], gap.group().strip(), *right[k + 1 :])
        outcome = outcome_with(exercise, with_answers(exercise, answers))
        assert not outcome.passed, f"gap {k}"
        require_one_rule(outcome)


@pytest.mark.parametrize("k", ANSWERS)
def test_a_wrong_answer_is_caught_and_rightly_explained(k, outcome_with, require_one_rule):
    wrong = WRONG[k]
    exercise = COURSE[wrong.name]
    outcome = outcome_with(exercise, with_answers(exercise, wrong.answers))
    assert not outcome.passed, "it passes"
    require_one_rule(outcome)
    explained = outcome.hint in wrong.hints
    assert explained or wrong.misjudged, (outcome.hint, outcome.what, outcome.shown, outcome.cause)
    assert not (explained and wrong.misjudged and outcome.hint), "it is rightly explained by now"


@pytest.mark.parametrize("hints", [("4.1", "from-behind"), ("4.1", "stretched-missing"), ("5.2", "overflow")], ids=str)
def test_no_axis_of_an_input_that_is_shown_is_longer_than_it_must_be(hints, outcome_with):
    for wrong in (w for w in WRONG if w.name == hints[0] and hints[1] in w.hints):
        shown = outcome_with(COURSE[wrong.name], with_answers(COURSE[wrong.name], wrong.answers)).shown
        assert max(map(int, re.findall(r"\d+", "".join(re.findall(r"shape (.*)", "\n".join(shown))))), default=1) <= 2


def test_there_are_enough_wrong_answers_and_nearly_all_are_rightly_explained():
    counts = {name: sum(w.name == name for w in WRONG) for name in NAMES}
    assert len(WRONG) >= 700
    assert not {name: n for name, n in counts.items() if n < 4}
    assert sum(bool(w.misjudged) for w in WRONG) <= 0.05 * len(WRONG)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_short_and_its_words_are_there(name):
    exercise = COURSE[name]
    text = COURSE.given(exercise)
    assert len(text.splitlines()) < 60
    assert max(map(len, text.splitlines())) <= 100
    assert gaps(text) == len(exercise.solution) > 0
    assert len(exercise.hints) == 3
    assert exercise.meaning
    assert exercise.another
    assert exercise.title
    assert text.startswith(f'"""{name}  ')

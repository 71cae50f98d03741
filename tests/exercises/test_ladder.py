"""The grader is graded: solutions pass, untouched files fail, typical mistakes are caught and rightly explained."""

from __future__ import annotations

import os

import pytest

from exercises.course import COURSE
from ladder import Checked, solve, with_answers, write, wrong_answers
from tinygrad_lecture.testing import search
from tinygrad_lecture.testing.courses import GAP, gaps

WRONG = wrong_answers()
NAMES = [exercise.name for exercise in COURSE]
CHOSEN = range(len(WRONG)) if os.environ.get("EXERCISES") == "all" else range(8, len(WRONG), 16)


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


@pytest.mark.parametrize("name", NAMES)
def test_each_gap_left_open_fails(name, outcome_with, monkeypatch):
    draw = search._draw  # what fails on any input needs few
    monkeypatch.setattr(search, "_draw", lambda run, inputs, draws, seed: draw(run, inputs, min(draws, 4), seed))
    exercise = COURSE[name]
    right = tuple(exercise.solution)
    for k, gap in enumerate(GAP.finditer(COURSE.given(exercise))):
        answers = (*right[:k], gap.group().strip(), *right[k + 1 :])
        assert not outcome_with(exercise, with_answers(exercise, answers)).passed, f"gap {k}"


@pytest.mark.parametrize("k", CHOSEN, ids=lambda k: f"{WRONG[k].name}-{k}")
def test_a_wrong_answer_is_caught_and_rightly_explained(k, outcome_with):
    wrong = WRONG[k]
    exercise = COURSE[wrong.name]
    outcome = outcome_with(exercise, with_answers(exercise, wrong.answers))
    assert not outcome.passed, "it passes"
    explained = outcome.hint in wrong.hints
    assert explained or wrong.misjudged, (outcome.hint, outcome.what, outcome.shown, outcome.cause)
    assert not (explained and wrong.misjudged and outcome.hint), "it is rightly explained by now"


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

"""The ladder for tests: a folder with solved files, and the outcome of one changed file."""

from __future__ import annotations

from pathlib import Path

from exercises.course import COURSE
from tinygrad_lecture.testing.course.answers import filled
from tinygrad_lecture.testing.course.exercise import Exercise
from tinygrad_lecture.testing.sandbox.outcome import Outcome
from tinygrad_lecture.testing.sandbox.parent import Child, Grader


def answers_of(exercise: Exercise) -> list[str]:
    return [exercise.solution] if isinstance(exercise.solution, str) else list(exercise.solution)


def solve(folder: Path, *names: str) -> None:
    """Write the solutions, of all exercises or of those named, into a learner's folder."""
    for exercise in COURSE:
        if not names or exercise.name in names:
            write(folder, exercise, COURSE.solved(exercise))


def write(folder: Path, exercise: Exercise, text: str) -> None:
    path = folder / exercise.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def with_answers(exercise: Exercise, answers: tuple[str | None, ...]) -> str:
    """The file with these answers; None stands for the right one."""
    right = answers_of(exercise)
    assert len(answers) == len(right), f"{exercise.name} has {len(right)} gaps"
    chosen = [r if a is None else a for a, r in zip(answers, right, strict=True)]
    return filled(COURSE.given(exercise), chosen)


class Checked:
    """The outcomes of the files in a folder. One process serves them all, and reads the files anew for each."""

    def __init__(self, folder: Path) -> None:
        self._grader = Grader(COURSE, "exercises.course:COURSE", folder, patience=4)
        self._child: Child | None = None

    def outcome(self, exercise: Exercise) -> Outcome:
        if self._child is None or self._child.ended:
            self.close()
            self._child = self._grader.opened()
        else:
            self._grader.open(self._child)
        return self._grader.outcome(exercise, self._child)

    def close(self) -> None:
        if self._child is not None:
            self._child.close()

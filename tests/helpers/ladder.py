"""The ladder for tests: a folder with solved files, the outcome of one changed file, and wrong answers."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from exercises.course import COURSE, SPECS
from tinygrad_lecture.testing.courses import Exercise, filled
from tinygrad_lecture.testing.sandbox.grader import Child, Grader, Outcome

TABLE = Path(__file__).parent.parent / "exercises" / "wrong_answers.toml"
# Mistakes that are told as another one: they raise first, are the same where it matters, or return another type.
TOLD_AS = {
    ("1.3", "transposed"): {"shapes"},
    ("1.3", "not-transposed"): {"shapes"},
    ("4.6", "unchanged"): {"forward"},
    ("4.8", "not-transposed"): {"shapes", "transposed"},
    ("4.8", "order"): {"shapes"},
    ("4.9", "all-transposed"): {"shapes"},
    ("4.9", "order"): {"shapes"},
    ("8.5", "multiplied"): {"zero"},
    ("8.8", "unchanged"): {"forward"},
    ("8.8", "wrong-size"): {"shapes"},
    ("10.1", "by-text"): {"type"},
}


@dataclass(frozen=True)
class WrongAnswer:
    """An answer for each gap, and the hints that are right for it. misjudged: why another one is told."""

    name: str
    answers: tuple[str, ...]
    hints: set[str | None]
    misjudged: str = ""


def wrong_answers() -> list[WrongAnswer]:
    """The mistakes that the exercises know, and those of the table beside the tests."""
    specs = {spec.exercise.name: spec for spec in SPECS}
    found = [
        WrongAnswer(name, wrong.answers, TOLD_AS.get((name, wrong.hint), set()) | {wrong.hint})
        for name, spec in specs.items()
        for wrong in spec.wrong
    ]
    for name, rows in tomllib.loads(TABLE.read_text(encoding="utf-8")).items():
        for hints, answers, *why in rows:
            given = dict(enumerate([answers] if isinstance(answers, str) else answers))
            told = {hint or None for hint in hints.split("|")}
            found.append(WrongAnswer(name, specs[name].answers(given), told, "".join(why)))
    return found


def solve(folder: Path, *names: str) -> None:
    """Write the solutions, of all exercises or of those named, into a learner's folder."""
    for exercise in COURSE:
        if not names or exercise.name in names:
            write(folder, exercise, COURSE.solved(exercise))


def write(folder: Path, exercise: Exercise, text: str) -> None:
    path = folder / exercise.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def with_answers(exercise: Exercise, answers: tuple[str, ...]) -> str:
    """The file with these answers."""
    return filled(COURSE.given(exercise), answers)


class Checked:
    """The outcomes of the files in a folder. One process serves them all."""

    def __init__(self, folder: Path) -> None:
        self._grader = Grader(COURSE, folder, patience=4)
        self._child: Child | None = None

    def outcome(self, exercise: Exercise) -> Outcome:
        if self._child is None or self._child.ended:
            self.close()
            self._child = self._grader.opened()
        return self._grader.outcome(exercise, self._child)

    def close(self) -> None:
        if self._child is not None:
            self._child.close()

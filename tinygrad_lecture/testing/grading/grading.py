"""`grade`: a submission's outcomes and points. `submissions`: those of a class."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..course.exercise import Course, Exercise
from ..failures import CheckFailed
from ..sandbox.outcome import Outcome
from ..sandbox.parent import Grader


@dataclass(frozen=True)
class Result:
    """An exercise with its outcome. builds_on: an exercise it builds on that did not pass, or None."""

    exercise: Exercise
    outcome: Outcome
    builds_on: str | None = None

    @property
    def passed(self) -> bool:
        return self.outcome.passed and self.builds_on is None

    @property
    def points(self) -> float:
        return self.exercise.points if self.passed else 0.0


def grade(course: Course, reference: str, folder: Path, *, memory: int = 1500, patience: float = 1.0) -> list[Result]:
    """The results of all exercises of a course for the files in a folder, in order.

    The files run in a process of their own, with limits. An exercise whose own check passes, but which
    builds on one that did not, does not pass: what runs in it is not what was asked for.
    reference: names the course, as "course.py" or "package.module:COURSE".
    memory: in megabytes.  patience: a factor for the time limits, on slow machines.
    """
    linked = folder.is_symlink()  # to a neighbour's, it may be
    files = [] if linked else course.exercises
    here = [e for e in files if os.path.isfile(folder / e.file)]  # noqa: PTH113 - False also where it may not look
    grader = Grader(course, reference, folder, memory=memory, patience=patience)
    try:
        outcomes = {outcome.name: outcome for outcome in grader.check([e.name for e in here])}
    finally:
        grader.close()
    results: list[Result] = []
    failed: set[str] = set()
    for exercise in course:
        absent = f"folder {folder.name} is a link" if linked else f"file {exercise.file} is missing"
        outcome = outcomes.get(exercise.name) or _missing(exercise, absent)
        broken = next((other.name for other in course.needs(exercise) if other.name in failed), None)
        result = Result(exercise, outcome, broken if outcome.passed else None)
        if not result.passed:
            failed.add(exercise.name)
        results.append(result)
    return results


def submissions(folder: Path) -> list[Path]:
    """The folders of the students in a folder, by name. Raises FileNotFoundError if there is none."""
    found = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))
    if not found:
        raise FileNotFoundError(f"there is no folder in {folder}; with --all it holds one for each student")
    return found


def _missing(exercise: Exercise, what: str) -> Outcome:
    failure = CheckFailed(f"The {what}.", kind="missing", hint="missing")
    return Outcome.failed(exercise.name, failure.as_dict())

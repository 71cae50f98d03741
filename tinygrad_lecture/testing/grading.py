"""`grade`: a submission's points. And what is made of them, or of those of a class: text, a table, CSV.

graded: the results of each student, by name.
"""

from __future__ import annotations

import csv
import io
import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import closing
from contextvars import copy_context
from pathlib import Path

from .courses import Course
from .sandbox.grader import Grader, Outcome, source
from .search import drawn_from


def grade(course: Course, folder: Path, *, patience: float = 1.0, seed: int | None = None) -> list[Outcome]:
    """The results of all exercises of a course for the files in a folder, in order.

    The files run in a process of their own, with limits, those that are as they were given not at all. An exercise
    whose own check passes, but which builds on one that did not, does not pass: what runs in it is not what was asked
    for.
    patience: a factor for the time limits, on slow machines.
    seed: of the inputs that are drawn; by default another one each time, so that no table of right results passes.
    """
    linked = folder.is_symlink()  # to a neighbour's, it may be
    here = [e for e in course if not linked and os.path.isfile(folder / e.file)]  # noqa: PTH113 - False if it may not
    begun = [e.name for e in here if source(folder, e.file) != course.given(e)]
    context = copy_context()
    with closing(Grader(course, folder, patience=patience)) as grader:
        context.run(drawn_from.set, new_seed() if seed is None else seed)
        outcomes = {outcome.exercise.name: outcome for outcome in context.run(list, grader.check(begun))}
    for exercise in course:
        missing = f"The folder {folder.name} is a link." if linked else f"The file {exercise.file} is missing."
        kind, what = ("given", "It is as it was given.") if exercise in here else ("missing", missing)
        outcomes.setdefault(exercise.name, Outcome(what, exercise=exercise, kind=kind, hint=kind))
        broken = [other.name for other in course.needs(exercise) if not outcomes[other.name].passed]
        if broken and outcomes[exercise.name].passed:
            what = f"It builds on {broken[0]}, which is not right."
            outcomes[exercise.name] = Outcome(what, exercise=exercise, kind="builds-on")
    return [outcomes[exercise.name] for exercise in course]


def new_seed() -> int:
    """A seed that no submission knows."""
    return secrets.randbits(32)


# --- reports --------------------------------------------------------------------------------------------------


def points(results: Sequence[Outcome]) -> str:
    """Those of the passed exercises, and those of all: "2 of 3.5"."""
    return f"{sum(r.points for r in results):g} of {sum(r.exercise.points for r in results):g}"


def as_text(title: str, results: Sequence[Outcome]) -> str:
    """A line for each exercise, with what is wrong below it, and the sum."""
    lines = [title]
    for r in results:
        said = "passed" if r.passed else "FAILED"
        row = f"{said}  {r.points:g} of {r.exercise.points:g}  {r.exercise.name}  {r.exercise.title}"
        lines += [row.rstrip(), *(f"        {line}" for line in r.message.split("\n") if line)]
    return "\n".join([*lines, f"{points(results)} points"])


def as_csv(graded: Mapping[str, Sequence[Outcome]]) -> str:
    """A table with a row for each student: the points of each exercise, then their sum."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["student", *(r.exercise.name for r in next(iter(graded.values()))), "points"])
    for student, results in graded.items():
        safe = f"'{student}" if student.startswith(("=", "+", "-", "@")) else student  # for a spreadsheet no formula
        rows.writerow([safe, *(f"{r.points:g}" for r in results), points(results).split()[0]])
    return text.getvalue()

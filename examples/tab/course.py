"""The course in a browser's tab: a request is a command of the terminal, and its answer is what that prints.

    {"command": "check", "name": "3.2", "flag": [], "files": {"ch3_rules/ex2_mul.py": "...", "progress.json": "..."},
     "columns": 80}
    {"passed": false, "text": "...", "files": {...}}

columns: how wide the page is, in letters.  files: of the learner's folder those that are not as they were given; in an
answer, as they are after the command.
"""

import io
import json
import os
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from examples.exercises.commands import Session
from examples.exercises.course import CHAPTERS, COURSE
from tinygrad_lecture.testing import Exercise
from tinygrad_lecture.testing.failures import because
from tinygrad_lecture.testing.sandbox.grader import Grader, Outcome

FOLDER = Path("exercises")
GIVEN = {exercise.file: COURSE.given(exercise) for exercise in COURSE}


def course() -> dict[str, Any]:
    """What a page shows before Python runs: the chapters and, of each exercise, its file as it is given."""
    rows = [{"name": e.name, "title": e.title, "file": e.file, "text": GIVEN[e.file]} for e in COURSE]
    return {"chapters": CHAPTERS, "exercises": rows}


def answer(request: str, tell: Callable[[str], None]) -> str:
    """Carry out a command on the learner's files.

    tell: is told each exercise before it is checked, and its limit: whoever ends an endless loop sends the request to
    another worker, with the exercise's name as `ended`, and so gets what the terminal says of it.
    """
    asked = json.loads(request)

    class Told(Grader):
        def outcome(self, exercise: Exercise, child: Any) -> Outcome:
            if exercise.name == asked.get("ended"):
                what = f"It did not end within {exercise.seconds:g} seconds."
                return Outcome(exercise=exercise, what=what, kind="time", **because("endless"))
            tell(json.dumps({"doing": exercise.name, "seconds": exercise.seconds}))
            return super().outcome(exercise, child)

    for name in {name for name, text in _texts().items() if text != GIVEN.get(name)} - {*asked["files"]}:
        (FOLDER / name).unlink()
    for name, text in asked["files"].items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    os.environ["COLUMNS"] = str(asked.get("columns", 80))
    with redirect_stdout(io.StringIO()) as printed:
        status = Session(COURSE, FOLDER, Told).run(asked["command"], asked["name"], *asked["flag"])
    files = {name: text for name, text in _texts().items() if text != GIVEN.get(name)}
    return json.dumps({"passed": status == 0, "text": printed.getvalue().strip("\n"), "files": files})


def _texts() -> dict[str, str]:
    """What is in the learner's folder."""
    paths = [path for path in FOLDER.rglob("*.*") if path.is_file()]
    return {path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8") for path in paths}

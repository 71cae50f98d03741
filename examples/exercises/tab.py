"""The course in a browser's tab: a request is a command of the terminal, and its answer is what that prints.

    {"command": "check", "name": "3.2", "flag": [], "files": {"ch3_rules/ex2_mul.py": "...", "progress.json": "..."}}
    {"passed": false, "text": "...", "files": {...}}

files: of the learner's folder those that are not as they were given; in an answer, as they are after the command.
"""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

from .commands import Session
from .course import CHAPTERS, COURSE

FOLDER = Path("exercises")
GIVEN = {exercise.file: COURSE.given(exercise) for exercise in COURSE}


def course() -> str:
    """What a page shows before Python runs: the chapters and, of each exercise, its file as it is given."""
    rows = [
        {"name": e.name, "title": e.title, "file": e.file, "text": GIVEN[e.file], "seconds": e.seconds} for e in COURSE
    ]
    return json.dumps({"chapters": CHAPTERS, "exercises": rows})


def answer(request: str) -> str:
    """Carry out a command on the learner's files."""
    asked = json.loads(request)
    for name, text in {**GIVEN, **asked["files"]}.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with redirect_stdout(io.StringIO()) as printed:
        status = Session(COURSE, FOLDER).run(asked["command"], asked["name"], *asked["flag"])
    now = {
        path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8")
        for path in FOLDER.rglob("*.*")
        if path.is_file()
    }
    changed = {name: text for name, text in now.items() if text != GIVEN.get(name)}
    return json.dumps({"passed": status == 0, "text": printed.getvalue(), "files": changed})

"""`class`, for teachers: how far each student is, what most got wrong and why, and what is marked by hand.

Much of it was written by students: it becomes text that a terminal and a page show as it is.
"""

import ast
from contextlib import suppress
from pathlib import Path
from typing import Any

from tinygrad_lecture.files import write_text
from tinygrad_lecture.inspect.page import assembled, read
from tinygrad_lecture.testing.classes import grade_class, seed_of, submissions
from tinygrad_lecture.testing.failures import printable
from tinygrad_lecture.testing.sandbox.grader import Outcome, source

from . import TEXTS, course
from .display import say
from .progress import NOTHING, read_state
from .specs.spec import data

PAGE = str(Path(__file__).with_suffix(""))  # of its HTML and its script
TITLES = {exercise.name: exercise.title for exercise in course.COURSE}
NO_MISTAKE = {"given", "missing", "unfinished"}  # hints of what is not yet an answer


def report(folder: Path) -> int:
    """Print what is known of a class, and write it as a page. folder: it holds a folder of files for each student."""
    students, seed = submissions(folder), seed_of(folder)
    told = Told(seed)
    for name, outcomes in grade_class(course.COURSE, course.__name__, folder, seed=seed):
        told.add(name, students[name], outcomes)
        text = assembled(course.COURSE.title, read(f"{PAGE}.html"), PAGE, told.as_data())
        page = write_text("class.html", text)  # of those who are graded so far
    inside = {number: [n for n in TITLES if n.split(".")[0] == number] for number in course.CHAPTERS}
    width = max(map(len, told.students))
    print(f"{course.COURSE.title}\n\n{'':{width + 12}}" + "  ".join(f"{n:{len(of)}}" for n, of in inside.items()))
    for name, student in told.students.items():
        marks = "  ".join("".join(student["marks"][one] for one in names) for names in inside.values())
        print(f"{name:{width}}{sum(map(marks.count, '+s')):4} of {len(TITLES)}  {marks}")
    print(f"\n{told.key}\n\nWhat most got wrong, and how many:")
    for name, cause, *who in told.wrong[:12]:  # the page has all
        say(f"{len(who)}  {name} {TITLES[name]}: {cause}", "  ")
    say(f"\nAll of it, and answers in words beside what is marked by hand: {page}")
    return 0


class Told:
    """What is told of a class: its students, and the mistakes by how many made them."""

    def __init__(self, seed: int) -> None:
        self.key = TEXTS["marks"].format(seed)
        self.questions = [(name, *row) for name in TITLES for row in data()[name].get("questions", [])]
        self.students: dict[str, dict[str, Any]] = {}
        self.made: dict[str, list[str]] = {}  # by exercise and hint: the exercise, the cause, and who made the mistake

    def add(self, name: str, path: Path, outcomes: list[Outcome]) -> None:
        """A student, the folder, and what came out."""
        state = NOTHING
        with suppress(ValueError, RecursionError):
            state = NOTHING | read_state(path)
        for key, cause in mistakes(outcomes, state).items():
            self.made.setdefault(key, [key.split(" ")[0], cause]).append(name)
        self.students[name] = {
            "now": state["current"] if state["current"] in TITLES else "",
            "marks": {o.exercise.name: mark(o, state) for o in outcomes},
            "failed": {o.exercise.name: str(o) for o in outcomes if not o.passed},
            "words": [said(path, course.COURSE[of].file).get(variable, "") for of, variable, *_ in self.questions],
        }

    @property
    def wrong(self) -> list[list[str]]:
        """The mistakes, that of most first."""
        return sorted(self.made.values(), key=len, reverse=True)

    def as_data(self) -> dict[str, Any]:
        """As JSON has it."""
        own = {"key": self.key, "students": self.students, "wrong": self.wrong, "questions": self.questions}
        return {"titles": TITLES, "chapters": course.CHAPTERS, **own}


def mark(outcome: Outcome, state: dict[str, Any]) -> str:
    """What stands in the table."""
    if outcome.passed:
        return "s" if outcome.exercise.name in state["taken"] else "+"
    return "." if outcome.kind in ("given", "missing") else "-"


def mistakes(outcomes: list[Outcome], state: dict[str, Any]) -> dict[str, str]:
    """The likely causes of what is wrong, and of what was wrong before, each by the exercise's name and a hint."""
    passed = {o.exercise.name for o in outcomes if o.passed}
    own = [o for o in outcomes if not o.passed and passed >= {e.name for e in course.COURSE.needs(o.exercise)}]
    now = {f"{o.exercise.name} {o.hint or o.kind}": o.cause or o.what for o in own}
    found = ((key.partition(" "), key, cause) for key, cause in (state["mistakes"] | now).items())
    return {key: printable(cause) for (name, _, hint), key, cause in found if name in TITLES and hint not in NO_MISTAKE}


def said(folder: Path, file: str) -> dict[str, str]:
    """The texts that a student's file gives to names."""
    found = {}
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
        for statement in ast.parse(source(folder, file)).body:
            match statement:
                case ast.Assign(targets=[ast.Name(name)], value=ast.Constant(str(text))):
                    found[name] = printable(text)
    return found

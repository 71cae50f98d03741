"""`Progress`: a learner's folder, and what is done in it, in one small JSON file."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tinygrad_lecture.files import write_text
from tinygrad_lecture.testing import Course, Exercise
from tinygrad_lecture.testing.sandbox.grader import source

NOTHING: dict[str, Any] = {"current": "", "passed": {}, "taken": [], "hints": {}, "tries": {}, "given": {},
                           "mistakes": {}}  # fmt: skip


class Progress:
    """The files of a learner and the state beside them, `progress.json`.

    current: the exercise that is worked on.
    passed: for each exercise that passed, a digest of the files that it depends on.
    taken: exercises whose solution was put into the file.  hints: how many hints were read.  tries: how often each
    was checked and not right, since it last was.  mistakes: for an exercise and a hint, "3.2 swapped", the cause.
    given: a digest of each file as it was copied here, to know which are untouched.
    """

    def __init__(self, course: Course, folder: Path) -> None:
        self.course, self.folder = course, folder
        self.path = folder / "progress.json"
        self.lost = ""  # what happened to a file that could not be read
        self.load()

    def load(self) -> None:
        """Read the state, as this command or another one has written it."""
        state, course = NOTHING | self._read(), self.course
        known = {exercise.name for exercise in course}
        self.passed = {name: digest for name, digest in state["passed"].items() if name in known}
        self.taken = {*state["taken"]} & known
        self.hints, self.tries = dict(state["hints"]), dict(state["tries"])
        self.given, self.mistakes = dict(state["given"]), dict(state["mistakes"])
        self.current = state["current"] if state["current"] in known else next(iter(course)).name

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        try:
            return read_state(self.folder)
        except (ValueError, RecursionError) as error:
            kept = self.path.with_suffix(".damaged.json")
            self.path.replace(kept)
            self.lost = f"{self.path} could not be read ({error}). It is now {kept.name}; your answers are untouched. "
            self.lost += "What is solved is found again by `check --all`."
            return {}

    def save(self) -> None:
        """Write the state: the whole file or nothing."""
        state = {name: getattr(self, name) for name in NOTHING} | {"taken": sorted(self.taken)}
        _write(self.path, json.dumps(state, indent=1) + "\n")

    def go_to(self, exercise: Exercise) -> None:
        """Make an exercise the current one."""
        self.current = exercise.name
        self.save()

    # --- files ----------------------------------------------------------------------------------------------

    def file(self, exercise: Exercise) -> Path:
        """The learner's file."""
        return self.folder / exercise.file

    def text(self, exercise: Exercise) -> str | None:
        """What is in it, or None if it cannot be read now."""
        try:
            return self.file(exercise).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return None

    def copy_files(self) -> None:
        """Copy each exercise's file that is not there yet; replace those that are untouched copies of an older one."""
        for exercise in self.course:
            path, text = self.file(exercise), self.course.given(exercise)
            old = self.text(exercise)
            renewed = old != text and _digest(old) == self.given.get(exercise.name) if old else not path.exists()
            if renewed:
                _write(path, text)
                self.given[exercise.name] = _digest(text)
        self.save()

    def untouched(self, exercise: Exercise) -> bool:
        """Whether the learner has changed nothing yet."""
        return self.text(exercise) == self.course.given(exercise)

    def replace(self, exercise: Exercise, text: str) -> Path | None:
        """Write another text into a learner's file; returns where the old one was kept, or None if it was untouched."""
        path, kept = self.file(exercise), None
        if path.exists() and not self.untouched(exercise) and self.text(exercise) != text:
            n = 1
            while (kept := path.with_name(f"{path.stem}.backup{n}.txt")).exists():
                n += 1
            path.replace(kept)
        _write(path, text)
        return kept

    def take(self, exercise: Exercise) -> Path | None:
        """Put the solution into a learner's file, and remember that; returns as `replace`."""
        kept = self.replace(exercise, self.course.solved(exercise))
        self.taken.add(exercise.name)
        self.save()
        return kept

    # --- what is done -----------------------------------------------------------------------------------------

    def digest(self, exercise: Exercise) -> str:
        """A digest of the files that an outcome depends on."""
        texts = [self.text(other) or "" for other in [*self.course.needs(exercise), exercise]]
        return _digest("\0".join(texts))

    def is_passed(self, exercise: Exercise) -> bool:
        """Whether it has passed, and no file that it depends on has changed since."""
        return self.passed.get(exercise.name) == self.digest(exercise)

    def mark(self, exercise: Exercise, passed: bool) -> None:
        """Remember an outcome."""
        if passed:
            self.passed[exercise.name] = self.digest(exercise)
            self.tries.pop(exercise.name, None)
        else:
            self.passed.pop(exercise.name, None)
        self.save()

    @property
    def done(self) -> set[str]:
        """The names of the exercises that have passed, with all files as they were then."""
        return {exercise.name for exercise in self.course if self.is_passed(exercise)}

    def next_open(self, after: Exercise) -> Exercise | None:
        """The next exercise that has not passed, after one or, if there is none, from the beginning."""
        order = list(self.course)
        place = order.index(after)
        return next((e for e in [*order[place + 1 :], *order[:place]] if not self.is_passed(e)), None)


def read_state(folder: Path) -> dict[str, Any]:
    """What the progress.json of a learner says. Raises ValueError or RecursionError if this writes another."""
    state: dict[str, Any] = json.loads(source(folder, "progress.json"))
    if not isinstance(state, dict) or any(type(v) is not type(NOTHING.get(k, v)) for k, v in state.items()):
        raise ValueError("it is not what this program writes")
    return state


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]

"""`Progress`: a learner's folder, and what is done in it, in one small JSON file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tinygrad_lecture.files import atomic_write
from tinygrad_lecture.testing import Course, Exercise


class Progress:
    """The files of a learner and the state beside them, `progress.json`.

    current: the exercise that is worked on.
    passed: for each exercise that passed, a digest of the files that it depends on.
    taken: exercises whose solution was put into the file.  hints: how many hints were read.
    given: a digest of each file as it was copied here, to know which are untouched.
    """

    def __init__(self, course: Course, folder: Path) -> None:
        self.course, self.folder = course, folder
        self.path = folder / "progress.json"
        self.lost = ""  # what happened to a file that could not be read
        state = self._read()
        known = {exercise.name for exercise in course}
        self.passed = {k: v for k, v in _dict(state, "passed").items() if k in known and isinstance(v, str)}
        self.taken = (
            {k for k in state.get("taken", []) if k in known} if isinstance(state.get("taken"), list) else set()
        )
        self.hints = {k: v for k, v in _dict(state, "hints").items() if k in known and isinstance(v, int)}
        self.given = {k: v for k, v in _dict(state, "given").items() if isinstance(v, str)}
        current = state.get("current")
        self.current = current if current in known else next(iter(course)).name

    def _read(self) -> dict[str, Any]:
        try:
            state = json.loads(self.path.read_text(encoding="utf-8"))
            if isinstance(state, dict):
                return state
            raise ValueError("not a JSON object")
        except FileNotFoundError:
            return {}
        except (ValueError, OSError) as error:
            kept = self.path.with_suffix(".damaged.json")
            if self.path.is_file():
                self.path.replace(kept)
            self.lost = f"{self.path} could not be read ({error}). It is now {kept.name}; your answers are untouched."
            return {}

    def save(self) -> None:
        """Write the state: the whole file or nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "current": self.current,
            "passed": self.passed,
            "taken": sorted(self.taken),
            "hints": self.hints,
            "given": self.given,
        }
        with atomic_write(self.path) as temporary:
            temporary.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")

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
            if old is not None and (old == text or _digest(old) != self.given.get(exercise.name)):
                continue
            if old is None and path.exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
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
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text)
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


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _dict(state: dict[str, Any], name: str) -> dict[str, Any]:
    value = state.get(name)
    return value if isinstance(value, dict) else {}

"""`Exercise` and `Course`: what a learner is given, how an answer is checked, what builds on what.

A gap in a file is a line with `...` and `# TODO`; an answer takes the place of the line.

    return ...  # TODO                              the answer "return g * w, g * x"
"""

from __future__ import annotations

import ast
import importlib
import re
import runpy
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

__all__ = ["Course", "Exercise"]

GAP = re.compile(r"^(?P<indent> *)(?:[^\n#]*?)\.\.\.[^\n#]*# TODO[^\n]*$", re.MULTILINE)


def gaps(text: str) -> int:
    """How many gaps a file has."""
    return len(GAP.findall(text))


def first_gap(text: str) -> int:
    """The number of the line of the first gap, or 1."""
    found = GAP.search(text)
    return 1 if found is None else text[: found.start()].count("\n") + 1


def filled(text: str, answers: str | Sequence[str]) -> str:
    """The file with an answer in place of each gap; a single string is the answer to a single gap.

    Raises ValueError if there are more or fewer answers than gaps.
    """
    given = [answers] if isinstance(answers, str) else list(answers)
    if len(given) != gaps(text):
        raise ValueError(f"the file has {gaps(text)} gaps (`...  # TODO`), but there are {len(given)} answers")
    waiting = iter(given)
    return GAP.sub(lambda gap: textwrap.indent(textwrap.dedent(next(waiting)).strip("\n"), gap["indent"]), text)


@dataclass(frozen=True)
class Exercise:
    """One file with gaps.

    name: as learners type it.  file: its path in the course's folder, and in the learner's.
    check: a function of the learner's module that raises CheckFailed. The module's functions take and return plain
    values: numbers, text, arrays, and containers of them. For what other objects hold, see `sandbox.observed`.
    solution: what stands in place of each gap.  points: for a pass.
    seconds: the time limit: how long its code may compute.
    title, hints, meaning, engine, another: words for the learner; engine is "file.py:name", a place to read on.
    note: a function of the learner's module, if it is right, that returns a sentence.
    """

    name: str
    file: str
    check: Callable[[Any], None]
    solution: str | Sequence[str] = ""
    title: str = ""
    points: float = 1.0
    seconds: float = 10.0
    hints: Sequence[str] = ()
    meaning: str = ""
    engine: str = ""
    another: str = ""
    note: Callable[[Any], str] | None = None

    @property
    def module(self) -> str:
        """The name by which other files import it: "ch3_rules.ex2_mul"."""
        return self.file.removesuffix(".py").replace("/", ".")


@dataclass(frozen=True)
class Course:
    """Exercises in order.

    folder: of the files that learners are given.  imports: modules they may use, beside the usual.
    secret: folders and files that a submission may not read, should they lie in its own folder or in one of Python's
    packages. Elsewhere it reads none.
    """

    title: str
    folder: Path
    exercises: Sequence[Exercise]
    imports: Sequence[str] = ()
    secret: Sequence[str] = ()

    def __iter__(self) -> Iterator[Exercise]:
        return iter(self.exercises)

    @cached_property
    def closed(self) -> set[Path]:
        """Everything from which the course can be read, and unless it is imported the engine.

        With a file go the package that it is in, and what Python has compiled of it.
        """
        engine = [] if "tinygrad_lecture" in self.imports else [str(Path(__file__).parent)]
        paths = {Path(path).resolve() for path in (str(self.folder), *self.secret, *engine)}
        found = paths | {self.folder.resolve().parent}
        for path in paths:
            while (path.parent / "__init__.py").exists():
                path = path.parent
            found |= {path, path.parent / "__pycache__"}
        return {path for path in found if not any(Path(entry).resolve().is_relative_to(path) for entry in sys.path)}

    def __getitem__(self, name: str) -> Exercise:
        for exercise in self.exercises:
            if exercise.name == name:
                return exercise
        raise KeyError(f"there is no exercise {name!r}; there are {', '.join(e.name for e in self)}")

    def given(self, exercise: Exercise) -> str:
        """The file as a learner gets it."""
        return (self.folder / exercise.file).read_text(encoding="utf-8")

    def solved(self, exercise: Exercise) -> str:
        """The file with the solution in its gaps."""
        return filled(self.given(exercise), exercise.solution)

    @cached_property
    def _imported(self) -> dict[str, set[str | None]]:
        """The modules that each exercise's file imports from."""
        trees = {exercise.name: ast.walk(ast.parse(self.given(exercise))) for exercise in self.exercises}
        return {name: {n.module for n in nodes if isinstance(n, ast.ImportFrom)} for name, nodes in trees.items()}

    def needs(self, exercise: Exercise) -> list[Exercise]:
        """All exercises that it builds on, in the order of the course."""
        found, waiting = set(), [exercise]
        while waiting:
            imported = self._imported[waiting.pop().name]
            new = [other for other in self.exercises if other.module in imported and other.name not in found]
            found |= {other.name for other in new}
            waiting += new
        return [other for other in self.exercises if other.name in found]


def find_course(reference: str) -> Course:
    """The first Course of a module, or of a "file.py".

    The file in which it stands is one of its secrets. Raises ValueError if there is none.
    """
    if reference.endswith(".py"):
        path = Path(reference).resolve()
        if not path.is_file():
            raise ValueError(f"{path}: there is no such file with a course")
        scope = runpy.run_path(str(path), run_name=path.stem)
    else:
        scope = vars(importlib.import_module(reference))
    found = [value for value in scope.values() if isinstance(value, Course)]
    if not found:
        raise ValueError(f"{reference}: there is no Course in it; write COURSE = Course(...)")
    return replace(found[0], secret=[*found[0].secret, scope["__file__"]])

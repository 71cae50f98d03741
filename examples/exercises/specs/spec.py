"""The data of the exercises, `ch*.toml`: for each gap of a file its solution, and typical mistakes with their causes.

    chapter                                        its title
    [ex2_mul]                                      by the name of its file, here 3.2, words for the learner
    given                                          what is in the file at first: a gap is a line with `...` and `# TODO`
    title                                          if it is not the first line of `given`
    hints                                          one a line
    gaps = [[solution, mistake, ...], ...]         the gaps of the file, in their order; a mistake is a list of a hint,
                                                   the cause that is told, and the answers of which it is told
    raises = [[hint, cause, pattern]]              what an exception means here whose message has the pattern
    causes = [[hint, cause, what]]                 what the check tells of answers that it recognises itself: the likely
                                                   cause, "" for none, and what is wrong, with {names} of values
    questions = [[name, question, what, ...]]      what is answered in words, in a text of this name, and what is marked
                                                   by hand: a point for each; for teachers, no learner is shown it

An answer is code, or an edit of the solution: "old => new" replaces each `old` in it by `new`. Mistakes in several gaps
at once stand in a list `mistakes`; they have a list with an answer for each gap, "" for the right one.

A mistake is recognised by what it computes: the file is run with the wrong answer in its gap, and does the same as the
learner's. So the same lines say what is wrong, compute it, and test that it is found.
"""

import builtins
import re
import tomllib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from tinygrad_lecture.testing import CheckFailed, Course, Exercise, Mistake
from tinygrad_lecture.testing.courses import filled

HERE = Path(__file__).parent
Step = Callable[[Any, "Spec"], None]  # a part of a check: given the learner's module, it raises CheckFailed
Cause = tuple[str | None, str | None]  # hint, sentence


class Ladder(Course):
    """A course whose files are in the data. folder: of the data, which no answer may read."""

    def given(self, exercise: Exercise) -> str:
        """The file as a learner gets it."""
        return str(data()[exercise.name]["given"])


@dataclass(frozen=True)
class Wrong:
    """A mistake. answers: what stands in the gaps."""

    hint: str
    cause: str
    answers: tuple[str, ...]
    function: str = ""  # the one that it is in, if it is in one


class Spec:
    """What a chapter's file says about one exercise. steps: the parts of its check."""

    def __init__(self, row: dict[str, Any], steps: Sequence[Step], note: Callable[[Any], str] | None) -> None:
        data = "given", "gaps", "mistakes", "raises", "causes", "questions"
        words = {key: value for key, value in row.items() if key not in data}
        self.steps, self.raises = steps, row.get("raises", [])
        self.causes = {hint: rest for hint, *rest in [*of_tensors()["causes"], *row.get("causes", [])]}
        self.solutions = solutions(row)
        self.exercise = Exercise(**words, check=self.check, solution=self.solutions, note=note)
        self.wrong = []
        for k, ((_, *mistakes), function) in enumerate(zip(row["gaps"], functions(row["given"]), strict=True)):
            for hint, cause, *found in mistakes:
                self.wrong += [Wrong(hint, cause, self.answers({k: answer}), function) for answer in found]
        for hint, cause, *found in row.get("mistakes", []):
            self.wrong += [Wrong(hint, cause, self.answers(dict(enumerate(answers)))) for answers in found]

    def answers(self, given: dict[int, str]) -> tuple[str, ...]:
        """All answers: those that are given, an answer or an edit for the number of a gap, and the solutions."""
        return tuple(edited(right, given[k]) if given.get(k) else right for k, right in enumerate(self.solutions))

    def check(self, module: Any) -> None:
        """Raise CheckFailed unless the learner's module passes each step."""
        try:
            for step in self.steps:
                step(module, self)
        except CheckFailed as failure:
            said = " ".join([failure.what, *failure.shown])
            rows = [*self.raises, *(of_tensors()["raises"] if failure.cause is None else [])]
            for hint, cause, pattern in rows if failure.kind == "raises" else ():
                if re.search(pattern, said):
                    failure.hint, failure.cause = hint, cause
                    break
            raise

    def fail(
        self, told: str, shown: Sequence[str] = (), found: Cause = (None, None), kind: str | None = None, **values: Any
    ) -> NoReturn:
        """Raise CheckFailed with what is told under this name, and the cause that was found, or else the one there.

        kind: what differs, by default the name.  values: for what is told.
        """
        cause, what = (text.format(**values) for text in self.causes[told])
        hint, cause = found if found[1] else (told if cause else None, cause or None)
        raise CheckFailed(what, kind=kind or told, shown=shown, hint=hint, cause=cause)

    def module(self, answers: Sequence[str]) -> ModuleType:
        """The exercise's file with these answers, run. What it imports from other exercises is solved."""
        return _run(self.exercise.name, tuple(answers))

    @property
    def right(self) -> ModuleType:
        """The solved file."""
        return self.module(self.solutions)

    def mistakes(self, observe: Callable[..., Any], function: str = "") -> list[Mistake]:
        """The mistakes as the checker's, first those in a function.

        observe: from a module and inputs to a result.
        """

        def computed(wrong: Wrong) -> Callable[..., Any]:
            return lambda *args, **settings: observe(self.module(wrong.answers), *args, **settings)

        first = sorted(self.wrong, key=lambda wrong: wrong.function != function)
        return [Mistake(wrong.hint, wrong.cause, computed(wrong)) for wrong in first]

    def cause(self, module: Any, observe: Callable[[Any], Any]) -> Cause:
        """Hint and cause of the first mistake with which `observe` sees the same as with the learner's module."""
        with suppress(Exception):  # what raises is explained elsewhere; what is no number is no mistake that is known
            got = observe(module)
            if same(got, observe(self.right)):
                return None, None
            for mistake in self.mistakes(observe):
                with suppress(Exception):  # the mistake does not run for this input, so it is not this one
                    if same(got, mistake.fn()):
                        return mistake.hint, mistake.cause
        return None, None


def functions(given: str) -> list[str]:
    """The function that each gap of a file is in."""
    found, inside = [], ""
    for line in given.splitlines():
        inside = line.split("(")[0].removeprefix("def ") if line.startswith("def ") else inside
        found += [inside] if "# TODO" in line else []
    return found


def edited(solution: str, answer: str) -> str:
    """An answer, or the solution after an edit "old => new"."""
    old, arrow, new = answer.partition(" =>")
    if not arrow:
        return answer
    new = new.removeprefix(" ")
    if old not in solution:
        raise ValueError(f"{old!r} is not in the solution {solution!r}")
    return solution.replace(old, new)


def same(a: Any, b: Any) -> bool:
    """Whether nested dicts and lists of numbers, arrays and texts agree."""
    if isinstance(a, dict) and isinstance(b, dict):
        return same([*a.items()], [*b.items()])
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, str) or isinstance(b, str):
        return bool(a == b)
    with suppress(TypeError):  # of another object
        return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=1e-7, atol=1e-7, equal_nan=True))
    return False


@cache
def chapters() -> dict[str, dict[str, Any]]:
    """What the chapters' files hold, by their names, as ch4_arrays, in the order of the course."""
    files = sorted(HERE.glob("ch*.toml"), key=lambda path: number(path.stem))
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in files}


def number(name: str) -> int:
    """The number of a chapter, as ch4_arrays, or an exercise, as ex1_unbroadcast."""
    return int(name.split("_")[0][2:])


@cache
def of_tensors() -> dict[str, Any]:
    """What is told of Tensors and arrays in all exercises."""
    return tomllib.loads((HERE / "tensors.toml").read_text(encoding="utf-8"))


@cache
def data() -> dict[str, dict[str, Any]]:
    """The exercises of all chapters, by name, each with name, file and title."""
    found: dict[str, dict[str, Any]] = {}
    for folder, chapter in chapters().items():
        for file, row in chapter.items():
            if file != "chapter":
                name = f"{number(folder)}.{number(file)}"
                first = row["given"].split("\n")[0].removeprefix(f'"""{name}  ')
                own = {"name": name, "file": f"{folder}/{file}.py", "hints": row["hints"].splitlines()}
                found[name] = {"title": first, **row, **own}
    return found


def solutions(row: dict[str, Any]) -> tuple[str, ...]:
    """What stands in each gap of an exercise."""
    return tuple(solution for solution, *_ in row["gaps"])


def solved(name: str) -> ModuleType:
    """The solved file of an exercise."""
    return _run(name, solutions(data()[name]))


@cache
def _run(name: str, answers: tuple[str, ...]) -> ModuleType:
    row = data()[name]
    module = ModuleType(row["file"].removesuffix(".py").replace("/", "."))
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
    exec(compile(filled(row["given"], answers), "<answer>", "exec", dont_inherit=True), module.__dict__)
    return module


def _import(name: str, *rest: Any) -> ModuleType:
    """Python's `__import__`, which finds the solved files of exercises too."""
    file = name.replace(".", "/") + ".py"
    exercise = next((exercise for exercise, row in data().items() if row["file"] == file), None)
    return builtins.__import__(name, *rest) if exercise is None else solved(exercise)

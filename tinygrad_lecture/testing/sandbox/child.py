"""What runs in the process of a submission: it loads the files, calls what is asked for, and sends back what comes out.

It knows neither the checks nor the right results.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import inspect
import io
import operator
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ..calls import own_folder, tell
from ..course.exercise import Course, Exercise
from ..failures import CheckFailed
from ..showing import plain_repr
from .limits import limit_memory, limit_time, no_time_limit, refuse_what_is_outside
from .loading import Submission, class_in
from .outcome import Outcome, failure_of
from .wire import Link

MAX_PRINTED = 4000  # characters


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the checker, which then ends this process
    end = ChildEnd()
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True
    end.answer_all()


class Mirror:
    """An object of the checker, as a submission sees it: its attributes are read and set there."""

    def __init__(self, link: Link, place: int) -> None:
        vars(self).update(_mirror=(link, place))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return vars(self)["_mirror"][0].ask("get", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        vars(self)["_mirror"][0].ask("set", self, name, value)


class MirrorFunction(Mirror):
    """A function of the checker."""

    def __call__(self, *args: Any, **settings: Any) -> Any:
        return vars(self)["_mirror"][0].ask("call", self, args, settings)


class ChildEnd(Link):
    """Answers requests of the checker, with what was printed meanwhile."""

    def __init__(self) -> None:
        super().__init__(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nothing is read from a keyboard
        os.dup2(2, 1)  # what a submission prints goes another way
        sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - for as long as the process runs
        self._printed = sys.stdout = _Printed(sys.stderr)
        self._submission: Submission | None = None
        self._modules: dict[int, str] = {}

    def serve(self, what: str, *args: Any) -> Any:
        return self._carry_out(what, *args), self._printed.taken()

    def _carry_out(self, what: str, *args: Any) -> Any:
        if what == "call":
            function, plain, settings = args
            return function(*plain, **settings)
        if what == "get":
            return getattr(args[0], args[1])
        if what == "set":
            return setattr(*args)
        if what == "operator":
            return getattr(operator, args[0])(*args[1:])
        if what == "isinstance":
            return isinstance(*args)
        if what == "list":
            return list(args[0])
        if what == "repr":
            return plain_repr(args[0])[:200]
        if what == "keep":
            self.keep(args[0])
            return args[0]
        if what == "class":
            return class_in(*args)
        return getattr(self, f"_{what}")(*args)

    # --- requests about an exercise ---------------------------------------------------------------------------

    def _open(self, folder: str, imports: list[str], secret: list[str], memory: int) -> None:
        """The folder of a submission."""
        if self._submission is None:
            refuse_what_is_outside(Path(folder), map(Path, secret))
            limit_memory(memory)
        own_folder(Path(folder))
        self._submission = Submission(Path(folder), imports)

    def _cpu(self) -> float:
        """For how many seconds this process has computed."""
        return time.process_time()

    def _begin(self, module: str, seconds: float, wall: float) -> ModuleType:
        """The module of an exercise. From now on the time is counted."""
        assert self._submission is not None
        self.forget()
        self._printed.count = 0
        random.seed(0)
        np.random.seed(0)
        limit_time(seconds, wall, self._write)
        found = self._submission.load(module)
        self._modules = {id(m): name for name, m in self._submission.modules.items()}
        return found

    def _end(self) -> None:
        no_time_limit()

    def _inside(self, reference: str, name: str) -> dict[str, Any]:
        """The outcome of an exercise whose check runs in this process."""
        assert self._submission is not None
        return vars(check_here(find_course(reference)[name], self._submission))

    def _notes(self, reference: str, name: str) -> list[str]:
        """The comparison of times, if the exercise has one; it is no part of the check."""
        assert self._submission is not None
        exercise = find_course(reference)[name]
        return [] if exercise.race is None else [exercise.race(self._submission.load(exercise.module))]

    # --- objects and errors -----------------------------------------------------------------------------------

    def describe(self, value: Any) -> dict[str, Any]:
        about: dict[str, Any] = {"type": type(value).__name__, "call": callable(value)}
        if isinstance(value, (FunctionType, type)):
            about["name"] = value.__name__
        if isinstance(value, FunctionType):
            about["parameters"] = list(inspect.signature(value).parameters)
        if isinstance(value, ModuleType) and id(value) in self._modules:
            about |= {"module": True, "name": self._modules[id(value)]}
        return about

    def stub(self, place: int, about: dict[str, Any]) -> Any:
        base, name = (MirrorFunction, "function") if about["call"] else (Mirror, about["type"])
        return type(name, (base,), {})(self, place)  # a message of Python may name its type

    def place_of_stub(self, value: Any) -> int | None:
        return int(vars(value)["_mirror"][1]) if isinstance(value, Mirror) else None

    def told(self, error: BaseException) -> Any:
        if isinstance(error, CheckFailed) or not isinstance(error, Exception):
            fields = failure_of(error).as_dict()
        else:
            fields = vars(tell(error))
        return fields, self._printed.taken()

    def raise_told(self, told: Any) -> None:
        name, text = told
        kind = getattr(builtins, name, None)
        raise (kind if isinstance(kind, type) and issubclass(kind, Exception) else RuntimeError)(text)


def check_here(exercise: Exercise, submission: Submission) -> Outcome:
    """The outcome of an exercise that is checked in this process."""
    start = time.perf_counter()
    try:
        exercise.check(submission.load(exercise.module))
    except BaseException as error:
        return Outcome.failed(exercise.name, failure_of(error).as_dict(), time.perf_counter() - start)
    return Outcome(exercise.name, True, seconds=time.perf_counter() - start)


def find_course(reference: str) -> Course:
    """The course that a reference names: "module:NAME", "file.py:NAME", or without NAME its first Course.

    Raises ValueError if there is none.
    """
    where, _, name = reference.partition(":") if not reference.endswith(".py") else (reference, "", "")
    if len(where) == 1 and os.name == "nt":  # the colon of a drive
        drive, where = where, name
        where, _, name = where.partition(".py:")
        where = f"{drive}:{where}{'.py' if name else ''}"
    if where.endswith(".py"):
        path = Path(where).resolve()
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise ValueError(f"{path}: there is no such file with a course")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(where)
    found = [v for k, v in vars(module).items() if isinstance(v, Course) and name in ("", k)]
    if not found:
        raise ValueError(f"{reference}: there is no Course in it; write COURSE = Course(...)")
    return found[0]


class _Printed(io.TextIOBase):
    """Standard output that keeps the first part for the answer, and hands it on at once: an endless loop leaves nothing
    else behind."""

    def __init__(self, to: Any) -> None:
        self.to, self.count, self.kept = to, 0, ""

    def write(self, text: str) -> int:
        part = text[: max(0, MAX_PRINTED - self.count)]
        self.kept += part
        self.to.write(part)
        self.to.flush()
        self.count += len(text)
        return len(text)

    def taken(self) -> str:
        """What was printed since the last time."""
        kept, self.kept = self.kept, ""
        return kept

    def flush(self) -> None:
        self.to.flush()

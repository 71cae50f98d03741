"""What runs in the process of a submission: it loads the files, calls what is asked for, and sends back what comes out.

It knows neither the checks nor the right results.
"""

from __future__ import annotations

import atexit
import builtins
import inspect
import io
import operator
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ..calls import own_folder, tell
from ..course.exercise import Course, Exercise, find_course
from ..failures import CheckFailed
from ..showing import plain_repr
from .limits import files_of, limit_memory, limit_time, no_time_limit, refuse_what_is_outside
from .loading import Submission, class_in
from .outcome import Outcome, failure_of
from .wire import Link

MAX_PRINTED = 4000  # characters
SERVED: dict[str, Callable[..., Any]] = {
    "call": lambda function, args, settings: function(*args, **settings),
    "get": getattr,
    "set": setattr,
    "operator": lambda name, *operands: getattr(operator, name)(*operands),
    "isinstance": isinstance,
    "list": list,
    "repr": lambda value: plain_repr(value)[:200],
    "class": class_in,
}


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the checker, which then ends this process
    end = ChildEnd()
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True
    end.answer_all()


class ChildEnd(Link):
    """Answers requests of the checker, with what was printed meanwhile."""

    def __init__(self) -> None:
        super().__init__(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nothing is read from a keyboard
        os.dup2(2, 1)  # what a submission prints goes another way
        sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - for as long as the process runs
        self._printed = sys.stdout = _Printed(sys.stderr)
        self._submission: Submission | None = None
        self._course: Course | None = None
        self._modules: dict[int, str] = {}
        self._attempts: list[str] = []

    def serve(self, what: str, *args: Any) -> Any:
        request = SERVED.get(what) or getattr(self, f"_{what}")
        return request(*args), self._printed.taken()

    def _keep(self, value: Any) -> Any:
        self.keep(value)
        return value

    # --- requests about an exercise ---------------------------------------------------------------------------

    def _open(self, folder: str, imports: list[str], secret: list[str], memory: int, reference: str | None) -> None:
        """The folder of a submission. reference: the course, if its checks run in this process."""
        if self._submission is None:
            self._course = None if reference is None else find_course(reference)
            readable = files_of(imports) if reference is None else None
            limit_memory(memory)
            self._attempts = refuse_what_is_outside(Path(folder), readable, map(Path, secret))
            atexit._clear()  # this process is killed at its end, so nobody's but the learner's are missed
            if reference is None:
                for name in list(sys.modules):
                    if name.split(".")[0] in {"tinygrad_lecture", "hypothesis"} - set(imports):
                        del sys.modules[name]  # so that nobody finds there what they are to write
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

    def _end(self, token: str) -> tuple[str, list[str]]:
        """The token, and which attempts there were to start a program."""
        atexit._run_exitfuncs()
        no_time_limit()
        attempts, self._attempts[:] = list(self._attempts), []
        return token, attempts

    def _inside(self, name: str) -> dict[str, Any]:
        """The outcome of an exercise whose check runs in this process."""
        assert self._submission is not None
        assert self._course is not None
        return vars(check_here(self._course[name], self._submission))

    def _notes(self, name: str) -> list[str]:
        """The comparison of times that an exercise has; it is no part of the check."""
        assert self._submission is not None
        assert self._course is not None
        exercise = self._course[name]
        assert exercise.race is not None
        return [exercise.race(self._submission.load(exercise.module))]

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

    def told(self, error: BaseException) -> Any:
        if isinstance(error, CheckFailed) or not isinstance(error, Exception):
            fields = failure_of(error).as_dict()
        else:
            fields = vars(tell(error))
        return fields, self._printed.taken()

    def error_of(self, told: Any) -> Exception:
        name, text = told
        kind = getattr(builtins, name, None)
        return (kind if isinstance(kind, type) and issubclass(kind, Exception) else RuntimeError)(text)


def check_here(exercise: Exercise, submission: Submission) -> Outcome:
    """The outcome of an exercise that is checked in this process."""
    start = time.perf_counter()
    try:
        exercise.check(submission.load(exercise.module))
    except BaseException as error:
        return Outcome.failed(exercise.name, failure_of(error).as_dict(), time.perf_counter() - start)
    return Outcome(exercise.name, True, seconds=time.perf_counter() - start)


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

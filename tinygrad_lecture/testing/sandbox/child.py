"""What runs in the process of a submission: load each file, check it, report on a pipe that the submission cannot see.

Lines come by standard input: where modules are and which course, then the job. The second comes when there is work, so
that a process can be started before.
"""

from __future__ import annotations

import faulthandler
import importlib
import importlib.util
import io
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..calls import own_folder, unexpected
from ..course.exercise import Course, Exercise
from ..failures import CheckFailed
from .limits import Snapshot, limit_memory, refuse_what_is_outside
from .loading import Submission
from .outcome import Outcome

MAX_PRINTED = 4000  # characters


def main(reference: str) -> None:
    """Wait for a job, check its exercises, and write a line of JSON for each."""
    course = find_course(reference)
    line = sys.stdin.readline()
    if not line:
        return
    job: dict[str, Any] = json.loads(line)
    pipe = os.dup(1)
    os.dup2(2, 1)  # what a submission prints goes the other way
    sys.stdout = _Limited(sys.stderr)
    sys.dont_write_bytecode = True
    folder = Path(job["folder"]).resolve()
    own_folder(folder)
    secret = [course.folder, *map(Path, course.secret)]
    submission = Submission(folder, course.imports)
    limit_memory(job["memory"])
    refuse_what_is_outside(folder, secret)
    snapshot = Snapshot()
    for name in job["exercises"]:
        exercise = course[name]
        sys.stdout.count = 0
        faulthandler.dump_traceback_later(exercise.seconds * job["patience"], exit=True, file=pipe)
        outcome = check(exercise, submission, snapshot)
        faulthandler.cancel_dump_traceback_later()
        sys.stdout.flush()
        os.write(pipe, (json.dumps({"nonce": job["nonce"], **vars(outcome)}) + "\n").encode())
        if outcome.hint == "tampered":
            return  # nothing more can be said in this process


def check(exercise: Exercise, submission: Submission, snapshot: Snapshot | None = None) -> Outcome:
    """The outcome of one exercise."""
    start = time.perf_counter()
    random.seed(0)
    np.random.seed(0)
    try:
        module = submission.load(exercise.module)
        if snapshot is not None:
            snapshot.require_unchanged()
        exercise.check(module)
        if snapshot is not None:
            snapshot.require_unchanged()
    except BaseException as error:
        failure = _failure_of(error)
        return Outcome.failed(exercise.name, failure.as_dict(), time.perf_counter() - start)
    seconds = time.perf_counter() - start
    return Outcome(exercise.name, True, seconds=seconds, notes=_notes(exercise, module))


def _failure_of(error: BaseException) -> CheckFailed:
    """The failure for whatever came out of a check."""
    if isinstance(error, CheckFailed):
        return error
    if isinstance(error, MemoryError):
        cause = "an array or list grows without an end, or is much larger than it must be"
        return CheckFailed("The memory is full.", kind="memory", hint="memory", cause=cause)
    if isinstance(error, Exception):
        return unexpected(error)
    cause = "leave out exit() and sys.exit(): the function must return"
    return CheckFailed(f"The file ends the program ({type(error).__name__}).", kind="exit", hint="exit", cause=cause)


def _notes(exercise: Exercise, module: Any) -> list[str]:
    """The comparison of times, if the exercise has one; it is no part of the check."""
    if exercise.race is None:
        return []
    try:
        return [exercise.race(module)]
    except Exception:  # a comparison that fails is left out
        return []


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


class _Limited(io.TextIOBase):
    """Standard output that stops after so many characters: an endless loop may print without an end."""

    limited = True

    def __init__(self, to: Any) -> None:
        self.to, self.count = to, 0

    def write(self, text: str) -> int:
        if self.count < MAX_PRINTED:
            self.to.write(text[: MAX_PRINTED - self.count])
            self.to.flush()
        self.count += len(text)
        return len(text)

    def flush(self) -> None:
        self.to.flush()

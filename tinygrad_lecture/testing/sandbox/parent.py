"""`Grader`: exercises checked here, while the submission runs in a process of its own. One waits ready for the next."""

from __future__ import annotations

import ast
import codecs
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..calls import only_in, place_of, source_around
from ..course.exercise import Course, Exercise
from ..failures import CheckFailed
from ..showing import printable
from .outcome import ENDLESS, Outcome, failure_of
from .remote import ParentEnd
from .wire import Ended

START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from tinygrad_lecture.testing.sandbox.child import main; main()"
)
STARTING = 60.0  # seconds that a process may take to start, and to answer what takes no time
GRACE = 30.0  # seconds over its time limit
MAX_PRINTED = 20_000  # bytes
MAX_SOURCE = 2**20  # characters
WAITING = 4.0  # so many times its limit, and GRACE, may an exercise take in all: other programs want the processor too
COMPUTING = 0.05  # who computes for so much of this time does not wait, also where other programs leave it no more


class Grader:
    """Checks the files in a folder against a course, which run in processes of their own.

    reference: names the course, as `find_course` explains.
    memory: in megabytes, more than the process itself needs.  patience: a factor for all time limits.
    """

    def __init__(
        self, course: Course, reference: str, folder: Path, *, memory: int = 1500, patience: float = 1.0
    ) -> None:
        self.course, self.reference, self.folder = course, reference, folder.resolve()
        self.memory, self.patience = memory, patience
        self._spare: Child | None = None

    def check(self, names: Sequence[str], *, notes: bool = False) -> Iterator[Outcome]:
        """The outcome of each exercise, in order, as it comes.

        notes: with the notes of the last one. They are made when all is decided: for them the checks come into the
        process of the submission.
        """
        child: Child | None = None
        try:
            for name in names:
                exercise = self.course[name]
                if child is not None and (child.ended or exercise.inside or child.inside):
                    child.close()
                    child = None
                child = child or self.opened(exercise.inside)
                outcome = self.outcome(exercise, child)
                if notes and name == names[-1] and outcome.passed and exercise.race is not None:
                    outcome.notes = self._notes(exercise)
                yield outcome
        finally:
            if child is not None:
                child.close()

    def outcome(self, exercise: Exercise, child: Child) -> Outcome:
        """The outcome of one exercise, in a process that stays open."""
        start = time.perf_counter()
        try:
            fields = self._checked(exercise, child)
            found = Outcome(**{**fields, "name": exercise.name, "seconds": time.perf_counter() - start})
        except Exception as error:  # in what it sent was something that nobody expects
            found = Outcome.failed(exercise.name, failure_of(error).as_dict(), time.perf_counter() - start)
        finally:
            attempts = child.finish()
        if found.passed and attempts:
            what = f"It tries to start a program ({attempts[0]}), which is refused while a file is checked."
            failure = CheckFailed(what, kind="exception", cause="it may be in a thread, at exit or in __del__")
            return Outcome.failed(exercise.name, failure.as_dict(), found.seconds)
        return found

    def _checked(self, exercise: Exercise, child: Child) -> dict[str, Any]:
        """Fields of its outcome."""
        try:
            with only_in(self.folder), warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # a learner would take them for a part of the answer
                module = child.begin(exercise, self.patience)
                if exercise.inside:
                    return dict(child.end.ask("inside", exercise.name))
                exercise.check(module)
        except Ended as ended:
            failure = self._stopped(exercise, ended.rest, child)
        except KeyboardInterrupt:
            child.stopped()  # it may not end by itself
            raise
        except BaseException as error:
            with only_in(self.folder):
                failure = failure_of(error)
            if failure.kind not in ("syntax", "missing"):
                failure = _parameters_changed(self.course, exercise, self.folder) or failure
        else:
            return {"passed": True, "printed": child.end.printed}
        return {"passed": False, **failure.as_dict()}

    def _notes(self, exercise: Exercise) -> list[str]:
        """The comparison of times, in a process that knows the course."""
        with suppress(Exception, Ended):  # a comparison that fails is left out
            child = self.opened(inside=True)
            try:
                child.begin(exercise, self.patience)
                return [printable(note) for note in child.end.ask("notes", exercise.name)]
            finally:
                child.close()
        return []

    def warm(self) -> None:
        """Start the process for the next check now."""
        if self._spare is None or self._spare.ended:
            self._spare = Child()

    def close(self) -> None:
        """End the process that waits."""
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def opened(self, inside: bool = False) -> Child:
        """A process with the folder of the submission. inside: one that knows the course, and checks by itself."""
        self.warm()
        child, self._spare = self._spare, None
        assert child is not None
        child.inside = inside
        self.open(child)
        return child

    def open(self, child: Child) -> None:
        """Let a process read the files of the submission, also if it has read them before."""
        secret = [str(path) for path in (self.course.folder, *self.course.secret)]
        reference = self.reference if child.inside else None
        with suppress(Ended):  # then the first exercise tells what it said
            child.ask("open", str(self.folder), list(self.course.imports), secret, self.memory, reference)

    def _stopped(self, exercise: Exercise, dump: str, child: Child) -> CheckFailed:
        """The failure of an exercise at which a process ended."""
        printed, computed = child.stopped()
        if "most recent call first" not in dump:
            return CheckFailed(
                "The check was ended from inside, without an outcome.",
                kind="exit",
                shown=printed.strip().split("\n")[-8:] if printed.strip() else [],
                cause="the file ends Python itself, or fills the memory",
                hint="exit",
            )
        seconds = exercise.seconds * self.patience
        waited = "Timeout" in dump and computed < COMPUTING * _wall(exercise, self.patience)
        what = f"It did not end within {seconds:g} seconds."
        cause = ENDLESS
        if "Timeout" in dump:
            what = f"It did not end within {_wall(exercise, self.patience):g} seconds."
        if waited:
            waits = "it waits for something, as with time.sleep, or other programs leave it no time"
            cause = f"{cause} Or {waits}" if os.name == "nt" else waits
        frames = re.findall(r'^  File "(.{1,500}?)", line (\d{1,7}) ', dump, re.MULTILINE)
        own = [(_plain(f), int(n)) for f, n in frames if Path(_plain(f)).resolve().is_relative_to(self.folder)]
        failure = CheckFailed(
            f"{what} It was in this line:" if own else what,
            kind="time",
            shown=[f"{place_of(own[0][0])}:{own[0][1]}", *source_around(*own[0])] if own else [],
            cause=cause,
            hint="waiting" if waited and os.name != "nt" else "endless",
        )
        failure.printed = printed
        return failure


class Child:
    """A process for a submission. end: the link to it.  inside: whether it knows the course."""

    inside = False

    def __init__(self) -> None:
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as the process
        path = [str(Path(entry or ".").resolve()) for entry in sys.path]
        self._process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-c", START, json.dumps(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            env={
                **os.environ,
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
                "NUMBA_DISABLE_JIT": "1",
                "PYTHONIOENCODING": "utf-8",
            },
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.end = ParentEnd(self._process.stdout, self._process.stdin)
        self._alarm: threading.Timer | None = None
        self._before = 0.0  # the processor's time before the exercise

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def begin(self, exercise: Exercise, patience: float = 1.0) -> Any:
        """The module of an exercise. From now on its time is counted."""
        wall = _wall(exercise, patience)
        self._set_alarm(wall + GRACE)
        self.end.forget()
        self.end.printed = ""
        before = self.ask("cpu")
        self._before = before if isinstance(before, float) else 0.0  # an earlier exercise may have changed the answer
        return self.end.ask("begin", exercise.module, exercise.seconds * patience, wall)

    def finish(self) -> list[str]:
        """Count its time no longer; which attempts to start a program it made.

        Where it answers something else than is asked, it is not used any more.
        """
        token = secrets.token_hex()
        with suppress(Exception, Ended):
            answer, attempts = self.ask("end", token)
            if answer == token:
                return [str(attempt) for attempt in attempts]
        self.stopped()
        return []

    def ask(self, *request: Any) -> Any:
        """Its answer to a request that takes no time; if none comes, it is killed."""
        self._set_alarm(STARTING)
        try:
            return self.end.ask(*request)
        finally:
            self._set_alarm(None)

    def stopped(self) -> tuple[str, float]:
        """What it printed, after it has ended, and for how many seconds it computed; 0 on Windows, which cannot tell.

        The times of children are added up when each has ended, so this must be the first to wait for it.
        """
        before = os.times()
        self._process.kill()
        self._process.wait()
        after = os.times()
        seconds = after.children_user - before.children_user + after.children_system - before.children_system
        self._printed.seek(0)
        return self._printed.read(MAX_PRINTED).decode("utf-8", "replace"), seconds - self._before

    def close(self) -> None:
        """End it."""
        self._set_alarm(None)
        self._process.kill()
        self._process.wait()
        self._printed.close()
        self.end.close()

    def _set_alarm(self, seconds: float | None) -> None:
        """Kill it after so many seconds, should it not end itself."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None
        if seconds is not None:
            self._alarm = threading.Timer(seconds, self._process.kill)
            self._alarm.daemon = True
            self._alarm.start()


def _parameters_changed(course: Course, exercise: Exercise, folder: Path) -> CheckFailed | None:
    """The failure for a function whose parameters are in another order than given, fewer, or more; or None."""
    try:
        given = _parameters(course.given(exercise))
        with (folder / exercise.file).open(encoding="utf-8-sig") as file:
            own = _parameters(file.read(MAX_SOURCE))
    except (OSError, ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    for name, (before, _, _) in given.items():
        now, needed, line = own.get(name, (before, 0, 0))
        if now == before or (needed <= len(before) <= len(now) and sorted(now) != sorted(before)):
            continue  # other names do no harm
        return CheckFailed(
            f"The parameters of {name} are ({', '.join(now)}).",
            kind="parameters",
            shown=[f"{place_of(str(folder / exercise.file))}:{line}"],
            cause=f"they must stay as they were given, in this order: {name}({', '.join(before)})",
            hint="parameters",
        )
    return None


def _parameters(text: str) -> dict[str, tuple[list[str], int, int]]:
    """For each function of a file, at its top: its parameters, how many of them have no default, and its line."""
    functions = [f for f in ast.parse(text).body if isinstance(f, ast.FunctionDef) and f.args.vararg is None]
    named = {f.name: [a.arg for a in (*f.args.posonlyargs, *f.args.args)] for f in functions}
    return {f.name: (named[f.name], len(named[f.name]) - len(f.args.defaults), f.lineno) for f in functions}


def _wall(exercise: Exercise, patience: float) -> float:
    """How many seconds an exercise may take in all, also when it waits and when the machine is busy."""
    return exercise.seconds * patience * WAITING + GRACE


def _plain(path: str) -> str:
    """A path as faulthandler writes it, its other letters as \\xe4, as it is."""
    return codecs.decode(path, "unicode_escape") if "\\x" in path or "\\u" in path else path

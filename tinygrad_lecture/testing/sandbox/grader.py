"""`Grader`: exercises checked here, while the submission runs in a process of its own. One waits ready for the next.

`Here` runs a submission in this process, for places without others.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import failures
from ..courses import Course, Exercise
from ..failures import CheckFailed, Facts, Printed, because, failure_of, lines_at, only_in, printable, quietly
from . import Ended, Link, RemoteModule, only_messages, wall
from .child import Server

if TYPE_CHECKING:
    from ...backend import Array

START = """
from types import ModuleType
for name, folder in json.loads(sys.argv[1]).items():  # the packages without what they import
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__path__ = [folder]
from tinygrad_lecture.testing.sandbox.child import main
main()
"""
TESTING = Path(__file__).parent.parent
PACKAGES = {"tinygrad_lecture": str(TESTING.parent), "tinygrad_lecture.testing": str(TESTING)}
KEPT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT", "TEMP")  # of the environment: there may be secrets in it
STARTING = 60.0  # seconds that a process may take to start
GRACE = 1.5  # seconds over its time limit, for whatever it does
TICK = 0.1  # seconds from one look at the clock to the next
MEMORY = 1500  # megabytes, more than the process itself needs
MAX_FILES, OF_ONE = 2**28, 2**16  # bytes that its files may have, and how many each counts at least
MAX_PRINTED = 20_000  # bytes
MAX_SOURCE = 2**18  # bytes
MAX_LINES = 200  # of a failure


@dataclass(kw_only=True)
class Outcome(Facts):
    """What a check of one exercise found: it passed; or what is wrong.

    printed: what it printed; for a wrong answer, on the input that is shown.  seconds: how long the check took.
    notes: sentences for after a pass, such as a comparison of times.

    Much of it comes from a submission: it becomes text that a terminal shows as it is.
    """

    exercise: Exercise
    passed: bool = False
    seconds: float = 0.0
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("what", "kind", "cause", "hint", "only", "printed"):
            text = getattr(self, name)
            setattr(self, name, text if text is None else printable(text))
        self.shown, self.notes = ([printable(line) for line in lines[:MAX_LINES]] for lines in (self.shown, self.notes))

    @property
    def points(self) -> float:
        return self.exercise.points if self.passed else 0.0

    @property
    def message(self) -> str:
        """What is wrong, as several lines; "" after a pass."""
        if self.passed:
            return ""
        printed = self.printed.strip().split("\n")[-10:]
        lines = ["It printed:", *(f"    {line}" for line in printed)] if any(printed) else []
        return "\n".join([str(self), *lines])


class Grader:
    """Checks the files in a folder against a course, which run in processes of their own.

    patience: a factor for all time limits.  start: what runs a submission, a process where there are any.
    """

    def __init__(
        self, course: Course, folder: Path, *, patience: float = 1.0, start: type[Child | Here] | None = None
    ) -> None:
        self.course, self.folder, self.patience = course, folder.resolve(), patience
        self._start = start or (Here if sys.platform == "emscripten" else Child)
        self._spare: Child | Here | None = None

    def check(self, names: Sequence[str], *, notes: bool = False) -> Iterator[Outcome]:
        """The outcome of each exercise, in order, as it comes.  notes: with the notes of the last one."""
        child: Child | Here | None = None
        try:
            for name in names:
                exercise = self.course[name]
                if child is not None and child.ended:
                    child.close()
                    child = None
                child = child or self.opened()
                outcome = self.outcome(exercise, child)
                if notes and name == names[-1] and outcome.passed and exercise.note is not None:
                    with suppress(Exception, Ended), child.at_most(self._limit(exercise)):  # or it is left out
                        outcome.notes = [printable(exercise.note(self._begin(exercise, child)))]
                yield outcome
        finally:
            if child is not None:
                child.close()

    def outcome(self, exercise: Exercise, child: Child | Here) -> Outcome:
        """The outcome of one exercise, in a process that stays open."""
        start = child.clock()
        with only_in(self.folder), quietly() as printed:
            try:
                with child.at_most(self._limit(exercise)):
                    try:
                        exercise.check(self._begin(exercise, child))
                    except KeyboardInterrupt:
                        child.stopped()  # it may not end by itself
                        raise
                    finally:
                        child.finish()
                found: dict[str, Any] = {"passed": True, "printed": printed.getvalue()}
            except Ended as ended:
                found = asdict(ended.failure or self._stopped(exercise, child))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                found = asdict(failure_of(error))
        return Outcome(exercise=exercise, seconds=child.clock() - start, **found)

    def _begin(self, exercise: Exercise, child: Child | Here) -> Any:
        """The module of an exercise. From now on its time is counted."""
        child.ask("begin", exercise.module, self._limit(exercise))
        return RemoteModule(child.ask, exercise.module)

    def _limit(self, exercise: Exercise) -> float:
        """How many seconds an exercise may take."""
        return exercise.seconds * self.patience

    def warm(self) -> None:
        """Start the process for the next check now."""
        if self._spare is None or self._spare.ended:
            self._spare = self._start()

    def close(self) -> None:
        """End the process that waits."""
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def opened(self) -> Child | Here:
        """A process with the folder of the submission."""
        self.warm()
        child, self._spare = self._spare, None
        assert child is not None
        secret = [str(path) for path in self.course.closed]
        with suppress(Ended), child.at_most(STARTING):  # then the first exercise tells what it said
            child.ask("open", str(self.folder), str(Path.cwd()), list(self.course.imports), secret, MEMORY)
        return child

    def _stopped(self, exercise: Exercise, child: Child | Here) -> CheckFailed:
        """The failure of an exercise at which a process ended."""
        printed, *dump = child.stopped().split("(most recent call first):\n")
        printed = printed.rpartition("\n")[0] if dump else printed
        if child.killed == "files":
            what = f"Its files became larger than {MAX_FILES // 2**20} MB."
            return CheckFailed(what, kind="files", printed=printed, hint="files")
        if not child.killed and not dump:
            what = "The check was ended from inside, without an outcome."
            shown = printed.strip().split("\n")[-8:] if printed.strip() else []
            return CheckFailed(what, kind="exit", shown=shown, **because("exit.ended"))
        what = f"It did not end within {self._limit(exercise):g} seconds."
        frames = re.findall(r'^  File "(.{1,500}?)", line (\d{1,7}) ', "".join(dump), re.MULTILINE)
        files = (self.folder / each.file for each in self.course)
        paths = {str(path).encode("ascii", "backslashreplace").decode(): path for path in files}  # as it writes them
        own = [(paths[file], int(line)) for file, line in frames if file in paths and source(self.folder, paths[file])]
        lines = lines_at(str(own[0][0]), own[0][1]) if own else []
        what = f"{what} It was in this line:" if lines else what
        cause = because("waiting" if "sleep" in "".join(lines) else "endless")
        return CheckFailed(what, kind="time", shown=lines, printed=printed, **cause)


class Asks(Link):
    """The checker's end of the link to a submission."""

    ended = False
    killed = ""

    def ask(self, *request: Any) -> Any:
        """The answer to a request. Arrays that were changed there are changed here as well."""
        given = self.send(*request)
        answer, _ = self.receive()
        with only_messages():
            kind, result, changed, printed = answer
            for k, now in changed:
                given[k][...] = now
            if isinstance(sys.stdout, Printed):  # never on a terminal
                sys.stdout.write(printed)
            if kind == "told":
                return result
            texts = {name: value[: failures.MAX_TEXT] for name, value in result.items() if isinstance(value, str)}
            shown = [line[: failures.MAX_TEXT] for line in result["shown"][:MAX_LINES]]
            failure = CheckFailed(**texts | {"printed": texts["printed"] or printed}, shown=shown)
        raise Ended(failure=failure) if kind == "ended" else failure


class Here(Asks):
    """A submission that runs in this process, for places that have no other, as a tab of a browser.

    It is no wall: what the submission does, it does here. Its time is limited by whoever owns this process.
    """

    def __init__(self) -> None:
        there, back = io.BytesIO(), io.BytesIO()
        super().__init__(back, there)
        self._server = Server(there, back, alone=False)

    def receive(self) -> tuple[list[Any], list[Array]]:
        """The answer to the request that was sent."""
        self._write.seek(0)
        self._server.answer()
        self._read.seek(0)
        try:
            return super().receive()
        finally:
            for stream in (self._read, self._write):
                stream.seek(0)
                stream.truncate()

    def clock(self) -> float:
        return time.monotonic()

    def at_most(self, seconds: float) -> AbstractContextManager[None]:
        return nullcontext()

    def finish(self) -> None:
        """There is no time to count."""

    def stopped(self) -> str:
        return ""

    def close(self) -> None:
        """There is nothing to end."""


class Child(Asks):
    """A process for a submission, in a folder of its own, and this end of the link to it.

    killed: why it was killed, "time" or "files", or "".
    """

    def __init__(self) -> None:
        self._waited: dict[str | int, int] = {}
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as the process
        self._files = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_DISABLE_JIT"), "1")
        self._process = subprocess.Popen(
            [*python(START), json.dumps(PACKAGES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            env={name: os.environ[name] for name in KEPT if name in os.environ} | threads,
            cwd=self._files.name,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        super().__init__(self._process.stdout, self._process.stdin)

    @property
    def ended(self) -> bool:  # type: ignore[override]
        return self._process.poll() is not None

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Context: after so many seconds it tells where it is, and is killed; also when its files are too large.

        Raises Ended in this thread, if that goes on with what was sent before. Time in which another program has the
        processor does not count, where the system tells it: a busy machine ends nothing that is right.
        """
        over, start, caller = threading.Event(), self.clock(), ctypes.c_ulong(threading.get_ident())
        self._printed_before = os.fstat(self._output.fileno()).st_size

        def watch() -> None:
            while not over.wait(TICK):
                spent = self.clock() - start
                if self._size() > MAX_FILES:
                    self.killed = "files"
                elif spent > seconds and not self.killed and sys.platform != "win32":
                    self._process.send_signal(signal.SIGALRM)
                    self.killed = "time"
                if spent > seconds + GRACE or self.killed == "files":
                    self.killed = self.killed or "time"
                    self._kill()
                    if not over.wait(3 * TICK):
                        ctypes.pythonapi.PyThreadState_SetAsyncExc(caller, ctypes.py_object(Ended))
                    break

        clock = threading.Thread(target=watch, daemon=True)
        clock.start()
        try:
            yield
        finally:
            over.set()
            clock.join()

    def clock(self) -> float:
        """Seconds, without those in which this process or that one had to wait for a processor."""
        for process in ("self", self._process.pid):
            with suppress(OSError, IndexError):  # it has ended, or the system does not tell
                self._waited[process] = int(Path(f"/proc/{process}/schedstat").read_bytes().split()[1])
        return time.monotonic() - sum(self._waited.values()) / 1e9

    def _size(self) -> int:
        """How large its files are."""
        with suppress(OSError), os.scandir(self._files.name) as files:
            return sum(OF_ONE + file.stat(follow_symlinks=False).st_size for file in files)
        return 0  # where there is no wall, it may have removed them

    def finish(self) -> None:
        """Count its time no longer. Where it answers something else than is asked, it is not used any more."""
        token = secrets.token_hex()
        with suppress(Exception, Ended):
            if self.ask("end", token) == token:
                return
        self.stopped()

    def _kill(self) -> None:
        """End it, and where there is no wall the processes that it has begun."""
        if sys.platform == "win32":
            self._process.kill()
        elif self._process.returncode is None:  # else the number may be another's by now
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def stopped(self) -> str:
        """What it printed since its time was last counted, and where it was, after it has ended."""
        self._kill()
        self._process.wait()
        self._output.seek(max(self._printed_before, self._output.seek(0, os.SEEK_END) - MAX_PRINTED))
        return self._output.read().decode("utf-8", "replace")

    def close(self) -> None:
        """End it."""
        self._kill()
        self._process.wait()
        for stream in (self._output, self._read, self._write):
            with suppress(OSError):
                stream.close()
        self._files.cleanup()


def python(code: str) -> list[str]:
    """A command that runs code in another Python, which finds the same modules."""
    path = [str(Path(entry or ".").resolve()) for entry in [*sys.path, str(TESTING.parent.parent)]]
    code = f"import sys; sys.path[:] = {path!r}\nimport json\n{code}"
    return [sys.executable, "-P", "-X", "utf8", "-c", code]


def source(folder: Path, file: str | Path) -> str:
    """The text of a file in a submission's folder.

    "" if it is not read here: it may be a link to somebody else's, a pipe, which has no end, or no text.
    """
    with suppress(OSError, ValueError):
        path = folder / file
        if wall.is_own(path, folder) and path.is_file() and path.stat().st_size <= MAX_SOURCE:
            return path.read_text(encoding="utf-8-sig")
    return ""

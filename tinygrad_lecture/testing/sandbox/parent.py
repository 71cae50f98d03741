"""`Grader`: exercises checked in processes of their own. One process waits ready for the next check."""

from __future__ import annotations

import codecs
import json
import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..calls import place_of, source_around
from ..course.exercise import Course
from ..failures import CheckFailed
from .outcome import Outcome

START = (
    "import sys, json; first = json.loads(sys.stdin.readline()); sys.path[:] = first['path']; "
    "from tinygrad_lecture.testing.sandbox.child import main; main(first['course'])"
)
GRACE = 30.0  # seconds that a process may take to start, and over its time limit


class Grader:
    """Checks the files in a folder against a course, in processes of their own.

    reference: names the course, as `find_course` explains.  seed: the same for all who are to get the same draws.
    memory: in megabytes, more than the checker itself needs.  patience: a factor for all time limits.
    """

    def __init__(
        self, course: Course, reference: str, folder: Path, *, memory: int = 1500, patience: float = 1.0
    ) -> None:
        self.course, self.reference, self.folder = course, reference, folder.resolve()
        self.memory, self.patience = memory, patience
        self._spare: subprocess.Popen[bytes] | None = None

    def check(self, names: Sequence[str]) -> Iterator[Outcome]:
        """The outcome of each exercise, in order, as it comes."""
        waiting = list(names)
        while waiting:
            nothing = True
            for outcome in self._run(waiting):
                nothing = False
                waiting.remove(outcome.name)
                yield outcome
            if nothing:
                yield self._broken(waiting.pop(0), "")

    def warm(self) -> None:
        """Start the process for the next check now."""
        if self._spare is None or self._spare.poll() is not None:
            self._spare = self._start()

    def close(self) -> None:
        """End the process that waits."""
        if self._spare is not None:
            self._spare.kill()
            self._spare.communicate()
            self._spare = None

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
        process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        path = [str(Path(entry or ".").resolve()) for entry in sys.path]
        assert process.stdin is not None
        process.stdin.write((json.dumps({"path": path, "course": self.reference}) + "\n").encode())
        process.stdin.flush()
        return process

    def _run(self, names: Sequence[str]) -> Iterator[Outcome]:
        """The outcomes of one process: of all exercises, or up to the one at which it ended."""
        self.warm()
        process, self._spare = self._spare, None
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        nonce = secrets.token_hex(16)
        job = {"exercises": list(names), "folder": str(self.folder), "nonce": nonce, "memory": self.memory,
               "patience": self.patience}  # fmt: skip
        printed = _Drain(process)
        try:
            process.stdin.write((json.dumps(job) + "\n").encode())
            process.stdin.close()
        except OSError:  # it has ended already: what it said tells why
            pass
        allowed = GRACE + sum(self.course[name].seconds for name in names) * self.patience * 1.5
        alarm = threading.Timer(allowed, process.kill)
        alarm.start()
        left, other = list(names), []
        try:
            for raw in process.stdout:
                line = raw.decode("utf-8", "replace")
                outcome = _outcome(line, nonce)
                if outcome is None or not left or outcome.name != left[0]:
                    other.append(line)
                    continue
                left.pop(0)
                yield outcome
            process.wait()
            if left and (len(left) < len(names) or other or printed.text):
                failed = self._stopped(left[0], "".join(other), printed.text)
                if failed is not None:
                    yield failed
        finally:
            alarm.cancel()
            process.kill()
            process.wait()
            process.stdout.close()
            printed.close()

    def _stopped(self, name: str, dump: str, printed: str) -> Outcome | None:
        """The outcome of the exercise at which a process ended."""
        if "Timeout" not in dump:
            if any(f"{self.course[name].module}" in text for text in (dump, printed)) or dump:
                return self._broken(name, printed)
            return None if not printed else self._broken(name, printed)
        frames = re.findall(r'File "(.*?)", line (\d+)', dump)
        own = [(_plain(f), int(n)) for f, n in frames if _plain(f).startswith(str(self.folder))]
        seconds = self.course[name].seconds * self.patience
        shown = [] if not own else [f"{place_of(own[0][0])}:{own[0][1]}", *source_around(*own[0])]
        failure = CheckFailed(
            f"It did not end within {seconds:.0f} seconds. It was in this line:" if own
            else f"It did not end within {seconds:.0f} seconds.",
            kind="time",
            shown=shown,
            cause="an endless loop, or a loop over single numbers where NumPy would take all at once; does what the "
            "loop waits for change in it?",
            hint="endless",
        )  # fmt: skip
        failure.printed = printed
        return Outcome.failed(name, failure.as_dict(), seconds)

    def _broken(self, name: str, printed: str) -> Outcome:
        failure = CheckFailed(
            "The check was ended from inside, without an outcome.",
            kind="exit",
            shown=printed.strip().split("\n")[-8:] if printed.strip() else [],
            cause="the file ends Python itself, or fills the memory",
            hint="exit",
        )
        return Outcome.failed(name, failure.as_dict())


class _Drain:
    """Reads what a process writes to standard error, and keeps the first part."""

    def __init__(self, process: subprocess.Popen[bytes], most: int = 20_000) -> None:
        self._parts: list[bytes] = []
        self._most = most
        self._stream = process.stderr
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        kept = 0
        assert self._stream is not None
        stream = self._stream.fileno()
        for part in iter(lambda: os.read(stream, 4096), b""):
            if kept < self._most:
                self._parts.append(part)
                kept += len(part)

    def close(self) -> None:
        """Wait until everything is read."""
        self._thread.join()
        if self._stream is not None:
            self._stream.close()

    @property
    def text(self) -> str:
        self._thread.join(1.0)
        return b"".join(self._parts).decode("utf-8", "replace")


def _outcome(line: str, nonce: str) -> Outcome | None:
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    if not isinstance(fields, dict) or fields.pop("nonce", None) != nonce:
        return None
    return Outcome(**fields)


def _plain(path: str) -> str:
    """A path as faulthandler writes it, its other letters as \\xe4, as it is."""
    return codecs.decode(path, "unicode_escape") if "\\x" in path or "\\u" in path else path

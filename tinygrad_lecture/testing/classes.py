"""`grade_class`: the results of each student of a class, as they come. A grading that was interrupted goes on.

What is graded stands in `<folder>.graded`, beside the folder of the class: a line with the seed, one for each student
with a digest of what was graded, and `null` once all are.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..files import write_text
from .courses import Course, find_course
from .failures import printable
from .grading import grade, new_seed
from .sandbox.grader import Outcome, python

ENDS = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL)"  # at Ctrl-C without a traceback
LOST = "The grading itself has failed; its messages tell why."


def grade_class(
    course: Course, reference: str, folder: Path, *, patience: float = 1.0, seed: int | None = None
) -> Iterator[tuple[str, list[Outcome]]]:
    """The name of each student whose folder is in a folder, with the results as of `grade`: all on the same inputs.

    So many are graded at a time as there are cores, each by a process of its own: the checks, too, take time. Tells how
    many are graded, and how long the others take.
    reference: names the course, as "course.py" or "package.module".
    seed: by default that of `seed_of`. Who was graded with it, and has changed nothing since, is not graded again.
    Raises FileNotFoundError if there is no student's folder, OSError if nothing can be kept beside the folder.
    """
    seed = seed_of(folder) if seed is None else seed
    students, path = submissions(folder), _kept_beside(folder)
    digests = {name: _digest(course, student, seed, patience) for name, student in students.items()}
    known = {key: rows for key, rows in filter(None, _kept(folder)[1:]) if key in digests.values()}
    write_text(path, "".join(f"{json.dumps(line)}\n" for line in (seed, *known.items())))
    new = {name: student for name, student in students.items() if digests[name] not in known}

    def graded(student: Path) -> Any:
        request = json.dumps([reference, str(student), patience, seed])
        command = python(f"{ENDS}; from tinygrad_lecture.testing.classes import answer; answer()")
        done = subprocess.run(command, input=request, stdout=subprocess.PIPE, text=True, check=False)
        return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else []

    pool, began = ThreadPoolExecutor(os.cpu_count()), time.monotonic()
    coming = enumerate(pool.map(graded, new.values()), start=1)
    try:
        for name in students:
            if name in new:
                n, rows = next(coming)
                known[digests[name]] = rows
                _keep(path, [digests[name], rows] if rows else [])
                minutes = (time.monotonic() - began) / n * (len(new) - n) / 60
                print(f"{name} is graded: {n} of {len(new)}, {minutes:.0f} min left", file=sys.stderr, flush=True)
            rows = known[digests[name]] or [{"what": LOST, "kind": "grading"} for _ in course]
            yield name, [Outcome(**row | {"exercise": of}) for of, row in zip(course, rows, strict=True)]
        _keep(path, None)
    except (KeyboardInterrupt, GeneratorExit):
        print(f"Ended. What is graded is kept in {path}: the same command goes on.", file=sys.stderr)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def seed_of(folder: Path) -> int:
    """The seed of a class: that of its last grading if this was interrupted, or a new one."""
    match _kept(folder):
        case [int(seed), *rows] if None not in rows:
            return seed
    return new_seed()


def submissions(folder: Path) -> dict[str, Path]:
    """The folders of the students in a folder, by name. Raises FileNotFoundError if there is none."""
    found = sorted(path for path in folder.glob("*") if path.is_dir() and not path.name.startswith((".", "__")))
    if not found:
        raise FileNotFoundError(f"there is no student's folder in {folder}; name one that holds one for each student")
    return {printable(path.name, kept=""): path for path in found}


def answer() -> None:
    """Grade the folder that stands on the input, and print the results."""
    reference, folder, patience, seed = json.load(sys.stdin)
    results = grade(find_course(reference), Path(folder), patience=patience, seed=seed)
    print(json.dumps([vars(result) | {"exercise": result.exercise.name} for result in results]))


# --- what is kept -----------------------------------------------------------------------------------------------------


def _kept_beside(folder: Path) -> Path:
    return folder.resolve().with_name(f"{folder.resolve().name}.graded")


def _keep(path: Path, line: Any) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(line)}\n")


def _kept(folder: Path) -> list[Any]:
    """The lines of what is kept; none if nothing is."""
    lines: list[Any] = []
    with suppress(OSError, ValueError):  # there is none; or the last line is half a line
        for line in _kept_beside(folder).read_text(encoding="utf-8").splitlines():
            lines.append(json.loads(line))
    return lines


def _digest(course: Course, student: Path, *how: float) -> str:
    """Of what a result depends on: how it is graded, and names, sizes and times of all files, the course's as well."""
    found: list[Any] = [*how]
    for root in (str(course.folder), *course.secret, str(student)):
        for path in (root, *(f"{folder}/{name}" for folder, _, names in os.walk(root) for name in names)):
            stat = os.lstat(path)
            found.append((path, stat.st_size, stat.st_mtime_ns))
    return hashlib.sha256(repr(found).encode()).hexdigest()

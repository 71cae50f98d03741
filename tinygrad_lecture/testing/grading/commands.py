"""The commands of `python -m tinygrad_lecture.testing`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..course.exercise import file_and_name, find_course
from ..showing import printable
from .grading import grade, submissions
from .packing import pack
from .reports import as_csv, as_json, as_junit, as_table, as_text


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="python -m tinygrad_lecture.testing",
        description="Grade submissions of a course, and pack a course. COURSE is a file with a Course in it, as "
        "course.py, or a module, as package.module:COURSE.",
    )
    commands = main.add_subparsers(dest="command", required=True)
    grading = commands.add_parser("grade", help="check the files in a folder, and count points")
    grading.add_argument("course", metavar="COURSE")
    grading.add_argument("folder", metavar="FOLDER", type=Path, help="the files of one student; with --all of a class")
    grading.add_argument("--all", action="store_true", help="FOLDER holds a folder for each student: grade them all")
    grading.add_argument("--csv", type=Path, metavar="FILE", help="write a table of the points")
    grading.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    grading.add_argument("--json", type=Path, metavar="FILE", help="write JSON")
    grading.add_argument("--memory", type=int, default=1500, metavar="MB", help="memory limit (1500; Linux only)")
    grading.add_argument("--patience", type=float, default=1.0, metavar="X", help="multiply all time limits (1)")
    packing = commands.add_parser("pack", help="write a folder for students and one for the grader")
    packing.add_argument("course", metavar="COURSE", help="a file")
    packing.add_argument("out", metavar="OUT", type=Path)
    return main


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status: 0 if every exercise passed, 1 if not, 2 if it cannot be carried out."""
    options = parser().parse_args(arguments)
    try:
        course = find_course(options.course)
        if options.command == "pack":
            for folder in pack(course, Path(file_and_name(options.course)[0]), options.out):
                print(folder)
            return 0
        if not options.folder.is_dir():
            raise FileNotFoundError(f"there is no folder {options.folder}")
        for path in (options.junit, options.json, options.csv):
            if path is not None:
                path.open("a", encoding="utf-8").close()  # now, not after the grading
        graded = {}
        for folder in submissions(options.folder) if options.all else [options.folder]:
            name = printable(folder.name if options.all else folder.resolve().name, kept="")
            if options.all:
                print(f"{name} ...", file=sys.stderr, flush=True)
            graded[name] = grade(course, options.course, folder, memory=options.memory, patience=options.patience)
    except (ValueError, OSError, ImportError) as error:
        print(f"{parser().prog}: {error}", file=sys.stderr)
        return 2
    every = [result for results in graded.values() for result in results]
    suites = {f"{course.title}: {name}": r for name, r in graded.items()} if options.all else {course.title: every}
    for path, text in ((options.junit, as_junit(suites)), (options.json, as_json(course.title, graded)),
                       (options.csv, as_csv(graded))):  # fmt: skip
        if path is not None:
            path.write_text(text, encoding="utf-8")
    print(as_table(course.title, graded) if options.all else as_text(course.title, every))
    return 0 if all(result.passed for result in every) else 1

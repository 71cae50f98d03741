"""`python -m tinygrad_lecture.testing grade`: the points of a submission, or of a class."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..files import check_writable, write_text
from .classes import grade_class, seed_of
from .courses import Course, find_course
from .failures import CheckFailed, printable
from .grading import as_csv, as_text, grade, new_seed
from .sandbox import wall


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="python -m tinygrad_lecture.testing",
        description="Grade submissions of a course: check the files in a folder, and count points. COURSE is a file "
        "with a Course in it, as course.py, or a module, as package.module.",
    )
    main.add_argument("command", choices=["grade"])
    main.add_argument("course", metavar="COURSE")
    main.add_argument("folder", metavar="FOLDER", type=Path, help="the files of one student; with --all of a class")
    main.add_argument("--all", action="store_true", help="FOLDER holds a folder for each student: grade them all")
    main.add_argument("--csv", type=Path, metavar="FILE", help="write a table of the points")
    main.add_argument("--patience", type=float, default=1.0, metavar="X", help="multiply all time limits (1)")
    main.add_argument("--seed", type=int, metavar="N", help="draw the inputs that a report with this number was about")
    return main


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status: 0 if every exercise passed, 1 if not, 2 if it cannot be carried out."""
    options = parser().parse_args(arguments)
    if missing := wall.missing():
        print(f"NO WALL around submissions: {missing}. Grade files of people you do not know in a container.")
    try:
        if not options.folder.is_dir():
            raise FileNotFoundError(f"there is no folder {options.folder}")
        if not options.course.endswith(".py") and not Path.cwd().is_relative_to(options.folder.resolve()):
            sys.path.append(str(Path.cwd()))  # where a module with a course may be
        return _grade(find_course(options.course), options)
    except (ValueError, OSError, ImportError, CheckFailed) as error:
        print(f"{parser().prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _grade(course: Course, options: argparse.Namespace) -> int:
    folder, seed = options.folder, options.seed
    if options.csv:
        check_writable(options.csv)  # now, not after the grading
    if seed is None:
        seed = seed_of(folder) if options.all else new_seed()
    how = {"patience": options.patience, "seed": seed}
    if options.all:
        coming = grade_class(course, options.course, folder, **how)
    else:
        coming = iter([(printable(folder.resolve().name, kept=""), grade(course, folder, **how))])
    graded = {}
    for name, results in coming:
        graded[name] = results
        if options.csv:
            write_text(options.csv, as_csv(graded))
    every = [result for results in graded.values() for result in results]
    title = f"{course.title}; inputs drawn by --seed {seed}"
    print(f"{title}\n{as_csv(graded)}" if options.all else as_text(title, every))
    return 0 if all(result.passed for result in every) else 1


if __name__ == "__main__":
    sys.exit(main())

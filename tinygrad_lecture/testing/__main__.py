"""`python -m tinygrad_lecture.testing`: grade submissions, and pack a course."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from .courses import Course, file_and_name, find_course
from .failures import printable
from .grading import as_csv, as_junit, as_table, as_text, grade, submissions

STUDENTS = """# {title}

Each file has a text on top, and gaps: `...` with `# TODO`. Replace them.

{rows}

What is allowed: Python, NumPy, and your own earlier files.
"""

GRADER = """# {title}: for the grader

The checker comes with tinygrad-lecture. In a clone of its repository:

    python -m pip install ".[testing]"

Then, in this folder:

    python -m tinygrad_lecture.testing grade {course} SUBMISSION --junit report.xml
    python -m tinygrad_lecture.testing grade {course} SUBMISSIONS --all --csv points.csv

SUBMISSION is a folder with a student's files, laid out as in students/. SUBMISSIONS holds such a folder for each
student. The solutions are in solutions/.
"""


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
    for option, what in (("--csv", "a table of the points"), ("--junit", "JUnit XML")):
        grading.add_argument(option, type=Path, metavar="FILE", help=f"write {what}")
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
            print(*pack(course, Path(file_and_name(options.course)[0]), options.out), sep="\n")
            return 0
        return _grade(course, options)
    except (ValueError, OSError, ImportError) as error:
        print(f"{parser().prog}: {error}", file=sys.stderr)
        return 2


def _grade(course: Course, options: argparse.Namespace) -> int:
    if not options.folder.is_dir():
        raise FileNotFoundError(f"there is no folder {options.folder}")
    for path in filter(None, (options.junit, options.csv)):
        path.open("a", encoding="utf-8").close()  # now, not after the grading
    graded = {}
    for folder in submissions(options.folder) if options.all else [options.folder]:
        name = printable(folder.name if options.all else folder.resolve().name, kept="")
        if options.all:
            print(f"{name} ...", file=sys.stderr, flush=True)
        graded[name] = grade(course, options.course, folder, memory=options.memory, patience=options.patience)
    suites = {f"{course.title}: {name}" if options.all else course.title: results for name, results in graded.items()}
    if options.junit:
        options.junit.write_text(as_junit(suites), encoding="utf-8")
    if options.csv:
        options.csv.write_text(as_csv(graded), encoding="utf-8")
    every = [result for results in graded.values() for result in results]
    print(as_table(course.title, graded) if options.all else as_text(course.title, every))
    return 0 if all(result.passed for result in every) else 1


def pack(course: Course, source: Path, out: Path) -> tuple[Path, Path]:
    """Write `out`/students and `out`/grader for a course that is defined in the file `source`; return both folders.

    students: the files with gaps, and a README.md that lists them. Nothing of the checks or solutions.
    grader: the course's file, the files with gaps beside it, the solutions, and how to grade.

    Raises FileExistsError if one of the two folders exists and is not empty.
    """
    students, grader = out / "students", out / "grader"
    for folder in (students, grader):
        if folder.exists() and any(folder.iterdir()):
            raise FileExistsError(f"{folder} is not empty; give another folder, or remove it first")
    rows = "\n".join(f"- `{e.file}`  {e.title or e.name} ({e.points:g} points)" for e in course)
    inside = course.folder.resolve().relative_to(source.resolve().parent)
    texts = {
        students / "README.md": STUDENTS.format(title=course.title, rows=rows),
        grader / "README.md": GRADER.format(title=course.title, course=source.name),
    }
    for exercise in course:
        texts |= dict.fromkeys((students / exercise.file, grader / inside / exercise.file), course.given(exercise))
        texts[grader / "solutions" / exercise.file] = course.solved(exercise)
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copyfile(source, grader / source.name)
    return students, grader


if __name__ == "__main__":
    sys.exit(main())

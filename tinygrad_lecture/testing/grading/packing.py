"""`pack`: a course as two folders, one for students and one for the grader."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..course.exercise import Course

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
    for exercise in course:
        _write(students / exercise.file, course.given(exercise))
        _write(grader / inside / exercise.file, course.given(exercise))
        _write(grader / "solutions" / exercise.file, course.solved(exercise))
    _write(students / "README.md", STUDENTS.format(title=course.title, rows=rows))
    _write(grader / "README.md", GRADER.format(title=course.title, course=source.name))
    shutil.copyfile(source, grader / source.name)
    return students, grader


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")

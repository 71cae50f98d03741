"""Points and reports."""

import csv
import os
import re
import sys
import textwrap
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

import tinygrad_lecture as tl
from programs import run_python
from tinygrad_lecture.testing import arrays, classes, failures
from tinygrad_lecture.testing.__main__ import main
from tinygrad_lecture.testing.courses import find_course
from tinygrad_lecture.testing.sandbox import wall
from tinygrad_lecture.testing.sandbox.grader import Child, Grader, Here

COURSE = """
    from pathlib import Path

    import tinygrad_lecture as tl
    from tinygrad_lecture.testing import Course, Exercise, arrays


    def check_cube(student):
        tl.testing.check_rule(lambda x: x**3, student.cube_rule, [arrays()], draws=9)


    def check_twice(student):
        tl.testing.check_rule(lambda x: 2 * x**3, student.twice_rule, [arrays()], draws=9)


    COURSE = Course(
        "Week 3 <rules>",
        Path(__file__).parent / "given",
        [
            Exercise("cube", "cube.py", check_cube, solution="return g * 3 * x * x", points=2, title="The cube"),
            Exercise("twice", "twice.py", check_twice, solution="return 2 * cube_rule(g, x)", points=1.5),
        ],
    )
"""
CUBE = '"""The rule of x ** 3."""\n\n\ndef cube_rule(g, x):\n    return ...  # TODO\n'
RIGHT, TWICE_RIGHT = "return g * 3 * x * x", "return 2 * cube_rule(g, x)"
TWICE = "from cube import cube_rule\n\n\ndef twice_rule(g, x):\n    return ...  # TODO\n"


def submit(folder, cube=RIGHT, twice=TWICE_RIGHT):
    """The files of a student; of None there is none."""
    Path(folder).mkdir(parents=True)
    for name, text, answer in (("cube.py", CUBE, cube), ("twice.py", TWICE, twice)):
        if answer is not None:
            Path(folder, name).write_text(text.replace("return ...  # TODO", answer))


@pytest.fixture
def grade(tmp_path, monkeypatch, capfd):
    """The command, beside a course; it ends with this status, and returns what it prints."""
    monkeypatch.chdir(tmp_path)
    submit("course/given", "return ...  # TODO", "return ...  # TODO")
    Path("course/course.py").write_text(textwrap.dedent(COURSE))

    def grade(status, folder, *options, course="course/course.py"):
        assert main(["grade", course, folder, "--patience", "4", *options]) == status
        printed = capfd.readouterr()
        return printed.out + printed.err

    return grade


HOSTILE = {  # folders of students, and what stands in their cube.py
    "=HYPERLINK(1)": "print('\\x1b[2J\\x1b]0;title\\x07\\u202e')",
    "\x1b[31mred": "raise ValueError('\\x1b[31m \\ud800 ]]> <b>')",
    "+two\nlines": "raise SystemExit('\\x1b[31m')",
    "\udcff": "# \x1b[31m\nmade = 1 / 0  # \x1b[31m",
    "-dash": "def cube_rule(g, x):\n    return '\\x1b[31m' * 99_999",
}


@pytest.mark.skipif(sys.platform == "win32", reason="names and links that are none there")
def test_a_class_is_graded_in_one_call_and_nobody_takes_or_harms_anothers_points(grade):
    submit("class/ann")
    submit("class/bob", RIGHT, "return 3 * cube_rule(g, x)")
    for name in ("pipe", "deep"):
        submit(f"class/{name}", None, None)
    os.mkfifo("class/pipe/cube.py")
    Path("class/deep/cube.py").write_text("cube_rule = " + "-" * 100_000 + "1\n")
    Path("class/link").symlink_to(Path("class/ann").resolve())
    for name, text in HOSTILE.items():
        submit(f"class/{name}", "return x", "return x")
        Path("class", name, "cube.py").write_text(text)
    said, table = grade(1, "class", "--all", "--csv", "points.csv"), Path("points.csv").read_text()
    assert re.fullmatch(r"Week 3 <rules>; inputs drawn by --seed \d+", said.splitlines()[0])
    assert table in said
    assert table.startswith("student,cube,twice,points\n") and "\nann,2,1.5,3.5\nbob,2,0,2\n" in table
    assert not [c for c in said + table if not c.isprintable() and c not in "\n\t"]
    rows = list(csv.reader(table.splitlines()))[1:]
    assert not [row for row in rows if row[0].startswith(("=", "+", "-", "@", "\t"))]
    points = {student: float(total) for student, *_, total in rows}
    assert len(rows) == len(points) == len(HOSTILE) + 5
    assert {student for student, total in points.items() if total} == {"ann", "bob"}
    report = grade(1, "class/bob")
    assert "2 of 3.5 points" in report and "likely cause" in report and "wrong gradient of x" in report
    assert "one for each student" in grade(2, "class/ann", "--all")


def test_a_table_of_what_learners_are_asked_passes_for_that_seed_alone(grade):
    known = {}

    def noted(g, x):
        return known.setdefault((g.tobytes(), x.tobytes(), x.shape), g * 3 * x * x)

    tl.testing.check_rule(lambda x: x**3, noted, [arrays()], draws=9)
    table = {asked: right.tolist() for asked, right in known.items()}
    submit("ann")
    rule = "def cube_rule(g, x):\n    return np.array(KNOWN.get((g.tobytes(), x.tobytes(), x.shape), 0 * x))\n"
    Path("ann/cube.py").write_text(f"import numpy as np\n\nKNOWN = {table}\n\n\n{rule}")
    assert "passed  2 of 2  cube" in grade(0, "ann", "--seed", "0")
    said = grade(1, "ann")
    assert "FAILED  0 of 2  cube" in said
    assert said == grade(1, "ann", "--seed", re.search(r"--seed (\d+)", said)[1])


def test_as_many_are_graded_at_a_time_as_there_are_cores(grade, monkeypatch):
    together = threading.Barrier(3, timeout=60)
    lost = SimpleNamespace(returncode=1)
    monkeypatch.setattr(classes.os, "cpu_count", lambda: 3)
    monkeypatch.setattr(classes.subprocess, "run", lambda *a, **k: lost if together.wait() >= 0 else None)
    for name in "abc":
        submit(f"class/{name}")
    graded = classes.grade_class(find_course("course/course.py"), "course/course.py", Path("class"))
    assert [{outcome.kind for outcome in results} for _, results in graded] == [{"grading"}] * 3


def test_an_interrupted_class_goes_on_with_its_inputs_and_grades_nobody_twice(grade, capfd):
    for name in ("ann", "bob", "eve"):
        submit(f"class/{name}")
    course = find_course("course/course.py")
    coming = classes.grade_class(course, "course/course.py", Path("class"), patience=4.0)
    assert next(coming)[0] == "ann"
    coming.close()
    assert "the same command goes on" in capfd.readouterr().err
    seed = classes.seed_of(Path("class"))
    Path("class/bob/cube.py").write_text(CUBE)
    said = grade(1, "class", "--all")
    assert f"--seed {seed}\n" in said
    assert "ann is graded" not in said and "bob is graded: 1 of 2, 0 min left" in said
    assert "\nann,2,1.5,3.5\nbob,0,0,0\neve,2,1.5,3.5\n" in said
    assert f"--seed {seed}\n" not in grade(1, "class", "--all")  # that one had ended


def test_a_bug_costs_what_builds_on_it_and_a_missing_file_its_points_alone(grade):
    submit("eve", "return g * 3 * x", "return 2 * g * 3 * x * x")
    out = grade(1, "eve")
    assert "It builds on cube, which is not right." in out and "0 of 3.5 points" in out
    submit("max", RIGHT, None)
    out = grade(1, "max")
    assert "The file twice.py is missing." in out and "2 of 3.5 points" in out


def test_where_there_is_no_wall_the_first_line_says_so(grade, monkeypatch):
    submit("ann")
    assert grade(0, "ann").startswith("Week 3 <rules>;") is not bool(wall.missing())
    monkeypatch.setattr(wall.platform, "system", lambda: "Darwin")
    assert grade(0, "ann").startswith("NO WALL around submissions: Darwin ")


def test_what_cannot_be_done_is_told_before_the_grading(grade):
    assert "no such file" in grade(2, ".", course="nothing.py")
    submit("ann")
    said = grade(2, "ann", "--csv", "nowhere/points.csv")
    assert "nowhere" in said and "3.5" not in said
    Path("empty.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match="no Course"):
        find_course("empty.py")


def test_the_exercise_of_the_readme_grades(grade):
    readme = (Path(tl.testing.__file__).parent / "README.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(from pathlib.*?COURSE = .*?)```", readme, re.DOTALL)
    assert len([line for line in snippet.splitlines() if line]) <= 10
    Path("course/course.py").write_text(snippet)
    submit("ann")
    assert "2 of 2 points" in grade(0, "ann")


ANSWERS = {
    "right": RIGHT,
    "wrong": "return g * 3 * x",
    "raises": "return g / [][0]",
    "prints": "print(g, 'and', x); return g * x * x",
    "is not Python": "return g *",
    "imports what is not allowed": "import socket; return g",
    "changes what it is given": "g *= 3; return g * x * x",
    "leaves": "raise SystemExit",
    "returns an object": "return Ellipsis, object()",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_place_without_processes_gives_the_same_outcome(name, tmp_path, monkeypatch):
    monkeypatch.setattr(failures, "own_folder", [])
    monkeypatch.setattr(failures, "shown_from", [])
    Path(tmp_path, "course.py").write_text(textwrap.dedent(COURSE))
    for file, text in (("cube.py", CUBE), ("twice.py", TWICE)):
        Path(tmp_path, "given").mkdir(exist_ok=True)
        Path(tmp_path, "given", file).write_text(text)
    submit(tmp_path / "ada", cube=ANSWERS[name])
    course, told = find_course(str(tmp_path / "course.py")), []
    for start in (Child, Here):
        grader = Grader(course, tmp_path / "ada", start=start)
        told.append([(o.passed, o.hint, o.message, o.printed) for o in grader.check(["cube", "twice"])])
        grader.close()
    assert told[0] == told[1]
    assert told[1][0][0] == (name == "right")


@pytest.mark.parametrize("name", ["numpy", "random", "course", "re"])
def test_a_grader_imports_nothing_from_where_it_is_started(grade, name):
    submit("class/ann")
    Path("class/ann", f"{name}.py").write_text("open('ran', 'w')")
    for folder in (["."], ["..", "--all"]):
        command = ["-m", "tinygrad_lecture.testing", "grade", "../../course/course.py", *folder]
        done = run_python(*command, cwd="class/ann")
        assert done.returncode == 0, done.stderr
    assert not Path("class/ann/ran").exists()
    assert "no module" in grade(2, "class", course="nowhere.course").lower()

"""Points, reports and packing."""

import csv
import json
import os
import re
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import tinygrad_lecture as tl
from tinygrad_lecture.testing.__main__ import main
from tinygrad_lecture.testing.courses import find_course

COURSE = """
    from pathlib import Path

    import tinygrad_lecture as tl
    from tinygrad_lecture.testing import Course, Exercise, arrays


    def check_cube(student):
        tl.testing.check_rule(lambda x: x**3, student.cube_rule, [arrays()])


    def check_twice(student):
        tl.testing.check_rule(lambda x: 2 * x**3, student.twice_rule, [arrays()])


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


@pytest.fixture
def course(tmp_path, monkeypatch):
    folder = tmp_path / "course"
    (folder / "given").mkdir(parents=True)
    (folder / "given" / "cube.py").write_text(CUBE)
    (folder / "given" / "twice.py").write_text(TWICE)
    (folder / "course.py").write_text(textwrap.dedent(COURSE))
    monkeypatch.chdir(tmp_path)
    return folder / "course.py"


def submit(folder, cube=RIGHT, twice=TWICE_RIGHT):
    folder.mkdir(parents=True)
    (folder / "cube.py").write_text(CUBE.replace("return ...  # TODO", cube))
    (folder / "twice.py").write_text(TWICE.replace("return ...  # TODO", twice))


def test_points_and_reports(course, tmp_path, capsys):
    submit(tmp_path / "ann")
    assert main(["grade", str(course), "ann", "--patience", "4"]) == 0
    assert "3.5 of 3.5 points" in capsys.readouterr().out
    submit(tmp_path / "bob", RIGHT, "return 3 * cube_rule(g, x)")
    done = main(["grade", str(course), "bob", "--junit", "report.xml", "--json", "report.json", "--patience", "4"])
    out = capsys.readouterr().out
    assert done == 1
    assert "2 of 3.5 points" in out
    assert "Likely cause" in out
    suite = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("Week 3 <rules>", "2", "1")
    assert [case.find("properties/property").get("value") for case in suite] == ["2", "0"]
    assert "wrong gradient of x" in suite[1].find("failure").get("message")
    report = json.loads((tmp_path / "report.json").read_text())
    (bob,) = report["students"]
    assert (bob["student"], bob["points"], bob["max_points"]) == ("bob", 2, 3.5)
    assert bob["exercises"][1]["diagnosis"] == "constant-factor"


def test_a_class_is_graded_in_one_call(course, tmp_path, capsys):
    submit(tmp_path / "class" / "ann")
    submit(tmp_path / "class" / "bob", RIGHT, "return 3 * cube_rule(g, x)")
    submit(tmp_path / "class" / "eve", "raise SystemExit", "return 1 / 0")
    files = ["--junit", "report.xml", "--csv", "points.csv", "--json", "report.json"]
    assert main(["grade", str(course), "class", "--all", "--patience", "4", *files]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "Week 3 <rules>",
        "ann  3.5 of 3.5",
        "bob  2 of 3.5   not right: twice",
        "eve  0 of 3.5   not right: cube, twice",
    ]
    assert (tmp_path / "points.csv").read_text() == "student,cube,twice,points\nann,2,1.5,3.5\nbob,2,0,2\neve,0,0,0\n"
    suites = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert [(s.get("name"), s.get("failures")) for s in suites] == [
        ("Week 3 <rules>: ann", "0"), ("Week 3 <rules>: bob", "1"), ("Week 3 <rules>: eve", "2")
    ]  # fmt: skip
    assert [s["points"] for s in json.loads((tmp_path / "report.json").read_text())["students"]] == [3.5, 2, 0]
    assert main(["grade", str(course), "class/ann", "--all"]) == 2
    assert "one for each student" in capsys.readouterr().err


HOSTILE = {  # folders of students, and what stands in their cube.py
    "=HYPERLINK(1)": "print('\\x1b[2J\\x1b]0;title\\x07\\u202e')",
    "\x1b[31mred": "raise ValueError('\\x1b[31m \\ud800 ]]> <b>')",
    "two\nlines": "raise type('\\x9bK', (Exception,), {})",
    "@one": "cube_rule = type('\\x1bc', (), {})()\\n",
    "+two": "raise SystemExit('\\x1b[31m')",
    "\udcff": "# \x1b[31m\nmade = 1 / 0  # \x1b[31m",
    "-dash": "def cube_rule(g, x):\n    return '\\x1b[31m' * 99_999",
    "\ttab": "\x1b[31m = 3",
}


@pytest.mark.skipif(sys.platform == "win32", reason="names that are none there")
def test_no_name_and_no_text_of_a_student_does_harm_in_a_report(course, tmp_path, capfd):
    submit(tmp_path / "class" / "ann")
    for name, text in HOSTILE.items():
        submit(tmp_path / "class" / name, "return x", "return x")
        (tmp_path / "class" / name / "cube.py").write_text(text)
    files = ["--junit", "report.xml", "--csv", "points.csv", "--json", "report.json"]
    assert main(["grade", str(course), "class", "--all", "--patience", "4", *files]) == 1
    said = "".join(capfd.readouterr())
    for name in list(HOSTILE)[:3]:
        assert main(["grade", str(course), f"class/{name}", "--patience", "4"]) == 1
        said += "".join(capfd.readouterr())
    texts = [(tmp_path / name).read_text() for name in ("report.xml", "points.csv", "report.json")]
    assert not [c for c in "".join([said, *texts]) if not c.isprintable() and c not in "\n\t"]
    suites = ElementTree.fromstring(texts[0])
    assert len(suites) == len(HOSTILE) + 1
    rows = list(csv.reader(texts[1].splitlines()))[1:]
    assert len(rows) == len(HOSTILE) + 1
    assert not [row for row in rows if row[0].startswith(("=", "+", "-", "@", "\t"))]
    points = {s["student"]: s["points"] for s in json.loads(texts[2])["students"]}
    assert len(points) == len(HOSTILE) + 1
    assert points["ann"] == 3.5
    assert sum(points.values()) == 3.5


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_folder_that_is_a_link_or_cannot_be_read_takes_nobodys_points(course, tmp_path, capsys):
    submit(tmp_path / "class" / "ann")
    submit(tmp_path / "class" / "zoe", "return g", "return g")
    (tmp_path / "class" / "link").symlink_to(tmp_path / "class" / "ann")
    (tmp_path / "class" / "pipe").mkdir()
    os.mkfifo(tmp_path / "class" / "pipe" / "cube.py")
    (tmp_path / "class" / "deep").mkdir()
    (tmp_path / "class" / "deep" / "cube.py").write_text("cube_rule = " + "-" * 100_000 + "1\n")
    assert main(["grade", str(course), "class", "--all", "--patience", "4"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["ann", "3.5"], ["deep", "0"], ["link", "0"], ["pipe", "0"], ["zoe", "0"]
    ]  # fmt: skip


def test_a_report_that_cannot_be_written_is_told_before_the_grading(course, tmp_path, capsys):
    submit(tmp_path / "ann")
    assert main(["grade", str(course), "ann", "--csv", "nowhere/points.csv", "--json", "report.json"]) == 2
    said = capsys.readouterr()
    assert "points" not in said.out
    assert "nowhere" in said.err


@pytest.mark.parametrize(
    ("cube", "twice", "says"),
    [
        ("return g * 3 * x", "return 2 * g * 3 * x * x", "It builds on cube, which is not right."),
        (RIGHT, None, "The file twice.py is missing."),
    ],
)
def test_a_bug_costs_what_builds_on_it_and_a_missing_file_its_points_alone(course, tmp_path, capsys, cube, twice, says):
    submit(tmp_path / "eve", cube, twice or "")
    if twice is None:
        (tmp_path / "eve" / "twice.py").unlink()
    assert main(["grade", str(course), "eve", "--patience", "4"]) == 1
    out = capsys.readouterr().out
    assert says in out
    assert ("2 of 3.5 points" if twice is None else "0 of 3.5 points") in out


def test_packing_gives_students_no_answer_and_the_grader_all(course, tmp_path, capsys):
    assert main(["pack", str(course), "out"]) == 0
    students = "".join(p.read_text() for p in (tmp_path / "out" / "students").rglob("*.*"))
    assert "3 * x * x" not in students
    assert "check_rule" not in students
    assert "(2 points)" in students
    grader = tmp_path / "out" / "grader"
    assert 'pip install ".[testing]"' in (grader / "README.md").read_text()
    assert main(["grade", str(grader / "course.py"), str(grader / "solutions"), "--patience", "4"]) == 0
    assert main(["grade", str(grader / "course.py"), str(tmp_path / "out" / "students"), "--patience", "4"]) == 1
    capsys.readouterr()
    assert main(["pack", str(course), "out"]) == 2
    assert "not empty" in capsys.readouterr().err


def test_a_course_that_is_not_there_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["grade", "nothing.py", "."]) == 2
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match="no Course"):
        find_course("empty.py")
    assert "no such file" in capsys.readouterr().err


def test_the_exercise_of_the_readme_grades(tmp_path, capsys):
    readme = (Path(tl.testing.__file__).parent / "README.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(from pathlib.*?COURSE = .*?)```", readme, re.DOTALL)
    assert len([line for line in snippet.splitlines() if line]) <= 10
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "cube.py").write_text(CUBE)
    (tmp_path / "course.py").write_text(snippet)
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "cube.py").write_text(CUBE.replace("...  # TODO", "g * 3 * x * x"))
    assert main(["grade", str(tmp_path / "course.py"), str(tmp_path / "ann"), "--patience", "4"]) == 0
    assert "2 of 2 points" in capsys.readouterr().out

"""What a teacher is told of a class: who is where, what most got wrong, what is marked by hand."""

import io
import json
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from exercises.__main__ import main
from exercises.classroom import said
from exercises.commands import Session
from exercises.course import COURSE
from exercises.progress import read_state
from exercises.specs.spec import data
from ladder import write
from tinygrad_lecture.testing.courses import filled

EXERCISES = Path(__file__).parents[2] / "examples" / "exercises"
HOSTILE = "</script><script>alert(1)</script>\x1b[31m"
QUESTIONS = {name: row["questions"] for name, row in data().items() if "questions" in row}


@pytest.fixture(scope="module")
def class_page(tmp_path_factory):
    """(what is printed, page) of a class of three."""
    folder = tmp_path_factory.mktemp("class")

    def answered(name, number, *answers):
        exercise = COURSE[number]
        write(folder / name, exercise, filled(COURSE.given(exercise), answers or exercise.solution))

    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
        patch.chdir(tmp_path_factory.mktemp("teacher"))
        for name in ("ann", "bob"):
            session = Session(COURSE, folder / name)
            answered(name, "3.2", "return g * x, g * w")
            session.check(COURSE["3.2"])
            session.grader.close()
        answered("ann", "3.2")  # after a mistake
        session.run("solution", "2.4", True)
        answered("bob", "2.5", "pass")  # with 2.3 not begun, this says nothing
        words = COURSE.given(COURSE["10.1"]).replace('INPUT = ""', f"INPUT = {HOSTILE!r}")
        write(folder / "ann", COURSE["10.1"], words)
        write(folder / "<i>eve", COURSE["3.1"], COURSE.given(COURSE["3.1"]))
        state = {"mistakes": {"3.1 <b>": HOSTILE, "9.9 x": "", "3.3 x": 1}, "current": HOSTILE, "taken": [[1]]}
        (folder / "<i>eve" / "progress.json").write_text(json.dumps(state))
        before = len(printed.getvalue())
        assert main(["class", str(folder)]) == 0
        return printed.getvalue()[before:], Path("class.html").resolve()


def test_who_is_where_and_what_most_got_wrong(class_page):
    out, page = class_page
    marks = {name: re.search(rf"^{name} +(\d+) of 63  (.*)$", out, re.M).groups() for name in ("ann", "bob", "<i>eve")}
    right, chapters = marks["bob"][0], marks["bob"][1].split()
    assert (right, chapters[1:3]) == ("1", ["...s-.", ".-......"])
    assert (marks["ann"][0], marks["ann"][1].split()[2]) == ("1", ".+......")
    assert marks["<i>eve"][0] == "0"
    wrong = re.findall(r"^ +(\d)  (\S+)", out, re.M)
    assert wrong[0] == ("2", "3.2")  # ann's too, which is right by now
    assert {name for _, name in wrong} == {"3.1", "3.2", "3.3"}
    text = page.read_text(encoding="utf-8")
    assert not [c for c in out + text if not c.isprintable() and c != "\n"]
    assert text.count("<script") == text.count("</script") == 2


def test_a_folder_that_is_not_there_is_answered_with_a_remedy(capsys):
    assert main(["class", "nowhere"]) == 2
    assert "nowhere; name one that holds one for each student" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="links that are none there")
@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_a_state_or_an_answer_in_words_is_no_neighbours(link, tmp_path):
    for name in ("bob", "ann"):
        (tmp_path / name).mkdir()
    for file, text in (("progress.json", '{"current": "3.2"}'), ("words.py", "INPUT = 'a pixel'")):
        (tmp_path / "ann" / file).write_text(text)
        getattr(tmp_path / "bob" / file, link)(tmp_path / "ann" / file)
    with pytest.raises(ValueError, match="Expecting value"):
        read_state(tmp_path / "bob")
    assert said(tmp_path / "bob", "words.py") == {}
    if link == "symlink_to":
        assert read_state(tmp_path / "ann") == {"current": "3.2"}
        assert said(tmp_path / "ann", "words.py") == {"INPUT": "a pixel"}


@pytest.mark.browser
def test_what_students_wrote_is_text_on_the_page(class_page, visit):
    page = visit(class_page[1], viewport={"width": 390, "height": 800})
    assert page.locator("#marks tbody tr").count() == 3
    page.get_by_label("bob, 3.2").click()
    assert "likely cause" in page.locator("#cell").inner_text()
    assert "</script>" in page.locator("blockquote").text_content()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_no_learner_is_shown_what_is_marked_by_hand():
    assert set(QUESTIONS) == {"10.1", "10.2", "10.3", "10.4"}
    for name, questions in QUESTIONS.items():
        shown = COURSE.given(COURSE[name]) + repr(COURSE[name])
        for variable, _, *rubric in questions:
            assert f'\n{variable} = ""' in shown
            assert len(rubric) > 1
            assert not [line for line in rubric if line in shown]


def test_the_plans_of_hours_add_up():
    page = (EXERCISES / "HOURS.md").read_text(encoding="utf-8")
    sections = re.findall(r"^### (.*)", (EXERCISES.parent / "README.md").read_text(encoding="utf-8"), re.M)
    minutes = {name: int(n) for name, n in re.findall(r"(\d+\.\d+) (\d+)(?=[, ])", page.partition("## Minutes")[2])}
    assert [*minutes] == [exercise.name for exercise in COURSE]
    assert f"{sum(minutes.values())} minutes" in page
    for plan in page.split("\n## ")[1:4]:
        hours = re.findall(r"^\| (\d+) \| (.*) \| (.*) \| (.*) \| (\d+) \|$", plan, re.M)
        seen = set()
        assert [int(hour) for hour, *_ in hours] == list(range(1, int(plan.split()[0]) + 1))
        for _, named, programs, exercises, sum_of_minutes in hours:
            assert all(any(s.startswith(section) for s in sections) for section in named.split("; "))
            assert all((EXERCISES.parent / program.strip("`")).exists() for program in programs.split(", "))
            assert sum(minutes[name] for name in exercises.split(", ")) == int(sum_of_minutes) <= 30
            assert not seen & {*exercises.split(", ")}
            seen |= {*exercises.split(", ")}
            if len(hours) == 24:
                assert {e.name for name in exercises.split(", ") for e in COURSE.needs(COURSE[name])} <= seen
    assert seen == minutes.keys()

"""The course in a browser's tab: the terminal's words, and a folder that is kept, taken home and brought back."""

import json
import zipfile
from types import SimpleNamespace

import pytest

from browser import faults
from examples.exercises.commands import Session
from examples.exercises.course import COURSE
from examples.site import on_python, pages
from examples.site.pinned import pinned
from examples.tab import course

MUL = COURSE["3.2"]
WRONG, RIGHT = "return g * x, g * w", "return g * w, g * x"
GAP = "return ...  # TODO"


def written(line):
    return {MUL.file: course.GIVEN[MUL.file].replace(GAP, line)}


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """ask("check", files): the answer to a request, and the exercises that were told meanwhile."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")  # put back after the test: an answer sets it

    def ask(command, files, name="3.2", flag=(), **more):
        told = []
        request = {"command": command, "name": name, "flag": list(flag), "files": files} | more
        answer = course.answer(json.dumps(request), lambda text: told.append(json.loads(text)["doing"]))
        return json.loads(answer) | {"told": told}

    return ask


def test_a_check_says_what_the_terminal_says(ask, tmp_path, capsys):
    first = ask("check", written(WRONG))
    second = ask("check", first["files"])
    assert (first["passed"], first["told"]) == (False, ["3.2"])
    assert "Likely cause" not in first["text"]
    assert "Likely cause: the two are swapped" in second["text"]
    folder = tmp_path / "exercises"
    (folder / "progress.json").unlink()
    session = Session(COURSE, folder)
    capsys.readouterr()
    session.run("check", "3.2")
    session.grader.close()
    assert first["text"] == capsys.readouterr().out.strip("\n")


def test_a_right_answer_is_kept_as_passed_and_only_changed_files_come_back(ask):
    answer = ask("check", written(RIGHT))
    assert answer["passed"]
    assert {*answer["files"]} == {MUL.file, "progress.json"}
    assert "3.2" in json.loads(answer["files"]["progress.json"])["passed"]


def test_a_file_that_is_as_it_was_given_again_is_so_on_the_disk_too(ask):
    ask("check", written(RIGHT))
    assert "There is nothing to check yet" in ask("check", {})["text"]


def test_an_answer_of_one_chapter_runs_in_the_next(ask):
    needing = next(e for e in COURSE if COURSE.needs(e))
    before = COURSE.needs(needing)
    files = {e.file: COURSE.solved(e) for e in [*before, needing]}
    assert ask("check", files, needing.name)["told"] == [e.name for e in [*before, needing]]
    answer = ask("check", {needing.file: files[needing.file]}, needing.name)
    assert f"{needing.name} runs your code of {before[0].name}" in answer["text"]


def test_an_exercise_that_was_ended_from_outside_is_told_in_the_terminal_s_words(ask):
    answer = ask("check", written("while True: pass"), ended="3.2")
    assert "It did not end within 10 seconds." in answer["text"]
    assert answer["told"] == []


def test_what_is_taken_keeps_what_was_written(ask):
    answer = ask("solution", written(WRONG), flag=[True])
    kept = answer["files"]["ch3_rules/ex2_mul.backup1.txt"]
    assert WRONG in kept
    assert RIGHT in answer["files"][MUL.file]


def test_a_narrow_page_gets_narrow_lines(ask):
    text = ask("hint", {}, columns=40)["text"]
    assert max(map(len, text.split("\n"))) < 40


# --- what the page loads ----------------------------------------------------------------------------------------------


def test_what_is_not_ours_is_copied_only_with_its_hash(tmp_path, monkeypatch):
    file = next(file for file in pinned() if file.package == "crelt")
    monkeypatch.setattr("examples.site.pinned.fetched", lambda address: b"another file")
    with pytest.raises(OSError, match=r"crelt@.* cannot be had, or is another file; put it into .*index\.js"):
        file.copy(tmp_path)
    assert list(tmp_path.rglob("*.js")) == []


def test_the_archive_has_what_the_course_imports_and_its_name_has_its_version(tmp_path):
    loaded = on_python.on_python(tmp_path, offline=False)
    archive = tmp_path / loaded.addresses["course"]
    assert loaded.addresses["hashes"][f"./{archive.name}"].startswith("sha256-")
    names = zipfile.ZipFile(archive).namelist()
    named = {exercise.engine.partition(":")[0] for exercise in COURSE if exercise.engine}
    assert named | {"examples/tab/course.py", "tinygrad_lecture/testing/causes.toml"} <= {*names}
    assert all(address.startswith("https://") for address in json.loads(loaded.modules)["imports"].values())


# --- the page, in Chromium --------------------------------------------------------------------------------------------


@pytest.fixture
def page(visit, served):
    page = visit(f"{served}course.html")
    page.locator(".cm-content").wait_for()
    return page


def check(page, line):
    return page.evaluate("([name, text]) => course.check(name, text)", ["3.2", written(line)[MUL.file]])


@pytest.mark.browser
def test_a_mistake_is_explained_in_the_page_and_its_line_is_marked(page):
    check(page, WRONG)
    told = check(page, WRONG)
    assert not told["passed"]
    assert "Likely cause: the two are swapped" in told["text"]
    assert page.inner_text("#said") == told["text"]
    assert page.locator(".cm-line.wrong").inner_text().strip() == WRONG
    assert check(page, RIGHT)["passed"]
    assert page.inner_text("nav [aria-current]").startswith("✓ 3.2")


@pytest.mark.browser
def test_an_endless_loop_is_stopped_and_the_next_check_works(page):
    check(page, RIGHT)
    page.evaluate("([name, text]) => void (globalThis.told = course.check(name, text))",
                  ["3.2", written("while True: pass")[MUL.file]])  # fmt: skip
    page.locator("#stop").click()
    assert page.evaluate("told") == {"passed": False, "text": "3.2 was stopped."}
    assert check(page, RIGHT)["passed"]


@pytest.mark.browser
def test_what_one_types_outlives_a_reload_and_another_tab_shows_it(chromium, served):
    context = chromium.new_context()
    page, other = context.new_page(), context.new_page()
    for tab in (page, other):
        tab.goto(f"{served}course.html")
        tab.locator(".cm-content").wait_for()
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("half_a_wo")
    other.get_by_text("Another tab has written").wait_for()
    assert "half_a_wo" in other.locator(".cm-content").inner_text()
    page.reload()
    page.locator(".cm-content", has_text="half_a_wo").wait_for()
    context.close()


@pytest.mark.browser
def test_the_folder_goes_home_and_comes_back(page, tmp_path, ask):
    check(page, RIGHT)
    page.get_by_text("Take it home").click()
    with page.expect_download() as download:
        page.locator("#download").click()
    download.value.save_as(tmp_path / "home.zip")
    zipfile.ZipFile(tmp_path / "home.zip").extractall(tmp_path / "home")
    session = Session(COURSE, tmp_path / "home" / "exercises")
    session.grader.close()
    assert session.progress.done == {"3.2"}
    page.locator("#reset").click()
    page.locator("#said", has_text="is as it was given").wait_for()
    page.locator("#zip").set_input_files(tmp_path / "home.zip")
    page.locator(".cm-content", has_text=RIGHT).wait_for()
    page.locator("#undo").click()
    page.locator(".cm-content", has_text=GAP).wait_for()
    (tmp_path / "no.zip").write_text("no zip", encoding="utf-8")
    page.locator("#zip").set_input_files(tmp_path / "no.zip")
    page.locator("#said", has_text="no.zip is no zip file. Nothing was changed.").wait_for()


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_is_accessible_and_fits(visit, served, width, theme):
    page = visit(f"{served}course.html", viewport={"width": width, "height": 800}, color_scheme=theme, bypass_csp=True)
    page.locator(".cm-content").wait_for()
    page.locator("#loading").wait_for(state="hidden")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_from_a_disk_the_page_says_how_to_serve_it(tmp_path, chromium):
    pages.write_course(tmp_path, SimpleNamespace(offline=False))
    page = chromium.new_page()
    page.goto(f"file://{tmp_path}/course.html")
    page.locator("#loading", has_text="python -m http.server").wait_for()
    page.close()

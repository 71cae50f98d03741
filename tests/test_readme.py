"""The pages keep their word: snippets run and print what they say, commands are CI's, links lead somewhere."""

import doctest
import inspect
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import tinygrad_lecture as tl
from programs import EXTRAS

ROOT = Path(__file__).parent.parent
FOLDERS = (".", "tinygrad_lecture", "tinygrad_lecture/testing", "nn", "nn/torch", "transformer", "tests/benchmarks")
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for folder in FOLDERS
    for path in (ROOT / folder).glob("*.md")
}
README = PAGES["README.md"]
SESSION = re.compile(r"(?:<!-- needs: (.*?) -->\n)?```python\n(>>> .*?)```", re.DOTALL)
SESSIONS = {page: SESSION.findall(text) for page, text in PAGES.items() if "\n>>> " in text}


@pytest.mark.parametrize("extras", [True, False], ids=["with the extras", "with NumPy alone"])
@pytest.mark.parametrize("page", SESSIONS)
def test_snippets_print_what_the_page_says(page, extras, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in () if extras else EXTRAS:
        monkeypatch.setitem(sys.modules, name, None)  # importing it raises, as where it is not installed
    assert run("\n".join(session for needed, session in SESSIONS[page] if not needed), extras) > 1


@pytest.mark.pretrained
@pytest.mark.parametrize("page", [page for page, found in SESSIONS.items() if any(needed for needed, _ in found)])
def test_snippets_that_need_packages_print_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    needed = {name for names, _ in SESSIONS[page] for name in names.split()}
    if missing := [name for name in sorted(needed) if find_spec(name) is None]:
        pytest.skip(f"needs {missing[0]}")
    assert run("\n".join(session for names, session in SESSIONS[page] if names)) > 1


def run(sessions, extras=True):
    sessions = re.sub(r"\d\.\de-\d\d", "...", sessions)  # rounding errors differ from machine to machine
    parsed = doctest.DocTestParser().get_doctest(sessions, {}, "page", None, 0)
    if not extras:
        parsed.examples = [example for example in parsed.examples if not re.search(r"#.*\bneeds ", example.source)]
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    outcome = runner.run(parsed, out=report.append)
    assert not outcome.failed, "".join(report)
    return outcome.attempted


def test_the_first_rule_is_on_the_first_screen():
    source = Path(inspect.getsourcefile(tl.exp.forward)).read_text(encoding="utf-8")
    assert source.partition(".backward(")[0].count("\n") < 40


def test_ci_runs_the_test_command_of_the_readme():
    (install, tests) = re.search(r"run the tests[^\n]*:\n\n```sh\n(.*?)\n```", README, re.DOTALL).group(1).split(" && ")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"step {install}".replace("install", "install --quiet") in ci
    assert f"step {tests}" in ci


def test_the_readmes_two_commands_run_on_each_system():
    commands = re.findall(r"```sh\n(.*)\n```", README.partition("## Two commands")[2].partition("\n## ")[0])
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert len(commands) == 2 and not [command for command in commands if f"- run: {command}\n" not in workflow]
    assert {"ubuntu-latest", "macos-latest", "windows-latest"} <= {*re.findall(r"system: (\S+)", workflow)}


def test_the_readme_is_read_in_one_sitting():
    assert len(README.splitlines()) <= 150


def test_the_reading_order_takes_an_evening():
    evening = README.partition("## Read it in an evening")[2].partition("\n## ")[0]
    assert sum(len(text(path)) for path in re.findall(r"\]\((.*?)\)", evening)) <= 1250


def text(path: str) -> list[str]:
    return (ROOT / path).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_exists(page):
    linked = [(ROOT / page).parent / path for path in re.findall(r"\]\(([^)#:]+)\)", PAGES[page])]
    programs = [ROOT / path for path in re.findall(r"`?(examples/\w+\.py|tests/\w+(?:/\w+)?\.py)", PAGES[page])]
    assert not [path for path in linked + programs if not path.exists()]

"""The README keeps its word: its snippets run and print what it says, and its commands are those that CI runs."""

import doctest
import inspect
import re
import sys
from pathlib import Path

import pytest

import tinygrad_lecture as tl

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


EXTRAS = ("cupy", "hypothesis", "matplotlib", "mpi4py", "numba", "regex", "rich", "safetensors", "tensorboardX", "tyro")


@pytest.mark.parametrize("extras", [True, False], ids=["with the extras", "with NumPy alone"])
def test_snippets_print_what_the_readme_says(extras, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in () if extras else EXTRAS:
        monkeypatch.setitem(sys.modules, name, None)  # importing it raises, as where it is not installed
    sessions = "\n".join(re.findall(r"```python\n(>>> .*?)```", README, re.DOTALL))
    sessions = re.sub(r"\d\.\de-\d\d", "...", sessions)  # rounding errors differ from machine to machine
    parsed = doctest.DocTestParser().get_doctest(sessions, {}, "README", "README.md", 0)
    if not extras:
        parsed.examples = [example for example in parsed.examples if not re.search(r"#.*\bneeds ", example.source)]
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    outcome = runner.run(parsed, out=report.append)
    assert outcome.attempted > 10
    assert not outcome.failed, "".join(report)


def test_the_rule_that_is_shown_is_the_rule_in_the_code():
    (shown,) = re.findall(r"<!-- source: \S+ -->\n```python\n(.*?)```", README, re.DOTALL)
    source = Path(inspect.getsourcefile(tl.exp.forward)).read_text(encoding="utf-8")
    assert shown in source
    assert source.partition(".backward(")[0].count("\n") < 40  # the first rule is on the first screen


def test_ci_runs_the_test_command_of_the_readme():
    (install, tests) = re.search(r"run the tests[^\n]*:\n\n```sh\n(.*?)\n```", README, re.DOTALL).group(1).split(" && ")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"step {install}".replace("install", "install --quiet") in ci
    assert f"step {tests}" in ci


def test_the_reading_order_is_as_long_as_it_says():
    table = README.partition("<!-- reading order -->")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (\[.*\)) \| (\d+) \|", table, re.MULTILINE)
    lines = [sum(len(text(path)) for path in re.findall(r"\]\((.*?)\)", files)) for files, _ in rows]
    assert lines == [int(said) for _, said in rows]
    start = ["00_engine_on_a_page.py", "core.py", "op.py", "basics.py", "tensor.py", "linear.py", "sgd.py"]
    assert [Path(re.findall(r"\]\((.*?)\)", files)[0]).name for files, _ in rows[:7]] == start
    assert sum(lines[:4] + lines[5:7]) <= 770  # of tensor.py the first screen is enough
    source = inspect.getsourcelines(tl.Tensor.backward)
    first, last = source[1], source[1] + len(source[0]) - 1
    assert f"`Tensor.backward`, lines {first} to {last} of" in README
    about = int(re.search(r"clear \| .* about (\d+), with", README).group(1))
    engine = sum(n for (files, _), n in zip(rows, lines, strict=True) if "autograd/" in files or "traced.py" in files)
    assert abs(engine + last - first + 1 - about) <= 10


def text(path: str) -> list[str]:
    return (ROOT / path).read_text(encoding="utf-8").splitlines()


def test_files_that_the_readme_names_exist():
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    programs = re.findall(r"`?(examples/\w+\.py|tests/\w+(?:/\w+)?\.py)", README)
    missing = [path for path in {*linked, *programs} if not (ROOT / path).exists()]
    assert linked
    assert not missing


def test_every_program_is_in_the_list_of_programs_and_no_other():
    listed = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    programs = {path.name for path in (ROOT / "examples").glob("[0-9]*.py")}
    assert set(re.findall(r"`(\d\d_\w+\.py)`", listed)) == programs

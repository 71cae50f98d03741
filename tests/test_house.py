"""The house's rules: floors look down only, the engine needs NumPy alone, imports are light, packages are typed."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lines import CLAIMS, MOST, MOST_BYTES_OF_CLAIMS, code_lines, files_of
from programs import EXTRAS

ROOT = Path(__file__).parent.parent
PACKAGES = ["tinygrad_lecture", "nn", "transformer"]


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")


def test_import_contracts_hold():
    done = run(sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_brings_in_no_extra():
    code = f"import transformer, sys; print([m for m in {('difflib', *EXTRAS)} if m in sys.modules])"
    done = run(sys.executable, "-c", code)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


SLOW = ["asyncio", "concurrent.futures", "importlib.metadata", "logging", "numpy.random", "pathlib", "unittest"]
LOADED = "loaded = lambda name: any(m.startswith(f'tinygrad_lecture.{name}') for m in sys.modules); "
LIGHT = {  # what does not come with the engine until it is used -> a program, and what it prints
    "slow parts of NumPy or Python": (
        "import numpy, sys; had = set(sys.modules); import tinygrad_lecture; "
        f"print([m for m in {SLOW} if m in set(sys.modules) - had])",
        "[]",
    ),
    "the gradient checker": (
        f"import sys, tinygrad_lecture as tl; {LOADED}"
        "print(loaded('gradient_checking'), tl.gradcheck.__name__, loaded('gradient_checking'))",
        "False gradcheck True",
    ),
    "what looks inside": (
        f"import sys, tinygrad_lecture as tl; {LOADED}before = loaded('inspect.'); "
        "tl.ones(2, requires_grad=True).sum().backward(); print(before, loaded('inspect.'), tl.Graph.__name__)",
        "False False Graph",
    ),
}


@pytest.mark.parametrize(("code", "printed"), LIGHT.values(), ids=LIGHT)
def test_importing_the_engine_is_light(code, printed):
    assert run(sys.executable, "-c", code).stdout.strip() == printed


@pytest.mark.parametrize("package", PACKAGES)
def test_no_folder_holds_more_files_than_one_looks_through(package):
    folders = [ROOT / package, *(path for path in (ROOT / package).rglob("*") if path.is_dir())]
    crowded = {str(folder): n for folder in folders if (n := len(list(folder.glob("*.py")))) > 20}
    assert not crowded


def test_names_of_tests_are_read_at_a_glance():
    found = re.findall(r"def (test_\w+)", "".join(p.read_text("utf-8") for p in (ROOT / "tests").rglob("*.py")))
    assert found
    assert not [name for name in found if len(name) > 80]


@pytest.mark.parametrize("group", MOST)
def test_no_group_has_more_lines_or_files_than_it_may(group):
    files, (_, _, lines, number) = files_of(group), MOST[group]
    assert files
    assert sum(map(code_lines, files)) <= lines
    assert number is None or len(files) <= number


def test_measured_claims_stay_small():
    assert CLAIMS.stat().st_size <= MOST_BYTES_OF_CLAIMS


def test_the_last_line_says_which_extras_the_skipped_tests_wait_for(tmp_path):
    reasons = ["could not import 'torch': No module named 'torch'", "needs Numba: pip install '.[fast]'", "no fork"]
    skipped = f"@pytest.mark.parametrize('reason', {reasons * 2 + reasons[:1]})\ndef test(reason): pytest.skip(reason)"
    (tmp_path / "test_skipped.py").write_text(f"import pytest\n{skipped}", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml", "-p", "conftest", tmp_path]
    done = subprocess.run(command, cwd=ROOT / "tests", env={**os.environ, "PYTHONPATH": os.curdir}, capture_output=True)
    assert "the extra parity 3, the extra fast 2, other reasons 2" in done.stdout.decode()


def test_a_file_of_ones_own_that_hides_nn_is_named(tmp_path):
    (tmp_path / "nn.py").touch()
    done = run(sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import transformer")
    assert f"{tmp_path / 'nn.py'} hides the package nn, which transformer needs" in done.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_typed(package):
    assert (ROOT / package / "py.typed").exists()


def test_the_top_level_is_what_it_should_be():
    listed = run("git", "ls-files").stdout.split("\n")
    if not listed or not listed[0]:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in listed if line and not line.startswith(".")}
    allowed = {"pyproject.toml", "tinygrad_lecture", "nn", "transformer", "tests", "examples", "README.md", "LICENSE"}
    assert top <= allowed | {"CHANGELOG.md", "CONTRIBUTING.md"}


def test_a_docstring_that_lists_the_files_of_its_package_lists_all():
    forgotten = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        files = {file.name for file in path.parent.glob("*.py")} - {"__init__.py"}
        files |= {f"{file.parent.name}/" for file in path.parent.glob("*/__init__.py")}
        missing = {file for file in files if not re.search(rf"(?<![\w/]){file}", docstring)}
        if missing and missing != files:
            forgotten[str(path)] = missing
    assert not forgotten

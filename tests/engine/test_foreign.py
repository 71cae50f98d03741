"""A foreign nn.py in the way is named, not run."""

import importlib.util
import subprocess
import sys
import types
from pathlib import Path

import pytest

from tinygrad_lecture.foreign import require_own

ROOT = Path(__file__).parents[2]


def run(folder, code):
    """Run a program in a folder, which Python searches first, with the project behind it."""
    (folder / "program.py").write_text(code)
    start = f"import runpy, sys; sys.path.append({str(ROOT)!r}); runpy.run_path('program.py', run_name='__main__')"
    return subprocess.run([sys.executable, "-c", start], cwd=folder, capture_output=True, text=True)


PROGRAM = """
from tinygrad_lecture.foreign import require_own
require_own("nn", "transformer")
import nn
print(nn.Linear(1, 1))
"""


def test_the_projects_own_packages_pass():
    require_own("nn", "transformer")
    require_own("nn", "transformer")  # imported or not


def test_a_file_in_the_way_is_named_and_not_run(tmp_path):
    (tmp_path / "nn.py").write_text("print('this was run')\n")
    done = run(tmp_path, PROGRAM)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: `import nn` would import ")
    assert str(tmp_path / "nn.py") in last
    assert "rename nn.py" in last
    assert "this was run" not in done.stdout


def test_a_package_and_a_half_done_import_in_the_way_are_named(tmp_path):
    (tmp_path / "nn").mkdir()
    (tmp_path / "nn" / "__init__.py").write_text(PROGRAM)
    done = run(tmp_path, "import nn")
    assert "ImportError: `import nn` would import" in done.stderr
    assert str(Path("nn") / "__init__.py") in done.stderr
    assert "rename the folder nn" in done.stderr


def test_a_plain_folder_is_not_in_the_way(tmp_path):
    (tmp_path / "nn").mkdir()
    assert run(tmp_path, PROGRAM).stdout.strip() == "Linear(in_features=1, out_features=1, bias=True)"


def test_a_name_that_means_nothing_is_left_to_import():
    assert importlib.util.find_spec("no_such_package") is None
    require_own("no_such_package")


@pytest.mark.parametrize("attributes", [{}, {"__file__": None}, {"__file__": "/elsewhere/nn/__init__.py"}])
def test_odd_modules_are_foreign_or_left_alone(monkeypatch, attributes):
    module = types.ModuleType("nn")
    vars(module).update(attributes)
    monkeypatch.setitem(sys.modules, "nn", module)
    if attributes.get("__file__"):
        with pytest.raises(ImportError, match="elsewhere") as error:
            require_own("nn")
        assert error.value.name == "nn"
    else:
        require_own("nn")

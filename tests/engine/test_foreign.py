"""A foreign nn.py or transformer.py in the way is named, in whatever order things are imported."""

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from tinygrad_lecture.foreign import Guard, guard

ROOT = Path(__file__).parents[2]


def run(folder, code):
    """Run a program in a folder, which Python searches first, with the project behind it."""
    (folder / "program.py").write_text(code)
    start = f"import runpy, sys; sys.path.append({str(ROOT)!r}); runpy.run_path('program.py', run_name='__main__')"
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([sys.executable, "-c", start], cwd=folder, env=elsewhere, capture_output=True, text=True)


ENGINE_FIRST = "import tinygrad_lecture as tl\nimport nn\nprint(nn.Linear(1, 1))"
NN_FIRST = "import nn\nimport tinygrad_lecture as tl\nprint(nn.Linear(1, 1))"
NN_BY_TRANSFORMER = "from transformer import GPT"


def test_without_anything_in_the_way_all_orders_work(tmp_path):
    for program in (ENGINE_FIRST, NN_FIRST):
        assert run(tmp_path, program).stdout.strip() == "Linear(in_features=1, out_features=1, bias=True)"


@pytest.mark.parametrize("program", [ENGINE_FIRST, NN_FIRST, NN_BY_TRANSFORMER])
def test_a_file_in_the_way_is_named(program, tmp_path):
    (tmp_path / "nn.py").write_text("print('this was run')\n")
    done = run(tmp_path, program)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: `import nn` finds {tmp_path / 'nn.py'}, not the package nn that belongs to")
    assert "rename nn.py" in last
    assert ("this was run" in done.stdout) == (program == NN_FIRST)  # before the engine has a say


def test_a_transformer_in_the_way_is_named(tmp_path):
    (tmp_path / "transformer.py").write_text("print('this was run')\n")
    done = run(tmp_path, "import tinygrad_lecture\nimport nn\nimport transformer")
    assert "ImportError: `import transformer` finds" in done.stderr
    assert "rename transformer.py" in done.stderr
    assert done.stdout == ""


def test_a_package_and_a_half_done_import_in_the_way_are_named(tmp_path):
    (tmp_path / "nn").mkdir()
    (tmp_path / "nn" / "__init__.py").write_text("import tinygrad_lecture")
    done = run(tmp_path, "import nn")
    assert "ImportError: `import nn` finds" in done.stderr
    assert str(Path("nn") / "__init__.py") in done.stderr
    assert "rename the folder nn" in done.stderr


def test_a_folder_without_an_init_file_is_passed_over(tmp_path):
    (tmp_path / "nn").mkdir()
    assert run(tmp_path, ENGINE_FIRST).stdout.strip() == "Linear(in_features=1, out_features=1, bias=True)"


HIDING = """
import sys
from importlib.machinery import PathFinder
import tinygrad_lecture
sys.path[:] = [path for path in sys.path if path != {root!r}]  # only the folder is left to be found
sys.meta_path[:] = [finder for finder in sys.meta_path if "Editable" not in getattr(finder, "__name__", "")]
class Editable:                                                 # what an editable install puts last
    find_spec = staticmethod(lambda name, path=None, target=None: PathFinder.find_spec(name, [{root!r}]))
"""


def test_a_folder_does_not_hide_an_editable_install(tmp_path):
    (tmp_path / "nn").mkdir()
    hiding = HIDING.format(root=str(ROOT))
    done = run(tmp_path, hiding + "sys.meta_path.append(Editable)\nimport nn\nprint(nn.Linear(1, 1))")
    assert done.stdout.strip() == "Linear(in_features=1, out_features=1, bias=True)", done.stderr
    done = run(tmp_path, hiding + "import nn")
    assert "rename the folder nn" in done.stderr


def test_a_folder_that_was_imported_before_is_named(tmp_path):
    (tmp_path / "nn").mkdir()
    hiding = "import sys\nroot = sys.path.pop()\nimport nn\nsys.path.append(root)\nimport tinygrad_lecture"
    done = run(tmp_path, hiding)
    assert f"ImportError: `import nn` finds {tmp_path / 'nn'}, not" in done.stderr
    assert "rename the folder nn" in done.stderr


def test_other_modules_are_none_of_its_business():
    assert Guard.find_spec("json") is None
    assert Guard.find_spec("nn.linear") is None


def test_it_is_there_once():
    guard()
    assert sys.meta_path.count(Guard) == 1


@pytest.mark.parametrize("attributes", [{}, {"__file__": None}, {"__file__": "/elsewhere/nn/__init__.py"}])
def test_odd_modules_are_foreign_or_left_alone(monkeypatch, attributes):
    module = types.ModuleType("nn")
    vars(module).update(attributes)
    monkeypatch.setitem(sys.modules, "nn", module)
    if attributes.get("__file__"):
        with pytest.raises(ImportError, match="elsewhere") as error:
            guard()
        assert error.value.name == "nn"
    else:
        guard()

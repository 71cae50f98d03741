"""tl's names: each op is listed once, beside its definition; type checkers see it, and no internal op is public."""

import subprocess
import sys

import pytest

import tinygrad_lecture as tl
from op_table import DEFINED
from tinygrad_lecture import ops


def test_the_ops_of_tl_are_those_that_the_files_of_ops_list():
    assert set(ops.__all__) <= set(tl.__all__)
    assert all(hasattr(tl, name) for name in tl.__all__)
    assert len(set(ops.__all__)) == len(ops.__all__)
    assert all(getattr(tl, name) is DEFINED[name] for name in ops.__all__)


def test_internal_ops_are_not_public():
    internal = set(DEFINED) - set(ops.__all__) - set(tl.linalg.__all__)
    assert {"alias", "astype", "getitem", "expand_copy", "concatenate"} <= internal
    assert not [name for name in internal if hasattr(tl, name)]


def test_modules_are_not_listed_except_func_and_linalg():
    assert [name for name in tl.__all__ if type(getattr(tl, name)) is type(tl)] == ["func", "linalg"]


def test_type_checkers_know_every_name(tmp_path):
    pytest.importorskip("mypy")
    script = tmp_path / "script.py"
    script.write_text(
        "import nn\n"
        "import tinygrad_lecture as tl\n"
        "x: tl.Tensor = tl.exp(tl.ones(2, 3, dtype=tl.float64))\n"
        "y: tl.Tensor = tl.where(x > 0, tl.sum(x, axis=0, keepdims=True), tl.randn(3))\n"
        "z: tl.Tensor = nn.Linear(3, 2)(y)\n"
        f"names = [{', '.join(f'tl.{name}' for name in tl.__all__)}]\n"
        "tl.alias\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(script)], capture_output=True, text=True
    )
    assert 'script.py:7: error: Module has no attribute "alias"' in done.stdout, done.stdout + done.stderr
    assert "Found 1 error in 1 file" in done.stdout, done.stdout + done.stderr

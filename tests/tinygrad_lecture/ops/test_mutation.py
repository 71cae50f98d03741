"""The mutation tool: it plants bugs in rules, catches a real one, and reports one that alters no result."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mutation import mutants

ROOT = Path(__file__).parents[3]
TOOL = ROOT / "tests" / "helpers" / "mutation.py"


def mutation(*options: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, TOOL, *options], capture_output=True, text=True, timeout=300, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def test_bugs_are_planted_where_the_rules_are() -> None:
    path = Path("tinygrad_lecture/ops/elementwise.py")
    found = {mutant.after for mutant in mutants(path, ["div", "cos", "log1p"])}
    assert found >= {"g * b", "g", "-g * out * b", "-g * out", "-g / b", "-g / sin(x)", "g / (1 - x)"}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="each bug runs in a forked process")
def test_a_bug_is_caught() -> None:
    assert mutation("--op", "neg")[0] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each bug runs in a forked process")
def test_a_survivor_is_reported() -> None:
    status, printed = mutation("--op", "swapaxes", "--equivalent")
    assert status == 1
    assert "- swapaxes(g, axis0, axis1)\n  + swapaxes(g, axis1, axis0)" in printed

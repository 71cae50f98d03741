"""Programs as tutorials write them run here; with the extra parity, they print the numbers of PyTorch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAMS = sorted(p for p in (ROOT / "tests" / "torch_programs").glob("*.py") if p.stem != "fixed")


def printed(*command):
    """What a program prints. Fails with its traceback if it ends with an error."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_thirty_programs():
    assert len(PROGRAMS) >= 30


@pytest.mark.parametrize("program", PROGRAMS[::6], ids=lambda program: program.stem)  # the parity test runs all
def test_the_program_runs_here(program):
    assert printed("-m", "nn.torch", str(program))


@pytest.mark.parity
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_the_program_prints_the_numbers_of_pytorch(program):
    pytest.importorskip("torch")
    assert printed("-m", "nn.torch", str(program)) == printed(str(program))

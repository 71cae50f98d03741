"""The benchmarks run; with the extra parity, this project and PyTorch compute the same in each workload."""

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parent / "benchmarks" / "run.py"


def benchmark(folder, *arguments):
    command = [sys.executable, RUN, *arguments, "--quick", "--seconds", "0", "--folder", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_benchmark_prints_a_table_and_writes_json(tmp_path):
    printed = benchmark(tmp_path, "W1", "W6", "--against")
    assert "W1  784-16-16-10" in printed
    assert (tmp_path / "results.json").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["W0"], "no workload 'W0'; there are W1; W2"),
        (["--against", "numba"], "contestant 'numba'; there are with Numba"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_those_that_are(given, told):
    done = subprocess.run([sys.executable, RUN, *given], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert told in done.stderr


@pytest.mark.parity
@pytest.mark.parametrize("workload", ["W1", "W2", "W3", "W5", "W6", "W8", "W9"])
def test_pytorch_computes_the_same_in(workload, tmp_path):
    pytest.importorskip("torch")
    assert "PyTorch" in benchmark(tmp_path, workload, "--against", "PyTorch")

"""Programs as tutorials write them run here; with the extra parity, they print the numbers of PyTorch."""

import multiprocessing
import os
import re
import runpy
import sys
import warnings

import pytest

from programs import ROOT, run_python

PROGRAMS = sorted(p for p in (ROOT / "tests" / "torch_programs").glob("*.py") if p.stem != "fixed")


def printed(*command):
    """What a program prints. Fails with its traceback if it ends with an error."""
    done = run_python(*command, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_some_thirty_programs():
    assert len(PROGRAMS) >= 26


@pytest.mark.parametrize("program", PROGRAMS[::12], ids=lambda program: program.stem)  # the parity test runs all
def test_the_program_runs_here(program):
    assert printed("-m", "nn.torch", str(program))


@pytest.mark.parity
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_the_program_prints_the_numbers_of_pytorch(program, tmp_path):
    pytest.importorskip("torch")
    here, theirs = printed("-m", "nn.torch", str(program)), printed_by_pytorch(program, tmp_path / "printed.txt")
    assert NUMBER.sub("number", here) == NUMBER.sub("number", theirs)
    for a, b in zip(NUMBER.finditer(here), NUMBER.finditer(theirs), strict=True):
        assert abs(float(a[0]) - float(b[0])) <= 1.01 * last_digit(b), f"{a[0]} here, {b[0]} by PyTorch, in\n{theirs}"


NUMBER = re.compile(r"-?\d+\.(\d*)(?:e([+-]\d+))?")


def last_digit(number):
    """What 1 in the last digit of a printed number is worth: processors round differently."""
    return 10.0 ** (int(number[2] or 0) - len(number[1]))


def printed_by_pytorch(program, path):
    """What a program prints in a fork of this process, which has imported torch: the import takes longer than most."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return printed(str(program))
    import torch  # noqa: F401 - once, before the fork

    process = multiprocessing.get_context("fork").Process(target=run_alone, args=(program, path))
    process.start()
    process.join()
    text = path.read_text(encoding="utf-8")
    assert process.exitcode == 0, text
    return text


def run_alone(program, path):
    """Run a program as `python program` would, with what it prints in a file."""
    import torch

    warnings.simplefilter("default")
    os.chdir(ROOT)
    torch.set_num_threads(1)
    switches = torch.backends.disable_global_flags.__globals__
    switches["__allow_nonbracketed_mutation_flag"] = True  # the import of PyTorch's own tests switches it off
    sys.argv, sys.path[:0] = [str(program)], [str(program.parent)]
    with path.open("w", encoding="utf-8") as sys.stdout:
        runpy.run_path(str(program), run_name="__main__")

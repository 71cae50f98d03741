"""Run the programs of examples/ in tests: as modules, though their names begin with a digit, or as processes."""

import importlib.util
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def load(name: str) -> ModuleType:
    """Return a program, such as "01_neuron", as a module; its main() is not run."""
    known = f"program_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[known] = importlib.util.module_from_spec(spec)  # dataclasses look their module up there
        spec.loader.exec_module(module)
    return sys.modules[known]


def running(program: ModuleType) -> Any:
    """Return a fixture `run`: run("--seed", 1) runs the program, into the folder "out", and returns its output."""

    @pytest.fixture
    def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
        def call(*arguments: object) -> str:
            program.main([*map(str, arguments), "--out", str(tmp_path / "out")])
            return capsys.readouterr().out

        return call

    return run


def output_of(program: ModuleType, *arguments: object, **settings: object) -> str:
    """Run a program, with settings or with command-line arguments, and return its output."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        if settings:
            program.main(program.Settings(**settings))
        else:
            program.main([*map(str, arguments)])
    return printed.getvalue()


def output_of_command(program: ModuleType, *arguments: object) -> str:
    """Run a program with command-line arguments, read by its Settings, and return its output."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        program.start(program.main, program.Settings, [*map(str, arguments)])
    return printed.getvalue()


def numbers_after(text: str, start: str) -> list[float]:
    """The numbers in the rest of the line after the first occurrence of `start`."""
    line = text[text.index(start) + len(start) :].split("\n")[0]
    return [float(number.replace(",", "")) for number in re.findall(r"-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?", line)]


def run_apart(name: str, *arguments: object, cwd: Path, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, as from a shell. encoding: of the console that it prints to."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": encoding}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8")


def help_of(program: ModuleType, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the output of --help."""
    with pytest.raises(SystemExit) as ended:
        program.main(["--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def refusal_of(program: ModuleType, arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the error message for options that the program does not accept."""
    with pytest.raises(SystemExit) as ended:
        program.main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, each with its bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}

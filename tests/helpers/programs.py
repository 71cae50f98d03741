"""The programs of examples/ in tests: loaded as modules, though their names begin with a digit, and run."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def load(name: str) -> ModuleType:
    """The program "01_neuron", say, as a module; its main() is not run."""
    known = f"program_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[known] = importlib.util.module_from_spec(spec)  # dataclasses look their module up there
        spec.loader.exec_module(module)
    return sys.modules[known]


def running(program: ModuleType) -> Any:
    """A fixture `run`: run("--seed", 1) runs the program, into the folder "out", and returns what it printed."""

    @pytest.fixture
    def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
        def call(*arguments: object) -> str:
            program.main([*map(str, arguments), "--out", str(tmp_path / "out")])
            return capsys.readouterr().out

        return call

    return run


def help_of(program: ModuleType, capsys: pytest.CaptureFixture[str]) -> str:
    """What --help prints."""
    with pytest.raises(SystemExit) as ended:
        program.main(["--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def refusal_of(program: ModuleType, arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the program says of options that it does not take."""
    with pytest.raises(SystemExit) as ended:
        program.main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err

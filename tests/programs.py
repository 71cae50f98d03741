"""Loading a program of examples/ as a module, though its name begins with a digit."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


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

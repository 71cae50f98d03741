"""Run the programs of examples/ in tests: as modules, though their names begin with a digit, or as processes."""

import importlib.util
import io
import os
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PAGE, *PROGRAMS = (path.stem for path in sorted(EXAMPLES.glob("[0-9]*.py")))  # the page has no settings and no helpers
EXTRAS = (  # modules that an import of the packages may not bring in, and that a page's snippets do without
    *("cupy", "gguf", "hypothesis", "jinja2", "matplotlib", "mpi4py", "numba", "regex", "rich", "safetensors"),
    *("scipy", "tensorboardX", "tokenizers", "torch", "tyro"),
)


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


def output_of(program: ModuleType, **settings: object) -> str:
    """Run a program with settings and return its output."""
    printed, chosen = io.StringIO(), program.Settings(**settings)
    with redirect_stdout(printed):
        if hasattr(program, "main"):
            program.main(chosen)
        else:
            reports(program)(program.measure(chosen), chosen)
    return printed.getvalue()


def output_of_command(program: ModuleType, *arguments: object) -> tuple[str, Any]:
    """Run a program with command-line arguments, read by its Settings: what it prints, and what it has measured."""
    printed, measured = io.StringIO(), None
    with redirect_stdout(printed):
        if program.__name__ == f"program_{PAGE}":
            measured = SimpleNamespace(**program.measure())
        elif hasattr(program, "main"):
            program.start(program.main, program.Settings, arguments=[*map(str, arguments)])
        else:
            arguments = [*map(str, arguments)]
            measured = program.start(program.measure, program.Settings, reports(program), arguments)
    return printed.getvalue(), measured


def reports(program: ModuleType) -> Any:
    """What prints and draws what a program has measured: its own `report`, or that of its part in helpers/."""
    return getattr(program, "report", None) or program.show.report


def run_python(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """A finished Python process with these arguments, in which the packages and these helpers can be imported."""
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, **options)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, each with its bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}

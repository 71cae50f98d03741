"""Code lines by room, without docstrings, comments and blank lines, and the most that each room may have.

    python tests/helpers/lines.py

A library to learn from is read by people who must be able to carry it, so a room that grows past its budget fails the
tests. Then make something else in it simpler; denser lines are no remedy.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]

BUDGETS = {  # what belongs to a room, as patterns of files -> the most code lines
    "tinygrad_lecture/*.py tinygrad_lecture/{methods,errors,func}": 2660,
    "tinygrad_lecture/autograd": 1145,
    "tinygrad_lecture/ops": 2555,
    "tinygrad_lecture/kernels": 2355,
    "tinygrad_lecture/gradient_checking": 2500,
    "tinygrad_lecture/testing": 1955,
    "tinygrad_lecture/inspect": 2685,
    "nn/*.py nn/{layers,functional,module,files}": 3545,
    "nn/{optim,training,parallel,data,utils}": 3520,
    "nn/torch": 1530,
    "transformer": 3305,
    "examples": 9203,
    "tests": 33955,
}


def files_of(room: str) -> list[Path]:
    """The Python files of a room: "nn/*.py nn/{loss,module}" are those in nn, and all below two of its folders."""
    found = []
    for pattern in room.split():
        before, _, rest = pattern.partition("{")
        names, _, after = rest.partition("}")
        for name in names.split(","):
            path = ROOT / f"{before}{name}{after}"
            found += path.parent.glob(path.name) if "*" in path.name else path.rglob("*.py")
    return found


def code_lines(path: Path) -> int:
    """The lines of a Python file without docstrings, comments and blank lines."""
    text = path.read_text(encoding="utf-8")
    documented = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    left_out = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            left_out |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(map(str.strip, text.splitlines()), 1)
    return sum(1 for number, line in lines if line and line[0] != "#" and number not in left_out)


if __name__ == "__main__":
    print("  lines  at most  files  room")
    for room, most in BUDGETS.items():
        files = files_of(room)
        lines = sum(map(code_lines, files))
        print(f"{lines:7,}{most:9,}{len(files):7}  {room}{'  is over its budget' * (lines > most)}")

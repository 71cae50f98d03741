"""Code lines by room, without docstrings, comments and blank lines: how many it has, should have, and may have.

    python tests/helpers/lines.py

A library to learn from is read by people who must be able to carry it. Each room has a number of lines that it should
have. A room that is above it and grows fails the tests: then make something else in it simpler, and denser lines are
no remedy. Whoever makes a room smaller writes its new number down here.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]

ROOMS = {  # what belongs to a room, as patterns of files -> the code lines that it should have, and those it has
    "tinygrad_lecture/*.py tinygrad_lecture/{methods,errors,func}": (2_300, 2_630),
    "tinygrad_lecture/autograd": (950, 1_093),
    "tinygrad_lecture/ops": (2_400, 2_539),
    "tinygrad_lecture/kernels": (2_100, 2_401),
    "tinygrad_lecture/gradient_checking": (2_400, 2_499),
    "tinygrad_lecture/testing": (1_600, 1_927),
    "tinygrad_lecture/inspect": (2_400, 2_697),
    "nn/*.py nn/{layers,functional,module}": (3_300, 3_525),
    "nn/{optim,training,parallel,data,utils}": (2_700, 3_344),
    "nn/torch": (1_600, 1_512),
    "transformer": (3_250, 3_889),
    "examples": (9_000, 10_607),
    "tests": (27_000, 31_380),
    "tinygrad_lecture/inspect/page/*.js examples/{site,helpers,exercises}/*.js": (3_200, 3_195),
}
AN_OP = 25  # lines; by so much a room may grow, so that who adds an op need not ask


def most(room: str) -> int:
    """The code lines that a room may have: what it should, or what it has and an op."""
    wanted, counted = ROOMS[room]
    return max(wanted, counted + AN_OP)


def files_of(room: str) -> list[Path]:
    """The files of a room: "nn/*.py nn/{loss,module}" are those in nn, and all of Python below two of its folders."""
    found = []
    for pattern in room.split():
        before, _, rest = pattern.partition("{")
        names, _, after = rest.partition("}")
        for name in names.split(","):
            path = ROOT / f"{before}{name}{after}"
            found += path.parent.glob(path.name) if "*" in path.name else path.rglob("*.py")
    return found


def code_lines(path: Path) -> int:
    """The lines of a file of Python or JavaScript without docstrings, comments and blank lines."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".js":
        return sum(1 for line in map(str.strip, text.splitlines()) if line and not line.startswith(("//", "/*", "*")))
    documented = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    left_out = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            left_out |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(map(str.strip, text.splitlines()), 1)
    return sum(1 for number, line in lines if line and line[0] != "#" and number not in left_out)


if __name__ == "__main__":
    print("  lines  wanted  at most  files  room")
    for room, (wanted, _) in ROOMS.items():
        files = files_of(room)
        lines = sum(map(code_lines, files))
        print(f"{lines:7,}{wanted:8,}{most(room):9,}{len(files):7}  {room}{'  has grown' * (lines > most(room))}")

"""Code lines by group, without docstrings, comments and blank lines, and files: those there are and those there may be.

    python tests/helpers/lines.py

A library to learn from is read by people who must be able to carry it. Nobody raises these numbers: who adds a thing
makes another one simpler, and denser lines are no remedy. tinygrad's `sz.py` holds its product in the same way.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES, TABLES = ("tinygrad_lecture", "nn", "transformer"), (".toml", ".txt", ".json")
MOST = {  # folders, what their files end with, the code lines of these, their number if it is counted
    "packages": (PACKAGES, (".py",), 23_000, 195),
    "examples": (("examples",), (".py",), 8_900, None),
    "tests": (("tests",), (".py",), 23_500, 175),
    "tables": ((*PACKAGES, "examples", "tests"), TABLES, 8_000, None),
    "JavaScript": ((*PACKAGES, "examples"), (".js",), 3_600, None),
}
CLAIMS = ROOT / "examples" / "claims.json"  # measured values, written by a program: held by its size
MOST_BYTES_OF_CLAIMS = 300_000


def files_of(group: str) -> list[Path]:
    """The files of a group."""
    folders, endings, _, _ = MOST[group]
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in endings]
    return [path for path in found if path != CLAIMS]


def code_lines(path: Path) -> int:
    """The lines of a file of Python, JavaScript or a table without docstrings, comments and blank lines."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in TABLES:
        return sum(1 for line in text.splitlines() if line.strip())
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
    print("  lines  at most  files  at most  group")
    for group, (_, _, lines, number) in MOST.items():
        files = files_of(group)
        print(f"{sum(map(code_lines, files)):7,}{lines:9,}{len(files):7}{number or '':>9}  {group}")
    print(f"{CLAIMS.stat().st_size:7,}{MOST_BYTES_OF_CLAIMS:9,}                 bytes of {CLAIMS.name}")

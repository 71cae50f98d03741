"""Code lines by room, without docstrings, comments and blank lines, and the most that each room may have.

    python tests/helpers/lines.py

A library to learn from is read by people who must be able to carry it, so a room that grows past its budget fails the
tests: make something else in it simpler.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

BUDGETS = {  # a room, as the folders and files of it -> the most code lines
    "engine: root, methods, errors, func": (["tinygrad_lecture/*.py", "tinygrad_lecture/methods", "tinygrad_lecture/errors", "tinygrad_lecture/func"], 2900),
}


def code_lines(path: Path) -> int:
    """The lines of a Python file without docstrings, comments and blank lines."""
    text = path.read_text(encoding="utf-8")
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                docstrings |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(1 for number, line in lines if number not in docstrings and line.strip() and line.strip()[0] != "#")

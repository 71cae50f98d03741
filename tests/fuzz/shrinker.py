"""Makes a failing program small: fewer lines, fewer variables, simpler numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from program import Program, defined, names

Fails = Callable[[Program], bool]


def shrink(program: Program, fails: Fails) -> Program:
    """The smallest program found that still fails in the same way. fails: whether a program does."""
    while True:
        smaller = next((candidate for candidate in candidates(program) if fails(candidate)), None)
        if smaller is None:
            return program
        program = smaller


def candidates(program: Program) -> Iterator[Program]:
    """Programs that are a little smaller, the smallest first."""
    lines = program.lines
    for size in (len(lines) // 2, len(lines) // 4):  # many lines at once
        if size > 1:
            for start in range(len(lines) - size, -1, -size):
                smaller = program
                for position in range(min(start + size, len(lines)) - 1, start - 1, -1):
                    if position < len(smaller.lines):
                        smaller = smaller.without(position)
                if smaller.lines:
                    yield smaller
    for position in reversed(range(len(lines))):
        yield program.without(position)
        yield Program((*lines[:position], *lines[position + 1 :]))
    for position, line in enumerate(lines):  # an earlier variable in place of a result
        for name in defined(line):
            for other in sorted(names(line) - {name}):
                rest = (re.sub(rf"\b{name}\b", other, later) for later in lines[position + 1 :])
                yield Program((*lines[:position], *rest))
    for position, line in enumerate(lines):
        for simpler in simplified(line):
            yield Program((*lines[:position], simpler, *lines[position + 1 :]))


def simplified(line: str) -> Iterator[str]:
    """The line with simpler terms or numbers."""
    if re.match(r"[ac]\d+ = ", line):
        values = re.search(r"tensor\((\[.*\]|[-\d.]+), dtype", line)
        if values:
            number = iter(range(1, 100))
            plain = re.sub(r"-?\d+\.\d+", lambda _: f"{next(number)}.0", values[1])
            if plain != values[1]:
                yield line.replace(values[1], plain)
        return
    head, _, terms = line.partition(" = ")
    if re.fullmatch(r"[a-z]\d+", head) and " + " in terms:
        for term in terms.split(" + "):
            if names(term):
                yield f"{head} = {term}"
    for text, simpler in ((r"(\b[a-z]\d+)\.tanh\(\)", r"\1"), (r"\((\b[a-z]\d+) \* [^()]*\)", r"\1")):
        if re.search(text, line):
            yield re.sub(text, simpler, line, count=1)
    lambdas = re.match(r"threads\((.*)\)$", line)
    if lambdas:
        parts = re.split(r", (?=lambda:)", lambdas[1])
        if len(parts) == 1:
            yield parts[0].removeprefix("lambda: ")
        for i in range(len(parts) if len(parts) > 1 else 0):
            yield f"threads({', '.join(parts[:i] + parts[i + 1 :])})"

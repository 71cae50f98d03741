"""What a fuzzer found: differences, each made small, and how often lines were refused; and its command line."""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from program import Program, defined, names


@dataclass(frozen=True)
class Difference:
    """Where a program is wrong, with what was expected. kind: value, gradient, requires_grad or error."""

    program: Program
    kind: str
    where: str
    ours: str
    expected: str
    seed: int = 0

    def __str__(self) -> str:
        head = f"seed {self.seed}, {self.kind}: {self.where}\nhere     {self.ours}\nexpected {self.expected}"
        return f"{head}\n\n{self.program}"


@dataclass
class Tally:
    """Counts over many programs. refused: how often lines were refused, by who refused them and why."""

    programs: int = 0
    lines: int = 0
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def __str__(self) -> str:
        text = [f"{self.programs:,} programs, {self.lines:,} lines, {len(self.differences):,} differences"]
        text += [f"{count:,} {why}" for why, count in self.left_out.items()]
        text += [f"{count:9,} refused by {who}: {why}" for (who, why), count in sorted(self.refused.items())]
        return "\n".join(text)


# Runs a program once. Returns the position of a line that was refused, or a difference, or None.
Judge = Callable[[Program, Tally], "int | Difference | None"]


def run(judge: Judge, generate: Callable[[int], Program], seeds: Iterable[int]) -> Tally:
    """Judge the program of each seed. A program with a line that is refused is judged again without it."""
    tally = Tally()
    with np.errstate(all="ignore"):
        for seed in seeds:
            program = generate(seed)
            tally.programs += 1
            tally.lines += len(program.lines)
            while isinstance(found := judge(program, tally), int):
                program = program.without(found)
            if found:
                tally.differences.append(replace(found, seed=seed))
    return tally


# --- a failing program made small: without the lines that it does not need ---------------------------------------

Fails = Callable[[Program], bool]


def shrink(program: Program, fails: Fails) -> Program:
    """The smallest program found that still fails in the same way. fails: whether a program does."""
    while True:
        smaller = next((candidate for candidate in candidates(program) if fails(candidate)), None)
        if smaller is None:
            return program
        program = smaller


def candidates(program: Program) -> Iterator[Program]:
    """Programs without a line, and without those that use it, or with an earlier variable in its place."""
    for position, line in reversed([*enumerate(program.lines)]):
        yield program.without(position)
        yield Program((*program.lines[:position], *program.lines[position + 1 :]))
        for name in defined(line):
            for other in sorted(names(line) - {name}):
                rest = (re.sub(rf"\b{name}\b", other, later) for later in program.lines[position + 1 :])
                yield Program((*program.lines[:position], *rest))


def smallest(difference: Difference, judge: Judge) -> Difference:
    """The difference in the smallest program found that shows one of its kind."""
    found = [difference]

    def fails(program: Program) -> bool:
        again = judge(program, Tally())
        if not isinstance(again, Difference) or again.kind != difference.kind:
            return False
        if again.kind == "error" and again.ours[:40] != difference.ours[:40]:
            return False
        found.append(replace(again, seed=difference.seed))
        return True

    with np.errstate(all="ignore"):
        shrink(difference.program, fails)
    return found[-1]


def main(judge: Judge, generate: Callable[[int], Program], description: str) -> int:
    """The command line of a fuzzer; returns the exit status."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seed", type=int, default=0, help="of the first program (default: %(default)s)")
    parser.add_argument("--count", type=int, default=2000, help="how many programs (default: %(default)s)")
    parser.add_argument("--show", type=int, default=3, help="how many differences are made small and printed")
    parser.add_argument("--print", action="store_true", help="print the programs and run none")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.count)
    if options.print:
        print(*map(generate, seeds), sep="\n\n")
        return 0
    start = time.monotonic()
    tally = run(judge, generate, seeds)
    for difference in tally.differences[: options.show]:
        print(smallest(difference, judge), end="\n\n")
    print(f"{tally}\n{time.monotonic() - start:.0f} s")
    return 1 if tally.differences else 0

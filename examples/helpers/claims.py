"""What the lecture claims, as rules on what the programs measure; and in how many of ten runs each holds.

    holds("flooded", m)                 # whether this run says so: the rule of examples/data/claims.toml
    elsewhere("flooded", ".2f", m)      # "; over ten runs 0.39 to 0.86", where this run is at the edge of its range

Each run of a program is another draw of what is random in it, by --seed. Of a real model, which has no seed, ten
sentences or tasks are asked. examples/claims.json has what ten runs gave; `python -m examples.claims` writes it.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median_low
from string import Formatter
from types import SimpleNamespace
from typing import Any

import numpy as np

EXAMPLES = Path(__file__).parent.parent
TABLE, RECORD = EXAMPLES / "data" / "claims.toml", EXAMPLES / "claims.json"
SEEDS = range(10)
NONE = "none"  # what differs between the runs of a claim into which nothing random enters
LONG = 5000  # signs; what is longer as text is an array, on which no claim is decided
Values = dict[str, Any]  # what a run measured: numbers by name, or lists or dicts of numbers


class Measured(SimpleNamespace):
    """What a program has measured, by name: numbers, on which claims are decided, and arrays, which are drawn."""


def rises(numbers: Sequence[float]) -> bool:
    """Whether each is larger than the one before."""
    return len(numbers) > 1 and all(a < b for a, b in pairwise(numbers))


def falls(numbers: Sequence[float]) -> bool:
    """Whether each is smaller than the one before."""
    return rises([-x for x in numbers])


WORDS = {f.__name__: f for f in (abs, all, any, len, max, min, round, sorted, sum, rises, falls)} | {"mean": fmean}


@dataclass(frozen=True)
class Claim:
    """A line of the lecture, the program that measures it, and what ten runs gave."""

    section: str
    lecture: str
    sees: str
    program: str = ""  # and its options; "" if no program shows it
    rule: str = ""  # "" if nothing is decided
    draws: str = "seeds"
    lecture_says: float | None = None  # for what stands left in the rule
    name: str = ""
    timed: bool = False  # whether it compares times, which other machines give otherwise
    runs: tuple[Values, ...] = field(default=(), repr=False)
    text: str = field(default="", repr=False)  # what the program prints for it

    def holds(self, run: Values) -> bool:
        """Whether the numbers of a run say so. Raises NameError for a number that the program has not measured."""
        return bool(self.ask(self.rule, run))

    def ask(self, expression: str, run: Values) -> Any:
        """The value of an expression over the numbers of a run."""
        return eval(expression, {"__builtins__": {}, **WORDS, **run})  # of our own claims.toml

    @property
    def needs(self) -> set[str]:
        """The names of all numbers that the rule and `sees` speak of."""
        shown = {name for _, name, _, _ in Formatter().parse(self.sees) if name}
        return self.measured | {name.replace("[", ".").split(".")[0] for name in shown}

    @property
    def measured(self) -> set[str]:
        """The names of the numbers in the rule."""
        found = [node for node in ast.walk(ast.parse(self.rule)) if isinstance(node, ast.Name)]
        bound = {node.id for node in found if isinstance(node.ctx, ast.Store)}  # by a comprehension
        return {node.id for node in found} - {*WORDS} - bound

    @property
    def compared(self) -> list[ast.expr]:
        """The sides of the rule's first comparison; those within a comprehension cannot stand alone."""
        for node in ast.walk(ast.parse(self.rule)):
            names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            if isinstance(node, ast.Compare) and names <= self.measured | {*WORDS}:
                return [node.left, *node.comparators]
        return []

    @property
    def sides(self) -> dict[str, list[float]]:
        """What the rule compares first, of each run: the sides that were measured, by their expressions."""
        named = [ast.unparse(side) for side in self.compared if any(isinstance(n, ast.Name) for n in ast.walk(side))]
        return {side: [self.ask(side, run) for run in self.runs] for side in named}

    @property
    def count(self) -> int:
        """In how many runs it holds."""
        return sum(map(self.holds, self.runs))

    @property
    def verdict(self) -> str:
        """One rule for all: borne out from nine of ten on, from five on it depends on the draw."""
        share = self.count / len(self.runs)
        return "borne out" if share >= 0.9 else "depends on the draw" if share >= 0.5 else "not borne out"

    @property
    def result(self) -> str:
        """As "9 of 10: borne out"."""
        if not self.rule:
            return "not decided"
        if not self.runs:
            return "not measured yet"
        return self.verdict if len(self.runs) == 1 else f"{self.count} of {len(self.runs)}: {self.verdict}"

    @property
    def seen(self) -> str:
        """What one sees, with what was measured: "0.63 (0.39 to 0.86)" is the middle of the runs, least and largest."""
        return self.sees.format(**together(self.runs)) if self.runs else re.sub(r"\{.*?\}", "...", self.sees)


class Range(float):
    """The middle of some numbers, which is written with the least and the largest of them."""

    least: float
    most: float

    def __new__(cls, numbers: Sequence[float]) -> Range:
        made = super().__new__(cls, median_low(numbers))
        made.least, made.most = min(numbers), max(numbers)
        return made

    def __format__(self, form: str) -> str:
        whole = form in ("", ",", "d")
        each = (float(self), self.least, self.most)
        middle, least, most = (format(int(x) if whole and x == int(x) else x, form) for x in each)
        return middle if least == most else f"{middle} ({least} to {most})"


def together(runs: Sequence[Any]) -> Any:
    """The numbers of several runs, each as its Range."""
    first = runs[0]
    if isinstance(first, dict):
        return {key: together([run[key] for run in runs]) for key in first}
    if isinstance(first, list):
        return [together(each) for each in zip(*runs, strict=True)]
    return Range(runs)


def plain(value: Any) -> Any:
    """A measured value as JSON has it: numbers, lists, dicts. Raises TypeError for others."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bool | int | float):
        return value
    raise TypeError(f"{value!r} is no number, and a claim is decided on numbers")


def values(measured: Measured, claims: Sequence[Claim]) -> Values:
    """Of what a program has measured, the numbers that its claims need."""
    found = vars(measured)
    return {name: plain(found[name]) for name in sorted(set().union(*(c.needs for c in claims))) if name in found}


def numbers(measured: Measured) -> Values:
    """All that a program has measured and that is a number, or a list or dict of numbers; large arrays are left out."""
    found = {}
    for name, value in vars(measured).items():
        with suppress(TypeError):
            found[name] = plain(value)
    return {name: value for name, value in found.items() if len(str(value)) < LONG}


def runs_of(claim: Claim, runs: Sequence[Values]) -> tuple[Values, ...]:
    """The draws of a claim: one of each run; of a real model one of each thing that was asked, in its one run."""
    needed = [{name: run[name] for name in sorted(claim.needs) if name in run} for run in runs]
    if claim.draws == "seeds":
        return tuple(needed)
    if claim.draws == NONE:
        return tuple(needed[:1])
    return tuple(dict(zip(needed[0], each, strict=True)) for each in zip(*needed[0].values(), strict=True))


@cache
def all_claims() -> tuple[Claim, ...]:
    """The claims in the lecture's order, with what examples/claims.json has of their runs."""
    recorded = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else []
    known = {(each["section"], each["lecture"], each["program"]): each for each in recorded}
    sections = tomllib.loads(TABLE.read_text(encoding="utf-8"))["section"]
    return tuple(claim for section in sections for claim in read(section, known))


def read(section: dict[str, Any], known: dict[tuple[str, str, str], Any]) -> Iterator[Claim]:
    for row in section["claim"]:
        try:
            claim = Claim(section["title"], **row)
            _ = claim.needs  # whether rule and `sees` can be read
        except (SyntaxError, TypeError, ValueError) as error:
            raise ValueError(f"{TABLE.name}, the row {row.get('lecture')}: {error}") from error
        found = known.get((claim.section, claim.lecture, claim.program), {})
        runs = [run for run in found.get("runs", ()) if claim.rule and claim.needs <= {*run}]
        yield Claim(section["title"], **row, runs=tuple(runs), text=found.get("text", ""))


def of_command(program: str, options: Sequence[str]) -> list[Claim]:
    """The claims that a program decides when it is started with these options."""
    found = []
    for claim in (claim for claim in all_claims() if claim.rule):
        name, *needed = shlex.split(claim.program)
        if name == program and {*needed} <= {*options} and ("--real" in needed) == ("--real" in options):
            found.append(claim)
    return found


def of(name: str) -> Claim:
    """The claim of that name."""
    return next(claim for claim in all_claims() if claim.name == name)


def holds(name: str, measured: Measured) -> bool:
    """Whether what this run measured says what the claim says."""
    claim = of(name)
    return claim.holds(values(measured, [claim]))


def ranges(claim: Claim) -> str:
    """Lines that say what was measured for a claim, and in how many runs it holds."""
    said = "" if claim.lecture_says is None else f"   (the lecture: {claim.lecture_says:g})"
    sides = [f"\n    {side} = {Range(numbers):.4g}" for side, numbers in claim.sides.items()]
    held = claim.result if len(claim.runs) == 1 else f"holds in {claim.result}"
    return f"{claim.lecture}\n    {claim.rule}: {held}" + "".join(sides[:1]) + said + "".join(sides[1:])


def elsewhere(name: str, form: str, measured: Measured) -> str:
    """As "; over ten runs 0.39 to 0.86", where the claim's number in this run is the least or largest; else ""."""
    claim = of(name)
    side, others = next(iter(claim.sides.items()))
    here = claim.ask(side, values(measured, [claim]))
    if not others or min(others) < here < max(others) or min(others) == max(others):
        return ""
    return f"; over ten runs {min(others):{form}} to {max(others):{form}}"

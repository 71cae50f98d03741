"""What the lecture claims, as rules on what the programs measure; and in how many of twenty runs each holds.

    holds("flooded", m)                 # whether this run says so: the rule of examples/data/claims.toml
    elsewhere("flooded", ".2f", m)      # "; over 20 runs 0.39 to 0.86", where this run is at the edge of its range

Each run of a program is another draw of what is random in it, by --seed. Of a real model, which has no seed, ten
sentences or tasks are asked. examples/claims.json has what twenty runs gave; `python -m examples.claims` writes it.
"""

import ast
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
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
SEEDS = range(20)
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
    """A line of the lecture, the program that measures it, and what twenty runs gave."""

    section: str
    lecture: str
    sees: str
    program: str = ""  # and its options; "" if no program shows it
    rule: str = ""  # "" if nothing is decided
    name: str = ""
    fact: bool = False  # whether nothing random enters: one run decides
    lecture_says: float | None = None  # for what stands left in the rule
    timed: bool = False  # whether it compares times, which other machines give otherwise
    arithmetic: bool = False  # whether it follows from the definitions: nothing was found out
    runs: tuple[Values, ...] = field(default=(), repr=False)

    @property
    def asks_real(self) -> bool:
        """Whether a real model is asked, which has no seed: what is asked are the draws."""
        return "--real" in self.program or self.program[:2] in ("23", "24")

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
    def quoted(self) -> list[str]:
        """Pieces of the program's output, or names of pictures: what stands in backticks."""
        return [one_line(piece) for piece in re.findall(r"`([^`]+)`", self.sees)]

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
    def interval(self) -> tuple[float, float]:
        """Where the share of all runs lies in which it holds, as 95 of 100 such intervals do (Wilson, 1927)."""
        n, share, z = len(self.runs), self.count / len(self.runs), 1.96
        middle, half = share + z**2 / n / 2, z * (share * (1 - share) / n + (z / n / 2) ** 2) ** 0.5
        return max(middle - half, 0) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)

    @property
    def verdict(self) -> str:
        """One rule for all: borne out from nine of ten on, from five of ten on it depends on the draw."""
        share = self.count / len(self.runs)
        if self.arithmetic and share == 1:
            return "arithmetic"
        return "borne out" if share >= 0.9 else "depends on the draw" if share >= 0.5 else "not borne out"

    @property
    def result(self) -> str:
        """As "18 of 20 (70% to 97%): borne out"."""
        if not self.rule:
            return "not decided"
        if not self.runs:
            return "not measured yet"
        low, high = self.interval
        counted = f"{self.count} of {len(self.runs)} ({low:.0%} to {high:.0%}): {self.verdict}"
        return self.verdict if self.verdict == "arithmetic" or len(self.runs) == 1 else counted

    @property
    def seen(self) -> str:
        """What one sees, with what was measured: "0.63 (0.39 to 0.86)" is a Range."""
        return self.sees.format(**together(self.runs)) if self.runs else re.sub(r"\{.*?\}", "...", self.sees)


class Range(float):
    """The middle of some numbers, written with the least and the largest of them; few, with the quartiles."""

    least: float
    most: float

    def __new__(cls, numbers: Sequence[float]) -> "Range":
        made = super().__new__(cls, median_low(numbers))
        ordered, cut = sorted(numbers), 0 if len(numbers) >= len(SEEDS) else len(numbers) // 4
        made.least, made.most = ordered[cut], ordered[-1 - cut]
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
    """A measured value as JSON has it: numbers of nine digits, lists, dicts. Raises TypeError for others."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, int):
        return value
    raise TypeError(f"{value!r} is no number, and a claim is decided on numbers")


def values(measured: Measured, claims: Sequence[Claim]) -> Values:
    """Of what a program has measured, the numbers that its claims need."""
    found = vars(measured)
    return {name: plain(found[name]) for name in sorted(set().union(*(c.needs for c in claims))) if name in found}


def runs_of(claim: Claim, runs: Sequence[Values]) -> tuple[Values, ...]:
    """The draws of a claim: one of each run; of a real model one of each thing that was asked, in its one run."""
    needed = [{name: run[name] for name in sorted(claim.needs) if name in run} for run in runs]
    if claim.fact:
        return tuple(needed[:1])
    if claim.asks_real:
        return tuple(dict(zip(needed[0], each, strict=True)) for each in zip(*needed[0].values(), strict=True))
    return tuple(needed)


# --- the table of the claims, and the record of their runs ------------------------------------------------------------


@cache
def all_claims() -> tuple[Claim, ...]:
    """The claims in the lecture's order, with what examples/claims.json has of their runs."""
    return tuple(with_runs(read(tomllib.loads(TABLE.read_text(encoding="utf-8"))), recorded()))


def recorded() -> dict[str, Any]:
    """What examples/claims.json holds: "rows"."""
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {"rows": []}


def read(table: dict[str, dict[str, Any]]) -> Iterator[Claim]:
    """The claims of the table. A row without a section or a program has that of the row before."""
    section = program = ""
    for lecture, row in table.items():
        section, program = row.pop("section", section), row.pop("program", program)
        fact = "fact" in row
        rule = row.pop("fact" if fact else "rule", "")
        name, rule = next(iter(rule.items())) if isinstance(rule, dict) else ("", rule)
        try:
            claim = Claim(section, lecture, **row, program=program, rule=rule, name=name, fact=fact)
            _ = claim.needs  # whether rule and `sees` can be read
        except (SyntaxError, TypeError, ValueError) as error:
            raise ValueError(f"{TABLE.name}, the row {lecture}: {error}") from error
        yield claim


def with_runs(claims: Iterable[Claim], found: dict[str, Any]) -> Iterator[Claim]:
    """The claims with their runs."""
    runs = {row["row"]: row["runs"] for row in found["rows"]}
    for claim in claims:
        known = run_by_run(runs.get(claim.lecture, {}))
        yield replace(claim, runs=tuple(run for run in known if claim.needs <= {*run}))


def record_of(claims: Iterable[Claim]) -> str:
    """What examples/claims.json holds: a line for each row that was measured."""
    rows = [{"row": claim.lecture, "rule": claim.rule, "runs": number_by_number(claim.runs)}
            for claim in claims if claim.runs]  # fmt: skip
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    return "\n".join(['{"rows": [', ",\n".join(lines), "]}\n"])


def number_by_number(runs: Sequence[Any]) -> Any:
    """Runs as a list for each number: [{"a": 1}, {"a": 2}] -> {"a": [1, 2]}."""
    if isinstance(runs[0], dict):
        return {name: number_by_number([run[name] for run in runs]) for name in runs[0]}
    return list(runs)


def run_by_run(numbers: Any) -> list[Any]:
    """The way back: {"a": [1, 2]} -> [{"a": 1}, {"a": 2}]."""
    if isinstance(numbers, dict):
        each = [run_by_run(some) for some in numbers.values()]
        return [dict(zip(numbers, run, strict=True)) for run in zip(*each, strict=True)]
    return list(numbers)


def one_line(text: str) -> str:
    """The text with every run of white space as one space."""
    return " ".join(text.split())


# --- what a program asks ----------------------------------------------------------------------------------------------


def of(name: str) -> Claim:
    """The claim of that name."""
    return next(claim for claim in all_claims() if claim.name == name)


def holds(name: str, measured: Measured) -> bool:
    """Whether what this run measured says what the claim says."""
    claim = of(name)
    return claim.holds(values(measured, [claim]))


def elsewhere(name: str, form: str, measured: Measured) -> str:
    """As "; over 20 runs 0.39 to 0.86", where the claim's number in this run is the least or largest; else ""."""
    claim = of(name)
    side, others = next(iter(claim.sides.items()))
    here = claim.ask(side, values(measured, [claim]))
    if not others or min(others) < here < max(others) or min(others) == max(others):
        return ""
    return f"; over {len(others)} runs {min(others):{form}} to {max(others):{form}}"

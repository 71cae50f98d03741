"""Random programs, run by this library and by PyTorch: the same numbers, or an error that is documented.

    python tests/fuzz/against_torch.py --seed 0 --count 2000

Each line runs in both. A line that one of them refuses is counted, and the program runs again without it. What differs
is made small and printed as a script.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from generator import generate
from program import OURS, Library, Program, Run, array, distance, reason
from shrinker import shrink

torch.set_num_threads(1)

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
EPS = {"float64": 1e-13, "float32": 1e-6}


def _grad(outputs: Any, inputs: Sequence[Any], **options: Any) -> list[Any]:
    found = torch.autograd.grad(outputs, inputs, allow_unused=True, **options)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]


def _in_turn(*functions: Callable[[], Any]) -> None:
    for function in functions:
        function()


_CHECKPOINT = functools.partial(checkpoint, use_reentrant=False, preserve_rng_state=False)
THEIRS = Library(
    torch.Tensor,
    {"lib": torch, "F": torch.nn.functional, "checkpoint": _CHECKPOINT, "grad": _grad, "threads": _in_turn},
)


@dataclass(frozen=True)
class Difference:
    """Where the two disagree. kind: value, gradient, requires_grad or error."""

    seed: int
    program: Program
    kind: str
    what: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return (
            f"seed {self.seed}, {self.kind} of {self.what}:\n  ours    {self.ours}\n  PyTorch {self.theirs}\n\n"
            f"{self.program}\n"
        )


@dataclass
class Tally:
    """What happened to the programs: differences, and how often and why each library refused a line."""

    programs: int = 0
    lines: int = 0
    both: Counter[str] = field(default_factory=Counter)
    ours: Counter[str] = field(default_factory=Counter)
    theirs: Counter[str] = field(default_factory=Counter)
    ill_conditioned: int = 0
    differences: list[Difference] = field(default_factory=list)

    def __str__(self) -> str:
        text = [f"{self.programs:,} programs, {self.lines:,} lines, {len(self.differences)} differences"]
        text += [f"{self.ill_conditioned} programs with a result that rounding changes as much"]
        for title, counts in (
            ("refused by both", self.both),
            ("refused here only", self.ours),
            ("refused by PyTorch only", self.theirs),
        ):
            text.append(f"{title}: {sum(counts.values()):,}")
            text += [f"  {count:6,}  {why}" for why, count in counts.most_common()]
        return "\n".join(text)


def judge(program: Program, seed: int, tally: Tally) -> Difference | None:
    """Run a program in both libraries; return where they differ."""
    while True:
        refused, difference = _run(program, seed, tally)
        if refused is None:
            return difference
        program = program.without(refused)


def _run(program: Program, seed: int, tally: Tally) -> tuple[int | None, Difference | None]:
    """(the position of a line that was refused, None) or (None, the difference, if any)."""
    ours, theirs = Run(OURS), Run(THEIRS)
    last = len(program.lines) - 1
    for position, line in enumerate(program.lines):
        one, other = ours.step(line), theirs.step(line)
        if one is not None or other is not None:
            why = reason(one) if one is not None else ""
            if why is None and other is None:
                error = f"{type(one).__name__}: {one}"
                return None, Difference(seed, program.until(position), "error", line, error, "no error")
            if one is not None and other is not None:
                tally.both[why or str(one)[:80]] += 1
            elif one is not None:
                tally.ours[why or ""] += 1
            else:
                tally.theirs[_first_words(other)] += 1
            return position, None
        everything = position == last or " = " not in line or line[0] in "gw" or "] = " in line or ".grad" in line
        found = _compare(ours, theirs, None if everything else line.partition(" = ")[0])
        if found:
            kind, what = found
            small = program.until(position)
            if kind in ("value", "gradient") and _ill_conditioned(small, what, ours, theirs):
                tally.ill_conditioned += 1
                return None, None
            text = [_text(run.tensors().get(what)) for run in (ours, theirs)]
            return None, Difference(seed, small, kind, f"{what} after {line}", *text)
    return None, None


def _first_words(error: Exception | None) -> str:
    return re.sub(r"[\d\[\]]+", "#", str(error))[:90].partition("\n")[0]


def _text(x: Any) -> str:
    return "None" if x is None else f"{array(x).tolist()}, requires_grad={x.requires_grad}"


def _compare(ours: Run, theirs: Run, only: str | None) -> tuple[str, str] | None:
    """The kind of the first difference and the name of what differs."""
    if only is not None:
        mine, yours = ({n: run.variables[n] for n in only.split(", ")} for run in (ours, theirs))
    else:
        mine, yours = ours.tensors(), theirs.tensors()
    for name, x in mine.items():
        y = yours[name]
        try:
            a, b = array(x), array(y)
        except RuntimeError:  # PyTorch forbids to look at a part of split or unbind whose memory was changed
            continue
        if not distance(a, b) <= TOLERANCE.get(b.dtype.name, 0):
            return ("gradient" if name.endswith(".grad") or name[0] == "g" else "value"), name
        if x.requires_grad != y.requires_grad and not name.endswith(".grad"):
            return "requires_grad", name
    return None


def _ill_conditioned(program: Program, what: str, ours: Run, theirs: Run) -> bool:
    """Whether PyTorch's own result changes as much when the inputs change by a rounding error or so."""
    mine, yours = ours.tensors().get(what), theirs.tensors().get(what)
    if mine is None or yours is None or array(mine).shape != array(yours).shape:
        return False
    error = distance(array(mine), array(yours))
    eps = EPS.get(array(yours).dtype.name, 0)
    moved = Run(THEIRS)
    for line in program.lines:
        if moved.step(line) is not None:
            return False
        if re.match(r"[ac]\d+ = ", line):
            with torch.no_grad():
                moved.variables[line.partition(" ")[0]].mul_(1 + eps)
    z = moved.tensors().get(what)
    return z is not None and distance(array(z), array(yours)) * 100 >= error


def smallest(difference: Difference) -> Difference:
    """The difference, with the smallest program found that shows one of its kind."""
    found = [difference]

    def fails(program: Program) -> bool:
        _, again = _run(program, difference.seed, Tally())
        if again is None or again.kind != difference.kind or "NameError" in again.ours + again.theirs:
            return False
        found.append(again)
        return True

    shrink(difference.program, fails)
    return found[-1]


def run(seeds: Sequence[int], float32: bool = True) -> Tally:
    """Run the programs of some seeds. float32: every fifth program computes in it."""
    tally = Tally()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for seed in seeds:
            program = generate(seed)
            if float32 and seed % 5 == 0:
                program = Program(tuple(line.replace("lib.float64", "lib.float32") for line in program.lines))
            difference = judge(program, seed, tally)
            tally.programs += 1
            tally.lines += len(program.lines)
            if difference:
                tally.differences.append(difference)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description="Run random programs here and in PyTorch.")
    parser.add_argument("--seed", type=int, default=0, help="of the first program")
    parser.add_argument("--count", type=int, default=2000, help="how many programs")
    parser.add_argument("--show", type=int, default=5, help="how many differences to make small and print")
    parser.add_argument("--print", action="store_true", help="print the programs and run none")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.count)
    if options.print:
        for seed in seeds:
            print(generate(seed), end="\n\n")
        return 0
    start = time.monotonic()
    tally = run(seeds)
    for difference in tally.differences[: options.show]:
        print(smallest(difference))
    print(tally)
    print(f"{time.monotonic() - start:.0f} s")
    return 1 if tally.differences else 0


if __name__ == "__main__":
    sys.exit(main())

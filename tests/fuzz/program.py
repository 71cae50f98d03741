"""A program of the fuzzers: lines of Python that tinygrad_lecture and PyTorch understand; a run, and what is found.

The lines use the names `lib`, `F`, `checkpoint`, `grad` and `threads`, which each library defines. A program is text,
so it can be printed, made smaller and run again.
"""

from __future__ import annotations

import functools
import random
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinygrad_lecture as tl

NAME = re.compile(r"\b[a-z]\d+\b")  # of a variable: a0 is a leaf, v3 a result, c1 a constant, g2 a gradient


@dataclass(frozen=True)
class Program:
    """Lines of Python; the first ones make the leaves and constants."""

    lines: tuple[str, ...]

    def without(self, position: int) -> Program:
        """The program without a line, and without those that use what it defines."""
        gone, kept = defined(self.lines[position]), []
        for line in self.lines[position + 1 :]:
            if gone & names(line):
                gone |= defined(line)
            else:
                kept.append(line)
        return Program((*self.lines[:position], *kept))

    def until(self, position: int) -> Program:
        """The program up to a line, which is the last."""
        return Program(self.lines[: position + 1])

    def refused(self, position: int, error: Exception | None) -> Difference:
        """The difference that a line is refused, and nothing documents this."""
        said = f"{type(error).__name__}: {error}"
        return Difference(self.until(position), "error", self.lines[position], said, "no error")

    def __str__(self) -> str:
        """The program as a Python script, for this library; the comments say what to change for PyTorch."""
        return "\n".join([SCRIPT, *self.lines])


SCRIPT = """import tinygrad_lecture as lib  # or: import torch as lib
F = lib  # or: import torch.nn.functional as F
checkpoint = lib.checkpoint  # or torch.utils.checkpoint.checkpoint, with use_reentrant=False
grad = lib.grad  # or lib.autograd.grad; both with allow_unused=True, and zeros for None
from program import threads  # each function in a thread of its own; one after the other in PyTorch
"""


def names(line: str) -> set[str]:
    """The variables in a line."""
    return set(NAME.findall(line))


def defined(line: str) -> set[str]:
    """The variables that a line makes."""
    made = re.match(r"(?:with lib\.no_grad\(\): )?((?:[a-z]\d+, )*[a-z]\d+),? = ", line)
    return set(NAME.findall(made[1])) if made else set()


@functools.cache
def code(line: str) -> CodeType:
    """A line, compiled."""
    return compile(line, line, "exec")


class Run:
    """One run of a program: its variables, and those whose gradient is kept.

    library: what the lines mean by `lib`, `F`, `checkpoint`, `grad` and `threads`.
    """

    def __init__(self, library: Mapping[str, Any]) -> None:
        self.variables: dict[str, Any] = dict(library)
        self.keeps_grad: set[str] = set()

    def step(self, line: str) -> Exception | None:
        """Run a line; return the error that it raised."""
        try:
            exec(code(line), self.variables)
        except Exception as error:
            return error.with_traceback(None)
        if kept := re.match(r"(a\d+) = |(\w+)\.(?:retain_grad|requires_grad_)\(\)", line):
            self.keeps_grad.add(kept[1] or kept[2])
        return None

    def tensors(self) -> dict[str, Any]:
        """The tensors by name, and the gradient of each that keeps one, zeros in place of None."""
        lib = self.variables["lib"]
        found = {name: value for name, value in self.variables.items() if isinstance(value, lib.Tensor)}
        for name in self.keeps_grad & found.keys():
            x = found[name]
            found[f"{name}.grad"] = lib.zeros_like(x) if x.grad is None else x.grad
        return found


def threads(*functions: Callable[[], Any]) -> list[Any]:
    """What functions return, each run in a thread of its own, all at once. Raises the first of their errors."""
    start = threading.Barrier(len(functions))

    def run(function: Callable[[], Any]) -> Any:
        start.wait()
        sys.settrace(_let_others_run)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [*pool.map(run, functions)]


def _let_others_run(frame: Any, event: str, argument: Any) -> Any:
    """A trace function after which the thread may wait at each line, so that mistakes in locking show."""
    if random.random() < 0.1:
        time.sleep(0)
    return _let_others_run


def _grad(outputs: Any, inputs: Sequence[Any], **options: Any) -> list[Any]:
    found = tl.grad(outputs, inputs, allow_unused=True, **options)
    return [tl.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]


OURS: dict[str, Any] = {"lib": tl, "F": tl, "checkpoint": tl.checkpoint, "grad": _grad, "threads": threads}


# --- the refusals that the engine documents ------------------------------------------------------------------

DOCUMENTED = {
    r"would change a leaf that requires grad in place": "in-place change of a leaf",
    r"cannot be recorded here: x shares its memory": "recorded in-place change of what was detached",
    r"^detach_: this tensor shares its memory": "detach_ of what shares its memory",
    r"a view that shares x's memory has a hook": "recorded in-place change of what a view with a hook sees",
    r"saved for backward was changed in place": "a saved value was changed",
    r"backward has been through this graph already": "second backward through a freed graph",
    r"does not require grad": "nothing requires grad",
    r"result of a recorded op always requires grad": "requires_grad_(False) of a result",
    r"^view: a tensor .* has no view of shape": "view of what is not in rows",
    r"^checkpoint: a tensor .* changed in place": "a checkpoint's input was changed",
    r"^checkpoint: in backward": "a checkpoint's function that computes something else",
}


def reason(error: Exception) -> str | None:
    """Which documented refusal an error is; None if it is none."""
    if not isinstance(error, (RuntimeError, ValueError, TypeError)):
        return None
    return next((why for pattern, why in DOCUMENTED.items() if re.search(pattern, str(error))), None)


def array(x: Any) -> NDArray[Any]:
    """The elements of a tensor of either library."""
    return np.asarray(x.detach().numpy())


def distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The largest difference of two arrays, compared with their largest element; inf where one alone is not finite."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return float("inf")
    error = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.abs(a - b))
    largest = np.abs(b[np.isfinite(b)]).max(initial=1.0)
    return float(np.nan_to_num(error, nan=np.inf, posinf=np.inf).max(initial=0) / largest)


# --- what a fuzzer finds --------------------------------------------------------------------------------------


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
    """Counts over many programs: of these and their lines, of those refused, by whom and why, of what was left out."""

    counts: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def __str__(self) -> str:
        counts = {"differences": len(self.differences), **self.counts}
        return "\n".join(f"{count:9,} {what}" for what, count in sorted(counts.items()))


# Runs a program once. Returns the position of a line that was refused, or a difference, or None.
Judge = Callable[[Program, Tally], "int | Difference | None"]


def run(judge: Judge, generate: Callable[[int], Program], seeds: Iterable[int]) -> Tally:
    """Judge the program of each seed. A program with a line that is refused is judged again without it."""
    tally = Tally()
    with np.errstate(all="ignore"):
        for seed in seeds:
            program = generate(seed)
            tally.counts += Counter(programs=1, lines=len(program.lines))
            while isinstance(found := judge(program, tally), int):
                program = program.without(found)
            if found:
                tally.differences.append(replace(found, seed=seed))
    return tally


# --- a failing program made small: without the lines that it does not need ---------------------------------------


def smallest(difference: Difference, judge: Judge) -> Difference:
    """The difference in the smallest program found that shows one of its kind."""

    def again(program: Program) -> Difference | None:
        found = judge(program, Tally())
        if not isinstance(found, Difference) or found.kind != difference.kind:
            return None
        return found if found.kind != "error" or found.ours[:40] == difference.ours[:40] else None

    with np.errstate(all="ignore"):
        while smaller := next(filter(None, map(again, candidates(difference.program))), None):
            difference = replace(smaller, seed=difference.seed)
    return difference


def candidates(program: Program) -> Iterator[Program]:
    """Programs without a line, and without those that use it, or with an earlier variable in its place."""
    for position, line in reversed([*enumerate(program.lines)]):
        yield program.without(position)
        before, after = program.lines[:position], program.lines[position + 1 :]
        yield Program((*before, *after))
        for name in defined(line):
            for other in sorted(names(line) - {name}):
                yield Program((*before, *(re.sub(rf"\b{name}\b", other, later) for later in after)))

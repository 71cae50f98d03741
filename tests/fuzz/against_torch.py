"""Random programs, run here and by PyTorch: the same numbers, or an error that the engine documents.

    python tests/fuzz/against_torch.py --seed 0 --count 2000

Each line runs in both. A line that one of them refuses is counted, and the program runs again without it. After each
line, what it made is compared; after a change or a backward, all values and gradients are.
"""

from __future__ import annotations

import functools
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

import generator
from program import OURS, Library, Program, Run, array, defined, distance, reason
from report import Difference, Tally, main

torch.set_num_threads(1)

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
ROUNDING = {"float64": 1e-13, "float32": 1e-6}


def _grad(outputs: Any, inputs: Sequence[Any], **options: Any) -> list[Any]:
    found = torch.autograd.grad(outputs, inputs, allow_unused=True, **options)
    # copies: ours have memory of their own, those of PyTorch may share it
    return [torch.zeros_like(x) if g is None else g.clone() for x, g in zip(inputs, found, strict=True)]


def _in_turn(*functions: Callable[[], Any]) -> list[Any]:
    return [function() for function in functions]


CHECKPOINT = functools.partial(checkpoint, use_reentrant=False, preserve_rng_state=False)
THEIRS = Library(
    torch.Tensor, {"lib": torch, "F": torch.nn.functional, "checkpoint": CHECKPOINT, "grad": _grad, "threads": _in_turn}
)


def judge(program: Program, tally: Tally) -> int | Difference | None:
    """Run a program in both libraries: the position of a line that was refused, or where they differ."""
    ours, theirs = Run(OURS), Run(THEIRS)
    for position, line in enumerate(program.lines):
        mine, yours = ours.step(line), theirs.step(line)
        if mine is not None or yours is not None:
            why = None if mine is None else reason(mine)
            if why is None and yours is None:
                return Difference(program.until(position), "error", line, f"{type(mine).__name__}: {mine}", "no error")
            who = (
                "both"
                if mine is not None and yours is not None
                else "us alone"
                if mine is not None
                else "PyTorch alone"
            )
            tally.refused[who, why or _kind_of(str(mine or yours))] += 1
            return position
        made = defined(line)
        quiet = made and "grad" not in line and "backward" not in line and position < len(program.lines) - 1
        if found := _compare(ours, theirs, made if quiet else None):
            kind, name = found
            program = program.until(position)
            if kind != "requires_grad" and _ill_conditioned(program, name, ours, theirs):
                tally.left_out["programs with a result that rounding changes as much"] += 1
                return None
            texts = [_text(run.tensors()[name]) for run in (ours, theirs)]
            return Difference(program, kind, f"{name} after {line}", *texts)
    return None


def _kind_of(message: str) -> str:
    """PyTorch's error message without numbers and names, and cut, so that one reason is counted once."""
    return re.sub(r"Output \d+ of \w+|[\d\[\]]+", "#", message)[:80].partition("\n")[0]


def _compare(ours: Run, theirs: Run, only: Iterable[str] | None) -> tuple[str, str] | None:
    """The kind of a difference and the name of what differs; None if there is none.

    requires_grad is compared until the program asks for a gradient: whether one that is constant requires grad depends
    on how a rule is written.
    """
    constants = any(re.fullmatch(r"g\d+", name) for name in ours.variables)
    if only is not None:
        mine, yours = ({name: run.variables[name] for name in only} for run in (ours, theirs))
    else:
        mine, yours = ours.tensors(), theirs.tensors()
    for name, x in mine.items():
        y = yours[name]
        try:
            a, b = array(x), array(y)
        except RuntimeError:  # PyTorch lets nobody look at a part of split or unbind whose memory was changed
            continue
        if not distance(a, b) <= TOLERANCE.get(b.dtype.name, 0):
            return "gradient" if name[0] == "g" or name.endswith(".grad") else "value", name
        if x.requires_grad != y.requires_grad and not constants and not name.endswith(".grad"):
            return "requires_grad", name
    return None


def _text(x: Any) -> str:
    return f"{array(x).tolist()}, requires_grad={x.requires_grad}"


def _ill_conditioned(program: Program, name: str, ours: Run, theirs: Run) -> bool:
    """Whether PyTorch's own result changes as much when the inputs change by a rounding error."""
    mine, yours = (array(run.tensors()[name]) for run in (ours, theirs))
    if mine.shape != yours.shape:
        return False
    moved = Run(THEIRS)
    for line in program.lines:
        if moved.step(line) is not None:
            return False
        if re.match(r"[ac]\d+ = ", line):
            with torch.no_grad():
                moved.variables[line.partition(" ")[0]].mul_(1 + ROUNDING.get(yours.dtype.name, 0))
    return 100 * distance(array(moved.tensors()[name]), yours) >= distance(mine, yours)


def generate(seed: int) -> Program:
    """The program of a seed; every fifth one computes in float32."""
    program = generator.generate(seed)
    if seed % 5:
        return program
    return Program(tuple(line.replace("lib.float64", "lib.float32") for line in program.lines))


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of PyTorch, about what programs rarely do
    sys.exit(main(judge, generate, "Run random programs here and in PyTorch."))

"""Random programs against finite differences, and against PyTorch.

    python tests/fuzz/judges.py --seed 0 --count 300            # against finite differences
    python tests/fuzz/judges.py --torch --count 2000            # run by PyTorch too

Against differences: without recording, in-place changes write to memory, as in NumPy, so views see them. Every fourth
program has second derivatives checked too. Against PyTorch each line runs in both: the same numbers, or an error that
the engine documents. A line that is refused is counted, and the program runs again without it.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

import generator
import tinygrad_lecture as tl
from program import OURS, Difference, Program, Run, Tally, array, defined, distance, reason, run, smallest

with suppress(ImportError):
    import torch
    import torch.utils.checkpoint

# --- finite differences -----------------------------------------------------------------------------------------

Arrays = dict[str, NDArray[Any]]  # the values of the leaves by name

STEP = 1e-4
PRECISION = 1e-6


def against_differences(program: Program, tally: Tally) -> int | Difference | None:
    """Run a program: the position of a line that was refused, or where it is wrong."""
    run = Run(OURS)
    for position, line in enumerate(program.lines):
        if (error := run.step(line)) is not None:
            why = reason(error)
            if why is None:
                return program.refused(position, error)
            tally.counts[f"refused by the engine: {why}"] += 1
            return position
    leaves = {name: run.variables[name] for name in run.keeps_grad}
    values = {name: array(x).copy() for name, x in leaves.items()}
    try:
        plain = _computed(program, values)
    except (RuntimeError, ValueError) as error:
        return Difference(program, "error", "without recording", str(error), "no error")
    for name, x in run.tensors().items():
        y = plain.variables.get(name)
        if y is not None and not distance(array(x), array(y)) <= 1e-12:
            return Difference(program, "value", name, str(array(x).tolist()), str(array(y).tolist()))
    loss = run.variables.get("v0")
    if loss is None or not loss.requires_grad:
        return None
    second = len(program.lines) % 4 == 0
    try:
        grads = OURS["grad"](loss, leaves.values(), create_graph=second)
    except RuntimeError as error:
        tally.counts[f"refused by the engine: {reason(error) or error}"] += 1
        return None

    def value(at: Arrays) -> float:
        return float(_computed(program, at).variables["v0"])

    for name, g in zip(leaves, grads, strict=True):
        if wrong := _wrong(array(g), value, values, name, tally):
            return Difference(program, "gradient", f"of {name}", *wrong)
    weights = {name: np.cos(np.arange(x.size) + 1.0).reshape(x.shape) for name, x in values.items()}

    def slope(at: Arrays) -> float:
        moved = _computed(program, at, recorded=True)
        found = OURS["grad"](moved.variables["v0"], [moved.variables[name] for name in leaves])
        return float(sum((array(g) * weights[name]).sum() for name, g in zip(leaves, found, strict=True)))

    along = sum(((g * tl.tensor(weights[name])).sum() for name, g in zip(leaves, grads, strict=True)), tl.zeros(()))
    if not (second and along.requires_grad):
        return None
    for name, g in zip(leaves, OURS["grad"](along, leaves.values()), strict=True):
        if wrong := _wrong(array(g), slope, values, name, tally):
            return Difference(program, "gradient", f"of the gradient, by {name}", *wrong)
    return None


def _computed(program: Program, values: Arrays, recorded: bool = False) -> Run:
    """A run of the program with other leaves, which are constants unless it is recorded. Raises what a line raises."""
    run = Run(OURS)
    with tl.set_grad_enabled(recorded):
        for line in program.lines:
            if (error := run.step(line)) is not None:
                raise error
            if leaf := re.match(r"a\d+(?= = )", line):
                run.variables[leaf[0]] = tl.tensor(values[leaf[0]], dtype=tl.float64, requires_grad=recorded)
    return run


def _wrong(
    got: NDArray[Any], function: Callable[[Arrays], float], values: Arrays, name: str, tally: Tally
) -> tuple[str, str] | None:
    """The first element of a gradient that differences contradict, and what they give; None if there is none."""
    for element in np.ndindex(got.shape):

        def at(step: float, element: tuple[int, ...] = element) -> float:
            moved = values[name].copy()
            moved[element] += step
            return function({**values, name: moved})

        wide, near = (at(STEP) - at(-STEP)) / (2 * STEP), (at(STEP / 2) - at(-STEP / 2)) / STEP
        expected = (4 * near - wide) / 3  # Richardson's extrapolation
        allowed = PRECISION * max(1.0, abs(expected)) + abs(near - wide)
        if not abs(got[element] - expected) <= allowed:
            here, h = at(0.0), 1e-6
            if abs(at(h) - 2 * here + at(-h)) / h > 1e-3 * max(1.0, abs(expected)):
                tally.counts["elements at a kink"] += 1
                continue
            return f"{got[element]:.10g} in element {element}", f"{expected:.10g} by finite differences"
    return None


# --- PyTorch --------------------------------------------------------------------------------------------------

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
ROUNDING = {"float64": 1e-13, "float32": 1e-6}


def _their_grad(outputs: Any, inputs: Sequence[Any], **options: Any) -> list[Any]:
    found = torch.autograd.grad(outputs, inputs, allow_unused=True, **options)
    # copies: ours have memory of their own, those of PyTorch may share it
    return [torch.zeros_like(x) if g is None else g.clone() for x, g in zip(inputs, found, strict=True)]


@functools.cache
def theirs() -> dict[str, Any]:
    """PyTorch's meaning of the lines."""
    torch.set_num_threads(1)
    in_turn = lambda *functions: [function() for function in functions]  # noqa: E731
    once = functools.partial(torch.utils.checkpoint.checkpoint, use_reentrant=False, preserve_rng_state=False)
    return {"lib": torch, "F": torch.nn.functional, "checkpoint": once, "grad": _their_grad, "threads": in_turn}


def against_torch(program: Program, tally: Tally) -> int | Difference | None:
    """Run a program in both libraries: the position of a line that was refused, or where they differ."""
    ours, other = Run(OURS), Run(theirs())
    for position, line in enumerate(program.lines):
        mine, yours = ours.step(line), other.step(line)
        if mine is not None or yours is not None:
            why = None if mine is None else reason(mine)
            if why is None and yours is None:
                return program.refused(position, mine)
            who = "both" if mine and yours else "us alone" if mine else "PyTorch alone"
            tally.counts[f"refused by {who}: {why or _kind_of(str(mine or yours))}"] += 1
            return position
        quiet = defined(line) and "grad" not in line and "backward" not in line and position < len(program.lines) - 1
        if found := _compare(ours, other, defined(line) if quiet else None):
            kind, name = found
            program = program.until(position)
            if kind != "requires_grad" and _ill_conditioned(program, name, ours, other):
                tally.counts["programs with a result that rounding changes as much"] += 1
                return None
            x, y = (run.tensors()[name] for run in (ours, other))
            return Difference(program, kind, f"{name} after {line}", _text(x), _text(y))
    return None


def _kind_of(message: str) -> str:
    """PyTorch's error message without numbers and names, and cut, so that one reason is counted once."""
    return re.sub(r"Output \d+ of \w+|[\d\[\]]+", "#", message)[:80].partition("\n")[0]


def _compare(ours: Run, other: Run, only: Iterable[str] | None) -> tuple[str, str] | None:
    """The kind of a difference and the name of what differs; None if there is none.

    requires_grad is compared until the program asks for a gradient: whether one that is constant requires grad depends
    on how a rule is written.
    """
    constants = any(re.fullmatch(r"g\d+", name) for name in ours.variables)
    mine, yours = (run.variables if only else run.tensors() for run in (ours, other))
    for name in only or mine:
        x, y = mine[name], yours[name]
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


def _ill_conditioned(program: Program, name: str, ours: Run, other: Run) -> bool:
    """Whether PyTorch's own result changes as much when the inputs change by a rounding error."""
    mine, yours = (array(run.tensors()[name]) for run in (ours, other))
    if mine.shape != yours.shape:
        return False
    moved = Run(theirs())
    for line in program.lines:
        if moved.step(line) is not None:
            return False
        if re.match(r"[ac]\d+ = ", line):
            with torch.no_grad():
                moved.variables[line.partition(" ")[0]].mul_(1 + ROUNDING.get(yours.dtype.name, 0))
    return 100 * distance(array(moved.tensors()[name]), yours) >= distance(mine, yours)


# --- the programs, and the command line -----------------------------------------------------------------------------


for_differences = functools.partial(generator.generate, first_order=True, longest=16)


def for_torch(seed: int) -> Program:
    """The program of a seed; every fifth one computes in float32."""
    program = generator.generate(seed)
    if seed % 5:
        return program
    return Program(tuple(line.replace("lib.float64", "lib.float32") for line in program.lines))


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Hold random programs against finite differences, or PyTorch.")
    parser.add_argument("--torch", action="store_true", help="run them by PyTorch too")
    parser.add_argument("--seed", type=int, default=0, help="of the first program (default: %(default)s)")
    parser.add_argument("--count", type=int, default=300, help="how many programs (default: %(default)s)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of PyTorch, about what programs rarely do
    judge, generate = (against_torch, for_torch) if options.torch else (against_differences, for_differences)
    tally = run(judge, generate, range(options.seed, options.seed + options.count))
    for difference in tally.differences[:3]:
        print(smallest(difference, judge), end="\n\n")
    print(tally)
    return 1 if tally.differences else 0


if __name__ == "__main__":
    sys.exit(main())

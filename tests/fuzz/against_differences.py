"""Random programs, recorded, against the same programs computed without recording, and against finite differences.

    python tests/fuzz/against_differences.py --seed 0 --count 300

Needs no PyTorch. Without recording, in-place changes write to memory, as in NumPy, so views see them. Every fourth
program has second derivatives checked too.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import generator
import tinygrad_lecture as tl
from program import OURS, Program, Run, array, distance, reason
from report import Difference, Tally, main

Arrays = dict[str, NDArray[Any]]  # the values of the leaves by name

STEP = 1e-4
TOLERANCE = 1e-6


def judge(program: Program, tally: Tally) -> int | Difference | None:
    """Run a program: the position of a line that was refused, or where it is wrong."""
    run = Run(OURS)
    for position, line in enumerate(program.lines):
        if (error := run.step(line)) is not None:
            why = reason(error)
            if why is None:
                return Difference(
                    program.until(position), "error", line, f"{type(error).__name__}: {error}", "no error"
                )
            tally.refused["the engine", why] += 1
            return position
    leaves = {name: run.variables[name] for name in run.keeps_grad}
    values = {name: array(x).copy() for name, x in leaves.items()}
    try:
        plain = _computed(program, values)
    except (RuntimeError, ValueError) as error:
        return Difference(program, "error", "without recording", str(error), "no error")
    for name, x in run.tensors().items():
        if not name.endswith(".grad") and not distance(array(x), array(plain.variables[name])) <= 1e-12:
            return Difference(
                program, "value", name, str(array(x).tolist()), str(array(plain.variables[name]).tolist())
            )

    loss = run.variables.get("v0")
    if loss is None or not loss.requires_grad:
        return None
    second = len(program.lines) % 4 == 0
    try:
        grads = OURS.namespace["grad"](loss, leaves.values(), create_graph=second)
    except RuntimeError as error:
        tally.refused["the engine", reason(error) or str(error)] += 1
        return None

    def value(at: Arrays) -> float:
        return float(_computed(program, at).variables["v0"])

    for name, g in zip(leaves, grads, strict=True):
        if wrong := _wrong(array(g), value, values, name, tally):
            return Difference(program, "gradient", f"of {name}", *wrong)
    if not second:
        return None

    weights = {name: np.cos(np.arange(x.size) + 1.0).reshape(x.shape) for name, x in values.items()}

    def slope(at: Arrays) -> float:
        moved = _computed(program, at, recorded=True)
        found = OURS.namespace["grad"](moved.variables["v0"], [moved.variables[name] for name in leaves])
        return float(sum((array(g) * weights[name]).sum() for name, g in zip(leaves, found, strict=True)))

    along = sum(((g * tl.tensor(weights[name])).sum() for name, g in zip(leaves, grads, strict=True)), tl.zeros(()))
    if not along.requires_grad:
        return None
    for name, g in zip(leaves, OURS.namespace["grad"](along, leaves.values()), strict=True):
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
        allowed = TOLERANCE * max(1.0, abs(expected)) + abs(near - wide)
        if not abs(got[element] - expected) <= allowed:
            here, h = at(0.0), 1e-6
            if abs(at(h) - 2 * here + at(-h)) / h > 1e-3 * max(1.0, abs(expected)):
                tally.left_out["elements at a kink"] += 1
                continue
            return f"{got[element]:.10g} in element {element}", f"{expected:.10g} by finite differences"
    return None


def generate(seed: int) -> Program:
    """The program of a seed."""
    return generator.generate(seed, first_order=True, longest=16)


if __name__ == "__main__":
    sys.exit(main(judge, generate, "Hold random programs against finite differences."))

"""Small computations as text and as graphs of a learner's Values, and their right gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tinygrad_lecture.testing import numbers

NAMES = "abcdefghijkl"


@dataclass(frozen=True)
class Program:
    """Inputs, then steps: an operation and the positions of its two operands."""

    inputs: tuple[float, ...]
    steps: tuple[tuple[str, int, int], ...]

    @property
    def lines(self) -> list[str]:
        """The program as Python."""
        lines = [f"{NAMES[k]} = Value({x:g})" for k, x in enumerate(self.inputs)]
        for k, (op, i, j) in enumerate(self.steps, start=len(self.inputs)):
            lines.append(f"{NAMES[k]} = {NAMES[i]} {op} {NAMES[j]}")
        return lines

    @property
    def last(self) -> str:
        return NAMES[len(self.inputs) + len(self.steps) - 1]

    def build(self, make: Any) -> list[Any]:
        """All nodes, made with the class `make`."""
        nodes = [make(x) for x in self.inputs]
        for op, i, j in self.steps:
            nodes.append(nodes[i] + nodes[j] if op == "+" else nodes[i] * nodes[j])
        return nodes

    def gradients(self, start: float = 0.0) -> list[float]:
        """The derivative of the last value with respect to each. start: what gradients wrongly begin with."""
        values = list(self.inputs)
        for op, i, j in self.steps:
            values.append(values[i] + values[j] if op == "+" else values[i] * values[j])
        grads = [start] * len(values)
        grads[-1] = 1.0
        for k in range(len(self.steps) - 1, -1, -1):
            op, i, j = self.steps[k]
            g = grads[k + len(self.inputs)]
            grads[i] += g if op == "+" else g * values[j]
            grads[j] += g if op == "+" else g * values[i]
        return grads

    def uses(self, k: int) -> int:
        """How often a value is used as an operand."""
        return sum((i == k) + (j == k) for _, i, j in self.steps)


@st.composite
def programs(draw: st.DrawFn, most: int = 5, least: int = 1) -> Program:
    """Programs of a few steps; values are used several times, or not at all."""
    inputs = tuple(draw(st.lists(numbers(zero=False), min_size=1, max_size=3)))
    steps: list[tuple[str, int, int]] = []
    for _ in range(draw(st.integers(least, most))):
        high = len(inputs) + len(steps) - 1
        steps.append((draw(st.sampled_from("+*")), draw(st.integers(0, high)), draw(st.integers(0, high))))
    return Program(inputs, tuple(steps))


class Node:
    """A Value that works, for exercises whose own Value is not the question.

    seeded: whether its gradient has ever been another number than 0.
    """

    seeded = False

    def __init__(self, data: float, parents: Sequence[Any] = (), locals_: Sequence[float] = ()) -> None:
        self.data, self.parents, self.locals, self.grad = data, tuple(parents), tuple(locals_), 0.0

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "grad" and value:
            self.seeded = True

    def __add__(self, other: Any) -> Node:
        return Node(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> Node:
        return Node(self.data * other.data, (self, other), (other.data, self.data))

"""Observers that note which ops were called and what their backward rules returned."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd.core import Record
from ..autograd.op import Op
from ..backend import FLOAT64, Array, Shape, is_array, to_host


@dataclass
class Call:
    """One recorded call of an op. nodes: one per input, None for a constant."""

    op: Op[Any]
    arrays: list[Any]
    settings: dict[str, Any]
    out: Array
    nodes: list[Any]

    def named_arrays(self) -> dict[str, Array]:
        """The float arrays that a backward rule may ask for by name: the inputs and `out`."""
        named = {**dict(zip(self.op.inputs, self.arrays, strict=False)), "out": self.out}
        return {name: array for name, array in named.items() if is_array(array) and array.dtype.kind == "f"}

    @property
    def all_settings(self) -> dict[str, Any]:
        """The settings of the call, and the defaults of the others."""
        return {**(getattr(self.op.forward, "__kwdefaults__", None) or {}), **self.settings}

    def rule(self, position: int) -> tuple[Callable[..., Any], dict[str, Any]] | None:
        """The backward rule of one input, and its arguments by name, without the upstream gradient; or None."""
        rule = self.op.rules[position]
        if rule is None:
            return None
        names = list(inspect.signature(rule).parameters)[1:]
        saver = self.op.saver
        values = () if saver is None else saver(self.arrays, self.out, self.settings, self.nodes)[position]
        return rule, dict(zip(names, values, strict=True))


class RuleWatch:
    """An observer that lists the backward steps: a record, its upstream gradient, and what its rules returned.

    It sees them before the engine examines them, so after a refusal the last ones are those that were refused.
    """

    def __init__(self) -> None:
        self.steps: list[tuple[Record, Any, Sequence[Any]]] = []

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None: ...

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        self.steps.append((record, upstream, gradients))


class CallWatch(RuleWatch):
    """It also lists every recorded call, and notes what is odd about the backward rules.

    narrow: the name of an op whose rule returned another dtype for a float64 input, and that dtype; else None.
    changed: an op whose rule wrote to an array that it was given, which one ("output out"), and its shape; else None.
    stretched: an op, not one of the engine's, whose rule left the sum over broadcast axes to the engine; the input's
    name, its shape, and the shape returned; else None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.narrow: tuple[str, str] | None = None
        self.changed: tuple[str, str, Shape] | None = None
        self.stretched: tuple[str, str, Shape, Shape] | None = None
        self._before: dict[Record, list[tuple[str, Array, Array]]] = {}  # for each array its name, itself and a copy

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        if record is not None:
            self.calls.append(Call(op, list(arrays), settings, out, list(record.nodes)))
            named = [(f"input {_name_of(op, i)}", array) for i, array in enumerate(arrays)] + [("output out", out)]
            self._before[record] = [(name, a, to_host(a).copy()) for name, a in named if is_array(a)]

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        super().saw_backward(record, upstream, gradients)
        op = record.op
        for name, array, before in self._before.get(record, ()):
            if self.changed is None and not np.array_equal(to_host(array), before, equal_nan=before.dtype.kind in "fc"):
                self.changed = (op.name, name, before.shape)
        for position, (node, gradient) in enumerate(zip(record.nodes, gradients, strict=True)):
            if node is None or gradient is None:
                continue
            dtype, shape = getattr(gradient, "dtype", None), getattr(gradient, "shape", ())
            if dtype is not None and node.dtype == FLOAT64 and dtype != FLOAT64:
                self.narrow = self.narrow or (op.name, str(dtype))
            if shape != node.shape and not str(op.__module__).startswith("tinygrad_lecture."):
                self.stretched = self.stretched or (op.name, _name_of(op, position), node.shape, shape)


def _name_of(op: Any, position: int) -> str:
    """The name that an op has for one of its inputs."""
    return f"{op.variadic}[{position}]" if op.variadic else str(op.inputs[position])

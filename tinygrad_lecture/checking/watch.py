"""Observers that note which ops were called and what their backward rules returned."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..autograd.op import Op
from ..autograd.tape import Record
from ..backend import FLOAT64, Array, is_array


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

    def rule(self, position: int) -> tuple[Callable[..., Any], dict[str, Any]] | None:
        """The backward rule of one input, and its arguments by name, without the upstream gradient; or None."""
        rule = self.op.rules[position]
        if rule is None:
            return None
        names = list(inspect.signature(rule).parameters)[1:]
        saver = self.op.saver
        values = () if saver is None else saver(self.arrays, self.out, self.settings, self.nodes)[position]
        return rule, dict(zip(names, values, strict=True))


class CallWatch:
    """An observer that lists every recorded call, and notes the first rule that lowers the precision.

    narrow: the name of an op whose rule returned another dtype for a float64 input, and that dtype; else None.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.narrow: tuple[str, str] | None = None

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        if record is not None:
            self.calls.append(Call(op, list(arrays), settings, out, list(record.nodes)))

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        for node, gradient in zip(record.nodes, gradients, strict=True):
            dtype = getattr(gradient, "dtype", None)
            if node is not None and dtype is not None and node.dtype == FLOAT64 and dtype != FLOAT64:
                self.narrow = self.narrow or (record.op.name, str(dtype))


class RuleWatch:
    """An observer that keeps the latest record whose rules ran, and the gradients they returned.

    It sees them before the engine examines them, so after a refusal they are the ones that were refused.
    """

    def __init__(self) -> None:
        self.last: tuple[Record, Sequence[Any]] | None = None

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None: ...

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None:
        self.last = record, gradients

"""A wrong gradient and all that is known about it: what the hints look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd.op import Op
from ..backend import Array, Shape, is_array, to_host


@dataclass
class Call:
    """One recorded call of an op."""

    op: Op[Any]
    arrays: list[Any]
    settings: dict[str, Any]
    out: Array
    nodes: list[Any]


@dataclass
class Case:
    """A wrong gradient and what is known about it. Arrays without a remark have the input's shape."""

    got: Array
    expected: Array
    wrong: Array  # bool
    kinks: Array  # bool
    x: Array
    upstream: Array  # (m,), of all outputs together
    jacobian: Array | None  # (m, n), None where too large
    out: Array | None  # the output, if there is just one
    others: dict[str, Array] = field(default_factory=dict)  # what is expected for the other inputs, by their names
    call: Call | None = None  # the op, if what was checked is one call of an op
    position: int = 0  # and which of its inputs x is

    def fits(self, candidate: Array) -> bool:
        """Whether a mistake that gives `candidate` explains what was got, everywhere but at kinks."""
        if candidate.shape != self.got.shape:
            return False
        return same(self.got, candidate, ~self.kinks) and not same(candidate, self.expected, ~self.kinks)

    def pulled(self, upstream: Array) -> Array | None:
        """What another upstream gradient, of m elements, should have given."""
        return None if self.jacobian is None else (upstream @ self.jacobian).reshape(self.x.shape)

    def reached(self) -> Array | None:
        """For each element of x which one of all output elements it reaches; None if one reaches more.

        One that reaches none, as where the derivative is 0, counts as reaching the one in its own place.
        """
        if self.jacobian is None:
            return None
        reaches = self.jacobian != 0
        places = reaches.argmax(axis=0)
        if not reaches.any(axis=0).all():
            if self.out is None or self.out.shape != self.x.shape:
                return None
            places = np.where(reaches.any(axis=0), places, np.arange(self.x.size))
        return places.reshape(self.x.shape) if (reaches.sum(axis=0) <= 1).all() else None

    def known(self) -> Iterator[tuple[str, Array]]:
        """The input, the output and the op's other inputs, where their shapes broadcast to the input's."""
        arrays: dict[str, Any] = {"the input": self.x, "the output": self.out}
        if self.call is not None:
            operands = dict(zip(self.call.op.inputs, self.call.arrays, strict=False))
            arrays = {name: a for name, a in operands.items() if is_array(a) and a.dtype.kind == "f"} | {
                "out": self.out
            }
        for name, array in arrays.items():
            try:
                yield name, np.broadcast_to(to_host(array), self.x.shape)
            except (ValueError, AttributeError):
                continue

    @property
    def own_name(self) -> str:
        """What the rule calls the input that the gradient is of."""
        return "x" if self.call is None or self.call.op.variadic else self.call.op.inputs[self.position]

    def quotient(self) -> Array | None:
        """The upstream gradient times output over input, where each element of the input reaches one of the output."""
        reached = self.reached()
        if reached is None or self.out is None or not self.x.all():
            return None
        return self.upstream[reached] * self.out.ravel()[reached] / self.x


def same(a: Array, b: Array, where: Array | None = None) -> bool:
    """Equal to five digits, and a small absolute error beside the largest element."""
    a, b = (a, b) if where is None else (a[where], b[where])
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    scale = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0))
    return bool(np.all(np.abs(a - b) <= 1e-5 * np.minimum(np.abs(a), np.abs(b)) + 1e-7 * scale))


def weight(target: Array, term: Array, where: Array) -> float:
    """The number that, times a term, comes closest to a target."""
    target, term = target[where], term[where]
    power = float(term @ term)
    return float(target @ term) / power if power else 0.0


def summed(array: Array, shape: Shape) -> Array:
    """Broadcasting undone, as the tape does it."""
    array = array.sum(axis=tuple(range(array.ndim - len(shape))))
    return array.sum(axis=tuple(a for a, n in enumerate(shape) if n == 1), keepdims=True)

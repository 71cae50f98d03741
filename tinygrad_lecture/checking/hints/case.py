"""`Case`: a wrong gradient and the facts that hints look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...backend import Array, Shape, to_host
from ..watch import Call


@dataclass
class Case:
    """A wrong gradient with the facts about it.

    Arrays have the shape of the input unless a comment says otherwise. n is the number of elements of the input, m
    that of all outputs together.
    """

    got: Array
    expected: Array
    wrong: Array  # bool
    kinks: Array  # bool
    x: Array
    upstream: Array  # (m,)
    jacobian: Array | None  # (m, n), None if too large
    out: Array | None  # the output, if there is only one
    others: dict[str, Array] = field(default_factory=dict)  # the expected gradients of the other inputs, by name
    call: Call | None = None  # the op call, if the function is a single one
    position: int = 0  # which input of that op x is

    def fits(self, candidate: Array) -> bool:
        """Whether a mistake that would give `candidate` explains what was got, everywhere except at kinks."""
        if candidate.shape != self.got.shape:
            return False
        return same(self.got, candidate, ~self.kinks) and not same(candidate, self.expected, ~self.kinks)

    def vjp(self, upstream: Array) -> Array | None:
        """The expected gradient for another upstream gradient, (m,)."""
        return None if self.jacobian is None else (upstream @ self.jacobian).reshape(self.x.shape)

    def reached(self) -> Array | None:
        """For each input element, the index of the one output element that it changes; None if it changes several.

        An element that changes none (its derivative is 0) counts as changing the output element at its own place.
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
        """The names and arrays of the input, the output and the op's other inputs, broadcast to the input's shape."""
        arrays: dict[str, Any] = {"the input": self.x, "the output": self.out}
        if self.call is not None:
            arrays = self.call.named_arrays() | {"out": self.out}
        for name, array in arrays.items():
            if array is None:  # several outputs
                continue
            try:
                yield name, np.broadcast_to(to_host(array), self.x.shape)
            except (ValueError, AttributeError):
                continue

    @property
    def own_name(self) -> str:
        """The name that the op has for x."""
        return "x" if self.call is None or self.call.op.variadic else self.call.op.inputs[self.position]

    def quotient(self) -> Array | None:
        """g * out / x, if each input element changes one output element and no element of x is 0."""
        reached = self.reached()
        if reached is None or self.out is None or not self.x.all():
            return None
        return self.upstream[reached] * self.out.ravel()[reached] / self.x


def same(a: Array, b: Array, where: Array | None = None) -> bool:
    """Whether arrays agree to five digits, apart from absolute errors of 1e-7 of the largest element."""
    a, b = (a, b) if where is None else (a[where], b[where])
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    scale = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0))
    return bool(np.all(np.abs(a - b) <= 1e-5 * np.minimum(np.abs(a), np.abs(b)) + 1e-7 * scale))


def coefficient(target: Array, term: Array, where: Array) -> float:
    """The number c for which c * term is closest to target (least squares)."""
    target, term = target[where], term[where]
    power = float(term @ term)
    return float(target @ term) / power if power else 0.0


def sum_to_shape(array: Array, shape: Shape) -> Array:
    """The array summed over the axes along which `shape` was broadcast to the array's shape."""
    array = array.sum(axis=tuple(range(array.ndim - len(shape))))
    return array.sum(axis=tuple(a for a, n in enumerate(shape) if n == 1), keepdims=True)

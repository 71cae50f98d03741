"""`Problem` and `NumericalGradient`: what is differentiated, and the gradient from function values alone.

Shapes: n is the number of elements of one input, m that of all outputs together. Arrays are float64, or longdouble
where a check looks again with more digits (`../more_digits.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ...backend import Array

ROUNDINGS = 50  # roundings allowed between two ways of computing the same value
MAX_JACOBIAN = 4_000_000  # elements; a larger Jacobian is not kept
EPS = float(np.finfo(np.float64).eps)  # 2.2e-16


@dataclass
class Problem:
    """A function to differentiate, at a point.

    function: from a list of arrays to the elements of all its outputs as one vector, (m,).  values: function(xs).
    claims: the analytical gradients, one per input. They do not enter the result; but where one disagrees, more step
    sizes are tried.  only: for each input a mask of the elements to compute, or None for all.
    """

    function: Callable[[Sequence[Array]], Array]
    xs: Sequence[Array]
    upstream: Array  # (m,)
    values: Array  # (m,)
    claims: Sequence[Array]
    only: Sequence[Array] | None = None

    @property
    def size(self) -> float:
        """The largest number among inputs and outputs, at least 1."""
        return max([1.0, largest(self.values), *map(largest, self.xs)])

    @property
    def eps(self) -> float:
        """The spacing of numbers at 1: 2.2e-16 for float64, 1.1e-19 for longdouble on x86."""
        return float(np.finfo(self.values.dtype).eps)

    def elements(self) -> Iterator[tuple[int, int]]:
        """The elements to compute: the number of the input, and that of the element in the flattened input."""
        for k, x in enumerate(self.xs):
            chosen = range(x.size) if self.only is None else np.flatnonzero(self.only[k])
            yield from ((k, int(i)) for i in chosen)


@dataclass
class NumericalGradient:
    """The gradient with respect to one input, in its shape."""

    expected: Array  # upstream @ Jacobian: what the analytical gradient should be
    noise: Array  # estimate of the error of `expected`, mostly rounding
    kinks: Array  # bool: no derivative here
    zeros: Array  # bool: the derivative is 0, and not merely too small to see
    jacobian: Array | None  # (m, n), None if too large to keep

    @staticmethod
    def empty(problem: Problem) -> list[NumericalGradient]:
        """All zeros, one for each input, to be filled in by `put`."""
        found = []
        for x in problem.xs:
            shape = (problem.values.size, x.size)
            jacobian = np.zeros(shape) if math.prod(shape) <= MAX_JACOBIAN else None
            expected, noise, kinks, zeros = (np.zeros(x.shape, dtype) for dtype in (float, float, bool, bool))
            found.append(NumericalGradient(expected, noise, kinks, zeros, jacobian))
        return found

    def put(self, i: int, column: Array, upstream: Array, noise: float, zero: bool, kink: bool = False) -> None:
        """Fill in element i (of the flattened input) from its column of the Jacobian, (m,)."""
        terms = upstream * column
        self.expected.flat[i] = terms.sum()
        self.noise.flat[i] = noise + ROUNDINGS * np.finfo(column.dtype).eps * np.abs(terms).sum()
        self.zeros.flat[i], self.kinks.flat[i] = zero, kink
        if self.jacobian is not None:
            self.jacobian[:, i] = column


@contextmanager
def replaced_element(array: Array, i: int, value: complex) -> Iterator[None]:
    """Set element i (of the flattened array) to another value within a `with` block."""
    before = array.flat[i]
    array.flat[i] = value
    try:
        yield
    finally:
        array.flat[i] = before


def largest(array: Array) -> float:
    """The largest absolute value; 0 for an empty array."""
    return float(np.abs(array).max(initial=0))

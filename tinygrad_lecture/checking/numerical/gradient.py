"""`NumericalGradient`: a gradient from function values alone, with an error estimate and the kinks.

A function to differentiate takes a list of arrays and returns the elements of all its outputs as one vector.
Shapes: n is the number of elements of one input, m that of all outputs together.

Arrays are float64, or longdouble where a check looks again with more digits (`../more_digits.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ...backend import Array

Function: TypeAlias = Callable[[Sequence[Array]], Array]

ROUNDINGS = 50  # roundings allowed between two ways of computing the same value
MAX_JACOBIAN = 4_000_000  # elements; a larger Jacobian is not kept
EPS = float(np.finfo(np.float64).eps)  # 2.2e-16


def epsilon(array: Array) -> float:
    """The spacing of numbers at 1 in an array's dtype: 2.2e-16 for float64, 1.1e-19 for longdouble on x86."""
    return float(np.finfo(array.dtype).eps)


@dataclass
class NumericalGradient:
    """The gradient with respect to one input, flattened to n elements."""

    expected: Array  # (n,) upstream @ Jacobian: what the analytical gradient should be
    noise: Array  # (n,) estimate of the error of `expected`, mostly rounding
    kinks: Array  # (n,) bool: no derivative here
    zeros: Array  # (n,) bool: the derivative is 0, and not merely too small to see
    jacobian: Array | None  # (m, n), None if too large to keep

    @staticmethod
    def empty(m: int, n: int) -> NumericalGradient:
        """All zeros, to be filled in by `put`."""
        return NumericalGradient(
            np.zeros(n),
            np.zeros(n),
            np.zeros(n, dtype=bool),
            np.zeros(n, dtype=bool),
            np.zeros((m, n)) if m * n <= MAX_JACOBIAN else None,
        )

    def put(self, i: int, column: Array, upstream: Array, noise: float, zero: bool) -> None:
        """Fill in element i from its column of the Jacobian, (m,)."""
        terms = upstream * column
        self.expected[i] = terms.sum()
        self.noise[i] = noise + ROUNDINGS * epsilon(column) * np.abs(terms).sum()
        self.zeros[i] = zero
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


def chosen(only: Sequence[Array] | None, k: int, x: Array) -> list[int]:
    """The elements of the k-th input to compute, counted in the flattened array: those of a mask, or all."""
    return list(range(x.size)) if only is None else [int(i) for i in np.flatnonzero(only[k])]

"""The numerical gradient: what a function's values say its gradient should be, without any backward rule.

By the complex step where every op is analytic, else by central differences (`central_differences.py`). For an analytic
f, f(x + ih) = f(x) + ih f'(x) + O(h²), so f'(x) = Im f(x + ih) / h (Squire & Trapp, SIAM Review 40, 1998). Nothing is
subtracted, so there is no cancellation and h may be 1e-20: the truncation error vanishes, and the derivative is exact
to rounding.

Shapes: n is the number of elements of one input, m that of all outputs together.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import Literal

import numpy as np

from ..backend import Array

EPS = float(np.finfo(np.float64).eps)  # 2.2e-16
ROUNDINGS = 50  # roundings allowed between two ways of computing the same value
MAX_JACOBIAN = 4_000_000  # elements; a larger Jacobian is not kept
COMPLEX_STEP = 1e-20
INNER_ROUNDINGS = 8  # of the size of the values, that imaginary parts are assumed to have
TINY = 1e-290  # an imaginary part that is smaller may have lost digits on the way
REAL_STEPS = (6e-4, 6e-6, 2e-7)  # of the differences that confirm the result


@dataclass
class Problem:
    """A function to differentiate, at a point.

    function: from a list of arrays to the elements of all its outputs as one vector, (m,).  values: function(xs).
    claims: the analytical gradients, one per input. They do not enter the result; but where one disagrees, more step
    sizes are tried, and the result is uncertain if they do not exclude it.
    inner: the largest number that the function computes with, as far as its ops are recorded.
    analytic: the function by its recorded ops alone, which takes complex arrays too; None for central differences.
    """

    function: Callable[[Sequence[Array]], Array]
    xs: Sequence[Array]
    upstream: Array  # (m,)
    values: Array  # (m,)
    claims: Sequence[Array]
    inner: float
    analytic: Callable[[Sequence[Array]], Array] | None

    def elements(self) -> list[tuple[int, int]]:
        """The elements to compute: the number of the input, and that of the element in the flattened input."""
        found: list[tuple[int, int]] = []
        for k, x in enumerate(self.xs):
            found += zip(repeat(k), range(x.size), strict=False)
        return found


@dataclass
class NumericalGradient:
    """The gradient with respect to one input, in its shape."""

    expected: Array  # upstream @ Jacobian: what the analytical gradient should be
    noise: Array  # estimate of the error of `expected`, mostly rounding; inf where nothing is known
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
            expected, noise = np.zeros(x.shape), np.zeros(x.shape)
            kinks, zeros = np.zeros(x.shape, bool), np.zeros(x.shape, bool)
            found.append(NumericalGradient(expected, noise, kinks, zeros, jacobian))
        return found

    def put(self, i: int, column: Array, upstream: Array, noise: float, zero: bool, kink: bool = False) -> None:
        """Fill in element i (of the flattened input) from its column of the Jacobian, (m,)."""
        terms = upstream * column
        self.expected.flat[i] = terms.sum()
        self.noise.flat[i] = noise + ROUNDINGS * EPS * np.abs(terms).sum()
        self.zeros.flat[i], self.kinks.flat[i] = zero, kink
        if self.jacobian is not None:
            self.jacobian[:, i] = column


def largest(array: Array) -> float:
    """The largest absolute value; 0 for an empty array."""
    return float(np.abs(array).max(initial=0))


KINKS = attrgetter("kinks")
_filtering = threading.RLock()


@contextmanager
def warnings_are(action: Literal["error", "ignore"], category: type[Warning] = Warning) -> Iterator[None]:
    """Context manager: such warnings are errors, or ignored. Python has one list of filters for all threads, so only
    one thread at a time is in it; else one would put back the filters of another."""
    with _filtering, warnings.catch_warnings():
        warnings.simplefilter(action, category)
        yield


def complex_step(problem: Problem) -> list[NumericalGradient] | None:
    """The gradients, one for each input; None if the function is not analytic, as far as its ops are recorded.

    Or if an imaginary part is too small for a float, or a Jacobian too large to keep.
    """
    if problem.analytic is None:
        return None
    try:
        with warnings_are("error", np.exceptions.ComplexWarning):
            return _complex_step(problem)
    except Exception:  # anything that an op may raise which does not take complex numbers
        return None


def _complex_step(problem: Problem) -> list[NumericalGradient] | None:
    """The same of a function that may raise.

    Two tests find a function that drops or distorts the imaginary part, or computes beside its recorded ops: the real
    part of f(x + ih) must equal the values, and the Jacobian must agree with a real difference along a random
    direction.
    """
    found, values, upstream = NumericalGradient.empty(problem), problem.values, problem.upstream
    assert problem.analytic is not None
    if any(gradient.jacobian is None for gradient in found):
        return None
    points = [x.astype(np.complex128) for x in problem.xs]
    close = ROUNDINGS * EPS * (np.abs(values) + largest(values))
    for k, i in problem.elements():
        x = problem.xs[k].flat[i]
        step = COMPLEX_STEP * (min(1.0, abs(x)) or 1.0)
        points[k].flat[i] = x + 1j * step
        moved = problem.analytic(points)
        points[k].flat[i] = x
        too_small = (moved.imag != 0) & (np.abs(moved.imag) < TINY)
        if too_small.any() or not np.all(np.abs(moved.real - values) <= close):
            return None
        column = moved.imag / step
        scale = float(np.abs(upstream * values)[column != 0].sum() / max(1.0, abs(x)))
        found[k].put(i, column, upstream, INNER_ROUNDINGS * EPS * scale, zero=not column.any())
    return found if confirmed(problem, found) else None


def confirmed(problem: Problem, found: Sequence[NumericalGradient]) -> bool:
    """Whether real central differences along one random direction v agree with J v, for each output.

    v is relative to max(1, |x|) or, where the function varies faster than that, to |x|; and 0 at kinks.
    """
    if any(gradient.jacobian is None for gradient in found):
        return False
    rng, xs, noise = np.random.default_rng(1), problem.xs, ROUNDINGS * EPS * np.abs(problem.values)
    kinks = [*map(KINKS, found)]
    signs = [rng.uniform(0.5, 1.5, k.shape) * rng.choice([-1, 1], k.shape) * ~k for k in kinks]
    agrees = np.zeros(problem.values.shape, dtype=bool)
    for unit in (1.0, 0.0):
        direction = [v * np.where(x == 0, 1, np.maximum(unit, np.abs(x))) for v, x in zip(signs, xs, strict=True)]
        terms = [gradient.jacobian * v.ravel() for gradient, v in zip(found, direction, strict=True)]
        every = np.concatenate(terms, axis=1)
        predicted, size = every.sum(axis=1), np.abs(every).sum(axis=1)
        for step in REAL_STEPS:
            up = problem.function([x + step * v for x, v in zip(xs, direction, strict=True)])
            down = problem.function([x - step * v for x, v in zip(xs, direction, strict=True)])
            rounding = np.minimum(noise / step, size / 100)  # with more, anything would agree
            agrees |= np.abs((up - down) / (2 * step) - predicted) <= 1e-6 * size + rounding
            if agrees.all():
                return True
    return False

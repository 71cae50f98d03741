"""Got and expected side by side: which elements of a gradient are wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..backend import Array
from .differences import Slopes
from .subject import Subject


@dataclass(frozen=True)
class Options:
    """What is asked of a check. analytic: try the complex step. locate: look for the op at fault."""

    check: str
    eps: float | None
    atol: float
    rtol: float
    seed: int
    analytic: bool
    locate: bool = True


@dataclass
class Verdict:
    """The gradient of one input, `got`, next to what it should be. Arrays have the shape of that input, `x`."""

    subject: Subject
    k: int  # which of the checked inputs
    options: Options
    method: str
    got: Array
    expected: Array
    noise: Array
    kinks: Array  # bool
    unsteady: Array  # bool
    jacobian: Array | None  # (m, n), None where too large

    @staticmethod
    def of(subject: Subject, k: int, options: Options, method: str, slopes: Slopes, got: Array) -> Verdict:
        """From what the values say, `slopes`, and what the rules gave."""
        flat = (slopes.expected, slopes.noise, slopes.kinks, slopes.unsteady)
        expected, noise, kinks, unsteady = (array.reshape(got.shape) for array in flat)
        return Verdict(subject, k, options, method, got, expected, noise, kinks, unsteady, slopes.jacobian)

    @property
    def x(self) -> Array:
        return self.subject.xs[self.k]

    @property
    def error(self) -> Array:
        return np.abs(self.got - self.expected)

    @property
    def wrong(self) -> Array:
        """bool; a nan is wrong too."""
        tolerance = self.options.atol + self.options.rtol * np.abs(self.expected) + self.noise
        return ~(self.error <= tolerance) & ~self.kinks

    @property
    def total(self) -> int:
        """How many elements were compared."""
        return int(np.count_nonzero(~self.kinks))

    @property
    def largest_error(self) -> float:
        return float(self.error[~self.kinks].max(initial=0))

    @property
    def worst(self) -> tuple[int, ...]:
        """Where, among the wrong, the error is largest."""
        error = np.where(self.wrong, np.nan_to_num(self.error, nan=np.inf), -1)
        return tuple(int(i) for i in np.unravel_index(error.argmax(), error.shape))

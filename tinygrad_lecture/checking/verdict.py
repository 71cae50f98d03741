"""`Verdict`: the analytical and the numerical gradient side by side, and which elements are wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..backend import Array
from .numerical.gradient import NumericalGradient
from .subject import Subject


@dataclass(frozen=True)
class Options:
    """The settings of a check, as `gradcheck` explains them.

    analytic: try the complex step.  locate: look for the op at fault.
    """

    eps: float | None
    atol: float
    rtol: float
    seed: int
    analytic: bool
    locate: bool = True


@dataclass
class Verdict:
    """The comparison of one input's two gradients: `got`, by the rules, and `expected`, from values.

    An element is right if |got - expected| <= atol + rtol * |expected| + noise, where noise is the error estimate of
    the numerical gradient. Kinks are not compared. Arrays have the shape of the input.
    """

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
    def of(
        subject: Subject, k: int, options: Options, method: str, numerical: NumericalGradient, got: Array
    ) -> Verdict:
        """The comparison of a numerical gradient with the analytical one, `got`."""
        flat = (numerical.expected, numerical.noise, numerical.kinks, numerical.unsteady)
        expected, noise, kinks, unsteady = (array.reshape(got.shape) for array in flat)
        return Verdict(subject, k, options, method, got, expected, noise, kinks, unsteady, numerical.jacobian)

    @property
    def x(self) -> Array:
        """The input."""
        return self.subject.xs[self.k]

    @property
    def error(self) -> Array:
        """The absolute error of each element."""
        return np.abs(self.got - self.expected)

    @property
    def wrong(self) -> Array:
        """Which elements are wrong, a bool array; nan is wrong."""
        tolerance = self.options.atol + self.options.rtol * np.abs(self.expected) + self.noise
        return ~(self.error <= tolerance) & ~self.kinks

    @property
    def total(self) -> int:
        """The number of elements compared."""
        return int(np.count_nonzero(~self.kinks))

    @property
    def largest_error(self) -> float:
        return float(self.error[~self.kinks].max(initial=0))

    @property
    def worst(self) -> tuple[int, ...]:
        """The index of the wrong element with the largest error."""
        error = np.where(self.wrong, np.nan_to_num(self.error, nan=np.inf), -1)
        return tuple(int(i) for i in np.unravel_index(error.argmax(), error.shape))

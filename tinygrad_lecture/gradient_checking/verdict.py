"""`Verdict`: the analytical and the numerical gradient side by side, and what follows for each element.

An element is right, wrong, or neither: where rounding swallows the derivative, a check cannot tell, and does not guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..backend import Array
from .analytical import Analytical, roundings_of_rules
from .numerical import STEP, NumericalGradient, Problem, central_differences, complex_step, confirmed, largest
from .subject import Subject

RULE_ROUNDING = 1e-12  # the assumed rounding error of a rule, relative to the largest gradient, unless it is measured
NEGLIGIBLE = 1e-15  # what a rule may neglect beside numbers of size 1
TWO_DIGITS = 1e-2  # a right element agrees at least so far: both its error and the noise are smaller, relatively


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
    strict_shapes: bool = False


@dataclass
class Verdict(NumericalGradient):
    """The comparison of one input's two gradients: `got`, by the rules, and `expected`, from values.

    wrong: |got - expected| > allowed = atol + rtol * |expected| + noise + rounding. noise is the error estimate of the
    numerical gradient, and rounding that of the rule.
    right: not wrong, and got and expected agree to two digits at least, or to atol; or both are 0, where no output
    moves.
    cannot_tell: neither: what is allowed is not small compared with the gradient.
    Kinks are not compared. Arrays have the shape of the input.
    """

    found: Analytical
    k: int  # which of the checked inputs
    options: Options
    method: str
    got: Array
    rounding: Array

    def undecided(self) -> Verdict:
        """This verdict, with nothing known about the elements that are wrong."""
        return replace(self, noise=np.where(self.wrong, np.inf, self.noise))

    @property
    def subject(self) -> Subject:
        """What is checked."""
        return self.found.subject

    @property
    def x(self) -> Array:
        """The input."""
        return self.subject.xs[self.k]

    @cached_property
    def error(self) -> Array:
        """The absolute error of each element."""
        return np.abs(self.got - self.expected)

    @cached_property
    def allowed(self) -> Array:
        """The largest error of each element that is not wrong."""
        return self.options.atol + self.options.rtol * np.abs(self.expected) + self.noise + self.rounding

    @cached_property
    def wrong(self) -> Array:
        """Which elements are wrong, a bool array; nan is wrong."""
        return ~(self.error <= self.allowed) & np.isfinite(self.noise) & ~self.kinks

    @cached_property
    def right(self) -> Array:
        """Which elements are right, a bool array."""
        agree = (self.expected != 0) & (self.error + self.noise <= TWO_DIGITS * np.abs(self.expected))
        negligible = self.error + self.noise < self.options.atol
        return ~self.wrong & ~self.kinks & (np.where(self.zeros, self.got == 0, agree) | negligible)

    @cached_property
    def cannot_tell(self) -> Array:
        """Which elements are neither right nor wrong, a bool array."""
        return ~self.wrong & ~self.right & ~self.kinks

    @property
    def total(self) -> int:
        """The number of elements compared."""
        return int(np.count_nonzero(~self.kinks))

    @property
    def order(self) -> Array:
        """How bad each element is: its error if it is wrong, else -1."""
        return np.where(self.wrong, np.nan_to_num(self.error, nan=np.inf), -1.0)

    @property
    def worst(self) -> tuple[int, ...]:
        """The index of the wrong element with the largest error."""
        return tuple(map(int, np.unravel_index(self.order.argmax(), self.got.shape)))


def unit(x: Array) -> Array:
    """The size of the numbers that a rule may add to each element: |x| where that is less than 1, else 1."""
    return np.where(x == 0, 1, np.minimum(1, np.abs(x)))


def judge(found: Analytical, options: Options) -> list[Verdict]:
    """The analytical gradients beside numerical ones: one verdict for each input.

    These are by the complex step if every op that runs is marked analytic, else by central differences: of the recorded
    ops alone, which take a fraction of the function's time, if the function confirms them.
    """
    subject = found.subject
    problem = Problem(subject.values, subject.xs, found.upstream, found.values, found.gradients, found.inner)
    numerical, method = None, "complex step"
    if options.analytic and found.analytic is not None:
        numerical = complex_step(problem, found.analytic)
    if numerical is None:
        method, step = "central differences", STEP if options.eps is None else options.eps
        if np.array_equal(found.replayed(subject.xs), found.values):
            numerical = central_differences(replace(problem, function=found.replayed), step)
        if numerical is None or not confirmed(problem, numerical):
            numerical = central_differences(problem, step)
    verdicts = []
    for k, (one, got) in enumerate(zip(numerical, found.gradients, strict=True)):
        rounding = RULE_ROUNDING * np.maximum(unit(subject.xs[k]), largest(one.expected[~one.kinks]))
        verdicts.append(
            Verdict(**vars(one), found=found, k=k, options=options, method=method, got=got, rounding=rounding)
        )
    return verdicts


def with_measured_rounding(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts, each with the rounding error of its rule as it shows at inputs a few roundings away.

    It counts where it is larger than what is assumed; and, where the derivative is exact, if nothing can be told else.
    """
    found = verdicts[0].found
    roundings = roundings_of_rules(found.subject, found.given, found.gradients)
    found_again = []
    for v, r in zip(verdicts, roundings, strict=True):
        exact = v.cannot_tell & (v.method == "complex step")
        rounding = np.where(exact, 4 * r + NEGLIGIBLE * unit(v.x), np.maximum(v.rounding, 4 * r))
        found_again.append(replace(v, rounding=rounding))
    return found_again

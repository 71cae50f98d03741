"""`Verdict`: the analytical and the numerical gradient side by side, and what follows for each element.

An element is right, wrong, or neither: where rounding swallows the derivative, a check cannot tell, and does not guess.
Before it says so, it looks again with more digits: the function runs on arrays of NumPy's longdouble, and so do the
backward rules. On x86 longdouble has 64 binary digits, 11 more than float64: rounding errors are 2,000 times smaller.
This gives a better numerical gradient, and measures the rounding error of a rule in float64: the distance between its
results in the two precisions. Where longdouble is float64 (Windows, macOS on ARM), on a GPU, or if the function does
not run on it, nothing is gained.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..backend import Array
from .analytical import Analytical, on_host, vjp
from .central_differences import STEP, central_differences
from .numerical import EPS, NumericalGradient, Problem, complex_step, confirmed, largest, warnings_are
from .subject import Subject, flat

RULE_ROUNDING = 1e-12  # the assumed rounding error of a rule, relative to the largest gradient, unless it is measured
NEGLIGIBLE = 1e-15  # what a function or a rule may neglect beside numbers of size 1
TWO_DIGITS = 1e-2  # a right element agrees at least so far: both its error and the noise are smaller, relatively
FIVE_DIGITS = 1e-5  # an element whose noise is larger is looked at again
LONG = np.dtype(np.longdouble)
SAME = 1e9 * EPS  # how far values in the two precisions may be apart, relative to the largest number


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

    subject: Subject
    k: int  # which of the checked inputs
    options: Options
    method: str
    got: Array
    rounding: Array

    def closer(self, other: Verdict, where: Array, rounding: Array) -> Verdict:
        """This verdict, with the numbers of another one on the same gradient where these have less noise.

        where: the elements that may change.  rounding: the rounding error of the rule, measured.
        """
        better = where & (other.noise <= self.noise)
        names = ("expected", "noise", "kinks", "zeros")
        changed = {name: np.where(better, getattr(other, name), getattr(self, name)) for name in names}
        if self.jacobian is not None:
            changed["jacobian"] = np.where(better.ravel(), other.jacobian, self.jacobian)
        changed["rounding"] = np.where(better | (where & (rounding > self.rounding)), rounding, self.rounding)
        return replace(self, **changed)

    def undecided(self) -> Verdict:
        """This verdict, with nothing known about the elements that are wrong."""
        return replace(self, noise=np.where(self.wrong, np.inf, self.noise))

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

    @cached_property
    def doubtful(self) -> Array:
        """Which elements more digits would help: a bool array."""
        clearly_wrong = ~(self.error <= 1000 * self.allowed)
        size = np.abs(self.expected)
        excused = self.error > np.maximum(self.options.atol + self.options.rtol * size, self.noise / 10)  # by noise
        sure = self.zeros | ((self.noise <= FIVE_DIGITS * size) & ~excused)
        return ~self.kinks & ~clearly_wrong & ~(self.right & sure)

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
    """The size of the numbers that a function of x may add to each element: |x| where that is less than 1, else 1."""
    return np.where(x == 0, 1, np.minimum(1, np.abs(x)))


def problem_of(subject: Subject, found: Analytical, options: Options) -> Problem:
    """The function and its gradients, as the numerical half takes them."""
    facts = subject.values, subject.xs, found.upstream, found.values, found.gradients, found.inner
    if not options.analytic:
        return Problem(*facts, None)
    same = np.array_equal(found.replayed(subject.xs), found.values)
    return Problem(*facts, found.analytic, found.replayed if same else None)


def judge(subject: Subject, problem: Problem, options: Options) -> list[Verdict]:
    """The claims of a problem beside its numerical gradients: one verdict for each input.

    These are by the complex step if every op that runs is marked analytic, else by central differences: of the recorded
    ops alone, if the function itself confirms them.
    """
    method, found = "complex step", complex_step(problem)
    if found is None:
        method, step = "central differences", STEP if options.eps is None else options.eps
        if problem.recorded is not None:
            found = central_differences(replace(problem, function=problem.recorded), step)
        if found is None or not confirmed(problem, found):
            found = central_differences(problem, step)
    verdicts = []
    for k, (numerical, got) in enumerate(zip(found, problem.claims, strict=True)):
        rounding = RULE_ROUNDING * np.maximum(unit(problem.xs[k]), largest(numerical.expected[~numerical.kinks]))
        facts = {"subject": subject, "k": k, "options": options, "method": method, "got": got, "rounding": rounding}
        verdicts.append(Verdict(**vars(numerical), **facts))
    return verdicts


def with_more_digits(
    verdicts: Sequence[Verdict], analytical: Analytical, options: Options
) -> tuple[list[Verdict], str | None]:
    """The verdicts, with a better numerical gradient and a measured rounding error for each doubtful element.

    An element is doubtful if `Verdict.doubtful` says so, or is wrong by little more than the rounding of its rule.
    The same verdicts if no element is doubtful; or if longdouble does not help, and then why it does not.
    """
    if not any((verdict.doubtful | verdict.wrong).any() for verdict in verdicts):
        return list(verdicts), None
    if np.finfo(LONG).eps >= EPS:
        return list(verdicts), "longdouble has no more digits on this machine"
    try:
        with warnings_are("ignore"):
            return _in_longdouble(verdicts, analytical, options)
    except Exception as error:  # the function, a rule or the device does not take longdouble
        return list(verdicts), f"the function does not run on longdouble ({type(error).__name__}: {error})"


def _in_longdouble(
    verdicts: Sequence[Verdict], analytical: Analytical, options: Options
) -> tuple[list[Verdict], str | None]:
    """The verdicts after a second look at the doubtful elements; and why it does not help, or None."""
    subject = copy.copy(verdicts[0].subject)
    subject.xs = [x.astype(LONG) for x in subject.xs]
    leaves = subject.leaves()
    outs = subject.run(leaves)
    values = flat(outs)
    if values.dtype != LONG:
        return list(verdicts), "the function returns float64 for longdouble inputs"
    if largest(values - analytical.values) > SAME * max([1.0, largest(values), *map(largest, subject.xs)]):
        return list(verdicts), "the function has other values for longdouble inputs"
    upstreams = [u.astype(out.dtype) for u, out in zip(analytical.upstreams, outs, strict=True)]
    gradients = on_host(vjp(subject, outs, leaves, upstreams), subject.xs)
    roundings = [2 * np.abs(v.got - g) + NEGLIGIBLE * unit(v.x) for v, g in zip(verdicts, gradients, strict=True)]
    doubtful = [v.doubtful | (v.wrong & (v.error <= 100 * r)) for v, r in zip(verdicts, roundings, strict=True)]
    if not any(mask.any() for mask in doubtful):
        return list(verdicts), None
    facts = subject.values, subject.xs, analytical.upstream.astype(LONG), values, gradients, analytical.inner
    problem = Problem(*facts, analytical.analytic if options.analytic else None, only=doubtful)
    again = judge(subject, problem, options)
    closer = [v.closer(*better) for v, *better in zip(verdicts, again, doubtful, roundings, strict=True)]
    for k, (verdict, before) in enumerate(zip(closer, verdicts, strict=True)):
        measured = replace(before, rounding=np.maximum(verdict.rounding, RULE_ROUNDING * unit(before.x)))
        in_float64 = verdict.wrong & ~measured.wrong  # a kernel may compute so all the same
        closer[k] = replace(verdict, noise=np.where(in_float64, np.inf, verdict.noise))
    return closer, None

"""A second look with more digits, at the elements of which float64 cannot tell enough.

The function runs again on arrays of NumPy's longdouble, and so do the backward rules. On x86 longdouble has 64 binary
digits, 11 more than float64, so rounding errors are 2,000 times smaller. This gives a better numerical gradient, and
measures the rounding error of a rule in float64: the distance between its results in the two precisions.

Where longdouble is float64 (Windows, macOS on ARM), on a GPU, or if the function does not run on it, nothing is gained.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from ..traced import wrap
from .analytical import Analytical, on_host, vjp
from .numerical.gradient import EPS, Problem, largest
from .numerical.methods import numerical_gradients, warnings_are
from .subject import flat
from .verdict import NEGLIGIBLE, Options, Verdict

LONG = np.dtype(np.longdouble)
SAME = 1e9 * EPS  # how far values in the two precisions may be apart, relative to the largest number


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
    size = max([1.0, largest(values), *map(largest, subject.xs)])
    if values.dtype != LONG:
        return list(verdicts), "the function returns float64 for longdouble inputs"
    if largest(values - analytical.values) > SAME * size:
        return list(verdicts), "the function has other values for longdouble inputs"
    upstreams = [wrap(u.astype(out.dtype)) for u, out in zip(analytical.upstreams, outs, strict=True)]
    gradients = on_host(vjp(subject, outs, leaves, upstreams), subject.xs)
    roundings = [2 * np.abs(v.got - got) + NEGLIGIBLE for v, got in zip(verdicts, gradients, strict=True)]
    doubtful = [v.doubtful | (v.wrong & (v.error <= 100 * r)) for v, r in zip(verdicts, roundings, strict=True)]
    if not any(mask.any() for mask in doubtful):
        return list(verdicts), None
    problem = Problem(subject.values, subject.xs, analytical.upstream.astype(LONG), values, gradients, doubtful)
    method, numerical = numerical_gradients(problem, options.eps, options.analytic)
    return [
        verdict.closer(Verdict.of(subject, verdict.k, options, method, found, got), mask, rounding)
        for verdict, found, got, mask, rounding in zip(verdicts, numerical, gradients, doubtful, roundings, strict=True)
    ], None

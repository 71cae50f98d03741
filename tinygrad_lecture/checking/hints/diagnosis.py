"""The table of hints, simplest explanation first.

A hint is a function of a `Case` that returns a sentence, or None if it does not apply. Most compare the gradient that
was got with the one that a known mistake would give, element by element. The upstream gradient is random, so if every
element agrees to five digits, it is not a coincidence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from . import arguments, axes, elements, factors, jacobian, sums, terms, upstream
from .case import Case

Hint: TypeAlias = Callable[[Case], str | None]

HINTS: list[tuple[str, Hint]] = [
    ("not-finite", elements.not_finite),
    ("nearly-right", elements.nearly_right),
    ("zero", elements.zero),
    ("mask-missing", elements.mask_missing),
    ("partly-zero", elements.partly_zero),
    ("wrong-sign", elements.wrong_sign),
    ("upstream-ignored", upstream.upstream_ignored),
    ("upstream-twice", upstream.upstream_twice),
    ("upstream-added", upstream.upstream_added),
    ("constant-factor", factors.simple_factor),
    ("wrong-axis", axes.wrong_axis),
    ("transposed", axes.transposed),
    ("wrong-argument", arguments.wrong_argument),
    ("missing-factor", factors.missing_factor),
    ("upstream-alone", upstream.upstream_alone),
    ("dropped-term", terms.dropped_term),
    ("diagonal", jacobian.diagonal),
    ("jacobian-transposed", jacobian.jacobian_transposed),
    ("other-input", jacobian.other_input),
    ("one-slice", sums.one_slice),
    ("no-sum", sums.no_sum),
    ("overwritten", sums.overwritten),
    ("misplaced", elements.misplaced),
    ("region", elements.region),
    ("missing-term", terms.missing_term),
    ("factor-per-slice", factors.factor_per_slice),
    ("constant-factor", factors.constant_factor),
]


def diagnose(case: Case) -> tuple[str, str] | None:
    """The name and the sentence of the first hint that applies, or None."""
    with np.errstate(all="ignore"):
        for name, hint in HINTS:
            text = hint(case)
            if text is not None:
                return name, text
    return None

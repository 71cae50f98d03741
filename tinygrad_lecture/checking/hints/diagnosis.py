"""The table of hints, simplest explanation first.

A hint is a function of a `Case` that returns a sentence, or None if it does not apply. Most compare the gradient that
was got with the one that a known mistake would give, element by element. The upstream gradient is random, so if every
element agrees to five digits, it is not a coincidence. Others run the rule again, with another upstream gradient or
other arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from . import arguments, axes, jacobian, known_ops, sums, upstream
from .case import Case
from .elements import masks, movement, targets, values
from .formulas import derivatives, factors, matrices, missing_terms, swapped_terms

Hint: TypeAlias = Callable[[Case], str | None]

HINTS: list[tuple[str, Hint]] = [
    ("not-finite", values.not_finite),
    ("outputs-left-out", lambda case: values.nearly_right(case) and jacobian.outputs_left_out(case)),  # small ones
    ("nearly-right", values.nearly_right),
    ("zero", values.zero),
    ("whole-numbers", values.whole_numbers),
    ("mask-missing", masks.mask_missing),
    ("partly-zero", masks.partly_zero),
    ("wrong-sign", values.wrong_sign),
    ("upstream-ignored", upstream.upstream_ignored),
    ("upstream-twice", upstream.upstream_twice),
    *(("upstream-changed", hint) for hint in upstream.upstream_changed),
    ("summed-too-far", sums.summed_too_far),
    ("product-of-sums", sums.product_of_sums),
    ("upstream-reduced", upstream.upstream_reduced),
    ("upstream-added", upstream.upstream_added),
    ("one-slice", sums.one_slice),
    ("no-sum", sums.no_sum),
    ("not-linear", upstream.not_linear),
    ("wrong-sign", values.wrong_sign_somewhere),
    ("inverted-mask", masks.inverted_mask),
    ("attention", known_ops.attention),
    ("constant-factor", factors.simple_factor),
    ("wrong-axis", axes.wrong_axis),
    ("transposed", movement.transposed),
    ("wrong-argument", arguments.wrong_argument),
    ("other-input", jacobian.other_input),
    ("missing-factor", factors.missing_factor),
    ("moved", movement.moved_forward),
    ("upstream-alone", upstream.upstream_alone),
    ("sums-for-means", known_ops.normalising),
    ("wrong-axis", known_ops.gather),
    ("formula", derivatives.formula),
    ("factor-per-slice", factors.factor_per_slice),
    ("dropped-term", missing_terms.dropped_term),
    ("formula", derivatives.long_formula),
    ("wrong-axis", swapped_terms.sum_over_wrong_axis),
    ("diagonal", jacobian.diagonal),
    ("wrong-probabilities", known_ops.probabilities),
    ("wrong-product", matrices.wrong_product),
    ("upstream-factor", factors.upstream_factor),
    ("jacobian-transposed", jacobian.jacobian_transposed),
    ("moved", movement.shifted),
    ("upstream-misplaced", movement.upstream_of_others),
    ("wrong-axis", movement.other_axis),
    ("moved", movement.reversed_axes),
    ("target-missing", targets.target_missing),
    ("target-missing", targets.target_elsewhere),
    ("overwritten", sums.overwritten),
    ("outputs-left-out", jacobian.outputs_left_out),
    ("upstream-misplaced", movement.upstream_misplaced),
    ("misplaced", movement.misplaced),
    ("contributions", jacobian.contributions),
    ("wrong-mask", masks.wrong_mask),
    ("region", values.region),
    ("wrong-term", swapped_terms.wrong_term),
    ("dropped-term", missing_terms.dropped_formula),
    ("constant-factor", factors.constant_factor),
    ("missing-term", missing_terms.missing_term),
    ("wrong-outputs", jacobian.wrong_outputs),
    ("formula", derivatives.wrong_formula),
    ("contributions-misplaced", jacobian.contributions_misplaced),
    ("contributions", jacobian.wrong_contributions),
]


def diagnose(case: Case) -> tuple[str, str] | None:
    """The name and the sentence of the first hint that applies, or None."""
    with np.errstate(all="ignore"):
        for name, hint in HINTS:
            text = hint(case)
            if text is not None:
                return name, text
    return None

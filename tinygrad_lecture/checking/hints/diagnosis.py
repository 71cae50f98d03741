"""The table of hints, simplest explanation first, and the search for the first one that applies.

Most mistakes have a closed form: a sentence, and the gradient that a rule with this mistake would give. It is the cause
if each element that was got agrees with it to five digits. The upstream gradient is random, so this is no coincidence;
to be sure, the rule runs with a second one, and must agree again. Other hints look at where the wrong elements lie, or
run the rule with other arguments, and return the sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeAlias

import numpy as np

from . import closed_forms, elements, factors, jacobian, known_ops, terms
from .case import Candidates, Case, Unknown
from .products import wrong_product

Hint: TypeAlias = Callable[[Case], "Candidates | str | None"]

HINTS: list[tuple[str, Hint]] = [
    ("not-finite", elements.not_finite),
    ("outputs-left-out", lambda case: elements.nearly_right(case) and jacobian.outputs_left_out(case)),  # small ones
    ("nearly-right", elements.nearly_right),
    ("zero", closed_forms.zero),
    ("whole-numbers", closed_forms.rounded),
    ("mask-missing", elements.mask_missing),
    ("partly-zero", elements.partly_zero),
    ("wrong-sign", closed_forms.negated),
    *((hint, partial(closed_forms.instead_of_g, hint)) for hint in closed_forms.INSTEAD_OF_G),
    ("summed-too-far", closed_forms.summed_too_far),
    ("product-of-sums", closed_forms.product_of_sums),
    ("upstream-reduced", closed_forms.g_reduced),
    ("upstream-added", closed_forms.g_added),
    ("one-slice", closed_forms.one_slice),
    ("no-sum", closed_forms.no_sum),
    ("not-linear", closed_forms.not_linear),
    ("wrong-sign", elements.wrong_sign_somewhere),
    ("inverted-mask", elements.inverted_mask),
    ("attention", known_ops.attention),
    ("constant-factor", factors.simple_factor),
    ("wrong-axis", closed_forms.wrong_axis),
    ("transposed", closed_forms.transposed),
    ("wrong-argument", closed_forms.wrong_argument),
    ("other-input", closed_forms.of_other_input),
    ("missing-factor", factors.missing_factor),
    ("moved", closed_forms.moved_forward),
    ("upstream-alone", closed_forms.g_alone),
    ("sums-for-means", known_ops.normalising),
    ("wrong-axis", known_ops.gather),
    ("formula", factors.formula),
    ("factor-per-slice", factors.factor_per_slice),
    ("dropped-term", terms.dropped_term),
    ("formula", partial(factors.formula, words=2)),
    ("wrong-axis", terms.sum_over_wrong_axis),
    ("diagonal", closed_forms.diagonal),
    ("wrong-probabilities", known_ops.probabilities),
    ("wrong-product", wrong_product),
    ("upstream-factor", factors.upstream_factor),
    ("jacobian-transposed", closed_forms.jacobian_transposed),
    ("moved", elements.shifted),
    ("upstream-misplaced", jacobian.upstream_of_others),
    ("wrong-axis", closed_forms.axes_mixed_up),
    ("moved", closed_forms.reversed_axes),
    ("target-missing", elements.target_missing),
    ("target-missing", elements.target_elsewhere),
    ("overwritten", elements.overwritten),
    ("outputs-left-out", jacobian.outputs_left_out),
    ("upstream-misplaced", jacobian.upstream_misplaced),
    ("misplaced", elements.misplaced),
    ("contributions", jacobian.contributions),
    ("wrong-mask", elements.wrong_mask),
    ("region", elements.region),
    ("wrong-term", terms.wrong_term),
    ("dropped-term", terms.dropped_formula),
    ("constant-factor", factors.constant_factor),
    ("missing-term", terms.missing_term),
    ("wrong-outputs", jacobian.wrong_outputs),
    ("formula", factors.wrong_formula),
    ("contributions-misplaced", jacobian.contributions_misplaced),
    ("contributions", partial(jacobian.contributions, exact=False)),
]


def diagnose(case: Case) -> tuple[str, str] | None:
    """The name and the sentence of the first hint that applies, or None."""
    with np.errstate(all="ignore"):
        for name, hint in HINTS:
            try:
                found = hint(case)
                sentence = found if found is None or isinstance(found, str) else _explanation(found, hint, case)
            except Unknown:
                continue
            if sentence is not None:
                return name, sentence
    return None


def _explanation(candidates: Candidates, hint: Hint, case: Case) -> str | None:
    """The sentence of the first candidate that explains what was got, for this upstream gradient and a second one."""
    for sentence, gradient in candidates:
        if case.fits(gradient) and _holds_again(sentence, hint, case.second):
            return sentence
    return None


def _holds_again(sentence: str, hint: Hint, case: Case | None) -> bool:
    """Whether a candidate explains what was got in another case too; True if it is not a candidate there."""
    fits: list[bool] = []
    with suppress(Unknown):
        found = None if case is None else hint(case)
        if case is not None and found is not None and not isinstance(found, str):
            fits += [case.fits(gradient) for other, gradient in found if other == sentence]
    return any(fits) or not fits

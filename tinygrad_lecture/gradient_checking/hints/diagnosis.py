"""The likely cause of a wrong gradient: the table of hints, and the search for the first one that applies.

Most mistakes have a closed form: the gradient that a rule with this mistake would give. It is the cause if each element
that was got agrees with it to five digits. The upstream gradient is random, so this is no coincidence; to be sure, the
rule runs with a second one, and must agree again. Other hints look at where the wrong elements lie, or run the rule
with other arguments, and know whether they apply. What is said about each mistake is in causes.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ...backend import Array
from . import closed_forms, factors, known_ops, places, terms
from .case import Case, Hints, Unknown

Search: TypeAlias = Callable[[Case], Hints]

CAUSES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("causes.toml").read_text("utf-8"))

SEARCHES: list[Search] = [  # simplest explanation first
    places.small_outputs_left_out,
    places.values,
    closed_forms.instead_of_g,
    closed_forms.too_many_sums,
    closed_forms.g_reduced,
    closed_forms.no_sum,
    closed_forms.not_linear,
    known_ops.attention,
    known_ops.softmaxes,
    factors.simple_factor,
    closed_forms.wrong_axis,
    closed_forms.transposed,
    closed_forms.wrong_argument,
    closed_forms.other_input,
    places.masks,
    places.signs,
    factors.missing_factor,
    closed_forms.moved_forward,
    closed_forms.upstream_alone,
    known_ops.normalising,
    known_ops.gather,
    factors.formula,
    factors.factor_per_slice,
    terms.dropped_term,
    partial(factors.formula, words=2),
    partial(terms.wrong_term, same_factors=True),
    closed_forms.diagonal,
    known_ops.probabilities,
    terms.wrong_product,
    factors.upstream_factor,
    closed_forms.jacobian_transposed,
    places.shifted,
    places.upstream_of_others,
    closed_forms.axes_mixed_up,
    closed_forms.reversed_axes,
    places.target,
    places.overwritten,
    places.outputs_left_out,
    places.upstream_misplaced,
    places.misplaced,
    places.contributions,
    places.regions,
    factors.constant_factor,
    terms.wrong_term,
    factors.squared,
    partial(factors.formula, words=2, derived=True),
    terms.dropped_formula,
    terms.missing_term,
    places.wrong_outputs,
    factors.wrong_formula,
    places.contributions_misplaced,
    partial(places.contributions, exact=False),
]


def diagnose(case: Case) -> tuple[str, str] | None:
    """The name and the sentence of the first hint that applies, or None."""
    with np.errstate(all="ignore"):
        for search in SEARCHES:
            with suppress(Unknown):
                for cause, fields, gradient in search(case):
                    if isinstance(gradient, (bool, np.bool_)):
                        applies = bool(gradient)
                    else:
                        applies = case.fits(gradient) and _fits_again((cause, fields), search, case.second)
                    if applies:
                        return said(cause, **fields)
    return None


def said(cause: str, /, **fields: object) -> tuple[str, str]:
    """The name of a cause, which is what stands before the dot, and its sentence."""
    name, _, kind = cause.partition(".")
    sentence: str = CAUSES[name][kind] if kind else CAUSES[name]
    return name, sentence.format(**fields)


def _fits_again(hint: tuple[str, Mapping[str, object]], search: Search, case: Case | None) -> bool:
    """Whether a mistake explains what was got in another case too; True if there is none, or it is not found there."""
    gradients: list[Array] = []
    if case is not None:
        with suppress(Unknown):
            gradients = [x for *other, x in search(case) if tuple(other) == hint and isinstance(x, np.ndarray)]
    return case is None or not gradients or any(map(case.fits, gradients))

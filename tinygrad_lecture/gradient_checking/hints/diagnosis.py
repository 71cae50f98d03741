"""The likely cause of a wrong gradient: the table of hints, and the search for the first one that applies.

Most mistakes have a closed form: the gradient that a rule with this mistake would give. It is the cause if each element
that was got agrees with it to five digits. Other hints look at where the wrong elements lie, or run the rule with other
arguments, and know whether they apply. So that no coincidence is told, the same hint must apply at a second random
input, with another upstream gradient. What is said about each mistake is in causes.toml.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..report import sentence
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
    known_ops.known_op,
    partial(factors.missing_factor, numbers=True),
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
    known_ops.gather,
    places.masked,
    factors.formula,
    factors.factor_per_slice,
    terms.dropped_term,
    partial(factors.formula, words=2),
    closed_forms.derived_argument,
    closed_forms.diagonal,
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
    factors.squared,
    partial(factors.formula, words=2, derived=True),
    terms.dropped_formula,
    terms.missing_term,
    places.wrong_outputs,
    factors.wrong_formula,
    places.contributions_misplaced,
    partial(places.contributions, exact=False),
]

# Causes of which the elements named are an example; then those that say enough without a place.
EXAMPLES = {"contributions.missing", "contributions.extra", "contributions-misplaced"}
ANYWHERE = {"mask-missing.some", "partly-zero", "wrong-mask", "inverted-mask.moved", "formula.mask"}


def diagnose(case: Case, second: Callable[[], Case | None]) -> tuple[str, str] | None:
    """The name and the sentence of the first hint that applies, at a second random input too; or None.

    second: the case of that input; None if there is none.
    """
    with np.errstate(all="ignore"):
        for search in SEARCHES:
            for cause, fields in _applying(search, case):
                other = second()
                shared = fields if other is None else _shared(cause, fields, _applying(search, other))
                if shared is not None:
                    return said(cause, **shared)
    return None


def _applying(search: Search, case: Case) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The hints of a search that apply to a case."""
    with suppress(Unknown):
        for cause, fields, gradient in search(case):
            if gradient if isinstance(gradient, (bool, np.bool_)) else case.fits(gradient):
                yield cause, fields


def _shared(cause: str, fields: Mapping[str, object], others: Iterable[tuple[str, Mapping[str, object]]]) -> Any:
    """What fills in the sentence of a cause, if it is among those of another input too; else None.

    A place must be the same, or it is left out where the sentence says enough without it. A threshold may be another.
    """
    for again in (again for name, again in others if name == cause):
        differ = [key for key in fields if _without_threshold(fields[key]) != _without_threshold(again.get(key))]
        if not differ or cause in EXAMPLES:
            return fields
        if cause in ANYWHERE:
            return {**fields, **dict.fromkeys(differ, "some elements")}
    return None


def _without_threshold(field: object) -> object:
    return re.sub(r", \S+ and (above|below)$", "", field) if isinstance(field, str) else field


def said(cause: str, /, **fields: object) -> tuple[str, str]:
    """The name of a cause, which is what stands before the dot, and its sentence."""
    return cause.partition(".")[0], sentence(CAUSES, cause, **fields)

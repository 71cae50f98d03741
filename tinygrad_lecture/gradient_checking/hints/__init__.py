"""The likely cause of a wrong gradient: searches for known mistakes; `diagnose` takes the first that applies.

case.py          `Case`: what a search knows about a wrong gradient
closed_forms.py  mistakes with the gradient that a rule with this mistake would give; of known ops, in known_ops.toml
formulas.py      a factor or a term is missing, or the derivative, or a product of matrices, is another formula
places.py        where the rule is wrong: signs, masks, parts of the Jacobian
causes.toml      what is said of each mistake

Most mistakes have a closed form: the gradient that a rule with this mistake would give. It is the cause if each element
that was got agrees with it to five digits. Other hints look at where the wrong elements lie, or run the rule with other
arguments, and know whether they apply. So that no coincidence is told, the same hint must apply at a second random
input, with another upstream gradient. What is said about each mistake is in causes.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..report import sentence
from . import closed_forms, formulas, places
from .case import Case, Hints, Unknown

Search: TypeAlias = Callable[[Case], Hints]

CAUSES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("causes.toml").read_text("utf-8"))

SEARCHES: list[Search] = [  # simplest explanation first
    places.values,
    closed_forms.instead_of_g,
    closed_forms.too_many_sums,
    closed_forms.g_reduced,
    closed_forms.one_slice,
    closed_forms.not_linear,
    closed_forms.known_op,
    partial(formulas.missing_factor, numbers=True),
    formulas.simple_factor,
    closed_forms.wrong_axis,
    closed_forms.transposed,
    closed_forms.wrong_argument,
    closed_forms.other_input,
    places.masks,
    places.signs,
    formulas.missing_factor,
    closed_forms.moved_forward,
    closed_forms.upstream_alone,
    places.masked,
    formulas.formula,
    formulas.factor_per_slice,
    formulas.dropped_term,
    partial(formulas.formula, words=2),
    closed_forms.diagonal,
    formulas.wrong_product,
    formulas.upstream_factor,
    closed_forms.jacobian_transposed,
    places.shifted,
    places.upstream_of_others,
    closed_forms.reversed_axes,
    places.target,
    places.overwritten,
    places.outputs_left_out,
    places.upstream_misplaced,
    places.misplaced,
    places.contributions,
    places.regions,
    formulas.constant_factor,
    formulas.wrong_formula,
    partial(places.contributions, exact=False),
]

# Causes of which the elements named are an example; then those that say enough without a place.
EXAMPLES = {"contributions.missing", "contributions.extra"}
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

    A place must be the same, or it is left out where the sentence says enough without it.
    """
    for again in (again for name, again in others if name == cause):
        differ = [key for key in fields if fields[key] != again.get(key)]
        if not differ or cause in EXAMPLES:
            return fields
        if cause in ANYWHERE:
            return {**fields, **dict.fromkeys(differ, "some elements")}
    return None


def said(cause: str, /, **fields: object) -> tuple[str, str]:
    """The name of a cause, which is what stands before the dot, and its sentence."""
    return cause.partition(".")[0], sentence(CAUSES, cause, **fields)

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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..report import sentence
from . import closed_forms, formulas, places
from .case import Case, Hints, Unknown
from .places import Place

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
    closed_forms.axes_mixed_up,
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


class Likely(NamedTuple):
    """A likely cause as data: its name in causes.toml, and what fills in its sentence.

    hint: what stands before the dot of its name.  A mapping among the fields has alternatives, with their own fields.
    """

    cause: str
    fields: Mapping[str, Any]

    @property
    def hint(self) -> str:
        return self.cause.partition(".")[0]

    def __str__(self) -> str:
        """Its sentence."""
        words = dict(self.fields)
        for name, value in words.items():
            if isinstance(value, Mapping):
                words[name] = "".join(f", or {sentence(CAUSES, other, **fields)}" for other, fields in value.items())
        return sentence(CAUSES, self.cause, **words)


def diagnose(case: Case, second: Callable[[], Case | None]) -> Likely | None:
    """The first hint that applies, at a second random input too; or None.

    second: the case of that input; None if there is none.
    """
    with np.errstate(all="ignore"):
        for search in SEARCHES:
            for cause, fields in _applying(search, case):
                other = second()
                shared = fields if other is None else _shared(cause, fields, _applying(search, other))
                if shared is not None:
                    return Likely(cause, shared)
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
        if cause in ANYWHERE and all(isinstance(fields[key], Place) for key in differ):
            return {**fields, **dict.fromkeys(differ, "some elements")}
    return None


def of_several(causes: Sequence[Likely], own: Likely | None) -> Likely | None:
    """The most frequent of the causes that several inputs have, with the places and numbers of the one that is shown.

    own: the cause of the input that is shown, or None if it has another one.
    None where `own` is None and places, or factors without a simple form, differ between the others.
    """
    if causes[0].hint == "constant-factor":
        return _one_factor(causes, own)
    often = Counter(map(_without_places, causes)).most_common(1)[0][0]
    alike = [cause for cause in causes if _without_places(cause) == often]
    if own is not None and _without_places(own) == often:
        return own
    return alike[0] if all(cause == alike[0] for cause in alike) else None


def _without_places(cause: Likely) -> tuple[object, ...]:
    words = [(name, value) for name, value in cause.fields.items() if not isinstance(value, (Place, int))]
    return cause.cause, *words


def _one_factor(causes: Sequence[Likely], own: Likely | None) -> Likely | None:
    """A constant factor, with the alternatives that hold for all inputs; None if nothing holds for all."""
    everywhere = set.intersection(*({*cause.fields.get("alternatives", ())} for cause in causes))
    cause = own or causes[0]
    kept = {name: words for name, words in cause.fields.get("alternatives", {}).items() if name in everywhere}
    if own is None:
        kept = {name: dict.fromkeys(words, "") for name, words in kept.items() if name != "constant-factor.axes"}
        said = "what" in cause.fields
        return Likely("constant-factor.elsewhere", {**cause.fields, "alternatives": kept}) if said else None
    differs = not kept and any(other != own for other in causes)
    here = " here; for other inputs the factor differs" if differs else ""
    return Likely(own.cause, {**own.fields, "alternatives": kept, "here": here})

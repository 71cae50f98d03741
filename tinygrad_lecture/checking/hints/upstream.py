"""Hints: the upstream gradient g is used in the wrong way. The rule must return g times the derivative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...backend import Array
from .axes import axes_text
from .case import Case, same, sum_to_shape

# What a rule may take in place of g, by name, and the hint
INSTEAD: dict[str, tuple[Callable[[Array], Array], str]] = {
    "ones": (np.ones_like, "this is the derivative alone: the rule ignores the upstream gradient g; multiply by g"),
    "squares": (np.square, "the rule multiplies by the upstream gradient g twice; multiply once"),
    "reciprocals": (np.reciprocal, "the rule divides by the upstream gradient g; multiply by g"),
    "sizes": (np.abs, "the rule uses the absolute value of the upstream gradient g; g has a sign, keep it"),
    "signs": (np.sign, "the rule uses only the sign of the upstream gradient g; multiply by g itself"),
    "positive": (lambda g: np.maximum(g, 0), "the rule drops the negative elements of the upstream gradient g"),
    "negative": (lambda g: np.minimum(g, 0), "the rule drops the positive elements of the upstream gradient g"),
}
REDUCED: dict[str, Callable[..., Array]] = {"mean": np.mean, "sum": np.sum, "maximum": np.max, "minimum": np.min}


def _instead(kind: str) -> Callable[[Case], str | None]:
    """The hint for one entry of INSTEAD."""
    change, text = INSTEAD[kind]

    def hint(case: Case) -> str | None:
        if not case.fits_upstream(change(case.upstream)):
            return None
        other = -2 * case.upstream[::-1]  # by another upstream gradient it may be a coincidence
        trial, candidate = case.rerun(other), case.vjp(change(other))
        return None if trial is not None and candidate is not None and not same(trial, candidate) else text

    return hint


upstream_ignored, upstream_twice = _instead("ones"), _instead("squares")
upstream_changed = [_instead(kind) for kind in INSTEAD if kind not in ("ones", "squares")]


def upstream_reduced(case: Case) -> str | None:
    """got = the vjp of the mean, the sum, ... or of one element of g, the same for all outputs."""
    if case.out is None:
        return None
    g = case.upstream.reshape(case.out.shape)
    each = "each output element has an upstream gradient of its own"
    for over in [None, *range(g.ndim)] if g.ndim > 1 else [None]:
        along = "" if over is None else f" along axis {axes_text((over,))}"
        for name, reduce in REDUCED.items():
            if case.fits_upstream(np.broadcast_to(reduce(g, axis=over, keepdims=True), g.shape)):
                return f"the rule uses the {name} of the upstream gradient g{along} for all outputs; {each}"
    for index in list(np.ndindex(g.shape)) if g.size <= 100 else []:
        if case.fits_upstream(np.full(g.shape, g[index])):
            return f"the rule uses one element of g, g{list(index)}, for all outputs; {each}"
    return None


def upstream_added(case: Case) -> str | None:
    """got = g + derivative."""
    if case.reached is None or case.jacobian is None or case.g is None:
        return None
    derivative = case.jacobian.sum(axis=0).reshape(case.x.shape)
    if not derivative.any() or not case.fits(case.g + derivative):
        return None
    return "this is the upstream gradient g plus the derivative; multiply them instead"


def not_linear(case: Case) -> str | None:
    """The rule, run with 2 g and with -g, does not give 2 times and -1 times the gradient."""
    double, minus = case.rerun(2 * case.upstream), case.rerun(-case.upstream)
    if double is None or minus is None or (same(double, 2 * case.got) and same(minus, -case.got)):
        return None
    if same(double, case.got) and same(minus, case.got):
        return "the rule ignores the upstream gradient g: it returns the same for every g; multiply the derivative by g"
    if same(double, 2 * case.got):
        return "the rule depends on the sign of g, as with abs(g) or a mask made from g; masks are made from the inputs"
    return (
        "the rule is not linear in g: for 2 g it does not return twice as much; a rule multiplies g by the derivative, "
        "so g is neither added to something nor inside of a function"
    )


def upstream_alone(case: Case) -> str | None:
    """got = g, repeated or summed as shapes ask for."""
    if case.out is None or case.jacobian is None:
        return None
    g = case.upstream.reshape(case.out.shape)
    candidates = [(case.upstream @ (case.jacobian != 0)).reshape(case.x.shape)]
    try:
        np.broadcast_shapes(case.x.shape, g.shape)
        candidates += [sum_to_shape(g, case.x.shape), np.broadcast_to(g, case.x.shape)]
    except ValueError:
        candidates += [g.reshape(case.x.shape)] if g.size == case.x.size else []
    if not any(case.fits(candidate) for candidate in candidates):
        return None
    if case.reached is None and (np.count_nonzero(case.jacobian, axis=1) > 1).any():
        return (
            "the rule returns the upstream gradient g unchanged, as if each output element depended on one input "
            "element alone; a term is missing for the other elements"
        )
    return "the rule returns the upstream gradient g unchanged; multiply it by the derivative of the op"

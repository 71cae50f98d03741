"""Hints: the upstream gradient g is used in the wrong way. The rule must return g times the derivative."""

from __future__ import annotations

import numpy as np

from .case import Case, sum_to_shape


def upstream_ignored(case: Case) -> str | None:
    """got = the vjp of an upstream gradient of ones."""
    candidate = case.vjp(np.ones_like(case.upstream))
    if candidate is None or not case.fits(candidate):
        return None
    return "this is the derivative alone: the rule ignores the upstream gradient g; multiply by g"


def upstream_twice(case: Case) -> str | None:
    """got = the vjp of g²."""
    candidate = case.vjp(case.upstream**2)
    if candidate is None or not case.fits(candidate):
        return None
    return "the rule multiplies by the upstream gradient g twice; multiply once"


def upstream_added(case: Case) -> str | None:
    """got = g + derivative."""
    reached = case.reached()
    if reached is None or case.jacobian is None:
        return None
    derivative = case.jacobian.sum(axis=0).reshape(case.x.shape)
    if not case.fits(case.upstream[reached] + derivative):
        return None
    return "this is the upstream gradient g plus the derivative; multiply them instead"


def upstream_alone(case: Case) -> str | None:
    """got = g."""
    if case.out is None:
        return None
    upstream = case.upstream.reshape(case.out.shape)
    try:
        np.broadcast_shapes(case.x.shape, upstream.shape)
        candidates = [sum_to_shape(upstream, case.x.shape), np.broadcast_to(upstream, case.x.shape)]
    except ValueError:
        candidates = [upstream.reshape(case.x.shape)] if upstream.size == case.x.size else []
    if not any(case.fits(candidate) for candidate in candidates):
        return None
    return "the rule returns the upstream gradient g unchanged; multiply it by the derivative of the op"

"""Hints: the gradient is a sum, and the rule has another term in place of one of its terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ....backend import Array
from ..axes import axes_text
from ..case import Case, same
from .term import Term, elementwise_terms, sum_terms

MAX_SIZE = 256  # elements of an input whose terms are tried in pairs


@dataclass(frozen=True)
class Swap:
    """A term that the rule has, and the one that the gradient has instead, each times a simple number, as text.

    certain: whether it is not the other way round, with both signs changed.
    """

    wrong: Term
    right: Term
    taken: str
    needed: str
    certain: bool


def sum_over_wrong_axis(case: Case) -> str | None:
    """got and expected differ in the axis of a sum within the gradient."""
    for swap in _swaps(case, same_factors=True):
        if swap.certain and swap.wrong.over and swap.right.over and swap.right.keepdims:
            right = axes_text(swap.right.over)
            if swap.wrong.over == swap.right.over:
                return (
                    f"a sum or mean over axis {right} within the rule is then repeated along the wrong axis; it needs "
                    "keepdims=True"
                )
            return (
                f"a sum or mean within the rule goes over axis {axes_text(swap.wrong.over)}, but must go over {right}"
            )
    return None


def wrong_term(case: Case) -> str | None:
    """got has one plausible term where expected has another one."""
    swap = next(_swaps(case, same_factors=False), None)
    if swap is None:
        return None
    if not swap.certain:
        return f"one term of the gradient is wrong: the rule or the gradient has {swap.taken}, the other {swap.needed}"
    sums = "; the sum is missing" if swap.right.over and not swap.wrong.over else ""
    return f"the rule has the term {swap.taken} where the gradient has {swap.needed}{sums}"


def _swaps(case: Case, same_factors: bool) -> Iterator[Swap]:
    """Swaps that explain got, the most alike and simplest first: got - expected = a * one + b * other.

    same_factors: only those of terms that differ in the axes of their sums alone.
    """
    where = ~case.kinks
    if case.g is None or not 5 <= np.count_nonzero(where) <= MAX_SIZE:
        return
    terms = [*elementwise_terms(case), *sum_terms(case)]
    table = np.array([np.broadcast_to(term.of(case.g), case.x.shape)[where] for term in terms])
    error = (case.got - case.expected)[where]
    gram, with_error = table @ table.T, table @ error
    norms = np.diag(gram)
    determinant = norms[:, None] * norms - gram * gram
    first = (norms * with_error[:, None] - gram * with_error) / determinant  # a, for each pair: least squares
    left = error @ error - first * with_error[:, None] - first.T * with_error
    usable = (determinant > 1e-9 * norms[:, None] * norms) & (np.abs(left) <= 1e-8 * (error @ error))
    pairs = [(int(i), int(k)) for i, k in np.argwhere(usable & (first > 0) & (first.T < 0))]
    for i, k in sorted(pairs, key=lambda pair: (_unlike(terms[pair[0]], terms[pair[1]]), sum(pair))):
        a, b = float(first[i, k]), float(first[k, i])
        if same_factors and terms[i].factors != terms[k].factors:
            continue
        if not (terms[i].times(a) and terms[k].times(b) and same(error, a * table[i] + b * table[k])):
            continue
        one, other = (terms[i], a), (terms[k], b)
        likely, unlikely = (
            (-_distance(case, terms[j], -number), _leaves_one_term(case.expected[where], -number * table[j], table))
            for j, number in ((k, b), (i, a))
        )
        if unlikely > likely:
            one, other = other, one
        taken, needed = one[0].times(one[1]), other[0].times(-other[1])
        if taken and needed:
            yield Swap(one[0], other[0], taken, needed, likely != unlikely)


def _distance(case: Case, term: Term, number: float) -> float:
    """How far the Jacobian is from that of a number times a term, apart from its diagonal."""
    if case.jacobian is None or case.reached is not None:
        return 0.0
    units = [case.at_inputs(unit) for unit in np.eye(case.upstream.size)]
    rows = [np.broadcast_to(term.of(g), case.x.shape).ravel() for g in units if g is not None]
    difference = case.jacobian - number * np.array(rows)
    return round(float(np.sum(difference**2) - np.sum(np.diag(difference) ** 2)), 6)


def _leaves_one_term(expected: Array, value: Array, table: Array) -> bool:
    """Whether expected - value is a multiple of one of the terms, or of a few of its elements, or 0."""
    rest = expected - value
    masked = np.abs(rest) > 1e-7 * np.abs(expected).max(initial=0)
    rest, table = rest[masked], table[:, masked]
    numbers = (table @ rest) / (table**2).sum(axis=1)
    return bool((np.abs(numbers[:, None] * table - rest) <= 1e-5 * np.abs(rest)).all(axis=1).any())


def _unlike(one: Term, other: Term) -> int:
    """In how many ways two terms differ."""
    factors = sum(a != b for a, b in zip(one.factors, other.factors, strict=True))
    return factors + (one.over != other.over) + (one.keepdims != other.keepdims)

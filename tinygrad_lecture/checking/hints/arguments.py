"""Hints about a rule's arguments: a wrong one is used. Found by running the rule again."""

from __future__ import annotations

from collections.abc import Iterator

from ...backend import Array
from .case import Case, same


def wrong_argument(case: Case) -> str | None:
    """The rule is right when another input, or the output for its own input, is passed; or one is transposed."""
    for swap, replaced in _swaps(case):
        trial = case.rerun(**replaced)
        if trial is not None and same(trial, case.expected, ~case.kinks):
            return f"the rule would be right with {swap}"
    return None


def _swaps(case: Case) -> Iterator[tuple[str, dict[str, Array]]]:
    """An array argument of the rule replaced by another array, or by its transpose."""
    call = case.call
    found = None if call is None or call.op.variadic else call.rule(case.position)
    if call is None or found is None:
        return
    known = call.named_arrays()
    for name in found[1]:
        if name in known:
            others = [k for k in known if k != name and (k != "out" or name == case.own_name)]
            yield from ((f"{k} instead of {name}", {name: known[k]}) for k in others)
            if known[name].ndim > 1:
                yield f"{name} transposed", {name: known[name].swapaxes(-1, -2)}

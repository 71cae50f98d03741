"""Hints about a rule's arguments: a wrong one is used. Found by running the rule again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...backend import Array
from .case import Case, same


def wrong_argument(case: Case) -> str | None:
    """The rule is right when another input, or the output for its own input, is passed; or one is transposed."""
    return _right_with(case, lambda name, other: other != "out" or name == case.own_name)


def out_for_argument(case: Case) -> str | None:
    """The rule is right when the output is passed for another input."""
    return _right_with(case, lambda name, other: other == "out")


def _right_with(case: Case, wanted: Callable[[str, str], bool]) -> str | None:
    for swap, replaced in _swaps(case, wanted):
        trial = case.rerun(**replaced)
        if trial is not None and same(trial, case.expected, ~case.kinks):
            return f"the rule would be right with {swap}"
    return None


def _swaps(case: Case, wanted: Callable[[str, str], bool]) -> Iterator[tuple[str, dict[str, Array]]]:
    """An array argument of the rule replaced by another array, or by its transpose."""
    call = case.call
    found = None if call is None or call.op.variadic else call.rule(case.position)
    if call is None or found is None:
        return
    known = call.named_arrays()
    for name in found[1]:
        if name in known:
            yield from ((f"{k} instead of {name}", {name: known[k]}) for k in known if k != name and wanted(name, k))
            if known[name].ndim > 1 and wanted(name, name):
                yield f"{name} transposed", {name: known[name].swapaxes(-1, -2)}

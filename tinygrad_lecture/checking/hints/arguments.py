"""Hints about a rule's arguments: a wrong one is used, one is changed. Found by running the rule again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

import numpy as np

from ...backend import Array, device_of, is_array, move, to_host
from .case import Case, same


def no_upstream(case: Case) -> str | None:
    """The first parameter of the rule has the name of an input."""
    found = None if case.call is None or case.call.op.variadic else case.call.rule(case.position)
    if case.call is None or found is None:
        return None
    first = next(iter(inspect.signature(found[0]).parameters))
    if first not in (*case.call.op.inputs, "out") or first in ("g", "grad", "upstream"):
        return None
    return (
        f"the first parameter of a rule is the upstream gradient, so here {first} holds g, not {first}; write "
        f"def _(g, {first})"
    )


def argument_changed(case: Case) -> str | None:
    """The rule changes an array that was saved for it."""
    call = case.call
    found = None if call is None or call.op.variadic else call.rule(case.position)
    if call is None or found is None:
        return None
    rule, arguments = found
    given = {name: value.copy() if is_array(value) else value for name, value in arguments.items()}
    try:
        rule(move(case.upstream.reshape(call.out.shape).copy(), device_of(call.out)), *given.values())
    except Exception:  # the rule does not run a second time
        return None
    for name, value in given.items():
        if is_array(value) and not _equal(to_host(value), to_host(arguments[name])):
            return f"the rule changes {name} in place, which the next run of a rule needs; make a new array"
    return None


def _equal(a: Array, b: Array) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


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

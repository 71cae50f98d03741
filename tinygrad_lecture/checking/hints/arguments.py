"""Hint: the rule uses the wrong argument. Found by running the rule again with other arguments."""

from __future__ import annotations

from collections.abc import Iterator

from ...backend import Array, is_array, to_host
from .case import Case, same, sum_to_shape


def wrong_argument(case: Case) -> str | None:
    """The rule is right when another array is passed for one of its arguments."""
    for swap, trial in _trials(case):
        if trial.shape == case.expected.shape and same(trial, case.expected, ~case.kinks):
            return f"the rule would be right with {swap}"
    return None


def _trials(case: Case) -> Iterator[tuple[str, Array]]:
    """What the rule returns when one of its array arguments is replaced by another one, or transposed."""
    call = case.call
    if call is None or call.op.variadic:
        return
    found = call.rule(case.position)
    if found is None:
        return
    known, (rule, arguments) = call.named_arrays(), found
    for name in arguments:
        if name not in known:
            continue
        swaps = {f"{other} instead of {name}": known[other] for other in known if other != name}
        if known[name].ndim > 1:
            swaps[f"{name} transposed"] = known[name].swapaxes(-1, -2)
        for swap, array in swaps.items():
            trial = {key: value.copy() if is_array(value) else value for key, value in arguments.items()}
            trial[name] = array.copy()
            try:
                upstream = case.upstream.reshape(call.out.shape).copy()
                yield swap, sum_to_shape(to_host(rule(upstream, *trial.values())), case.x.shape)
            except Exception:  # the rule does not run with these arguments
                continue

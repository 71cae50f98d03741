"""Calls that do not fit a function: which argument is missing, unknown or misplaced, and what to write."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..traced import Traced
from .names import alike
from .users_line import hide_frames
from .words import shown


def call_complaint(
    name: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    named: Mapping[str, Any],
    instead: Mapping[str, str] | None = None,
) -> str | None:
    """What is wrong with a call, as a sentence; None if its arguments fit the function's parameters.

    instead: other names of arguments -> what they are called here.
    """
    signature = inspect.signature(function)
    if _fits(signature, args, named):
        return None
    parameters = signature.parameters.values()
    positions = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_position = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]
    by_name = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    required = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    call = f"{name}({', '.join(required)})"
    if not named.keys().isdisjoint(by_position):
        return f"inputs go by position: {call}"
    for given in named:
        if given not in by_name:
            meant = (instead or {}).get(given) or _meant(given, by_name)
            return f"it has no argument {given}; " + (
                f"write {meant}" if meant else f"it has {', '.join(by_name) or 'none by name'}"
            )
        if given in positions[: len(args)]:
            return f"{given} is given twice, by position and by name"
    if len(args) > len(positions):
        return f"it takes {len(positions)} arguments by position, not {len(args)}: {call}"
    if args and isinstance(args[-1], (tuple, list)) and _fits(signature, unpacked := [*args[:-1], *args[-1]], named):
        return f"write {name}({', '.join(map(shown, unpacked))}), without the inner parentheses"
    missing = [p for p in required if p not in named and p not in positions[: len(args)]]
    return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: {call}"


def refuse_several(name: str, values: Iterable[Any]) -> None:
    """Raise TypeError if one of the values, each of which should be one tensor, is a tuple or list of Tensors.

    NumPy would stack them without a word.
    """
    for value in values:
        if _has_tensors(value):
            hide_frames()
            reason = (
                f"it takes one tensor, not {shown(value)}; an RNN returns (output, state); take its first, or join a "
                "list with tl.stack"
            )
            error = TypeError(f"{name}: {reason}")
            vars(error)["reason"] = reason  # a function composed of ops says it again under its own name
            raise error


def _has_tensors(value: Any) -> bool:
    """Whether a value is a tuple or list with Tensors in it, at any depth."""
    return isinstance(value, (tuple, list)) and any(isinstance(x, Traced) or _has_tensors(x) for x in value)


def _fits(signature: inspect.Signature, args: Sequence[Any], named: Mapping[str, Any]) -> bool:
    try:
        signature.bind(*args, **named)
    except TypeError:
        return False
    return True


def _meant(given: str, names: Sequence[str]) -> str | None:
    """The name that was meant: one spelt alike, or the initials, as lr for learning_rate; None if there is none."""
    initials = "".join(word[:1] for word in given.split("_"))
    return initials if initials in names else next(iter(alike(given, names)), None)

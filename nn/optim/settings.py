"""The settings of optimisers and schedules, and their limits; parameter groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import alike, brief, warn

Group: TypeAlias = dict[str, Any]  # "params": the parameters; and the settings by name
Limit: TypeAlias = Callable[[Any], str | None]  # value of a setting -> what is wrong with it, "must be ..., not ..."


def floats(group: Group, *names: str) -> list[float]:
    """Settings of a group as Python numbers: NumPy's would turn float32 arrays into float64."""
    return [float(group[name]) for name in names]


# --- limits -------------------------------------------------------------------------------------------------


def broken(settings: Mapping[str, Any], limits: Mapping[str, Limit]) -> Iterator[str]:
    """A message about each setting that breaks its limit."""
    for name, limit in limits.items():
        if name in settings and (complaint := limit(settings[name])):
            yield f"{name} {complaint}"


def number(wanted: str, holds: Callable[[Any], bool]) -> Limit:
    """The limit of a number, such as number("in [0, 1)", lambda x: 0 <= x < 1)."""
    return lambda value: None if is_number(value) and holds(value) else f"must be {wanted}, not {brief(value)}"


not_negative = number("a number from 0 on", lambda x: x >= 0)
at_least_1 = number("at least 1", lambda x: x >= 1)
below_1 = number("below 1", lambda x: x < 1)
from_0_below_1 = number("in [0, 1)", lambda x: 0 <= x < 1)
from_0_to_1 = number("in [0, 1]", lambda x: 0 <= x <= 1)
above_0_to_1 = number("in (0, 1]", lambda x: 0 < x <= 1)


def two_below_1(value: Any) -> str | None:
    if isinstance(value, tuple | list) and len(value) == 2 and not any(map(from_0_below_1, value)):
        return None
    return f"must be two numbers in [0, 1), as in (0.9, 0.999), not {brief(value)}"


# of the settings that optimisers have in common
LIMITS: dict[str, Limit] = {
    **dict.fromkeys(("lr", "weight_decay", "eps", "momentum"), not_negative),
    "betas": two_below_1,
}


def one_of(*choices: str) -> Limit:
    """The limit of a setting that is one of some strings."""
    told = " or ".join(map(repr, choices))
    return lambda value: None if value in choices else f"must be {told}, not {brief(value)}"


def is_number(value: Any) -> bool:
    """Whether a setting can be computed with: numbers, also NumPy's and 0-d Tensors."""
    return isinstance(value, int | float | np.number) or getattr(value, "shape", None) == ()


# --- parameter groups ---------------------------------------------------------------------------------------


def make_group(optimizer: str, given: Any, defaults: Group, known: Iterable[Tensor]) -> Group:
    """A parameter group with all settings, of what the user gave; its "params" are a list.

    optimizer: its name, for errors.  known: the parameters of other groups.
    Raises TypeError or ValueError for anything but parameters that can be trained, each once.
    """
    if not isinstance(given, dict) or "params" not in given:
        raise TypeError(f'{optimizer}: a parameter group must be a dict such as {{"params": [...], "lr": 0.1}}')
    params = given["params"]
    params = [params] if isinstance(params, Tensor) else list(params)
    names = [p[0] for p in params if isinstance(p, tuple) and len(p) == 2]  # as named_parameters() gives them
    if names and len(names) != len(params):
        raise ValueError(f"{optimizer}: give all parameters of a group with their names, or none")
    params = [p for _, p in params] if names else params
    seen = set(known)
    for p in params:
        if not isinstance(p, Tensor):
            raise TypeError(f"{optimizer}: parameters must be Tensors, as of model.parameters(), not {brief(p)}")
        if not p.is_leaf or p.dtype.kind != "f":
            what = f"of dtype {p.dtype}" if p.is_leaf else "computed from others"
            raise ValueError(f"{optimizer}: cannot optimise a tensor {what}; pass the Parameters themselves")
        if p in seen:
            raise ValueError(f"{optimizer}: a parameter of shape {p.shape} is given twice; pass each once")
        seen.add(p)
    group = {**defaults, **given, "params": params, **({"param_names": names} if names else {})}
    for name in given.keys() - defaults.keys() - {"params"}:  # others are the user's, unless they look misspelt
        initials = "".join(word[:1] for word in name.split("_"))
        if meant := [initials] if initials in defaults else alike(name, defaults):
            warn(f"{optimizer} has no setting {name!r}, so it changes nothing; write {meant[0]!r}")
    return group

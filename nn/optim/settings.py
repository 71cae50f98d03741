"""The settings of parameter groups: what they may be, and what is said about others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.names import alike
from tinygrad_lecture.errors.users_line import hide_frames, warn
from tinygrad_lecture.errors.words import shown

Group: TypeAlias = dict[str, Any]  # "params": the parameters; and the settings by name


class _Required:
    def __repr__(self) -> str:
        return "<required>"


required = _Required()  # the default of a setting that has none: each group must give it


def not_negative(group: Group, *names: str) -> Iterator[str]:
    """A message about each setting that is no number, or is below 0 or NaN."""
    for name in names:
        if name not in group:
            continue
        if not is_number(group[name]):
            yield f"{name} must be a number, not {shown(group[name])}"
        elif not group[name] >= 0:
            yield f"{name} must not be negative, but is {group[name]}"


def fractions(group: Group, *names: str) -> Iterator[str]:
    """A message about each setting that is not in [0, 1)."""
    for name in names:
        if not is_number(group[name]) or not 0 <= group[name] < 1:
            yield f"{name} must be in [0, 1), not {shown(group[name])}"


def betas(group: Group) -> Iterator[str]:
    """A message if `betas` are not two numbers in [0, 1)."""
    given = group["betas"]
    pair = isinstance(given, tuple | list) and len(given) == 2 and all(map(is_number, given))
    if not pair or not all(0 <= beta < 1 for beta in given):
        yield f"betas must be two numbers in [0, 1), as in (0.9, 0.999), not {shown(given)}"


def is_number(value: Any) -> bool:
    """Whether a setting can be computed with: numbers, also NumPy's and 0-d Tensors."""
    return isinstance(value, int | float | np.number) or getattr(value, "shape", None) == ()


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
    if names:
        if len(names) != len(params):
            raise ValueError(f"{optimizer}: give all parameters of a group with their names, or none")
        params = [p for _, p in params]
    seen = set(known)
    for p in params:
        if not isinstance(p, Tensor):
            raise TypeError(
                f"{optimizer}: parameters must be Tensors, as model.parameters() gives them, not {shown(p)}"
            )
        if not p.is_leaf or p.dtype.kind != "f":
            what = f"of dtype {p.dtype}" if p.is_leaf else "computed from others"
            raise ValueError(f"{optimizer}: cannot optimise a tensor {what}; pass the Parameters themselves")
        if p in seen:
            raise ValueError(f"{optimizer}: a parameter of shape {p.shape} is given twice; pass each once")
        seen.add(p)
    group = {**defaults, **given, "params": params, **({"param_names": names} if names else {})}
    for name, value in group.items():
        if value is required:
            raise ValueError(f'{optimizer}: {name} has no default; give it, as in {{"params": [...], "{name}": ...}}')
    _warn_of_misspelt(optimizer, given.keys() - defaults.keys() - {"params"}, defaults)
    return group


def _warn_of_misspelt(optimizer: str, names: Iterable[str], defaults: Group) -> None:
    """Warn of a setting that the optimiser does not have, if it looks like one that it has; others are the user's."""
    for name in names:
        initials = "".join(word[:1] for word in name.split("_"))
        meant = [initials] if initials in defaults else alike(name, defaults)
        if meant:
            hide_frames()
            warn(f"{optimizer} has no setting {name!r}, so it changes nothing; write {meant[0]!r}")

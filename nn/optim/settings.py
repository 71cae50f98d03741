"""The settings of parameter groups: how a class declares them, what they may be, and what is said about others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import Parameter, Signature, get_annotations
from typing import Any, TypeAlias

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors.names import alike
from tinygrad_lecture.errors.users_line import hide_frames, warn
from tinygrad_lecture.errors.words import shown

Group: TypeAlias = dict[str, Any]  # "params": the parameters; and the settings by name
Limit: TypeAlias = Callable[[Any], str | None]  # value of a setting -> what is wrong with it, "must be ..., not ..."

# PyTorch's arguments for its kernels -> (default, why True is refused; None if it changes nothing)
IGNORED: dict[str, tuple[Any, str | None]] = {
    "foreach": (None, None),
    "fused": (None, None),
    "capturable": (False, "there are no CUDA graphs here; leave it out"),
    "differentiable": (False, "a step is not recorded here; write the update with ops, as in w = w - lr * g"),
}


class _Required:
    def __repr__(self) -> str:
        return "<required>"


required = _Required()  # the default of a setting that has none: each group must give it


# --- declaring settings -------------------------------------------------------------------------------------


def take_declared(cls: type) -> Group:
    """The settings that a class declares as `lr: float = 0.1`, which are no longer its attributes."""
    declared = {name: vars(cls)[name] for name in get_annotations(cls) if name in vars(cls)}
    for name in declared:
        delattr(cls, name)
    return declared


def initialiser(defaults: Group, init: Callable[[Any, Any, Group], None]) -> Callable[..., None]:
    """An `__init__(self, params, <the settings>, *, maximize=False)`, which calls init(self, params, settings).

    It also takes PyTorch's foreach and fused, which change nothing, and raises NotImplementedError for capturable and
    differentiable.
    """
    here = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in ("self", "params")]
    here += [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=value) for name, value in defaults.items()]
    named = {"maximize": False, **{name: default for name, (default, _) in IGNORED.items()}}
    here += [Parameter(name, Parameter.KEYWORD_ONLY, default=value) for name, value in named.items()]
    signature = Signature(here)

    def __init__(*args: Any, **named: Any) -> None:
        bound = signature.bind(*args, **named)
        bound.apply_defaults()
        settings = dict(bound.arguments)
        self, params = settings.pop("self"), settings.pop("params")
        for name, (_, reason) in IGNORED.items():
            if settings.pop(name) and reason is not None:
                hide_frames()
                raise NotImplementedError(f"{type(self).__name__}: {name}=True is not here, since {reason}")
        init(self, params, settings)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return __init__


# --- limits -------------------------------------------------------------------------------------------------


def broken(group: Group, limits: Mapping[str, Limit]) -> Iterator[str]:
    """A message about each setting of a group that breaks its limit."""
    for name, limit in limits.items():
        if name in group and (complaint := limit(group[name])):
            yield f"{name} {complaint}"


def not_negative(value: Any) -> str | None:
    if not is_number(value):
        return f"must be a number, not {shown(value)}"
    return None if value >= 0 else f"must not be negative, but is {value}"


def below_1(value: Any) -> str | None:
    return None if is_number(value) and 0 <= value < 1 else f"must be in [0, 1), not {shown(value)}"


def up_to_1(value: Any) -> str | None:
    return None if is_number(value) and 0 <= value <= 1 else f"must be in [0, 1], not {shown(value)}"


def two_below_1(value: Any) -> str | None:
    if isinstance(value, tuple | list) and len(value) == 2 and not any(map(below_1, value)):
        return None
    return f"must be two numbers in [0, 1), as in (0.9, 0.999), not {shown(value)}"


def is_number(value: Any) -> bool:
    """Whether a setting can be computed with: numbers, also NumPy's and 0-d Tensors."""
    return isinstance(value, int | float | np.number) or getattr(value, "shape", None) == ()


# --- groups -------------------------------------------------------------------------------------------------


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
    for name in given.keys() - defaults.keys() - {"params"}:  # others are the user's, unless they look misspelt
        initials = "".join(word[:1] for word in name.split("_"))
        if meant := [initials] if initials in defaults else alike(name, defaults):
            hide_frames()
            warn(f"{optimizer} has no setting {name!r}, so it changes nothing; write {meant[0]!r}")
    return group

"""Classes that declare their settings, `lr: float = 0.1`, which become arguments; and the limits of settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from inspect import Parameter, Signature, get_annotations
from typing import Any, ClassVar, TypeAlias, dataclass_transform

import numpy as np

from tinygrad_lecture.errors.words import shown

from ..errors import ExplainsArguments

Limit: TypeAlias = Callable[[Any], str | None]  # value of a setting -> what is wrong with it, "must be ..., not ..."


@dataclass_transform(field_specifiers=(field,))
class Declared(ExplainsArguments):
    """Base of classes whose subclasses declare settings in place of an `__init__`:

        class StepLR(LRScheduler):
            step_size: int
            gamma: float = 0.1

    makes StepLR(optimizer, step_size, gamma=0.1, last_epoch=-1, verbose=False), which calls `initialise`. The settings
    are no attributes of the class any more. A subclass of StepLR may declare other defaults, and more settings. A class
    with its own `__init__` declares nothing.
    """

    settings: ClassVar[dict[str, Any]] = {}  # name -> default, or Parameter.empty
    limits: ClassVar[dict[str, Limit]] = {}
    _first: ClassVar[str]  # the argument before the settings
    _last: ClassVar[tuple[Parameter, ...]]  # those after them
    _declares: ClassVar[bool]  # no: it, or a base of it, has its own `__init__`

    def __init_subclass__(cls, **options: Any) -> None:
        if "__init__" in vars(cls):
            cls._declares = "_first" in vars(cls)
        elif cls._declares:
            names = [name for name, kind in get_annotations(cls).items() if "ClassVar" not in str(kind)]
            declared = {name: vars(cls).get(name, Parameter.empty) for name in names}
            for name in declared.keys() & vars(cls).keys():
                delattr(cls, name)
            cls.settings = {**cls.settings, **declared}
            if declared:
                cls.__init__ = _initialiser(cls)  # type: ignore[method-assign]
        super().__init_subclass__(**options)

    def initialise(self, first: Any, settings: dict[str, Any]) -> None:
        """Begin with these settings. first: the argument before them."""
        raise NotImplementedError


def _initialiser(cls: type[Declared]) -> Callable[..., None]:
    """The `__init__` of a class with declared settings."""
    by_position = Parameter.POSITIONAL_OR_KEYWORD
    parameters = [Parameter(name, by_position) for name in ("self", cls._first)]
    parameters += [Parameter(name, by_position, default=default) for name, default in cls.settings.items()]
    signature = Signature([*parameters, *cls._last])

    def __init__(*args: Any, **named: Any) -> None:
        bound = signature.bind(*args, **named)
        bound.apply_defaults()
        self, first, *_ = bound.arguments.values()
        self.initialise(first, dict(list(bound.arguments.items())[2:]))

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return __init__


# --- limits -------------------------------------------------------------------------------------------------


def broken(settings: Mapping[str, Any], limits: Mapping[str, Limit]) -> Iterator[str]:
    """A message about each setting that breaks its limit."""
    for name, limit in limits.items():
        if name in settings and (complaint := limit(settings[name])):
            yield f"{name} {complaint}"


def not_negative(value: Any) -> str | None:
    if not is_number(value):
        return f"must be a number, not {shown(value)}"
    return None if value >= 0 else f"must not be negative, but is {value}"


def at_least_1(value: Any) -> str | None:
    if not is_number(value):
        return f"must be an int, not {shown(value)}"
    return None if value >= 1 else f"must be at least 1, but is {value}"


def between(low: str, high: str, holds: Callable[[Any], bool]) -> Limit:
    """The limit of a number in an interval, such as between("[0", "1)", lambda x: 0 <= x < 1)."""
    return lambda value: None if is_number(value) and holds(value) else f"must be in {low}, {high}, not {shown(value)}"


from_0_below_1 = between("[0", "1)", lambda x: 0 <= x < 1)
from_0_to_1 = between("[0", "1]", lambda x: 0 <= x <= 1)
above_0_to_1 = between("(0", "1]", lambda x: 0 < x <= 1)


def two_below_1(value: Any) -> str | None:
    if isinstance(value, tuple | list) and len(value) == 2 and not any(map(from_0_below_1, value)):
        return None
    return f"must be two numbers in [0, 1), as in (0.9, 0.999), not {shown(value)}"


def one_of(*choices: str | None) -> Limit:
    """The limit of a setting that is one of some strings."""
    told = " or ".join(map(repr, choices))
    return lambda value: None if value in choices else f"must be {told}, not {shown(value)}"


def is_number(value: Any) -> bool:
    """Whether a setting can be computed with: numbers, also NumPy's and 0-d Tensors."""
    return isinstance(value, int | float | np.number) or getattr(value, "shape", None) == ()

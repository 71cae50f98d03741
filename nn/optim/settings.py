"""The settings of optimisers and schedules: declared in a class, `lr: float = 0.1`; limits; parameter groups.

At the end: the saved state of a parameter, checked and moved to its device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from inspect import Parameter, Signature, get_annotations
from typing import Any, ClassVar, TypeAlias, dataclass_transform

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import is_array, move
from tinygrad_lecture.errors import Elsewhere, alike, brief, hide_frames, warn
from tinygrad_lecture.func.trees import map_leaves
from tinygrad_lecture.tensor_base import wrap

from ..errors import ExplainsArguments
from ..module import array_of, misfit

Group: TypeAlias = dict[str, Any]  # "params": the parameters; and the settings by name
State: TypeAlias = dict[str, Any]  # of one parameter: tensors, numbers, and lists of them, by name
Limit: TypeAlias = Callable[[Any], str | None]  # value of a setting -> what is wrong with it, "must be ..., not ..."


@dataclass_transform(field_specifiers=(field,))
class Declared(ExplainsArguments):
    """Base of classes whose subclasses declare settings in place of an `__init__`:

        class StepLR(LRScheduler):
            step_size: int
            gamma: float = 0.1

    makes StepLR(optimizer, step_size, gamma=0.1, last_epoch=-1), which calls `initialise`. The settings
    are no attributes of the class any more. A subclass of StepLR may declare other defaults, and more settings. A class
    with its own `__init__` declares nothing.
    """

    settings: ClassVar[dict[str, Any]] = {}  # name -> default, or Parameter.empty
    limits: ClassVar[dict[str, Limit]] = {}
    _first: ClassVar[str]  # the argument before the settings
    _last: ClassVar[tuple[Parameter, ...]]  # those after them
    _in_groups: ClassVar[bool] = False  # whether settings are those of parameter groups
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
            for name in declared if cls._in_groups else ():
                setattr(cls, name, Elsewhere(f'for group in optimizer.param_groups: group["{name}"] = ...', name))
        super().__init_subclass__(**options)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def initialise(self, first: Any, settings: dict[str, Any]) -> None:
        """Begin with these settings. first: the argument before them. Raises NotImplementedError unless defined."""
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


def one_of(*choices: str | None) -> Limit:
    """The limit of a setting that is one of some strings."""
    told = " or ".join(map(repr, choices))
    return lambda value: None if value in choices else f"must be {told}, not {brief(value)}"


def is_number(value: Any) -> bool:
    """Whether a setting can be computed with: numbers, also NumPy's and 0-d Tensors."""
    return isinstance(value, int | float | np.number) or getattr(value, "shape", None) == ()


# --- parameter groups ---------------------------------------------------------------------------------------

# PyTorch's arguments for its kernels -> (default, why True is refused; None if it changes nothing)
IGNORED: dict[str, tuple[Any, str | None]] = {
    "foreach": (None, None),
    "fused": (None, None),
    "capturable": (False, "there are no CUDA graphs here; leave it out"),
    "differentiable": (False, "a step is not recorded here; write the update with ops, as in w = w - lr * g"),
}


required = Parameter.empty  # the default of a setting that has none: each group must give it


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
            raise TypeError(
                f"{optimizer}: parameters must be Tensors, as model.parameters() gives them, not {brief(p)}"
            )
        if not p.is_leaf or p.dtype.kind != "f":
            what = f"of dtype {p.dtype}" if p.is_leaf else "computed from others"
            raise ValueError(f"{optimizer}: cannot optimise a tensor {what}; pass the Parameters themselves")
        if p in seen:
            raise ValueError(f"{optimizer}: a parameter of shape {p.shape} is given twice; pass each once")
        seen.add(p)
    group = {**defaults, **given, "params": params, **({"param_names": names} if names else {})}
    for name in (name for name, value in group.items() if value is required):
        raise ValueError(f'{optimizer}: {name} has no default; give it, as in {{"params": [...], "{name}": ...}}')
    for name in given.keys() - defaults.keys() - {"params"}:  # others are the user's, unless they look misspelt
        initials = "".join(word[:1] for word in name.split("_"))
        if meant := [initials] if initials in defaults else alike(name, defaults):
            hide_frames()
            warn(f"{optimizer} has no setting {name!r}, so it changes nothing; write {meant[0]!r}")
    return group


def misfits(p: Tensor, state: State, arrays: Iterable[str], numbers: Iterable[str]) -> Iterator[str]:
    """Messages about why a saved state does not fit a parameter, for which these arrays and numbers are kept."""
    for name, value in state.items():
        if name not in {"step", *arrays, *numbers}:
            yield f"{name} is not part of this optimiser's state"
        elif name in arrays and (complaint := misfit(name, p, array_of(value))):
            yield complaint
    yield from (f"{name} is missing" for name in (*arrays, *numbers) if name not in state)


def placed(p: Tensor, state: Mapping[str, Any]) -> State:
    """A copy of a saved state, in its parameter's dtype and on its device."""

    def place(value: Any) -> Any:
        array = array_of(value)
        if not is_array(array):
            return value
        array = move(array, p.device)
        return wrap(array.astype(p.dtype) if array.dtype.kind == "f" else array.copy())

    return {name: value if name == "step" else map_leaves(place, value) for name, value in state.items()}

"""Parameter groups that a user gives, checked and completed; and the saved state of a parameter, checked and placed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import is_array, move
from tinygrad_lecture.errors.names import alike
from tinygrad_lecture.errors.users_line import hide_frames, warn
from tinygrad_lecture.errors.words import shown
from tinygrad_lecture.func.trees import map_leaves
from tinygrad_lecture.traced import wrap

from ..module import array_of, misfit
from .declared import is_number

Group: TypeAlias = dict[str, Any]  # "params": the parameters; and the settings by name
State: TypeAlias = dict[str, Any]  # of one parameter: tensors, numbers, and lists of them, by name

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
                f"{optimizer}: parameters must be Tensors, as model.parameters() gives them, not {shown(p)}"
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
        array = array_of(value)
        if name == "step":
            if not (is_number(value) and value >= 0 and float(value).is_integer()):
                yield f"step is {value!r}, wanted a number of steps"
        elif name in numbers:
            if not is_number(value):
                yield f"{name} is {value!r}, wanted a number"
        elif name not in arrays:
            yield f"{name} is not part of this optimiser's state"
        elif complaint := misfit(name, p, array):
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

"""The state of an optimiser as a value: copied out in PyTorch's layout, checked and copied in.

The state of a parameter is a dict: tensors, numbers, and lists of them. An optimiser with a `rule` says what it keeps,
so what does not fit is found; of any other optimiser everything is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import is_array, move
from tinygrad_lecture.func.trees import map_leaves
from tinygrad_lecture.traced import wrap

from ..module import array_of

State = dict[str, Any]  # of one parameter


class Kept(NamedTuple):
    """What an optimiser keeps for each parameter, name -> initial value: arrays of its shape, and numbers."""

    arrays: Mapping[str, float]
    numbers: Mapping[str, float]


def copied(state: State, kept: Kept | None) -> State:
    """A copy of the state of a parameter; with `kept`, of what the settings need."""
    names = state if kept is None else [name for name in ("step", *kept.arrays, *kept.numbers) if name in state]
    copy = {name: state[name] for name in names}
    return dict(map_leaves(lambda value: value.detach().clone() if isinstance(value, Tensor) else value, copy))


def misfits(p: Tensor, state: State, kept: Kept | None) -> Iterator[str]:
    """Messages about why a saved state does not fit a parameter."""
    if kept is None or not state:
        return
    for name, value in state.items():
        array = array_of(value)
        if name == "step" or name in kept.numbers:
            if not _is_number(value, whole=name == "step"):
                yield f"{name} is {value!r}, wanted a number{' of steps' if name == 'step' else ''}"
        elif name not in kept.arrays:
            yield f"{name} is not part of this optimiser's state"
        elif not is_array(array):
            yield f"{name} is of type {type(array).__name__}, wanted a Tensor or an array"
        elif array.shape != p.shape:
            yield f"{name} has shape {array.shape}, wanted {p.shape}"
        elif array.dtype.kind != "f":
            yield f"{name} has dtype {array.dtype}, wanted a float dtype"
    yield from (f"{name} is missing" for name in (*kept.arrays, *kept.numbers) if name not in state)


def placed(p: Tensor, state: State, kept: Kept | None) -> State:
    """A copy of a saved state, in its parameter's dtype and on its device. PyTorch's SGD saves no "step"."""

    def place(value: Any) -> Any:
        array = array_of(value)
        if not is_array(array):
            return value
        array = move(array, p.device)
        return wrap(array.astype(p.dtype) if array.dtype.kind == "f" else array.copy())

    if kept is None:
        return {name: value if name == "step" else map_leaves(place, value) for name, value in state.items()}
    numbers = {name: float(state[name]) for name in kept.numbers}
    return {"step": int(state.get("step", 1)), **{name: place(state[name]) for name in kept.arrays}, **numbers}


def _is_number(value: Any, whole: bool) -> bool:
    """Whether this is a number; if whole, 0, 1, 2, ...: an int or, as PyTorch saves it, a tensor of one float."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return False
    return not whole or (number >= 0 and number.is_integer())

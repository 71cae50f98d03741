"""The state of an optimiser as a value: copied out in PyTorch's layout, checked and copied in.

The state of a parameter is a dict: tensors, numbers, and lists of them. An optimiser with a `rule` says what it keeps,
so what does not fit is found; of any other optimiser everything is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import is_array, move
from tinygrad_lecture.traced import wrap

from ..module import array_of

State = dict[str, Any]  # of one parameter


class Kept(NamedTuple):
    """What an optimiser keeps for each parameter of a group, by name: arrays of its shape, and numbers."""

    arrays: Mapping[str, float]
    numbers: Mapping[str, float]


def copied(state: State, kept: Kept | None) -> State:
    """A copy of the state of a parameter; with `kept`, of what the settings need."""
    names = state if kept is None else [name for name in ("step", *kept.arrays, *kept.numbers) if name in state]
    return {name: _copied(state[name]) for name in names}


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, list | tuple):
        return type(value)(map(_copied, value))
    return {key: _copied(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def misfits(p: Tensor, state: State, kept: Kept | None) -> Iterator[str]:
    """Messages about why a saved state does not fit a parameter."""
    if kept is None or not state:
        return
    for name, value in state.items():
        array = array_of(value)
        if name == "step":
            if not _is_count(value):
                yield f"step is {value!r}, wanted a number of steps"
        elif name in kept.numbers:
            if not _is_number(value):
                yield f"{name} is {value!r}, wanted a number"
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
    if kept is None:
        return {name: value if name == "step" else _placed(p, value) for name, value in state.items()}
    numbers = {name: float(state[name]) for name in kept.numbers}
    arrays = {name: _placed(p, state[name]) for name in kept.arrays}
    return {"step": int(state.get("step", 1)), **arrays, **numbers}


def _placed(p: Tensor, value: Any) -> Any:
    array = array_of(value)
    if is_array(array) and array.dtype.kind == "f":
        return wrap(move(array, p.device).astype(p.dtype))
    if isinstance(value, list | tuple):
        return type(value)(_placed(p, inner) for inner in value)
    if isinstance(value, dict):
        return {key: _placed(p, inner) for key, inner in value.items()}
    return wrap(move(array, p.device).copy()) if is_array(array) else value


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _is_count(value: Any) -> bool:
    """Whether this is a whole number, 0 or more: an int or, as PyTorch saves it, a tensor of one float."""
    return _is_number(value) and float(value) >= 0 and float(value).is_integer()

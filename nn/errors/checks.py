"""Input checks shared by layers, losses, optimisers and the training loop, and the errors they raise."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.autograd.operands import numbers_among, refuse_lost
from tinygrad_lecture.backend import FLOAT32, FLOAT64, is_array
from tinygrad_lecture.errors.call import refuse_several
from tinygrad_lecture.errors.kinds import DtypeError, TensorError
from tinygrad_lecture.errors.users_line import hide_frames, warn
from tinygrad_lecture.errors.words import shown
from tinygrad_lecture.ops.elementwise import as_floats

# --- settings -----------------------------------------------------------------------------------------------


def check_sizes(name: str, **sizes: Any) -> None:
    """Raises TypeError for a size that is not an int, ValueError for one below 1."""
    for what, size in sizes.items():
        if not hasattr(size, "__index__") or isinstance(size, Tensor):
            hide_frames()
            raise TypeError(f"{name}: {what} must be an int, not {shown(size)}")
        if size < 1:
            hide_frames()
            raise ValueError(f"{name}: {what} must be at least 1, not {size}")


def check_probability(name: str, p: Any) -> None:
    """Raises TypeError unless p is a number, ValueError unless it is from 0 to 1."""
    if isinstance(p, str) or not hasattr(p, "__float__") or is_data(p):
        hide_frames()
        raise TypeError(f"{name}: p must be a probability, a number from 0 to 1, not {shown(p)}")
    if not 0 <= p <= 1:
        hide_frames()
        raise ValueError(f"{name}: p must be a probability from 0 to 1, not {p}")


def as_parameters(name: str, params: Any) -> list[Any]:
    """The parameters, or dicts of them, in a list. Raises TypeError for a model, and whatever else is not iterable."""
    model = hasattr(params, "parameters")
    if isinstance(params, Iterable) and not isinstance(params, Mapping | Tensor):
        given = list(params)
        if not model or all(isinstance(p, Tensor) for p in given):  # a ParameterList is a module
            return given
    remedy = "; put it in a list" if isinstance(params, Tensor) else ""
    remedy = "; call it, with parentheses" if callable(params) and not model else remedy
    hide_frames()
    raise TypeError(f"{name}: give the parameters, as in model.parameters(), not {shown(params)}{remedy}")


# --- data ---------------------------------------------------------------------------------------------------


def is_data(value: Any) -> bool:
    """Whether a value is a Tensor or an array."""
    return isinstance(value, Tensor) or is_array(value)


def check_tensor(name: str, what: str, value: Any) -> None:
    """Raises TypeError unless the value is a Tensor."""
    if not isinstance(value, Tensor):
        refuse_several(name, (value,))
        hint = "; does the model's forward return its result?" if value is None else ""
        hide_frames()
        raise TypeError(f"{name}: {what} must be a Tensor, not {shown(value)}{hint}")


def of_tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors: raises TypeError for a tuple or list of Tensors in place of one, and as `refuse_lost`."""
    numbers = numbers_among(function)

    @functools.wraps(function)
    def checked(*args: Any, **settings: Any) -> Any:
        if settings or not _USUAL.issuperset(map(type, args)):
            refuse_several(function.__name__, (*args, *settings.values()))
        result = function(*args, **settings)
        refuse_lost(function.__name__, numbers, args, settings, result)
        return result

    return checked


_USUAL = frozenset({Tensor, bool, int, float, str, type(None)})


def shape_complaint(wanted: Sequence[int], shape: Sequence[int]) -> str:
    """That a tensor's last axes do not have the wanted sizes and, if they can be merged or split, how."""
    complaint = f"wanted (..., {', '.join(map(str, wanted))}), got {shape}"
    for kept in range(min(len(shape), 2)):
        if math.prod(shape[kept:]) == math.prod(wanted):
            sizes = ", ".join(["len(x)"] * kept + [*map(str, wanted)])
            return f"{complaint}; write x.reshape({sizes})" + ", or put nn.Flatten() before it" * (
                kept == len(wanted) == 1
            )
    return complaint


def check_shape(what: str, value: Any, wanted: Sequence[int], axes: str) -> None:
    """Raises TypeError unless the value is a Tensor, ValueError unless it has the wanted shape.

    axes: what the sizes of this shape are, such as "batch, features".
    """
    if not isinstance(value, Tensor):
        hide_frames()
        raise TypeError(f"{what} must be a Tensor of shape {tuple(wanted)}, ({axes}), not {shown(value)}")
    if value.shape != tuple(wanted):
        swaps = ((a, b) for b in range(value.ndim) for a in range(b) if value.swapaxes(a, b).shape == tuple(wanted))
        swap = next(swaps, None)
        if swap is not None:
            remedy = f"; write {what}.swapaxes({swap[0]}, {swap[1]})"
        elif value.shape[:1] + value.shape[2:] == tuple(wanted) and 1 in value.shape[1:2]:
            remedy = f"; write {what}.squeeze(1)"
        else:
            remedy = ""
        hide_frames()
        raise TensorError(f"{what} must have shape {tuple(wanted)}, ({axes}), not {value.shape}{remedy}")


def check_pair(what: str, pair: Any) -> tuple[Any, Any] | None:
    """A pair of states, or None if there is none. Raises TypeError for anything else."""
    if pair is None:
        return None
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        hide_frames()
        raise TypeError(f"the state must be a pair {what}, not {shown(pair)}")
    return pair[0], pair[1]


def check_indices(name: str, indices: Tensor, n: int, things: str) -> None:
    """Raises TypeError unless `indices` are integers, IndexError unless all are from 0 to n - 1.

    The range is checked on the CPU only: on a GPU the check would wait for the device.
    """
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"{name}: {things} must be given as integers, not {indices.dtype}; convert with .long()")
    if indices.device == "cpu" and indices.numel():
        least, largest = int(indices.array.min()), int(indices.array.max())
        if least < 0 or largest >= n:
            counted = "; counted from 1? subtract 1" if (least, largest) == (1, n) and n > 1 else ""
            raise IndexError(f"{name}: indices run from {least} to {largest}, but {things} are 0 to {n - 1}{counted}")


def as_target(name: str, input: Tensor, target: Any) -> Tensor:
    """The target of a loss as a Tensor, of floats if input and target are integers: their difference may be no integer.

    Raises TypeError unless the input is a Tensor, ValueError if the shapes differ: a loss never broadcasts, which would
    hide a wrong target.
    """
    check_tensor(name, "input", input)
    made: Tensor = target if isinstance(target, Tensor) else tl.tensor(target, device=input.device)
    if input.shape != made.shape:
        if input.numel() == made.numel():
            remedy = f"write target.reshape{tuple(input.shape)}"
        elif made.dtype.kind in "iu" and made.ndim == input.ndim - 1:
            remedy = "encode class numbers with F.one_hot, or use cross-entropy"
        else:
            remedy = "a target has one number for each number of the input"
        raise TensorError(f"{name}: input {input.shape} and target {made.shape} must have the same shape; {remedy}")
    return made if input.is_floating_point() else as_floats(made)


def warn_of_float64(name: str, x: Tensor, weight: Tensor) -> None:
    """Warn that a layer of float32 computes in float64, since its input is that."""
    if x.dtype == FLOAT64 and weight.dtype == FLOAT32:
        warn(
            f"{name}: the input is float64 and the weights are float32, so everything from here on is computed in "
            "float64, at half the speed; convert the data with .float(), or the model with .double()"
        )

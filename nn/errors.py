"""What is said of arguments that do not fit: the checks of layers, losses, optimisers and the training loop.

An error names the layer or function, what was given, and what to write instead. `locate` puts the path of the layer in
front, as in "in layer 2.attention.proj (Linear): wanted (..., 64), got (8, 32)".
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MethodType
from typing import Any, Self, TypeVar

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import DtypeError, Tensor, TensorError
from tinygrad_lecture.autograd.operands import numbers_among, refuse_gradients
from tinygrad_lecture.backend import FLOAT32, FLOAT64, is_array
from tinygrad_lecture.errors import PlaceError, brief, call_message, hide_frames, refuse_several, warn
from tinygrad_lecture.ops.composite import as_floats
from tinygrad_lecture.tensor_base import TENSORS

Made = TypeVar("Made", bound=Callable[..., Any])

# --- settings -----------------------------------------------------------------------------------------------


def check_sizes(name: str, **sizes: Any) -> None:
    """Raises TypeError for a size that is not an int, ValueError for one below 1."""
    for what, size in sizes.items():
        if not hasattr(size, "__index__") or isinstance(size, Tensor):
            raise TypeError(f"{name}: {what} must be an int, not {brief(size)}")
        if size < 1:
            raise ValueError(f"{name}: {what} must be at least 1, not {size}")


def check_layer_sizes(name: str, sizes: Any, *others: Any) -> None:
    """Raises TypeError for a size alone, with others behind it, ValueError for fewer than two sizes."""
    if isinstance(sizes, int):
        given = [n for n in (sizes, *others) if type(n) is int]
        raise TypeError(f"{name}: the sizes go into one list: write {name}({given})")
    if len(sizes) < 2:
        raise ValueError(f"{name}: sizes must be at least two numbers, inputs and outputs, not {list(sizes)}")


def check_probability(name: str, p: Any) -> None:
    """Raises TypeError unless p is a number, ValueError unless it is from 0 to 1."""
    if isinstance(p, str) or not hasattr(p, "__float__") or is_data(p):
        raise TypeError(f"{name}: p must be a probability, a number from 0 to 1, not {brief(p)}")
    if not 0 <= p <= 1:
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
    raise TypeError(f"{name}: give the parameters, as in model.parameters(), not {brief(params)}{remedy}")


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
        raise TypeError(f"{name}: {what} must be a Tensor, not {brief(value)}{hint}")


def of_tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors: raises TypeError for several in place of one, and as `refuse_gradients` does."""
    numbers = numbers_among(function)

    @functools.wraps(function)
    def checked(*args: Any, **settings: Any) -> Any:
        try:
            given = (*args, *settings.values()) if settings else args
            if not _SEVERAL.isdisjoint(map(type, given)):
                refuse_several(function.__name__, given)
            if numbers and not TENSORS.isdisjoint(map(type, given[1:])):
                refuse_gradients(function.__name__, numbers, args, settings)
            return function(*args, **settings)
        except Exception as error:
            __tracebackhide__ = True  # see `hide_frames`
            hide_frames(error)
            raise

    return checked


_SEVERAL = frozenset({tuple, list})


def shape_complaint(wanted: Sequence[int], shape: Sequence[int]) -> str:
    """That a tensor's last axes do not have the wanted sizes and, if they can be merged or split, how."""
    complaint = f"wanted (..., {', '.join(map(str, wanted))}), got {shape}"
    for kept in reversed(range(min(len(shape), 2))):  # a batch of one stays a batch
        if math.prod(shape[kept:]) == math.prod(wanted):
            sizes = ", ".join(["len(x)"] * kept + [*map(str, wanted)])
            return f"{complaint}; write x.reshape({sizes})" + ", or put nn.Flatten() first" * (kept == len(wanted) == 1)
    return complaint


def check_features(x: Tensor, wanted: int, layer: str, rest: Any = "...") -> None:
    """Raises ValueError unless the last axis of a tensor has so many features; it says which layer would fit.

    layer: the name of its class.  rest: what follows the number of features where the layer is made.
    """
    if x.shape[-1:] != (wanted,):
        complaint = shape_complaint([wanted], x.shape)
        if "; write" in complaint or not x.ndim:
            raise TensorError(complaint) from None
        n = math.prod(x.shape[1:]) if x.ndim > 3 else x.shape[-1]
        flat = "after nn.Flatten() " * (x.ndim > 3)
        raise TensorError(f"{complaint}; {flat}nn.{layer}({n}, {rest}) would fit") from None


def check_shape(what: str, value: Any, wanted: Sequence[int], axes: str) -> None:
    """Raises TypeError unless the value is a Tensor, ValueError unless it has the wanted shape.

    axes: what the sizes of this shape are, such as "batch, features".
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{what} must be a Tensor of shape {tuple(wanted)}, ({axes}), not {brief(value)}")
    if value.shape != tuple(wanted):
        pairs = ((a, b) for b in range(value.ndim) for a in range(b) if value.swapaxes(a, b).shape == tuple(wanted))
        remedy = next((f"; write {what}.swapaxes({a}, {b})" for a, b in pairs), "")
        raise TensorError(f"{what} must have shape {tuple(wanted)}, ({axes}), not {value.shape}{remedy}")


def check_pair(what: str, pair: Any) -> tuple[Any, Any] | None:
    """A pair of states, or None if there is none. Raises TypeError for anything else."""
    if pair is None:
        return None
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"the state must be a pair {what}, not {brief(pair)}")
    return pair[0], pair[1]


def check_indices(name: str, indices: Tensor, n: int, things: str) -> None:
    """Raises TypeError unless `indices` are integers, IndexError unless all are from 0 to n - 1.

    The range is checked on the CPU only: on a GPU the check would wait for the device.
    """
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"{name}: {things} must be given as integers, not {indices.dtype}; convert with .long()")
    array = indices._array
    if isinstance(array, np.ndarray) and array.size:
        least, largest = int(np.minimum.reduce(array, None)), int(np.maximum.reduce(array, None))
        if least < 0 or largest >= n:
            counted = f"; for {largest} there must be {largest + 1} of them" if least >= 0 else ""
            counted = "; counted from 1? subtract 1" if (least, largest) == (1, n) and n > 1 else counted
            raise IndexError(f"{name}: indices run from {least} to {largest}, but {things} are 0 to {n - 1}{counted}")


def as_target(name: str, input: Tensor, target: Any) -> Tensor:
    """The target of a loss as a Tensor, of floats if input and target are integers: their difference may be no integer.

    Raises TypeError unless the input is a Tensor, ValueError if the shapes differ: a loss never broadcasts, which would
    hide a wrong target.
    """
    if type(input) not in TENSORS:
        check_tensor(name, "input", input)
    made: Tensor = target if type(target) in TENSORS else tl.tensor(target, device=input.device)
    if input._array.shape != made._array.shape:
        if input.numel() == made.numel():
            remedy = f"write target.reshape{tuple(input.shape)}"
        elif made.dtype.kind in "iu" and 0 < made.ndim == input.ndim - 1:
            remedy = "encode class numbers with F.one_hot, or use cross-entropy"
        else:
            remedy = "a target has one number for each number of the input"
        raise TensorError(f"{name}: input {input.shape} and target {made.shape} must have the same shape; {remedy}")
    return made if input._array.dtype.kind == "f" else as_floats(made)


def warn_of_float64(name: str, x: Tensor, weight: Tensor) -> None:
    """Warn that a layer of float32 computes in float64, since its input is that."""
    if x._array.dtype is not weight._array.dtype and x.dtype == FLOAT64 and weight.dtype == FLOAT32:
        warn(
            f"{name}: the input is float64 and the weights are float32, so everything from here on is computed in "
            "float64, at half the speed; convert the data with .float(), or the model with .double()"
        )


# --- how a module is made ---------------------------------------------------------------------------------------


class ExplainsArguments:
    """A mixin whose subclasses explain, if arguments do not fit their `__init__`, what to write instead."""

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if "__init__" in vars(cls):
            cls.__init__ = explained(cls.__init__)  # type: ignore[method-assign]


def made_module(name: str, make: Any) -> Any:
    """The module that a class, or function, makes, such as an activation. Raises TypeError if it makes none."""
    bare = hasattr(make, "modules") and not isinstance(make, type)
    try:
        made = None if bare else make()
    except TypeError:
        made = None
    if not hasattr(made, "modules"):
        remedy = "; leave out its parentheses" * bare
        raise TypeError(f"{name}: an activation must be a class such as nn.ReLU, not {brief(make)}{remedy}")
    return made


def explained(method: Made, instead: Mapping[str, str] | None = None) -> Made:
    """A method, such as `__init__`, whose TypeErrors say what to write.

    instead: other names of arguments -> what they are here.
    """

    @functools.wraps(method)
    def made(self: Any, *args: Any, **named: Any) -> Any:
        try:
            return method(self, *args, **named)
        except Exception as error:
            __tracebackhide__ = True  # see `hide_frames`
            hide_frames(error)
            name = type(self).__name__ if method.__name__.strip("_") == "init" else method.__name__
            bound = MethodType(method, self)
            message = isinstance(error, TypeError) and call_message(name, bound, args, named, instead)
            if not message:  # the error is about something else
                raise
            raise TypeError(f"{name}: {message}") from None

    return made  # type: ignore[return-value]


class MadeFirst:
    """A mixin for modules whose arguments are settings: `nn.ReLU(x)` says to write `nn.ReLU()(x)`.

    `weights_allowed`: how many of the first two arguments may be tensors, such as the class weights of a loss.
    """

    weights_allowed = 0
    forward: Callable[..., Any]

    def __new__(cls, *settings: Any, **named: Any) -> Self:
        if sum(map(is_data, settings[:2])) > cls.weights_allowed:
            name, inputs = cls.__name__, ", ".join(list(inspect.signature(cls.forward).parameters)[1:])
            raise TypeError(f"{name} is made first and then called: write nn.{name}()({inputs})")
        return super().__new__(cls)


# --- where in a model an error was raised -----------------------------------------------------------------------


# errors whose message says the place; others get it as a note
_PLAIN = (ValueError, TypeError, IndexError, NotImplementedError, TensorError, DtypeError, PlaceError)


def locate(error: Exception, module: Any, inputs: Sequence[Any], settings: Mapping[str, Any]) -> None:
    """Add to an error that leaves module.forward(*inputs, **settings) the path of the layer that raised it.

    The layer that raised it gives its class name. Each enclosing module then puts its name for the module below in
    front of the path.
    """
    source, path, message, last, before = getattr(error, "_place", ("", "", None, None, ""))
    names = {inner: name for name, inner in module.named_modules()} if source else {}
    inside = last in names  # else it was raised here, or by a module that is not registered below this one
    if inside:
        path = f"{names[last]}.{path}".strip(".")
    else:
        plain = type(error) in _PLAIN and len(error.args) == 1 and isinstance(error.args[0], str)
        misused = isinstance(error, TypeError) and call_message("forward", module.forward, inputs, settings)
        usage = module.usage if inspect.signature(module.forward).parameters else "; write def forward(self, x)"
        message = f"{misused}{usage}" if misused else error.args[0] if plain else None
        source, path = type(module).__name__, ""
    place = f"in layer {path} ({source})" if path else f"in {source}"
    error._place = source, path, message, module, place  # type: ignore[attr-defined]
    if message is not None:
        error.args = (f"{place}: {message}",)
    elif inside:
        error.__notes__[error.__notes__.index(before)] = place
    else:
        error.add_note(place)
    hide_frames(error)

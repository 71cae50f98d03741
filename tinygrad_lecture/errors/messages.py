"""Errors in the user's terms: classes, raised at the user's line; which op, which shapes, what to do.

Errors are of two kinds: Python's ValueError, TypeError or IndexError, and the RuntimeError that PyTorch raises there.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from types import FrameType
from typing import Any

import numpy as np

from .. import tensor_base
from ..backend import Shape, device_of, is_array
from ..tensor_base import TensorBase, array_of
from .names import alike

__all__ = [
    "EXPLAINED", "WITH_TL", "DtypeError", "LinAlgError", "PlaceError", "TensorError", "aligned", "axis_message",
    "brief", "broadcast_message", "call_message", "call_site", "caller_variables", "describe", "explain",
    "explain_call", "hide_frames", "in_library", "kind_of", "numpy_refused", "refuse_mask", "refuse_several",
    "text_hint", "warn", "warn_once",
]  # fmt: skip


class _AtTheUsersLine(RuntimeError):
    """Notebooks and pytest show it at the user's line, without the library's own calls."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        hide_frames()


class TensorError(ValueError, _AtTheUsersLine):
    """The shapes or values given do not fit. `except ValueError` catches it, and so does `except RuntimeError`."""


class DtypeError(TypeError, _AtTheUsersLine):
    """The dtypes given do not fit. `except TypeError` catches it, and so does `except RuntimeError`."""


class PlaceError(IndexError, _AtTheUsersLine):
    """An index is out of range. `except IndexError` catches it, and so does `except RuntimeError`."""


class LinAlgError(TensorError, np.linalg.LinAlgError):
    """A matrix is singular or not positive definite. It is a TensorError and NumPy's LinAlgError."""


for _kind in (TensorError, DtypeError, PlaceError, LinAlgError):
    _kind.__module__ = "tinygrad_lecture"  # as tracebacks show them
LinAlgError.__qualname__ = "linalg.LinAlgError"


# --- the user's line ----------------------------------------------------------------------------------------

_ROOT = __file__.rpartition("tinygrad_lecture")[0]  # without pathlib, to keep the import light
_PACKAGES = tuple(f"{_ROOT}{name}{os.sep}" for name in ("tinygrad_lecture", "nn", "transformer"))


def in_library(file: str) -> bool:
    """Whether a file belongs to these packages."""
    return file.startswith(_PACKAGES)


def call_site() -> str:
    """The "file:line" of the innermost caller outside these packages: for a layer's user, the call of the layer."""
    frame, _ = _users_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def caller_variables() -> dict[str, Any]:
    """The variables that the innermost caller outside these packages sees, its own before the module's."""
    frame, _ = _users_frame()
    return {**frame.f_locals, **{name: x for name, x in frame.f_globals.items() if name not in frame.f_locals}}


def _users_frame() -> tuple[FrameType, int]:
    """The frame of the innermost caller outside these packages, and how many calls it is above this function."""
    calls, frame = 0, sys._getframe(0)
    while frame.f_back is not None and in_library(frame.f_code.co_filename):
        calls, frame = calls + 1, frame.f_back
    return frame, calls


def hide_frames(error: Exception | None = None) -> None:
    """Hide the calls within these packages from the traceback of an error that is about to be raised.

    The library's own exceptions, above, do so when they are made.
    error: if it was raised before, the calls that it has left are hidden too.
    Notebooks and pytest leave out a frame with a variable `__tracebackhide__`, so the user's line comes first. Plain
    Python shows all frames.
    """
    frames = [frame for frame, _ in traceback.walk_stack(sys._getframe(1))]
    frames += [frame for frame, _ in traceback.walk_tb(None if error is None else error.__traceback__)][1:]
    for frame in frames:
        if in_library(frame.f_code.co_filename) and frame.f_code.co_flags & inspect.CO_OPTIMIZED:  # of a function
            variables = frame.f_locals
            if isinstance(variables, dict):  # before Python 3.13 a copy, which would keep the error and its tensors
                variables.clear()
            variables["__tracebackhide__"] = True


def warn(message: str) -> None:
    """Warn the user: the warning names the innermost line outside these packages, and is shown once for that line."""
    _, calls = _users_frame()
    warnings.warn(message, UserWarning, stacklevel=calls)  # this function is level 1


@functools.cache
def warn_once(message: str) -> None:
    """`warn`, but once in a program, however many of its lines give reason."""
    warn(message)


# --- an error of a call -------------------------------------------------------------------------------------

EXPLAINED = (ValueError, TypeError, IndexError, AttributeError, OverflowError)  # errors that are translated here


def explain(op: Any, arrays: Sequence[Any], settings: Mapping[str, Any], error: Exception) -> Exception:
    """The error to raise instead of the array library's: it names the op and its inputs, and says what to do."""
    return explain_call(error, op.name, op.forward, arrays, settings, op.explanation, inputs_alone=True)


def explain_call(
    error: Exception,
    name: str,
    function: Callable[..., Any],
    arguments: Sequence[Any],
    settings: Mapping[str, Any],
    explanation: Callable[..., str | None] | None = None,
    inputs_alone: bool = False,
) -> Exception:
    """The error to raise instead of one from inside a function, in terms of the call: function(*arguments, **settings).

    It is a PlaceError for an IndexError, a DtypeError for a TypeError about tensors, a TypeError if the call does not
    fit or something is no tensor, else a TensorError. The original is shown too if the function is the user's: it has
    the line.
    explanation: what the op `explains`.  inputs_alone: whether arguments are an op's inputs, all of them numbers.
    """
    misused = call_message(name, function, arguments, settings) if isinstance(error, TypeError) else None
    reason = misused or _different_devices(arguments) or _explained(explanation, arguments, settings)
    reason = reason or getattr(error, "reason", None)  # of an inner function
    if reason is None:
        reason = misused = _not_arrays(function, arguments, error, inputs_alone)
    if reason is None and inputs_alone and isinstance(error, ValueError) and "broadcast" in str(error):
        reason = broadcast_message([a.shape for a in arguments if is_array(a)])
    reason = reason or _about_the_axis(settings, error) or str(error)
    reason = reason.replace("Python int too large to convert to C long", "an int here has 64 bits, and one is larger")
    reason = reason.removeprefix(f"{name}: ")
    kind: type[Exception] = LinAlgError if isinstance(error, np.linalg.LinAlgError) else TensorError
    if isinstance(error, IndexError):
        kind = PlaceError
    elif isinstance(error, (TypeError, AttributeError)):
        about_tensors = isinstance(error, DtypeError) or any(_is_tensor(x) for x in arguments)
        kind = DtypeError if about_tensors and not misused else TypeError
    called = ", ".join(map(describe, arguments)) or "nothing"
    explained = kind(f"{name}: {reason} (called with {called})")
    vars(explained)["reason"] = reason  # a function that calls this one says it again under its own name
    hide_frames()
    ours = in_library(getattr(getattr(inspect.unwrap(function), "__code__", None), "co_filename", ""))
    explained.__cause__ = error.__cause__ if ours else error  # also suppresses the context
    return explained


# --- what is wrong with a call ------------------------------------------------------------------------------


def call_message(
    name: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    named: Mapping[str, Any],
    instead: Mapping[str, str] | None = None,
) -> str | None:
    """What is wrong with a call, as a sentence; None if its arguments fit the function's parameters.

    instead: other names of arguments -> what they are called here.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions have none
        return None
    if _fits(signature, args, named):
        return None
    parameters = signature.parameters.values()
    positions = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_position = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]
    by_name = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    required = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    call = f"{name}({', '.join(required)})"
    if not named.keys().isdisjoint(by_position):
        return f"inputs go by position: {call}"
    any_name = inspect.Parameter.VAR_KEYWORD in {p.kind for p in parameters}
    for given in named:
        if given not in by_name and not any_name:
            meant = (instead or {}).get(given) or _meant(given, by_name)
            has = f"; write {meant}" if meant else f"; it has {', '.join(by_name)}" if by_name else f": {call}"
            return f"it has no argument {given}{has}"
        if given in positions[: len(args)]:
            first = brief(args[positions.index(given)])
            return f"{given} is given twice, by position, as {first}, and by name"
    if len(args) > len(positions):
        if by_name and not positions:
            first = ", ".join(f"{p}=..." for p in by_name[:6])
            return f"its arguments go by name, as in {name}({first})"
        most = f"{len(positions)} argument{'s' * (len(positions) != 1)}"
        rest = "" if len(positions) == len(parameters) else "; the others go by name"
        return f"it takes {most} by position, not {len(args)}: {name}({', '.join(positions)}){rest}"
    if args and isinstance(args[-1], (tuple, list)) and _fits(signature, unpacked := [*args[:-1], *args[-1]], named):
        return f"write {name}({', '.join(map(brief, unpacked))}), without the inner parentheses"
    missing = [p for p in required if p not in named and p not in positions[: len(args)]]
    return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: {call}"


def _fits(signature: inspect.Signature, args: Sequence[Any], named: Mapping[str, Any]) -> bool:
    try:
        signature.bind(*args, **named)
    except TypeError:
        return False
    return True


def _meant(given: str, names: Sequence[str]) -> str | None:
    """The name that was meant: one spelt alike, or the initials, as lr for learning_rate; None if there is none."""
    initials = "".join(word[:1] for word in given.split("_"))
    return initials if initials in names else next(iter(alike(given, names)), None)


SEVERAL = "an RNN returns (output, state); take its first, or join a list with tl.stack"


def refuse_several(name: str, values: Iterable[Any]) -> None:
    """Raise TypeError if one of the values, each of which should be one tensor, is a tuple or list of Tensors.

    NumPy would stack them without a word.
    """
    for value in values:
        if _has_tensors(value):
            hide_frames()
            reason = f"it takes one tensor, not {brief(value)}; {SEVERAL}"
            error = TypeError(f"{name}: {reason}")
            vars(error)["reason"] = reason  # a function composed of ops says it again under its own name
            raise error


def _has_tensors(value: Any) -> bool:
    """Whether a value is a tuple or list with Tensors in it, at any depth."""
    return isinstance(value, (tuple, list)) and any(isinstance(x, TensorBase) or _has_tensors(x) for x in value)


# --- what is wrong with shapes, axes and values -------------------------------------------------------------


def broadcast_message(shapes: Sequence[Shape]) -> str | None:
    """Why shapes do not broadcast, as a sentence; None if they do."""
    rank = max((len(shape) for shape in shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    for axis in range(-1, -rank - 1, -1):
        sizes = sorted({shape[axis] for shape in padded} - {1})
        if len(sizes) > 1:
            listed = " and ".join(str(shape) for shape in shapes)
            return (
                f"shapes {listed} do not broadcast: axis {axis} has sizes {' and '.join(map(str, sizes))}, which "
                "must be equal or 1; reshape, transpose or unsqueeze one of them"
            )
    return None


def axis_message(axis: int, ndim: int) -> str:
    """That a tensor has no such axis, as a sentence."""
    choice = f"give 0 to {ndim - 1}, or {-ndim} to -1 from the end" if ndim > 1 else "give 0 or -1"
    return f"axis {axis} is out of range for a tensor with {ndim} axes" + (f"; {choice}" if ndim else "")


def _about_the_axis(settings: Mapping[str, Any], error: Exception) -> str | None:
    """What is wrong with the setting `axis`, as a sentence; None if the error is about something else."""
    axis = settings.get("axis")
    if isinstance(error, np.exceptions.AxisError) and error.axis is not None and error.ndim is not None:
        return axis_message(error.axis, error.ndim)
    if isinstance(error, TypeError) and (isinstance(axis, (TensorBase, str, float)) or is_array(axis)):
        return f"axis must be an int, such as 0 or -1, not {brief(axis)}"
    return None


def _different_devices(arrays: Sequence[Any]) -> str | None:
    """Which devices the inputs are on, as a sentence; None if it is only one."""
    devices = sorted({device_of(array) for array in arrays if is_array(array)})
    if len(devices) < 2:
        return None
    return f"its inputs are on different devices, {' and '.join(devices)}; move one of them with .to(device)"


def _not_arrays(
    function: Callable[..., Any], values: Sequence[Any], error: Exception, inputs_alone: bool
) -> str | None:
    """Which argument is no tensor, or a tensor of no numbers, as a sentence; None if that is not the matter."""
    lacking, name = getattr(error, "obj", None), getattr(error, "name", None)  # of an AttributeError
    if is_array(lacking) and hasattr(tensor_base.tensor_type, str(name)):
        return f"forward gets arrays, and an array has no {name}: leave it out, or call a function such as tl.exp(x)"
    if inputs_alone and isinstance(error, (TypeError, AttributeError)):
        defaults = [p.default for p in inspect.signature(function).parameters.values()]
        for value, default in zip(values, defaults + [inspect.Parameter.empty] * len(values), strict=False):
            if is_array(value) and value.dtype.kind not in "fiubc":
                return f"it takes arrays of numbers, not of {value.dtype}"
            optional = value is None and default is None
            if not (is_array(value) or optional or isinstance(value, (bool, int, float, complex))):
                return f"it takes tensors, arrays and numbers, not {describe(value)}{_hint(value)}"
    listed = [x for value in values if isinstance(value, (list, tuple)) for x in value]
    if isinstance(error, AttributeError) and any(x is lacking and not _is_tensor(x) for x in (*values, *listed)):
        if _has_tensors(lacking):
            return f"it takes one tensor, not {brief(lacking)}; {SEVERAL}"
        return f"it takes tensors and arrays, not {describe(lacking)}{_hint(lacking)}"
    return None


def _hint(value: Any) -> str:
    """What may have been meant by something that is not a number."""
    if value is None:
        return ", such as the .grad of a tensor that no backward has reached, or a function's result without return"
    if isinstance(value, str):
        return text_hint(value)
    if isinstance(value, (list, tuple, int, float)):
        made = "tl.tensor makes one of a number, or of a list of numbers"
        return "; join the list with tl.stack" if _has_tensors(value) else f"; {made}"
    return "; call it, with parentheses" if callable(value) else ""


def text_hint(text: str) -> str:
    """What to write for a text in the place of a number."""
    number = text.strip().lstrip("+-").replace(".", "", 1).isdigit()
    return "; convert it with float()" if number else "; to get numbers from text, encode it with a tokenizer"


def _is_tensor(value: Any) -> bool:
    return isinstance(value, TensorBase) or is_array(value)


def _explained(
    explanation: Callable[..., str | None] | None, arguments: Sequence[Any], settings: Mapping[str, Any]
) -> str | None:
    """What an op `explains`, if it does. Numbers become arrays, so that it may ask for their shapes."""
    if explanation is None:
        return None
    given = [np.asarray(x) if isinstance(x, (int, float, complex)) else x for x in arguments]
    try:
        return explanation(*given, **settings)
    except Exception:  # it asks for shapes, and these inputs may not have any
        return None


# --- rules under create_graph -------------------------------------------------------------------------------

WITH_TL = (
    "for higher derivatives, under create_graph=True, a rule receives Tensors instead of arrays: write it with "
    "operators and tl functions, such as tl.exp(x) for np.exp(x)"
)


def numpy_refused(error: Exception) -> bool:
    """Whether an error comes from giving a Tensor to one of NumPy's functions."""
    return "NumPy would lose its graph" in str(error)


# --- values in words ----------------------------------------------------------------------------------------


def refuse_mask(data: Any, name: str) -> None:
    """Raise TypeError for a masked array of NumPy: what its mask hides would be computed with."""
    if hasattr(data, "mask") and hasattr(data, "filled"):
        raise TypeError(f"{name}: a masked array would lose its mask; give x.filled(0), and keep x.mask beside it")


def kind_of(value: Any) -> str:
    """The kind of a value with its article: "a Tensor of shape (2, 3), float32", "an int", "None"."""
    if value is None:
        return "None"
    if isinstance(value, TensorBase):
        return f"a Tensor of shape {value._array.shape}, {value._array.dtype}"
    if is_array(value):
        return f"an array of shape {value.shape}, {value.dtype}"
    name = type(value).__name__
    article = "an" if name[0] in ("AEFHILMNORSX" if name[:2].isupper() else "aeiouAEIOU") else "a"  # an MLP
    if isinstance(value, (tuple, list)):
        return f"{article} {name} of {' and '.join(map(kind_of, value))}" if value else f"an empty {name}"
    return f"{article} {name}"


def brief(value: Any) -> str:
    """A value as a message shows it: numbers and short texts themselves, of everything else the kind."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    listed = type(value) in (tuple, list)
    plain = all(isinstance(x, (bool, int, float, str, bytes)) for x in (value if listed else [value]))
    if plain and len(text := repr(value)) <= 60:
        return text
    return f"a {type(value).__name__} of {len(value)}" if listed and len(value) > 3 else kind_of(value)


def describe(value: Any) -> str:
    """An argument in a few characters: "(2, 3) float32" for an array, the value of a number."""
    value = array_of(value)
    if is_array(value):
        return f"{value.shape} {value.dtype}"
    if isinstance(value, (list, tuple)) and any(isinstance(x, TensorBase) or is_array(x) for x in value):
        return f"[{', '.join(map(describe, value))}]" if len(value) < 5 else f"a {type(value).__name__} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"


def aligned(rows: Sequence[Sequence[str]], right: Container[int] = ()) -> list[str]:
    """The rows as lines of text: each column as wide as its widest cell, two spaces between columns.

    rows: cells, the same number in each row.  right: indices of the columns to align right; the others align left.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    forms = [f"{'>' if i in right else '<'}{width}" for i, width in enumerate(widths)]
    return ["  ".join(map(format, row, forms)).rstrip() for row in rows]

"""Error messages in the user's terms: which op, which shapes, what to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import traced
from ..backend import Shape, device_of, is_array
from ..traced import Traced
from .call import call_complaint
from .kinds import DtypeError, LinAlgError, PlaceError, TensorError
from .users_line import hide_frames, is_ours
from .words import shown

EXPLAINED = (ValueError, TypeError, IndexError, AttributeError, OverflowError)  # errors that are translated here

Complaint = Callable[..., str | None]  # (*inputs, **settings) -> what is wrong with them, or None


def explain(op: Any, arrays: Sequence[Any], settings: dict[str, Any], error: Exception) -> Exception:
    """The error to raise instead of the array library's: it names the op and its inputs, and says what to do.

    It is an IndexError or TypeError as the original, else a TensorError. A TypeError about arrays is a DtypeError. An
    AttributeError becomes a TypeError: it says that an input is no array. The original is shown too if the forward
    function is the user's: it has the line.
    """
    name, forward, complaint = op.name, op.forward, op.complaint
    reason = _different_devices(arrays)
    if reason is None and isinstance(error, TypeError):
        reason = call_complaint(name, forward, arrays, settings)
    misused = reason is not None
    if reason is None and complaint is not None:
        try:
            reason = complaint(*map(_with_a_shape, arrays), **settings)
        except Exception:  # the complaint asks for shapes, and these inputs may not have any
            reason = None
    if reason is None and isinstance(error, ValueError) and "broadcast" in str(error):
        reason = broadcast_complaint([a.shape for a in arrays if is_array(a)])
    if reason is None and isinstance(error, (TypeError, AttributeError)):
        reason = _method_of_tensors(error) or _not_numbers(forward, arrays, error)
    reason = reason or getattr(error, "reason", None) or _about_the_axis(settings, error) or str(error)
    kind: type[Exception] = TypeError if isinstance(error, AttributeError) else TensorError
    kind = next((k for k in (PlaceError, IndexError, DtypeError, TypeError) if isinstance(error, k)), kind)
    if kind is TypeError and not misused and all(is_array(x) or isinstance(x, (bool, int, float)) for x in arrays):
        kind = DtypeError
    if isinstance(error, np.linalg.LinAlgError):
        kind = LinAlgError
    explained = kind(_sentence(name, reason, arrays))
    vars(explained)["reason"] = reason  # `rename` says it again under another name
    return _at_the_users_line(explained, None if _is_ours(forward) else error)


def _is_ours(function: Callable[..., Any]) -> bool:
    return is_ours(getattr(getattr(function, "__code__", None), "co_filename", ""))


def _at_the_users_line(error: Exception, cause: BaseException | None) -> Exception:
    """The error, to be raised by the caller's caller, with nothing above it but its cause."""
    hide_frames()
    error.__cause__ = cause  # also suppresses the context
    return error


def rename(
    error: Exception, function: Callable[..., Any], name: str, arguments: Sequence[Any], settings: dict[str, Any]
) -> Exception:
    """An error from inside a function composed of ops, under the name of the function that the user called."""
    reason: str | None = getattr(error, "reason", None)
    if reason is None and isinstance(error, TypeError):
        reason = call_complaint(name, function, arguments, settings)
    misused = reason is not None
    reason = reason or str(error)
    if isinstance(error, AttributeError):  # an argument is not an array
        strange = [x for x in arguments if not (isinstance(x, Traced) or is_array(x))]
        reason = f"it takes tensors and arrays, not {describe(strange[0])}{_hint(strange[0])}" if strange else reason
    renamed = TypeError() if isinstance(error, AttributeError) else error
    kind = _KINDS.get(type(error))
    of_tensors = bool(arguments) and (isinstance(arguments[0], Traced) or is_array(arguments[0]))
    if kind is DtypeError and (misused or not of_tensors):
        kind = None
    if kind is not None:
        renamed = kind().with_traceback(error.__traceback__)
        renamed.__cause__ = error.__cause__
    renamed.args = (_sentence(name, reason, arguments),)
    vars(renamed)["reason"] = reason
    if _is_ours(function):
        return _at_the_users_line(renamed.with_traceback(None), error.__cause__)
    return _at_the_users_line(renamed, error if isinstance(error, AttributeError) else error.__cause__)


_KINDS = {ValueError: TensorError, TypeError: DtypeError, IndexError: PlaceError}  # of a function composed of ops


def _sentence(name: str, reason: str, arguments: Sequence[Any]) -> str:
    """The whole message: "matmul: the inner sizes differ (called with (2, 3) float32, (2,) float32)"."""
    reason = reason.removeprefix(f"{name}: ")
    return f"{name}: {reason} (called with {', '.join(map(describe, arguments)) or 'nothing'})"


def describe(value: Any) -> str:
    """An argument in a few characters: "(2, 3) float32" for an array, the value of a number."""
    if isinstance(value, Traced):
        value = value._array
    if is_array(value):
        return f"{value.shape} {value.dtype}"
    if isinstance(value, (list, tuple)) and any(isinstance(x, Traced) or is_array(x) for x in value):
        return f"[{', '.join(map(describe, value))}]" if len(value) < 5 else f"a {type(value).__name__} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"


def broadcast_complaint(shapes: Sequence[Shape]) -> str | None:
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


def _with_a_shape(value: Any) -> Any:
    """A number as an array, so that a complaint may ask for its shape."""
    return np.asarray(value) if isinstance(value, (bool, int, float, complex)) else value


def _not_numbers(forward: Callable[..., Any], values: Sequence[Any], error: Exception) -> str | None:
    """Which input does not hold numbers, as a sentence; None if all do."""
    parameters = list(inspect.signature(forward).parameters.values())
    for position, value in enumerate(values):
        if value is None and position < len(parameters) and parameters[position].default is None:
            continue  # an optional input
        if is_array(value):
            if value.dtype.kind not in "fiubc":
                return f"it takes arrays of numbers, not of {value.dtype}"
        elif not isinstance(value, (bool, int, float, complex)):
            return f"it takes tensors, arrays and numbers, not {describe(value)}{_hint(value)}"
    if values and not any(map(is_array, values)) and isinstance(error, AttributeError):
        return f"it takes a tensor or array, not {describe(values[0])}"
    return None


def _method_of_tensors(error: Exception) -> str | None:
    """What to write instead of a Tensor's method that an array lacks, as a sentence; None for other errors."""
    method = getattr(error, "name", None)
    if is_array(getattr(error, "obj", None)) and hasattr(traced.tensor_type, str(method)):
        return f"forward gets arrays, and an array has no {method}: leave it out, or call a function such as tl.exp(x)"
    return None


def _hint(value: Any) -> str:
    """What may have been meant by something that is not a number."""
    if value is None:
        return ", such as the .grad of a tensor that no backward has reached, or a function's result without return"
    if isinstance(value, str):
        return "; convert it with float()"
    if isinstance(value, (list, tuple)):
        return "; join the list with tl.stack"
    return "; call it, with parentheses" if callable(value) else ""


def _about_the_axis(settings: dict[str, Any], error: Exception) -> str | None:
    """What is wrong with the setting `axis`, as a sentence; None if the error is about something else."""
    axis = settings.get("axis")
    if isinstance(error, np.exceptions.AxisError) and error.axis is not None and error.ndim is not None:
        return axis_complaint(error.axis, error.ndim)
    if isinstance(error, TypeError) and (isinstance(axis, (Traced, str, float)) or is_array(axis)):
        return f"axis must be an int, such as 0 or -1, not {shown(axis)}"
    return None


def axis_complaint(axis: int, ndim: int) -> str:
    """That a tensor has no such axis, as a sentence."""
    choice = f"give 0 to {ndim - 1}, or {-ndim} to -1 from the end" if ndim > 1 else "give 0 or -1"
    return f"axis {axis} is out of range for a tensor with {ndim} axes" + (f"; {choice}" if ndim else "")


def numpy_refused(error: Exception) -> bool:
    """Whether an error comes from giving a Tensor to one of NumPy's functions."""
    return "NumPy would lose its graph" in str(error)


WITH_TL = (
    "for higher derivatives, under create_graph=True, a rule receives Tensors instead of arrays: write it with "
    "operators and tl functions, such as tl.exp(x) for np.exp(x)"
)


def _different_devices(arrays: Sequence[Any]) -> str | None:
    """Which devices the inputs are on, as a sentence; None if it is only one."""
    devices = sorted({device_of(array) for array in arrays if is_array(array)})
    if len(devices) < 2:
        return None
    return f"its inputs are on different devices, {' and '.join(devices)}; move one of them with .to(device)"

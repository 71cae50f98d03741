"""Errors that speak the user's language: which op, which shapes, what to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backend import Shape, device_of, is_array
from ..traced import Traced

EXPLAINED = (ValueError, TypeError, IndexError, AttributeError, OverflowError)  # what the functions here know


def explain(
    name: str,
    forward: Callable[..., Any],
    complaint: Callable[..., str | None] | None,
    arrays: Sequence[Any],
    settings: dict[str, Any],
    error: Exception,
) -> Exception:
    """The error to raise in place of an array library's, naming the op and its inputs: of the same class if that is
    IndexError, TypeError or ValueError; TypeError for an AttributeError, which speaks of an input that is no array.
    """
    reason = _different_devices(arrays) or _called_by_numpy(name, error)
    if reason is None and complaint is not None:
        try:
            reason = complaint(*map(_with_a_shape, arrays), **settings)
        except Exception:  # the complaint is about shapes, and these inputs may not even have one
            reason = None
    if reason is None and isinstance(error, ValueError) and "broadcast" in str(error):
        reason = broadcast_complaint([a.shape for a in arrays if is_array(a)])
    if reason is None and isinstance(error, (TypeError, AttributeError)):
        reason = _no_numbers(forward, arrays)
    reason = reason or str(error)
    kind: type[Exception] = TypeError if isinstance(error, AttributeError) else ValueError
    kind = next((k for k in (IndexError, TypeError) if isinstance(error, k)), kind)
    explained = kind(_sentence(name, reason, arrays))
    vars(explained)["reason"] = reason  # for those who say it in another name
    return explained


def rename(error: Exception, name: str, arguments: Sequence[Any]) -> Exception:
    """What an error from within a function of ops has to say, in the name of the function that the user called."""
    reason: str = getattr(error, "reason", None) or _called_by_numpy(name, error) or str(error)
    if isinstance(error, AttributeError):  # it speaks of what is no array
        strange = [x for x in arguments if not (isinstance(x, Traced) or is_array(x))]
        reason = f"it takes tensors and arrays, not {describe(strange[0])}" if strange else reason
        error = TypeError()
    error.args = (_sentence(name, reason, arguments),)
    vars(error)["reason"] = reason
    return error


def _sentence(name: str, reason: str, arguments: Sequence[Any]) -> str:
    return f"{name}: {reason} (called with {', '.join(map(describe, arguments)) or 'nothing'})"


def describe(value: Any) -> str:
    """An argument in a few characters: `(2, 3) float32` for an array, its value for a number."""
    if isinstance(value, Traced):
        value = value._array
    if is_array(value):
        return f"{value.shape} {value.dtype}"
    if isinstance(value, (list, tuple)) and any(isinstance(x, Traced) or is_array(x) for x in value):
        return f"[{', '.join(map(describe, value))}]" if len(value) < 5 else f"a {type(value).__name__} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"


def broadcast_complaint(shapes: Sequence[Shape]) -> str | None:
    """What keeps shapes from broadcasting, as a sentence; None if nothing does."""
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


def _no_numbers(forward: Callable[..., Any], values: Sequence[Any]) -> str | None:
    parameters = list(inspect.signature(forward).parameters.values())
    for position, value in enumerate(values):
        if value is None and position < len(parameters) and parameters[position].default is None:
            continue  # an input that may be left out
        if is_array(value):
            if value.dtype.kind not in "fiubc":
                return f"it takes arrays of numbers, not of {value.dtype}"
        elif not isinstance(value, (bool, int, float, complex)):
            return f"it takes tensors, arrays and numbers, not {describe(value)}"
    return None


def _called_by_numpy(name: str, error: Exception) -> str | None:
    """np.sum(x) calls x.sum(axis=None, dtype=None, out=None): what to say of arguments that are NumPy's alone."""
    text = str(error)
    if isinstance(error, TypeError) and text.endswith(("keyword argument 'dtype'", "keyword argument 'out'")):
        return f"it takes no dtype and no out; for np.{name}(x), which hands these over, write tl.{name}(x)"
    return None


def numpy_refused(error: Exception) -> bool:
    """Whether an error is what comes of giving a Tensor to a function of NumPy's."""
    return "__array_ufunc__=None" in str(error) or "NumPy would lose its graph" in str(error)


WITH_TL = (
    "for higher derivatives, under create_graph=True, a rule is given Tensors, not arrays: write it with operators and "
    "tl functions, as tl.exp(x) for np.exp(x)"
)


def _different_devices(arrays: Sequence[Any]) -> str | None:
    devices = sorted({device_of(array) for array in arrays if is_array(array)})
    if len(devices) < 2:
        return None
    return f"its inputs are on different devices, {' and '.join(devices)}; move one of them with .to(device)"

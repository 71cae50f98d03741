"""Errors that speak the user's language: which op, which shapes, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .backend import Shape, device_of, is_array

if TYPE_CHECKING:
    from .op import Op


def explain(op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], error: Exception) -> Exception:
    """The error to raise in place of an array library's, naming the op and its inputs: of the same class if that is
    IndexError, TypeError or ValueError; TypeError for an AttributeError, which speaks of an input that is no array.
    """
    reason = _different_devices(arrays)
    if reason is None and op.complaint is not None:
        try:
            reason = op.complaint(*arrays, **settings)
        except Exception:  # the complaint is about shapes, and these inputs may not even have one
            reason = None
    if reason is None and isinstance(error, ValueError) and "broadcast" in str(error):
        reason = broadcast_complaint([a.shape for a in arrays if is_array(a)])
    if reason is None and isinstance(error, (TypeError, AttributeError)):
        reason = _no_numbers(arrays)
    given = ", ".join(describe(array) for array in arrays) or "nothing"
    kind: type[Exception] = TypeError if isinstance(error, AttributeError) else ValueError
    kind = next((k for k in (IndexError, TypeError) if isinstance(error, k)), kind)
    return kind(f"{op.name}: {reason or error} (called with {given})")


def describe(value: Any) -> str:
    """An argument in a few characters: `(2, 3) float32` for an array, its value for a number."""
    if is_array(value):
        return f"{value.shape} {value.dtype}"
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


def _no_numbers(values: Sequence[Any]) -> str | None:
    for value in values:
        if is_array(value):
            if value.dtype.kind not in "fiubc":
                return f"it takes arrays of numbers, not of {value.dtype}"
        elif not (value is None or isinstance(value, (bool, int, float, complex))):
            return f"it takes tensors, arrays and numbers, not {describe(value)}"
    return None


def _different_devices(arrays: Sequence[Any]) -> str | None:
    devices = sorted({device_of(array) for array in arrays if is_array(array)})
    if len(devices) < 2:
        return None
    return f"its inputs are on different devices, {' and '.join(devices)}; move one of them with .to(device)"

"""A tensor as text, laid out as PyTorch does: `tensor([[1.0000, 0.5000]], grad_fn=<mul>)`.

All elements have one format and one width. Whole numbers are printed without digits, as `2.`, other floats with four.
They get an exponent if the largest is more than 1000 times the smallest, or if they are very large or very small. A
tensor of more than 1000 elements is shown by the first three and the last three along each axis.

Graphs, pictures and worked examples have shorter texts: `number`, `in_line`, `in_words`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import Array, get_default_dtype, to_host
from ..errors import brief

__all__ = ["set_printoptions"]


@dataclass
class PrintOptions:
    """How tensors are printed.

    precision: digits after the point.  threshold: print at most as many elements in full.
    edgeitems: how many at each end of an axis to show of a larger tensor.  linewidth: characters in a line.
    sci_mode: whether to write exponents; None decides by the elements.  dtype_prefix: written before a dtype's name.
    """

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None
    dtype_prefix: str = ""


options = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed from now on, as in PyTorch; None keeps an option.

    precision: digits after the point, 4 at first.  threshold: print tensors of at most as many elements in full, 1000.
    edgeitems: how many to show at each end of an axis of a larger one, 3.  linewidth: characters in a line, 80.
    sci_mode: whether to write exponents, None to decide by the elements.  Raises TypeError for what is no number.
    """
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    chosen = {name: value for name, value in given.items() if value is not None}
    for name, value in chosen.items():
        if not isinstance(value, (int, float)) or value < 0:
            raise TypeError(f"set_printoptions: {name} must be a number, 0 or more, not {brief(value)}")
    vars(options).update(chosen, sci_mode=sci_mode)


def text_of(tensor: Any) -> str:
    """The text that `print(tensor)` writes."""
    array, prefix = tensor._array, "tensor("
    body = _body(array, len(prefix)) if array.size else "[]"
    return _with_notes(prefix + body, _notes(tensor), len(prefix)) + ")"


def _notes(tensor: Any) -> list[str]:
    """What stands behind the elements: the device, an empty shape, the dtype, where the tensor came from."""
    array, notes = tensor._array, []
    device = str(tensor.device)
    if device != "cpu":
        notes.append(f"device='{device}'")
    if not array.size and array.ndim != 1:
        notes.append(f"size={array.shape}")
    usual = (get_default_dtype().name,) if not array.size else (get_default_dtype().name, "int64", "bool")
    if array.dtype.name not in usual:
        notes.append(f"dtype={options.dtype_prefix}{array.dtype.name}")
    if tensor.grad_fn is not None:
        notes.append(f"grad_fn={tensor.grad_fn!r}")
    elif tensor._node is not None:
        notes.append("requires_grad=True")
    return notes


def _with_notes(text: str, notes: list[str], indent: int) -> str:
    """The text with notes behind it, each on a new line if the line would become too long."""
    width = len(text) - text.rfind("\n") + 1
    for note in notes:
        if width + len(note) + 2 > options.linewidth:
            text, width = f"{text},\n{' ' * indent}{note}", indent + len(note)
        else:
            text, width = f"{text}, {note}", width + len(note) + 2
    return text


def _edges(array: Array) -> Array:
    """The elements to show of a large array: the first and last along each axis."""
    n = options.edgeitems
    for axis, size in enumerate(array.shape):
        if size > 2 * n:
            places = [*range(n), *range(size - n, size)]
            array = array[(*[slice(None)] * axis, places)]
    return array


def _body(array: Array, indent: int) -> str:
    """The elements in brackets, one pair for each axis."""
    shortened, n = array.size > options.threshold, options.edgeitems
    shown = to_host(_edges(array) if shortened else array)
    if shown.dtype == np.float16:
        shown = shown.astype(np.float32)
    form, width = _formatter(shown)

    def nested(part: Any, axis: int) -> str:
        if axis == array.ndim:
            return form(part.item())
        cut = shortened and array.shape[axis] > 2 * n
        start: int = indent + axis
        deeper: int = array.ndim - 1 - axis
        if deeper:
            parts = [nested(inner, axis + 1) for inner in part]
            parts = [*parts[:n], "...", *parts[n:]] if cut else parts
            return "[" + ("," + "\n" * deeper + " " * (start + 1)).join(parts) + "]"
        items = list(map(form, part.tolist()))
        per_line = max(1, (options.linewidth - start) // (width + 2))
        items = [*items[:n], " ...", *items[n:]] if cut else items
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (start + 1)).join(lines) + "]"

    return nested(shown, 0)


def _formatter(shown: Any) -> tuple[Callable[[Any], str], int]:
    """A function from an element to its text, and the width of these texts, which is the same for all."""
    if shown.dtype.kind != "f":
        width = max(len(str(value)) for value in shown.reshape(-1).tolist())
        return (lambda value: str(value).rjust(width)), width
    values = shown[np.isfinite(shown) & (shown != 0)].astype(np.float64)
    whole, exponents, digits = True, False, options.precision
    if values.size:
        sizes = np.abs(values)
        smallest, largest = sizes.min(), sizes.max()
        whole = bool((values == np.ceil(values)).all())
        with np.errstate(over="ignore"):
            exponents = largest / smallest > 1000 or largest > 1e8 or (smallest < 1e-4 and not whole)
    exponents = exponents if options.sci_mode is None else options.sci_mode

    def form(value: float) -> str:
        if exponents:
            return f"{value:.{digits}e}"
        if whole:
            return f"{value:.0f}" + ("." if math.isfinite(value) else "")
        return f"{value:.{digits}f}"

    width = max((len(form(value)) for value in values.tolist()), default=1)
    return (lambda value: form(value).rjust(width)), width


# --- numbers and arrays as short texts: "0.2351", "[[0.5, -1], [1, 2]]" -----------------------------------------------

MOST = 8  # elements of an array that are written out
DIGITS = 4
IN_FULL = 7  # digits of a number that four would make another whole number, as 1 of 1.00001


def number(value: Any) -> str:
    """A number with four digits: "0.2351", "-0", "1e-300", "nan".

    It has up to seven where four would be another whole number: "1.00001", "2021.5", "13002".
    """
    if not isinstance(value, (float, np.floating)):
        return str(value)
    for more in range(DIGITS, IN_FULL + 1):
        text = f"{value:.{more}g}"
        if not float(text).is_integer() or float(text) == value:
            return text
    return text if abs(value) < 10**IN_FULL else f"{value:.{DIGITS}g}"


def numbers(array: Array | None, most: int = MOST) -> str:
    """A small array in one line: "[[0.5, -1], [1, 2]]"; "" for a larger one, or None."""
    if array is None or array.size > most:
        return ""
    return _listed(array.tolist())


def in_line(array: Array | None, most: int = MOST) -> str:
    """A small array in one line: "[[0.5, -1], [1, 2]]"; -0 is 0. "" for a larger array or None."""
    return numbers(array + 0.0 if array is not None and array.size <= most and array.dtype.kind == "f" else array, most)


def _listed(value: Any) -> str:
    return f"[{', '.join(map(_listed, value))}]" if isinstance(value, list) else number(value)


def in_words(array: Array | None) -> str:
    """An array as its numbers or, if it is large, its shape, range and mean; "?" if it is not known."""
    if array is None:
        return "?"
    if (text := numbers(array)) or not array.size:
        return text or "[]"
    if array.dtype == bool:
        return f"shape {array.shape}, {np.count_nonzero(array)} of {array.size} True"
    if array.dtype.kind not in "fiu":
        return f"shape {array.shape}"
    with np.errstate(all="ignore"):
        ends, middle = (array.min(), array.max()), float(array.mean(dtype=np.float64))
        rounding = np.finfo(array.dtype).eps * np.abs(ends).max() if array.dtype.kind == "f" else 0
        low, high, mean = map(number, (*ends, 0.0 if abs(middle) < rounding else middle))
    if low == high:
        return f"shape {array.shape}, all {low}"
    return f"shape {array.shape}, from {low} to {high}, mean {mean}"

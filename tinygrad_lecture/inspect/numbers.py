"""Numbers and arrays as short texts: "0.2351", "[[0.5, -1], [1, 2]]"."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..backend import Array

MOST = 8  # elements of an array that are written out
DIGITS = 4
IN_FULL = 7  # digits of a number that four would make another whole number, as 1 of 1.00001

_digits = ContextVar("_digits", default=DIGITS)


@contextmanager
def with_digits(count: int) -> Iterator[None]:
    """Numbers have so many digits within the block."""
    before = _digits.set(count)
    try:
        yield
    finally:
        _digits.reset(before)


def number(value: Any) -> str:
    """A number with four digits: "0.2351", "-0", "1e-300", "nan".

    It has up to seven where four would be another whole number: "1.00001", "2021.5", "13002".
    """
    if not isinstance(value, (float, np.floating)):
        return str(value)
    digits = _digits.get()
    for more in range(digits, max(digits, IN_FULL) + 1):
        text = f"{value:.{more}g}"
        if not float(text).is_integer() or float(text) == value:
            return text
    return text if abs(value) < 10**IN_FULL else f"{value:.{digits}g}"


def digits_of(array: Array) -> int:
    """How many digits show how the elements differ: 6 for [1000, 1000.1]; 4 for most arrays."""
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else np.empty(0)
    if finite.size < 2:
        return DIGITS
    low, high = float(finite.min()), float(finite.max())
    parts = (high - low) / (max(abs(low), abs(high)) or 1.0)
    if not 8 * np.finfo(array.dtype).eps < parts < math.inf:  # else they differ by rounding
        return DIGITS
    return max(DIGITS, math.ceil(-math.log10(parts)) + 2)


def numbers(array: Array | None, most: int = MOST) -> str:
    """A small array in one line: "[[0.5, -1], [1, 2]]"; "" for a larger one, or None."""
    if array is None or array.size > most:
        return ""
    with with_digits(max(_digits.get(), digits_of(array))):
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
    with np.errstate(all="ignore"), with_digits(digits_of(array)):
        low, high, mean = (number(value) for value in (array.min(), array.max(), float(array.mean())))
    if low == high:
        return f"shape {array.shape}, all {low}"
    return f"shape {array.shape}, from {low} to {high}, mean {mean}"

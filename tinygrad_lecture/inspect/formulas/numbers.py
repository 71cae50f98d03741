"""Numbers and arrays as short texts: "0.2351", "[[0.5, -1], [1, 2]]"."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...backend import Array

MOST = 8  # elements of an array that are written out


def number(value: Any) -> str:
    """A number with four digits: "0.2351", "-0", "1e-300", "nan"."""
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


def numbers(array: Array | None, most: int = MOST) -> str:
    """A small array in one line: "[[0.5, -1], [1, 2]]"; "" for a larger one, or None."""
    return "" if array is None or array.size > most else _listed(array.tolist())


def _listed(value: Any) -> str:
    return f"[{', '.join(map(_listed, value))}]" if isinstance(value, list) else number(value)


def as_factor(text: str) -> str:
    """A number as a factor or term: in parentheses if it is negative."""
    return f"({text})" if text.startswith("-") else text


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
        low, high, mean = (number(value) for value in (array.min(), array.max(), float(array.mean())))
    return f"shape {array.shape}, from {low} to {high}, mean {mean}"

"""Where elements lie, in words: the last of an axis, the diagonal, the negative inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ...backend import Array
from ..report import index_text

MAX_NAMED = 4  # elements that are listed one by one
SIGNS = {"negative": np.less, "positive": np.greater, "not positive": np.less_equal, "not negative": np.greater_equal}


def places(mask: Array, x: Array | None = None) -> str:
    """Which elements of an array a mask picks, as "index 3 of axis 0 (the last)".

    x: numbers at these elements; a mask may pick its negative or its largest ones.
    """
    count = np.count_nonzero(mask)
    return (
        (_by_diagonal(mask) or by_slice(mask) if mask.ndim > 1 else None)
        or (by_value(mask, x) if x is not None else None)
        or by_slice(mask)
        or (_listed(mask) if 0 < count <= MAX_NAMED else None)
        or f"{count} of {mask.size} elements"
    )


def by_value(mask: Array, x: Array) -> str | None:
    """ "the elements where the input is negative" and the like; None if values do not tell."""
    by = by_sign(mask, {"the input": x})
    if by is not None or _alternatives(mask) < 20:
        return by
    for values, kind in ((x, "inputs"), (np.abs(x), "absolute inputs")):
        inside, outside = values[mask], values[~mask]
        if inside.min() > outside.max() == 0 and kind == "absolute inputs":
            return "the elements where the input is not 0"
        if inside.min() > outside.max():
            return f"the elements with the largest {kind}, above {outside.max():.4g}"
        if inside.max() < outside.min():
            return f"the elements with the smallest {kind}, below {outside.min():.4g}"
    return None


def by_sign(mask: Array, arrays: Mapping[str, Array]) -> str | None:
    """ "the elements where x is negative" and the like, for one of the arrays, by name; None if no sign tells."""
    for sign, holds in SIGNS.items() if _alternatives(mask) >= 6 else ():
        for name, array in arrays.items():
            if np.array_equal(mask, holds(array, 0)):
                return f"the elements where {name} is {sign}"
    return None


def _alternatives(mask: Array) -> int:
    """How many masks have as many elements: small ones agree with a condition by chance."""
    return math.comb(mask.size, np.count_nonzero(mask))


def by_slice(mask: Array) -> str | None:
    """ "index 3 of axis 0 (the last)"; None if the mask does not pick whole slices of one axis."""
    for axis, size in enumerate(mask.shape):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        picked = np.flatnonzero(mask.all(axis=others))
        if 0 < len(picked) < size and np.count_nonzero(mask) * size == len(picked) * mask.size:
            listed = ", ".join(map(str, picked))
            end = {(0,): " (the first)", (size - 1,): " (the last)", (0, size - 1): " (first and last)"}
            return f"index {listed} of axis {axis}{end.get(tuple(map(int, picked)), '')}"
    return None


def _by_diagonal(mask: Array) -> str | None:
    """ "the diagonal", "the elements below the diagonal", ...; None if the mask is none of these."""
    if min(mask.shape[-2:]) < 2:
        return None
    rows, columns = np.ogrid[: mask.shape[-2], : mask.shape[-1]]
    regions = {
        "the diagonal": rows == columns,
        "the elements above the diagonal": rows < columns,
        "the elements below the diagonal": rows > columns,
        "all elements but the diagonal": rows != columns,
    }
    return next((text for text, region in regions.items() if (mask == region).all()), None)


def _listed(mask: Array) -> str:
    indexes = [index_text(tuple(map(int, index))) for index in np.argwhere(mask)]
    return ("element " if len(indexes) == 1 else "elements ") + ", ".join(indexes)

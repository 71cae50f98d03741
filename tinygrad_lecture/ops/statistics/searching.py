"""Places in sorted numbers, by bisection, and membership. They have no gradient."""

from __future__ import annotations

import numpy as np

from ...autograd.op import Value, op
from ...backend import xp
from ..composite import composite

__all__ = ["bucketize", "isin", "searchsorted"]


@op(differentiable=False, casts=True)
def searchsorted(sorted_sequence: Value, values: Value, /, right: bool = False, side: str | None = None) -> Value:
    """Where each value would be inserted into sorted numbers so that they stay sorted, as int64.

    sorted_sequence: a vector, or (..., n) with a row of sorted numbers for each row of values, (..., m).
    right: False for the first such place, before equal elements; True for the last.  side: the same as "left", "right".
    Raises ValueError for shapes that do not fit.

        tl.searchsorted(tl.tensor([1, 3, 5]), tl.tensor([3, 6]))        # tensor([1, 3])
    """
    lib = xp(sorted_sequence, values)
    if side not in (None, "left", "right"):
        raise ValueError(f'searchsorted: side must be "left" or "right", not {side!r}')
    values = lib.asarray(values)
    after = right or side == "right"
    if sorted_sequence.ndim == 1:
        flat = lib.searchsorted(sorted_sequence, values.reshape(-1), "right" if after else "left")
        return flat.reshape(values.shape).astype(np.int64)
    if sorted_sequence.shape[:-1] != values.shape[:-1]:
        raise ValueError(f"searchsorted: rows of shape {sorted_sequence.shape} do not fit values of {values.shape}")
    rows, wanted = sorted_sequence[..., None, :], values[..., None]  # (..., 1, n), (..., m, 1)
    return ((rows <= wanted) if after else (rows < wanted)).sum(axis=-1)


@composite
def bucketize(x: Value, boundaries: Value, right: bool = False) -> Value:
    """The number of the bucket between sorted boundaries that each element falls into: `searchsorted` the other way.

    right: whether a bucket includes its left boundary instead of its right one.

        tl.bucketize(tl.tensor([3, 6]), tl.tensor([1, 3, 5]))       # tensor([1, 3])
    """
    return searchsorted(boundaries, x, right=right)


@op(differentiable=False)
def isin(elements: Value, test_elements: Value, /, assume_unique: bool = False, invert: bool = False) -> Value:
    """Whether each element is among the test elements, as bools.

    assume_unique: for PyTorch's signature.  invert: whether it is not.

        tl.isin(tl.tensor([1, 2, 3]), tl.tensor([2, 4]))        # tensor([False,  True, False])
    """
    lib = xp(elements, test_elements)
    elements, test_elements = lib.asarray(elements), lib.asarray(test_elements).reshape(-1)
    if not test_elements.size:
        return lib.full(elements.shape, invert, bool)
    ordered = lib.sort(test_elements)
    places = lib.searchsorted(ordered, elements.reshape(-1)).reshape(elements.shape)
    found = ordered[lib.minimum(places, ordered.size - 1)] == elements
    return ~found if invert else found

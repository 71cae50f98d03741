"""Differences of neighbours, and their counterpart: areas under a curve given at points."""

from __future__ import annotations

from ...autograd.op import Value
from ..composite import composite
from ..elementwise import as_floats
from ..reduction import cumsum, sum
from ..shape import cat, normal_axes

__all__ = ["cumulative_trapezoid", "diff", "trapezoid"]


@composite
def diff(x: Value, n: int = 1, axis: int = -1, prepend: Value = None, append: Value = None) -> Value:
    """The differences of neighbours along an axis, n times over: x[i + 1] - x[i].

    axis (also `dim`): an int, the last by default.  prepend, append: tensors to join to x along it first, or None.
    Differences of bools say where neighbours differ. Raises IndexError for an axis out of range, ValueError for n < 0.

        tl.diff(tl.tensor([1, 4, 9, 16]))           # tensor([3, 5, 7])
        tl.diff(tl.tensor([1, 4, 9, 16]), n=2)      # tensor([2, 2])
    """
    if n < 0:
        raise ValueError(f"n must be 0 or more, not {n}")
    parts = [part for part in (prepend, x, append) if part is not None]
    x = cat(parts, axis) if len(parts) > 1 else x
    for _ in range(n):
        before, after = _neighbours(x, axis)
        x = after != before if x.dtype.kind == "b" else after - before
    return x


@composite
def trapezoid(y: Value, x: Value = None, *, dx: float = 1, axis: int = -1) -> Value:
    """The integral along an axis by the trapezoidal rule: the sum of (y[i] + y[i + 1]) / 2 times the step.

    x: the places of the points, for steps of any size; None (the default) for steps of dx, 1.
    axis (also `dim`): an int, the last by default. Raises IndexError for an axis out of range.

        tl.trapezoid(tl.tensor([1.0, 2.0, 3.0]))        # tensor(4.)
    """
    return sum(_areas(y, x, dx, axis), axis)


@composite
def cumulative_trapezoid(y: Value, x: Value = None, *, dx: float = 1, axis: int = -1) -> Value:
    """The running integral along an axis by the trapezoidal rule, one element fewer than y; arguments x, dx, axis (also
    `dim`) as in `trapezoid`.

        tl.cumulative_trapezoid(tl.tensor([1.0, 2.0, 3.0]))     # tensor([1.5000, 4.0000])
    """
    return cumsum(_areas(y, x, dx, axis), axis)


def _areas(y: Value, x: Value, dx: float, axis: int) -> Value:
    before, after = _neighbours(as_floats(y), axis)
    if x is None:
        return (before + after) * (dx / 2)
    steps = diff(as_floats(x), axis=axis if x.ndim == y.ndim else -1)
    if x.ndim < y.ndim:  # a vector of places along the axis
        steps = steps.reshape((-1,) + (1,) * (y.ndim - 1 - normal_axes(y.ndim, axis)[0]))
    return (before + after) * steps / 2


def _neighbours(x: Value, axis: int) -> tuple[Value, Value]:
    """x without its last, and x without its first slice along an axis."""
    (axis,) = normal_axes(x.ndim, axis)
    front = (slice(None),) * axis
    return x[(*front, slice(None, -1))], x[(*front, slice(1, None))]

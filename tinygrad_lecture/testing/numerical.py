"""The gradient of a NumPy function by central differences, and where it has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backend import Array

STEP = 1e-5


def numerical_gradients(
    forward: Callable[..., Any], args: Sequence[Any], settings: dict[str, Any], g: Array, which: Sequence[int]
) -> list[tuple[Array, Array]]:
    """For each argument in `which`, the gradient of sum(g * forward(*args)), and a mask of its kinks.

    (f(x + h) - f(x - h)) / 2h, element by element, with h = 1e-5: right to about 1e-9. An element is a kink where the
    differences to the left and to the right disagree, as those of relu at 0.
    """
    values = [np.array(a, dtype=float) if k in which else a for k, a in enumerate(args)]

    def total() -> float:
        with np.errstate(all="ignore"):
            return float((g * np.asarray(forward(*values, **settings))).sum())

    here = total()
    found = []
    for k in which:
        gradient, kinks = np.zeros(values[k].shape), np.zeros(values[k].shape, dtype=bool)
        for index in np.ndindex(values[k].shape):
            x = float(values[k][index])
            values[k][index] = x + STEP
            above = total()
            values[k][index] = x - STEP
            below = total()
            values[k][index] = x
            gradient[index] = (above - below) / (2 * STEP)
            right, left = (above - here) / STEP, (here - below) / STEP
            kinks[index] = not abs(right - left) <= 5e-3 * max(1.0, abs(right), abs(left))
        found.append((gradient, kinks))
    return found

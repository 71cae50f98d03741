"""The complex step: exact derivatives of analytic functions.

For an analytic f, f(x + ih) = f(x) + ih f'(x) + O(h²), so f'(x) = Im f(x + ih) / h (Squire & Trapp, SIAM Review 40,
1998). Nothing is subtracted, so there is no cancellation and h may be 1e-20: the truncation error vanishes, and the
derivative is exact to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...backend import Array
from .central_differences import STEP
from .gradient import ROUNDING, Function, NumericalGradient, largest, replaced_element

COMPLEX_STEP = 1e-20


def complex_step(
    function: Function, xs: Sequence[Array], upstream: Array, values: Array
) -> list[NumericalGradient] | None:
    """The gradients with respect to each of xs; None if the function turns out not to be analytic.

    upstream: (m,).  values: function(xs), (m,).
    Two tests find a function that drops or distorts the imaginary part: the real part of f(x + ih) must equal
    `values`, and the Jacobian must agree with a real difference along a random direction.
    """
    found: list[NumericalGradient] = []
    points = [x.astype(np.complex128) for x in xs]
    close = ROUNDING * (np.abs(values) + largest(values))
    for x, point in zip(xs, points, strict=True):
        gradient = NumericalGradient.empty(values.size, x.size)
        for i in range(x.size):
            with replaced_element(point, i, point.flat[i] + 1j * COMPLEX_STEP):
                moved = function(points)
            if moved.shape != values.shape or not np.all(np.abs(moved.real - values) <= close):
                return None
            column = moved.imag / COMPLEX_STEP
            scale = np.abs(upstream * values)[column != 0].sum() / max(1.0, abs(x.flat[i]))
            gradient.put(i, column, upstream, ROUNDING * scale)
        found.append(gradient)
    return found if _confirmed(function, xs, found, upstream, values) else None


def _confirmed(
    function: Function, xs: Sequence[Array], found: Sequence[NumericalGradient], upstream: Array, values: Array
) -> bool:
    """Whether real central differences along one random direction v agree with J v.

    Compares each output where the Jacobians were kept, else the sum over outputs weighted by upstream.
    """
    rng = np.random.default_rng(1)
    direction = [rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1, 1], x.shape) * np.maximum(1, np.abs(x)) for x in xs]
    kept = all(gradient.jacobian is not None for gradient in found)
    jacobians = [gradient.jacobian if kept else gradient.expected[None] for gradient in found]
    terms = [jacobian * v.ravel() for jacobian, v in zip(jacobians, direction, strict=True)]
    predicted, size = sum(t.sum(axis=1) for t in terms), sum(np.abs(t).sum(axis=1) for t in terms)
    for step in (STEP, STEP / 30, STEP / 900):
        up = function([x + step * v for x, v in zip(xs, direction, strict=True)])
        down = function([x - step * v for x, v in zip(xs, direction, strict=True)])
        rise, noise = (up - down) / (2 * step), ROUNDING * np.abs(values) / step
        if not kept:
            rise, noise = upstream @ rise, np.abs(upstream) @ noise
        if np.all(np.abs(rise - predicted) <= 1e-4 * size + noise):
            return True
    return False

"""The complex step: exact derivatives of analytic functions.

For an analytic f, f(x + ih) = f(x) + ih f'(x) + O(h²), so f'(x) = Im f(x + ih) / h (Squire & Trapp, SIAM Review 40,
1998). Nothing is subtracted, so there is no cancellation and h may be 1e-20: the truncation error vanishes, and the
derivative is exact to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...backend import Array
from .gradient import ROUNDINGS, Function, NumericalGradient, chosen, epsilon, largest, replaced_element

COMPLEX_STEP = 1e-20
INNER_ROUNDINGS = 8  # of the size of the values, that imaginary parts are assumed to have
REAL_STEP = 6e-6  # of the differences that confirm the result


def complex_step(
    function: Function, xs: Sequence[Array], upstream: Array, values: Array, only: Sequence[Array] | None = None
) -> list[NumericalGradient] | None:
    """The gradients with respect to each of xs; None if the function turns out not to be analytic.

    upstream: (m,).  values: function(xs), (m,).  only: masks of the elements to compute.
    Two tests find a function that drops or distorts the imaginary part: the real part of f(x + ih) must equal
    `values`, and the Jacobian must agree with a real difference along a random direction.
    """
    found: list[NumericalGradient] = []
    points = [x.astype(np.result_type(x.dtype, np.complex128)) for x in xs]
    eps = epsilon(values)
    close = ROUNDINGS * eps * (np.abs(values) + largest(values))
    for k, (x, point) in enumerate(zip(xs, points, strict=True)):
        gradient = NumericalGradient.empty(values.size, x.size)
        for i in chosen(only, k, x):
            with replaced_element(point, i, point.flat[i] + 1j * COMPLEX_STEP):
                moved = function(points)
            if moved.shape != values.shape or not np.all(np.abs(moved.real - values) <= close):
                return None
            column = moved.imag / COMPLEX_STEP
            scale = float(np.abs(upstream * values)[column != 0].sum() / max(1.0, abs(x.flat[i])))
            gradient.put(i, column, upstream, INNER_ROUNDINGS * eps * scale, zero=not column.any())
        found.append(gradient)
    return found if _confirmed(function, xs, found, upstream, values, only) else None


def _confirmed(
    function: Function,
    xs: Sequence[Array],
    found: Sequence[NumericalGradient],
    upstream: Array,
    values: Array,
    only: Sequence[Array] | None,
) -> bool:
    """Whether real central differences along one random direction v agree with J v.

    Compares each output where the Jacobians were kept, else the sum over outputs weighted by upstream.
    """
    rng = np.random.default_rng(1)
    direction = [rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1, 1], x.shape) * np.maximum(1, np.abs(x)) for x in xs]
    if only is not None:
        direction = [v * mask for v, mask in zip(direction, only, strict=True)]
    kept = all(gradient.jacobian is not None for gradient in found)
    jacobians = [gradient.jacobian if kept else gradient.expected[None] for gradient in found]
    terms = [jacobian * v.ravel() for jacobian, v in zip(jacobians, direction, strict=True)]
    predicted, size = sum(t.sum(axis=1) for t in terms), sum(np.abs(t).sum(axis=1) for t in terms)
    for step in (REAL_STEP, REAL_STEP / 30, REAL_STEP / 900):
        up = function([x + step * v for x, v in zip(xs, direction, strict=True)])
        down = function([x - step * v for x, v in zip(xs, direction, strict=True)])
        rise, noise = (up - down) / (2 * step), ROUNDINGS * epsilon(values) * np.abs(values) / step
        if not kept:
            rise, noise = upstream @ rise, np.abs(upstream) @ noise
        if np.all(np.abs(rise - predicted) <= 1e-4 * size + noise):
            return True
    return False

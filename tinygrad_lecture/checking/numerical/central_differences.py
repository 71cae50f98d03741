"""Central differences at several step sizes: derivatives of any function, and its kinks.

The central difference (f(x + h) - f(x - h)) / 2h has a truncation error of O(h²) and a rounding error of O(eps / h).
Their sum is smallest for h near cbrt(eps) = 6e-6.

The second step size, h/4, serves two purposes:

- Richardson extrapolation (Phil. Trans. A 210, 1911): combining both differences cancels the O(h²) term.
- Kink detection: the gap between the right difference (f(x + h) - f(x)) / h and the left one falls in proportion to h
  where a second derivative exists, and stays the same at a kink.

If two steps leave a doubt, more are tried, down to 4e-13. They distinguish a steep curve from a kink, and a kink from
a point near one; and how much the slopes jitter at the smallest steps shows how exact the function's values are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...backend import Array
from .gradient import EPS, Function, NumericalGradient, largest, replaced_element

STEP = EPS ** (1 / 3)  # the first step size h, relative to max(1, |x|)
RATIO = 4  # each step size is the one before divided by this
MAX_STEPS = 13  # step sizes to try in case of doubt: 6e-6 to 4e-13; up to twice as many where f is not finite
MIN_STEPS = 6  # how many of them must have finite values on both sides
VALUE_ERROR = 4 * EPS  # assumed relative error of the function's values, unless they jitter more
MAX_NOISE = 1e-3  # the largest error estimate accepted, relative to the largest gradient element of the input


def central_differences(
    function: Function,
    xs: Sequence[Array],
    upstream: Array,
    values: Array,
    claims: Sequence[Array],
    step: float = STEP,
) -> list[NumericalGradient]:
    """The gradients with respect to each of xs, from steps of step * max(1, |x|) and a quarter of it.

    upstream: (m,).  values: function(xs), (m,).  claims: the analytical gradients, one per input. They do not enter
    the result; but where one disagrees, the element is computed again with all step sizes, so that a rule is not
    blamed for the rounding error of a difference.
    """
    found: list[NumericalGradient] = []
    points = [x.copy() for x in xs]
    for point, claim in zip(points, claims, strict=True):
        gradient, rounding = NumericalGradient.empty(values.size, point.size), np.zeros(point.size)
        for i in range(point.size):
            element = _Element(function, points, point, i, upstream, values)
            element.differentiate(step * max(1.0, abs(point.flat[i])), claim.flat[i])
            gradient.put(i, element.column, upstream, element.noise)
            gradient.kinks[i], rounding[i] = element.kink, element.rounding
        allowed = np.maximum(rounding, MAX_NOISE * largest(gradient.expected[~gradient.kinks]))
        gradient.unsteady = (gradient.noise > allowed) & ~gradient.kinks
        gradient.noise = np.minimum(gradient.noise, allowed)
        found.append(gradient)
    return found


@dataclass
class _Difference:
    """The differences at one step size."""

    step: float
    column: Array  # (m,) central differences: a column of the Jacobian
    slope: float  # upstream @ column
    gap: float  # upstream @ (right difference - left difference)


class _Element:
    """The derivative with respect to one element of one input.

    column: the column of the Jacobian, (m,).  kink: whether there is no derivative.  noise: error estimate of
    upstream @ column.  rounding: the part of it that remains if the values are exact but for their last digits.
    """

    def __init__(
        self, function: Function, points: Sequence[Array], point: Array, i: int, upstream: Array, values: Array
    ) -> None:
        self.function, self.points, self.point, self.i = function, points, point, i
        self.upstream, self.values = upstream, values
        self.column = np.zeros(values.shape)
        self.kink, self.noise, self.rounding = False, 0.0, 0.0
        self.size = np.zeros(values.shape)  # the largest |value| of each output that this element changes

    def differentiate(self, step: float, claim: float) -> None:
        """Use two step sizes; if they do not look smooth, or disagree with the claim, use all of them."""
        tried = [self._difference(step), self._difference(step / RATIO)]
        if not self._accept_if_smooth(tried, claim):
            while len(tried) < MAX_STEPS or (len(tried) < 2 * MAX_STEPS and None in tried[-MIN_STEPS:]):
                tried.append(self._difference(step / RATIO ** len(tried)))
            self._find_best_step(tried)

    def _difference(self, step: float) -> _Difference | None:
        """The differences at one step size; None where the function is not finite on both sides."""
        x = self.point.flat[self.i]
        ends = (x + step, x - step)
        up, down = (self._at(end) for end in ends)
        if not (np.all(np.isfinite(up)) and np.all(np.isfinite(down))):
            return None
        right, left = ends[0] - x, x - ends[1]  # the actual steps: x + step was rounded
        if not (right > 0 and left > 0):
            return None
        column = (up - down) / (right + left)
        gaps = (up - self.values) / right - (self.values - down) / left
        moved = (up != self.values) | (down != self.values)
        highest = np.maximum(np.maximum(np.abs(up), np.abs(down)), np.abs(self.values))
        self.size = np.maximum(self.size, np.where(moved, highest, 0))
        return _Difference(step, column, float(self.upstream @ column), float(self.upstream @ gaps))

    def _at(self, value: float) -> Array:
        """The function with this element set to another value."""
        with replaced_element(self.point, self.i, value):
            return self.function(self.points)

    @property
    def _scale(self) -> float:
        return float(np.abs(self.upstream) @ self.size)

    def _accept_if_smooth(self, tried: Sequence[_Difference | None], claim: float) -> bool:
        """Accept two step sizes if their slopes and the claim agree, and the gap vanishes as for a smooth function."""
        coarse, fine = tried
        if coarse is None or fine is None:
            return False
        slope, gap = _slope_at_zero(coarse, fine), _gap_at_zero(coarse, fine)
        margin = 1e-6 * abs(slope) + VALUE_ERROR * self._scale / fine.step
        if not max(abs(fine.slope - coarse.slope), abs(claim - slope), abs(gap)) <= margin:
            return False
        self._accept(coarse, fine)
        return True

    def _accept(self, coarse: _Difference, fine: _Difference) -> None:
        """Take the Richardson extrapolation of two step sizes as the result."""
        self.column = fine.column + (fine.column - coarse.column) / (RATIO**2 - 1)
        self.noise = self.rounding = VALUE_ERROR * self._scale / fine.step

    def _find_best_step(self, tried: Sequence[_Difference | None]) -> None:
        """Find the pair of step sizes where slope and gap change least; decide there between a slope and a kink."""
        found: list[_Difference] = []
        for difference in tried:
            found = [] if difference is None else [*found, difference]  # restart after a step that was not finite
        if len(found) < MIN_STEPS or self._diverges(found):
            self.kink = True  # at the edge of the function's domain, or at a jump
            return
        pairs = list(pairwise(found))
        slopes, gaps = [_slope_at_zero(*pair) for pair in pairs], [_gap_at_zero(*pair) for pair in pairs]
        # At the smallest steps slopes differ by rounding error alone: the jitter of the values divided by the step.
        jitter = float(np.median([abs(slopes[k] - slopes[k - 1]) * pairs[k][1].step for k in (-1, -2, -3)]))
        noises = [4 * max(jitter, VALUE_ERROR * self._scale) / fine.step for _, fine in pairs]
        changes = [noises[0] + abs(slopes[0])] + [
            abs(slopes[k] - slopes[k - 1]) + abs(gaps[k] - gaps[k - 1]) + noises[k] for k in range(1, len(pairs))
        ]
        best = int(np.argmin(changes))
        self._accept(*pairs[best])
        self.noise = max(changes[best], self.rounding)
        gap = gaps[best]
        around = [k for k in (best - 1, best, best + 1) if 0 <= k < len(pairs) and noises[k] < 0.1 * abs(gap)]
        stays = len(around) > 1 and all(abs(gaps[k] - gap) <= 0.1 * abs(gap) for k in around)
        self.kink = stays and abs(gap) > 1e-6 * abs(slopes[best])

    def _diverges(self, found: Sequence[_Difference]) -> bool:
        """Whether differences grow without bound as the step shrinks: a jump of the function, or a vertical tangent."""
        for end in (len(found), len(found) - 1, len(found) - 2):
            last = found[end - 5 : end] if end >= 5 else []
            steepness = [max(abs(difference.slope), abs(difference.gap)) for difference in last]
            if not last or steepness[-1] * last[-1].step <= max(1e-6 * self._scale, 1e-12):
                continue  # may be rounding error
            growth = [fine / coarse if coarse else 0 for coarse, fine in pairwise(steepness)]
            if min(growth) > max(1.5, 0.9 * max(growth)):  # by the same factor at every step: RATIO at a jump
                return True
        return False


def _slope_at_zero(coarse: _Difference, fine: _Difference) -> float:
    """The slope extrapolated to step 0: the truncation error is a h² + b h⁴, and a is eliminated."""
    return fine.slope + (fine.slope - coarse.slope) / (RATIO**2 - 1)


def _gap_at_zero(coarse: _Difference, fine: _Difference) -> float:
    """The gap extrapolated to step 0: for a smooth function it is h f''(x) + O(h³); the first term is eliminated."""
    return fine.gap + (fine.gap - coarse.gap) / (RATIO - 1)

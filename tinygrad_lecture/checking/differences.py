"""Derivatives without rules: what the values of a function say that its Jacobian is, one column per input element.

Complex step (Squire & Trapp, SIAM Review 40, 1998): f(x + ih) = f(x) + ih f'(x) + O(h²) for an analytic f, so
f'(x) = Im f(x + ih) / h. Nothing is subtracted, so h may be 1e-20, and the derivative is exact to rounding.

Central differences, for everything else: (f(x + h) - f(x - h)) / 2h is off by O(h²) from its formula and by
O(eps / h) from rounding, least in sum for h near cbrt(eps). A second step, h/4, serves twice: it cancels the O(h²)
(Richardson, 1911), and it tells smooth from not: the gap between the right and the left difference falls with h where
a second derivative exists, and stays where there is a kink. An element that looks odd at two steps is looked at in
more, down to 4e-13: there steep curves are told from kinks, and kinks from their neighbourhood, and how much the slopes
jitter shows how exact the function's values are.

A function here takes a list of arrays and returns all its outputs as one flat vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from ..backend import Array

Function: TypeAlias = Callable[[Sequence[Array]], Array]

EPS = float(np.finfo(np.float64).eps)
STEP = EPS ** (1 / 3)
COMPLEX_STEP = 1e-20
SHRINK = 4  # from one step to the next
LEVELS = 13  # how many steps an odd element is looked at in: 6e-6 to 4e-13; more where the function is not finite
ENOUGH = 6  # how many of them have to be finite on both sides
EXACT = 4 * EPS  # what a function's values are off by, relatively, unless they are seen to jitter more
CLOSE = 50 * EPS  # what two ways to compute the same may differ by
WORST = 1e-3  # the largest jitter that is allowed for, beside the largest slope of the input
KEEP = 4_000_000  # the largest Jacobian, in elements, that is kept whole


@dataclass
class Slopes:
    """The derivatives with respect to one input, flattened to n elements; m counts the elements of all outputs."""

    expected: Array  # (n,) the sum over outputs of upstream times derivative: what a gradient should be
    noise: Array  # (n,) how much rounding may change
    kinks: Array  # (n,) bool: there is no derivative here
    unsteady: Array  # (n,) bool: differences jitter more than is allowed for
    jacobian: Array | None  # (m, n), None if too large to keep

    @staticmethod
    def empty(m: int, n: int) -> Slopes:
        """Zeros, to be filled in."""
        return Slopes(
            np.zeros(n),
            np.zeros(n),
            np.zeros(n, dtype=bool),
            np.zeros(n, dtype=bool),
            np.zeros((m, n)) if m * n <= KEEP else None,
        )

    def put(self, i: int, column: Array, upstream: Array, noise: float) -> None:
        """Fill in element i from its column of the Jacobian."""
        terms = upstream * column
        self.expected[i] = terms.sum()
        self.noise[i] = noise + CLOSE * np.abs(terms).sum()  # the last is for the rounding of the gradient itself
        if self.jacobian is not None:
            self.jacobian[:, i] = column


# --- complex step -------------------------------------------------------------------------------------------


def complex_step(function: Function, xs: Sequence[Array], upstream: Array, values: Array) -> list[Slopes] | None:
    """The slopes with respect to each of xs; None where the function turns out not to be analytic.

    values: the function at xs, (m,). The complex values must have it as their real part, and what they say must agree
    with a difference along a random direction: that finds what loses or bends the imaginary part unseen.
    """
    found: list[Slopes] = []
    points = [x.astype(np.complex128) for x in xs]
    close = CLOSE * (np.abs(values) + _largest(values))
    for x, point in zip(xs, points, strict=True):
        slopes = Slopes.empty(values.size, x.size)
        for i in range(x.size):
            with _moved(point, i, point.flat[i] + 1j * COMPLEX_STEP):
                moved = function(points)
            if moved.shape != values.shape or not np.all(np.abs(moved.real - values) <= close):
                return None
            column = moved.imag / COMPLEX_STEP
            scale = np.abs(upstream * values)[column != 0].sum() / max(1.0, abs(x.flat[i]))
            slopes.put(i, column, upstream, CLOSE * scale)
        found.append(slopes)
    return found if _agree(function, xs, found, upstream, values) else None


def _agree(function: Function, xs: Sequence[Array], found: Sequence[Slopes], upstream: Array, values: Array) -> bool:
    """Whether differences along one random direction confirm the Jacobians, output by output where they are kept."""
    rng = np.random.default_rng(1)
    direction = [rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1, 1], x.shape) * np.maximum(1, np.abs(x)) for x in xs]
    kept = all(slopes.jacobian is not None for slopes in found)
    jacobians = [slopes.jacobian if kept else slopes.expected[None] for slopes in found]
    terms = [jacobian * v.ravel() for jacobian, v in zip(jacobians, direction, strict=True)]
    predicted, size = sum(t.sum(axis=1) for t in terms), sum(np.abs(t).sum(axis=1) for t in terms)
    for step in (STEP, STEP / 30, STEP / 900):
        up = function([x + step * v for x, v in zip(xs, direction, strict=True)])
        down = function([x - step * v for x, v in zip(xs, direction, strict=True)])
        rise, noise = (up - down) / (2 * step), CLOSE * np.abs(values) / step
        if not kept:
            rise, noise = upstream @ rise, np.abs(upstream) @ noise
        if np.all(np.abs(rise - predicted) <= 1e-4 * size + noise):
            return True
    return False


# --- central differences ------------------------------------------------------------------------------------


def central_differences(
    function: Function,
    xs: Sequence[Array],
    upstream: Array,
    values: Array,
    claims: Sequence[Array],
    step: float = STEP,
) -> list[Slopes]:
    """The slopes with respect to each of xs, from steps of step * max(1, |x|) and a quarter of it.

    claims: the gradients to be checked. They do not enter the result, but where they disagree with the slope of two
    steps the element is looked at in all steps, so that nobody is blamed for jitter.
    """
    found: list[Slopes] = []
    points = [x.copy() for x in xs]
    for point, claim in zip(points, claims, strict=True):
        slopes, rounding = Slopes.empty(values.size, point.size), np.zeros(point.size)
        for i in range(point.size):
            element = _Element(function, points, point, i, upstream, values)
            element.examine(step * max(1.0, abs(point.flat[i])), claim.flat[i])
            slopes.put(i, element.column, upstream, element.noise)
            slopes.kinks[i], rounding[i] = element.kink, element.rounding
        allowed = np.maximum(rounding, WORST * _largest(slopes.expected[~slopes.kinks]))
        slopes.unsteady = (slopes.noise > allowed) & ~slopes.kinks
        slopes.noise = np.minimum(slopes.noise, allowed)
        found.append(slopes)
    return found


@dataclass
class _Probe:
    """The function a step up and a step down from x."""

    step: float
    column: Array  # (m,) central differences
    slope: float  # the same, times upstream and summed
    gap: float  # the right difference minus the left one, times upstream and summed


class _Element:
    """One element of one input, and the verdict on it.

    column: of the Jacobian.  kink: whether there is no derivative.  noise: how much of upstream @ column may be
    rounding, as the slopes jitter; rounding: the same if the function's values were exact but for their last digits.
    """

    def __init__(
        self, function: Function, points: Sequence[Array], point: Array, i: int, upstream: Array, values: Array
    ) -> None:
        self.function, self.points, self.point, self.i = function, points, point, i
        self.upstream, self.values = upstream, values
        self.column = np.zeros(values.shape)
        self.kink, self.noise, self.rounding = False, 0.0, 0.0
        self.size = np.zeros(values.shape)  # the largest |value| of the outputs that this element moves

    def examine(self, step: float, claim: float) -> None:
        """Look at two steps and, if the function does not look smooth there or the claim wrong, at all of them."""
        probes = [self._probe(step), self._probe(step / SHRINK)]
        if not self._settle(probes, claim):
            while len(probes) < LEVELS or (len(probes) < 2 * LEVELS and None in probes[-ENOUGH:]):
                probes.append(self._probe(step / SHRINK ** len(probes)))
            self._look_closer(probes)

    def _probe(self, step: float) -> _Probe | None:
        """None where the function is not finite on both sides."""
        x = self.point.flat[self.i]
        ends = (x + step, x - step)
        up, down = (self._at(end) for end in ends)
        if not (np.all(np.isfinite(up)) and np.all(np.isfinite(down))):
            return None
        right, left = ends[0] - x, x - ends[1]  # the steps as they are after rounding
        if not (right > 0 and left > 0):
            return None
        column = (up - down) / (right + left)
        gaps = (up - self.values) / right - (self.values - down) / left
        moved = (up != self.values) | (down != self.values)
        largest = np.maximum(np.maximum(np.abs(up), np.abs(down)), np.abs(self.values))
        self.size = np.maximum(self.size, np.where(moved, largest, 0))
        return _Probe(step, column, float(self.upstream @ column), float(self.upstream @ gaps))

    def _at(self, value: float) -> Array:
        with _moved(self.point, self.i, value):
            return self.function(self.points)

    @property
    def _scale(self) -> float:
        return float(np.abs(self.upstream) @ self.size)

    def _settle(self, probes: Sequence[_Probe | None], claim: float) -> bool:
        """Take the slope if both steps and the claim agree on it, and the gap falls to 0 as for a smooth function."""
        coarse, fine = probes
        if coarse is None or fine is None:
            return False
        slope, jump = _slope(coarse, fine), _jump(coarse, fine)
        margin = 1e-6 * abs(slope) + EXACT * self._scale / fine.step
        if not max(abs(fine.slope - coarse.slope), abs(claim - slope), abs(jump)) <= margin:
            return False
        self._take(coarse, fine)
        return True

    def _take(self, coarse: _Probe, fine: _Probe) -> None:
        self.column = fine.column + (fine.column - coarse.column) / (SHRINK**2 - 1)
        self.noise = self.rounding = EXACT * self._scale / fine.step

    def _look_closer(self, tried: Sequence[_Probe | None]) -> None:
        """Find the steps between which slope and jump change least; decide there between a slope and a kink."""
        probes: list[_Probe] = []
        for probe in tried:
            probes = [] if probe is None else [*probes, probe]  # of an interrupted row the fine end
        if len(probes) < ENOUGH or self._breaks(probes):
            self.kink = True  # at the edge of where the function is defined, or at a step
            return
        pairs = list(pairwise(probes))
        slopes, jumps = [_slope(*pair) for pair in pairs], [_jump(*pair) for pair in pairs]
        # Where the step is small, slopes differ by the jitter of the function's values, divided by the step.
        jitter = float(np.median([abs(slopes[k] - slopes[k - 1]) * pairs[k][1].step for k in (-1, -2, -3)]))
        noises = [4 * max(jitter, EXACT * self._scale) / fine.step for _, fine in pairs]
        changes = [noises[0] + abs(slopes[0])] + [
            abs(slopes[k] - slopes[k - 1]) + abs(jumps[k] - jumps[k - 1]) + noises[k] for k in range(1, len(pairs))
        ]
        best = int(np.argmin(changes))
        self._take(*pairs[best])
        self.noise = max(changes[best], self.rounding)
        jump = jumps[best]
        around = [k for k in (best - 1, best, best + 1) if 0 <= k < len(pairs) and noises[k] < 0.1 * abs(jump)]
        stays = len(around) > 1 and all(abs(jumps[k] - jump) <= 0.1 * abs(jump) for k in around)
        self.kink = stays and abs(jump) > 1e-6 * abs(slopes[best])

    def _breaks(self, probes: Sequence[_Probe]) -> bool:
        """Whether differences grow without end as the step falls: a jump of the function, or a vertical tangent."""
        for end in (len(probes), len(probes) - 1, len(probes) - 2):
            last = probes[end - 5 : end] if end >= 5 else []
            steepness = [max(abs(probe.slope), abs(probe.gap)) for probe in last]
            if not last or steepness[-1] * last[-1].step <= max(1e-6 * self._scale, 1e-12):
                continue  # it may be rounding
            growth = [fine / coarse if coarse else 0 for coarse, fine in pairwise(steepness)]
            if min(growth) > max(1.5, 0.9 * max(growth)):  # by the same factor from step to step: 4 at a jump
                return True
        return False


def _slope(coarse: _Probe, fine: _Probe) -> float:
    """The slope for a step of 0: the error of a central difference is a h² + b h⁴, and a is eliminated."""
    return fine.slope + (fine.slope - coarse.slope) / (SHRINK**2 - 1)


def _jump(coarse: _Probe, fine: _Probe) -> float:
    """The gap for a step of 0: for a smooth function it is h f''(x) + O(h³), and the first term is eliminated."""
    return fine.gap + (fine.gap - coarse.gap) / (SHRINK - 1)


@contextmanager
def _moved(array: Array, i: int, value: complex) -> Iterator[None]:
    """Element i of an array with another value, for a while."""
    before = array.flat[i]
    array.flat[i] = value
    try:
        yield
    finally:
        array.flat[i] = before


def _largest(array: Array) -> float:
    return float(np.abs(array).max(initial=0))

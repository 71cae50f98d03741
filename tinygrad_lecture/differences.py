"""Derivatives without rules: what the values of a function say that its Jacobian is, one column per input element.

Complex step (Squire & Trapp, SIAM Review 40, 1998): f(x + ih) = f(x) + ih f'(x) + O(h²) for an analytic f, so
f'(x) = Im f(x + ih) / h. Nothing is subtracted, so h may be 1e-20, and the derivative is exact to rounding.

Central differences, for everything else: (f(x + h) - f(x - h)) / 2h is off by O(h²) from its formula and by
O(eps / h) from rounding, least in sum for h near cbrt(eps). A second step, h/4, serves twice: it cancels the O(h²)
(Richardson, 1911), and it tells smooth from not: the gap between the right and the left difference falls with h where
a second derivative exists, and stays where there is a kink. An element that looks odd at two steps is looked at in
ten, down to 1e-11, so that steep curves are told from kinks, and kinks from their neighbourhood.

A function here takes a list of arrays and returns all its outputs as one flat vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from .backend import Array

Function: TypeAlias = Callable[[Sequence[Array]], Array]

EPS = float(np.finfo(np.float64).eps)
STEP = EPS ** (1 / 3)
COMPLEX_STEP = 1e-20
SHRINK = 4  # from one step to the next
LEVELS = 10  # how many steps an odd element is looked at in: 6e-6 to 2e-11
ULPS = 100  # how many units in the last place the function's values may be off by
KEEP = 4_000_000  # the largest Jacobian, in elements, that is kept whole


@dataclass
class Slopes:
    """The derivatives with respect to one input, flattened to n elements; m counts the elements of all outputs."""

    expected: Array  # (n,) the sum over outputs of upstream times derivative: what a gradient should be
    noise: Array  # (n,) how much of that may be rounding
    kinks: Array  # (n,) bool: there is no derivative here
    unsteady: Array  # (n,) bool: differences of several steps do not agree, and it is no kink either
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
        self.expected[i] = upstream @ column
        self.noise[i] = noise
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
    close = ULPS * EPS * (np.abs(values) + _largest(values))
    for x, point in zip(xs, points, strict=True):
        slopes = Slopes.empty(values.size, x.size)
        for i in range(x.size):
            with _moved(point, i, point.flat[i] + 1j * COMPLEX_STEP):
                moved = function(points)
            if moved.shape != values.shape or not np.all(np.abs(moved.real - values) <= close):
                return None
            column = moved.imag / COMPLEX_STEP
            scale = np.abs(upstream * values)[column != 0].sum() / max(1.0, abs(x.flat[i]))
            slopes.put(i, column, upstream, ULPS * EPS * scale)
        found.append(slopes)
    return found if _agree(function, xs, found, values) else None


def _agree(function: Function, xs: Sequence[Array], found: Sequence[Slopes], values: Array) -> bool:
    """Whether differences along one random direction confirm the Jacobians, output by output."""
    jacobians = [slopes.jacobian for slopes in found]
    rng = np.random.default_rng(1)
    direction = [rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1, 1], x.shape) * np.maximum(1, np.abs(x)) for x in xs]
    for step in (STEP, STEP / 30, STEP / 900):
        up = function([x + step * v for x, v in zip(xs, direction, strict=True)])
        down = function([x - step * v for x, v in zip(xs, direction, strict=True)])
        rise = (up - down) / (2 * step)
        if any(jacobian is None for jacobian in jacobians):
            return bool(np.all(np.isfinite(rise)))
        terms = [j * v.ravel() for j, v in zip(jacobians, direction, strict=True) if j is not None]
        predicted = sum((t.sum(axis=1) for t in terms), np.zeros(values.shape))
        size = sum((np.abs(t).sum(axis=1) for t in terms), np.zeros(values.shape))
        if np.all(np.abs(rise - predicted) <= 1e-4 * size + ULPS * EPS * np.abs(values) / step):
            return True
    return False


# --- central differences ------------------------------------------------------------------------------------


def central_differences(
    function: Function, xs: Sequence[Array], upstream: Array, values: Array, step: float = STEP
) -> list[Slopes]:
    """The slopes with respect to each of xs, from steps of step * max(1, |x|) and a quarter of it."""
    found: list[Slopes] = []
    points = [x.copy() for x in xs]
    for point in points:
        slopes = Slopes.empty(values.size, point.size)
        for i in range(point.size):
            element = _Element(function, points, point, i, upstream, values)
            element.examine(step * max(1.0, abs(point.flat[i])))
            slopes.put(i, element.column, upstream, element.noise)
            slopes.kinks[i], slopes.unsteady[i] = element.kink, element.unsteady
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
    """One element of one input, and the verdict on it: its column of the Jacobian, or that it is at a kink."""

    kink = unsteady = False
    noise = 0.0

    def __init__(
        self, function: Function, points: Sequence[Array], point: Array, i: int, upstream: Array, values: Array
    ) -> None:
        self.function, self.points, self.point, self.i = function, points, point, i
        self.upstream, self.values = upstream, values
        self.column = np.zeros(values.shape)
        self.size = np.zeros(values.shape)  # the largest |value| of the outputs that this element moves

    def examine(self, step: float) -> None:
        """Look at two steps and, if the function does not look smooth there, at all of them."""
        probes = [self._probe(step), self._probe(step / SHRINK)]
        if not self._settle(probes):
            probes += [self._probe(step / SHRINK**level) for level in range(2, LEVELS)]
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

    def _noise_at(self, probe: _Probe) -> float:
        """What rounding of the function's values may do to a slope or a gap."""
        return ULPS * EPS * self._scale / probe.step

    def _settle(self, probes: Sequence[_Probe | None]) -> bool:
        """Take the extrapolated slope if two steps agree on it and the gap falls to 0 as it does for smooth functions."""
        coarse, fine = probes
        if coarse is None or fine is None:
            return False
        noise = self._noise_at(fine)
        slope, jump = _slope(coarse, fine), _jump(coarse, fine)
        if abs(fine.slope - coarse.slope) > 1e-4 * abs(slope) + noise or abs(jump) > 1e-6 * abs(slope) + noise:
            return False
        self._take(coarse, fine)
        return True

    def _take(self, coarse: _Probe, fine: _Probe) -> None:
        self.column = fine.column + (fine.column - coarse.column) / (SHRINK**2 - 1)
        self.noise = self._noise_at(fine)

    def _look_closer(self, tried: Sequence[_Probe | None]) -> None:
        """Find the steps between which slope and jump change least; decide there between a slope and a kink."""
        probes: list[_Probe] = []
        for probe in tried:
            probes = [] if probe is None else [*probes, probe]  # of an interrupted row the fine end
        if len(probes) < 4:
            self.kink = True  # the edge of where the function is defined
            return
        if self._breaks(probes):
            self.kink = True
            return
        pairs = list(zip(probes, probes[1:], strict=False))
        slopes, jumps = [_slope(*pair) for pair in pairs], [_jump(*pair) for pair in pairs]
        noises = [self._noise_at(fine) for _, fine in pairs]
        changes = [
            abs(slopes[k] - slopes[k - 1]) + abs(jumps[k] - jumps[k - 1]) + noises[k] for k in range(1, len(pairs))
        ]
        best = 1 + int(np.argmin(changes))
        self._take(*pairs[best])
        jump, slope = jumps[best], slopes[best]
        around = [k for k in range(best - 1, min(best + 2, len(jumps))) if noises[k] < 0.1 * abs(jump)]
        stays = len(around) > 1 and all(abs(jumps[k] - jump) <= 0.1 * abs(jump) for k in around)
        self.kink = stays and abs(jump) > max(noises[best], 1e-6 * abs(slope))
        self.unsteady = not self.kink and changes[best - 1] > 1e-3 * abs(slope) + 2 * noises[best]

    def _breaks(self, probes: Sequence[_Probe]) -> bool:
        """Whether differences grow without end as the step falls: a jump of the function, or a vertical tangent."""
        last = probes[-4:]
        steepness = [max(abs(probe.slope), abs(probe.gap)) for probe in last]
        grows = all(b > 1.5 * a for a, b in zip(steepness, steepness[1:], strict=False))
        return grows and steepness[-1] * last[-1].step > 1e-6 * self._scale


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

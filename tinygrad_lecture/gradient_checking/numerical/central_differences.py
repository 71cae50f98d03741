"""Central differences, extrapolated to step 0: derivatives of any function, an error estimate, and its kinks.

The central difference (f(x + h) - f(x - h)) / 2h has a truncation error a h² + b h⁴ + ... and a rounding error of about
eps |f| / h. A large step has little rounding error. Differences at several steps remove its truncation error:

- Two steps cancel the h² term (Richardson, Phil. Trans. A 210, 1911). For most elements this is enough: if the claim
  of the backward rule agrees with it to nine digits, the claim is right.
- More steps cancel more terms. Ridders (Advances in Engineering Software 4, 1982; Numerical Recipes, 5.7) puts all
  differences and their extrapolations into a table. The error of an entry is about as large as its distance from the
  two entries that it was computed from. The entry with the smallest error is the derivative.

The rounding error is measured. It is not eps |f| where f subtracts large numbers inside: f is then a staircase, and its
differences at small steps are 0, and agree with each other. The height of its stairs shows at larger steps.

A kink is where the right difference (f(x + h) - f(x)) / h and the left one stay apart. Their gap falls in proportion
to h where a second derivative exists. Small steps, down to 2e-13 |x|, distinguish a steep curve from a kink, and a kink
from a point near one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...backend import Array
from .gradient import NumericalGradient, Problem, largest, replaced_element

STEP = 4e-3  # the first step size h, relative to max(1, |x|)
RATIO = 3.9  # each step size is the one before divided by this; not 4: at such steps the stairs of a float agree
FINEST = 2e-13  # the smallest step size, relative to |x|
ROUNDINGS = 4  # how many roundings the values of a function are assumed to have, unless they change by larger amounts
DIGITS = 1e-7  # the relative error of an estimate that needs no more steps; a claim must agree to a hundredth of it

LARGER = 3  # how many steps are larger than the first one
MIN_STEPS = 6  # how many must have finite values on both sides
SMALLEST = 1e-305  # no step is smaller: floats lose digits there
FAR = (1.0, 30.0, 1e3, 1e8, 1e16)  # steps that show whether rounding hides a slope, relative to max(1, |x|)
PLACES = (-83.3, -31.7, -12.1, 17.9, 41.3, 97.7)  # steps away, where a staircase is flat and moves too
UNRESOLVED = 1e-8  # differences of this size, relative to the values, that do not fall are no mere rounding
SMALL = 1e5  # a first change of more roundings than this is none, but a kink or a jump nearby


def central_differences(problem: Problem, step: float = STEP) -> list[NumericalGradient]:
    """The gradients, one for each input, from steps of step * max(1, |x|), a quarter of it, and others in doubt."""
    found = NumericalGradient.empty(problem)
    points, size = [x.copy() for x in problem.xs], problem.size
    for k, i in problem.elements():
        element = _Element(problem, points, points[k], i, step, size)
        element.differentiate(float(problem.claims[k].flat[i]))
        found[k].put(i, element.column, problem.upstream, element.noise, element.zero, element.kink)
    return found


@dataclass
class _Difference:
    """The differences at one step size."""

    step: float
    column: Array  # (m,) central differences: a column of the Jacobian
    slope: float  # upstream @ column
    gap: float  # upstream @ (right difference - left difference)
    move: Array  # (m,) the larger of |f(x + h) - f(x)| and |f(x - h) - f(x)|
    high: Array  # (m,) the largest |f|


class _Element:
    """The derivative with respect to one element of one input.

    column: the column of the Jacobian, (m,).  kink: whether there is no derivative.  noise: error estimate of
    upstream @ column.  zero: whether the derivative is 0, since no output moves, or each alike to both sides.
    size: the largest number among inputs and outputs.
    """

    def __init__(
        self, problem: Problem, points: Sequence[Array], point: Array, i: int, step: float, size: float
    ) -> None:
        self.problem, self.points, self.point, self.i = problem, points, point, i
        self.upstream, self.values = problem.upstream, problem.values
        own = abs(float(point.flat[i]))
        self.scale = max(1.0, own)
        self.near = min(self.scale, own or largest(point) or 1.0)  # the function may change at steps of this size
        self.largest_step = step * self.scale * RATIO**LARGER
        self.rounding, self.small = ROUNDINGS * problem.eps * size, SMALL * problem.eps * size
        self.column = np.zeros_like(self.values)
        self.kink, self.zero, self.noise = False, False, 0.0
        self.tried: dict[int, _Difference | None] = {}  # by the number of the step

    def differentiate(self, claim: float) -> None:
        """Use two step sizes; if they do not look smooth, or disagree with the claim, use all."""
        coarse, fine = self._steps((LARGER, LARGER + 1))
        if coarse is None or fine is None or not self._accept_pair(coarse, fine, claim):
            self._decide(claim)

    # --- differences ----------------------------------------------------------------------------------------

    def _steps(self, numbers: Iterable[int]) -> list[_Difference | None]:
        """The differences at the steps of these numbers."""
        for number in numbers:
            if number not in self.tried:
                at = self._try if number < LARGER else self._at  # larger steps may leave the function's domain
                self.tried[number] = self._difference(self.largest_step * RATIO**-number, at)
        return [self.tried[number] for number in numbers]

    def _difference(self, step: float, at: Callable[[float], Array]) -> _Difference | None:
        """The differences at one step size; None where the function is not finite on both sides."""
        x = self.point.flat[self.i]
        ends = (x + step, x - step)
        up, down = map(at, ends)
        right, left = ends[0] - x, x - ends[1]  # the actual steps: x + step was rounded
        if not (np.isfinite(up).all() and np.isfinite(down).all() and right > 0 and left > 0):
            return None
        rise, fall = up - self.values, down - self.values
        column, gaps = (up - down) / (right + left), rise / right + fall / left
        if not (np.isfinite(column).all() and np.isfinite(gaps).all()):
            self.noise = math.inf
            return None
        move = np.maximum(np.abs(rise), np.abs(fall))
        high = np.abs(self.values) + move
        return _Difference(step, column, float(self.upstream @ column), float(self.upstream @ gaps), move, high)

    def _at(self, value: float) -> Array:
        """The function with this element set to another value."""
        with replaced_element(self.point, self.i, value):
            return self.problem.function(self.points)

    def _try(self, value: float) -> Array:
        """The same; nan if the function does not take it."""
        try:
            return self._at(value)
        except Exception:  # outside of the function's domain
            return np.full(self.values.shape, np.nan)

    def _rounding(self, at: _Difference, least: Array | float = 0, counted: Array | bool = True) -> float:
        """The rounding error of the slope at one step size; those of different outputs are independent.

        least: the smallest change of each output.  counted: which outputs may have a rounding error.
        """
        inner = abs(float(self.point.flat[self.i])) * np.abs(at.column)  # x is rounded inside, as in sin(1e9 * x)
        errors = np.maximum(ROUNDINGS * self.problem.eps * (at.high + inner), 2 * least) * counted
        return float(np.sqrt(np.square(self.upstream * errors).sum())) / at.step

    # --- two steps ------------------------------------------------------------------------------------------

    def _accept_pair(self, coarse: _Difference, fine: _Difference, claim: float) -> bool:
        """Accept two step sizes if their slope has enough digits, the claim agrees with it, and there is no kink.

        Or if nothing moves, a larger step tells that this is not for rounding, and the claim is 0.
        """
        (slope,), (gap,) = _at_zero((coarse, fine))
        noise = self._rounding(fine)
        if claim == 0 and not coarse.move.any():
            larger = [difference for difference in self._steps((1,)) if difference is not None]
            return bool(larger) and self._is_constant(coarse.step, larger) and self._accept_zero(coarse.step)
        if claim == 0 and self._vanishes(slope, noise) and abs(gap) <= abs(coarse.gap) / 3:
            self.zero = True
        elif (
            noise > DIGITS * abs(slope)
            or abs(claim - slope) > DIGITS / 100 * abs(slope) + noise
            or abs(gap) > 10 * DIGITS * abs(slope) + 4 * noise
        ):
            return False
        self.column = fine.column + (fine.column - coarse.column) / (RATIO**2 - 1)
        self.noise = noise
        return True

    def _vanishes(self, slope: float, noise: float) -> bool:
        """Whether a slope is 0 compared with slopes nearby, as at a minimum or a saddle."""
        if self.near < STEP and self.point.flat[self.i] != 0:
            return False  # it may be 0 near here
        near = self.tried[min(self.tried)]  # at the largest step
        return near is not None and abs(slope) <= noise <= DIGITS * max(abs(near.slope), abs(near.gap))

    def _is_constant(self, still: float, larger: Sequence[_Difference]) -> bool:
        """Whether no output moves at steps up to `still`, and this is not for rounding.

        Rounding hides a slope if larger steps change an output by very little: by few roundings, or by so little that
        a straight line up to there would not show at `still`.
        """
        if self._is_rounding(larger):
            return False
        x, moved = self.point.flat[self.i], np.zeros(self.values.shape, dtype=bool)
        for step in (far * self.scale for far in FAR):
            moves = [np.abs(self._try(end) - self.values) for end in (x + step, x - step)]
            move = np.fmax(*moves)  # where one is nan, the other
            if (~moved & (move > 0) & (move / step * still <= self.rounding)).any():
                return False
            moved |= ~(move == 0)
        return True

    def _is_rounding(self, found: Sequence[_Difference]) -> bool:
        """Whether the smallest change of an output is no more than a few roundings."""
        moves = np.array([difference.move for difference in found])
        return bool(((moves > 0) & (moves <= self.small)).any())

    def _accept_zero(self, step: float) -> bool:
        """Take 0: no output moves at steps up to this one, though rounding may hide a slope of `noise`."""
        self.zero = True
        self.noise = self.rounding * float(np.sqrt(np.square(self.upstream).sum())) / step
        return True

    # --- all steps ------------------------------------------------------------------------------------------

    def _decide(self, claim: float) -> None:
        """Decide between a slope, a kink and 0, from all step sizes."""
        found = self._all_steps()
        moves = np.array([difference.move for difference in found])
        if self.noise == math.inf:  # the derivative may be too large for a float
            return
        if len(found) < MIN_STEPS or self._diverges(found, moves):
            self.kink = True  # at the edge of the function's domain, or at a jump
            return
        if self._is_unresolved(moves):
            self.noise = math.inf
            return
        still = next((k for k in range(len(found)) if not moves[k:].any()), len(found))
        staircase = False
        if still <= len(found) - MIN_STEPS and not self._is_rounding(found):
            staircase = still > 0 and self._is_staircase(found[still - 1].step)
            if not staircase and self._is_constant(found[still].step, found):
                self._accept_zero(found[still].step)
                if self._may_be(claim, 0, found, [0.0] * len(found)):
                    self.zero, self.noise = False, math.inf
                return
        least = self._least_changes(found, moves, np.inf if staircase else self.small)
        stays = ~np.isfinite(least)
        if stays.any():
            least[stays] = np.where(self._depends(), self.small, 0)[stays]
        roundings = [self._rounding(difference, least, ~stays | (least > 0)) for difference in found]
        self.kink = _has_kink(found, roundings)
        self.column, self.noise = _extrapolate(found, roundings)
        slope = float(self.upstream @ self.column)
        if self.near < self.scale:  # of many entries the best one looks too good at times
            self.noise = max(10 * self.noise, 2 * _to_another_slope(found, slope))
        if staircase and claim == 0:  # it may be meant, as that of floor
            self.noise += abs(slope)
        self.zero = self._vanishes(slope, self.noise)
        if not self.kink and self._may_be(claim, slope, found, roundings):
            self.noise = math.inf

    def _may_be(self, claim: float, slope: float, found: Sequence[_Difference], roundings: Sequence[float]) -> bool:
        """Whether the claim is not excluded, though it is not the slope."""
        slopes, gaps, steps = (np.array([getattr(d, name) for d in found]) for name in ("slope", "gap", "step"))
        apart = abs(claim - slope)
        if not apart > self.noise:
            return False
        if not math.isfinite(claim):
            return self.noise > abs(slope) / 100
        # Some steps agree on the claim.
        near = np.abs(slopes - claim) <= apart / 100
        near &= np.array([self._rounding(d) for d in found]) < apart / 10
        smooth = np.abs(gaps[2:]) <= np.maximum(apart, np.abs(gaps[:-2]) / 4)
        if (near[:-2] & near[1:-1] & near[2:] & smooth).any():
            return True
        # Differences do not fall at the finest steps, as those of sin(1 / x) for a tiny x.
        off = _deviations(found)[-4:].max(axis=0)
        wild = off > UNRESOLVED * np.array([d.high for d in found[-4:]]).max(axis=0)
        if apart * steps[-1] > float(np.abs(self.upstream) @ (off * wild)) / 1000 > 0:
            return True
        # Slopes do not settle before rounding hides them, as those of log for a tiny x.
        changes, noises = np.abs(np.diff(slopes)), np.array(roundings[1:])
        clear = np.flatnonzero(changes > 10 * noises)
        if len(clear) and clear[-1] > 0:
            k = clear[-1]
            still = changes[k] / 2
            after = slice(k + 1, k + 3)
            falls = changes[k] <= changes[k - 1] / 2 or (noises[after] + changes[after] < still).sum() == 2
            return not falls
        return False

    def _all_steps(self) -> list[_Difference]:
        """The differences at all step sizes, from the finest up to one where the function is not finite."""
        finest = max(FINEST * self.near, SMALLEST)
        count = 1 + round((math.log(self.largest_step) - math.log(finest)) / math.log(RATIO))
        tried = self._steps(range(count))
        while None in tried[-MIN_STEPS:] and len(tried) < 2 * count:
            tried = self._steps(range(len(tried) + 1))
        end = max((k + 1 for k, difference in enumerate(tried) if difference is None), default=0)
        return [difference for difference in tried[end:] if difference is not None]

    def _is_unresolved(self, moves: Array) -> bool:
        """Whether the outputs move at the finest steps as much as at larger ones, as those of sin do at 1e100.

        They move by different amounts, else it is a jump or a stair.
        """
        sizes = moves @ np.abs(self.upstream)
        finest = sizes[-4:]
        moves_enough = finest.max() > max(sizes[-8:].max() / 30, 100 * DIGITS * sizes.max())
        return bool(moves_enough and np.ptp(finest) > 0)

    def _is_staircase(self, step: float) -> bool:
        """Whether an output is flat at most places, but moves everywhere by a step of this size, as rounding does.

        A function with a kink or a jump nearby is not flat on the other side, or moves at one place only.
        """
        if step > STEP / 20 * self.scale:
            return False
        flat, moved = np.zeros(self.values.shape), np.zeros(self.values.shape)
        for place in (self.point.flat[self.i] + step * offset for offset in PLACES):
            here = self._try(place)
            flat += self._try(place + step / 100) == here
            moved += np.abs(self._try(place + 4 * step) - here) > 0
        return bool(((flat >= len(PLACES) - 1) & (moved == len(PLACES))).any())

    def _least_changes(self, found: Sequence[_Difference], moves: Array, most: float) -> Array:
        """The smallest amount by which each output can change, as far as it shows; 0 if it does not.

        A smooth output deviates from a straight line by an amount that falls with h³, and with h near a kink. If it
        is small, or the step is tiny, and it does not fall, it is rounding. So is the first change of an output that
        stays at small steps, up to `most`; inf if it stays at all steps.
        """
        off = _deviations(found)
        tiny = 500 * FINEST * self.near  # a kink that is nearer looks like rounding
        limit = np.array([[self.small if fine.step > tiny else np.inf] for fine in found[1:-1]])
        rounding = np.where((off[1:] > off[:-1] / 2) & (off[1:] <= limit), off[1:], 0).max(axis=0)
        first = np.where(moves > 0, np.minimum(moves, most), np.inf).min(axis=0)
        return np.where(moves[-1] > 0, rounding, np.maximum(rounding, first))

    def _depends(self) -> Array:
        """Which outputs change when the element changes a lot; all if that cannot be tried."""
        far = 1e4 * (1 + max(map(largest, self.points)))
        x = self.point.flat[self.i]
        return np.asarray((self._try(x + far) != self.values) | (self._try(x - far) != self.values))

    def _diverges(self, found: Sequence[_Difference], moves: Array) -> bool:
        """Whether differences grow without bound as the step shrinks: a jump of the function, or a vertical tangent."""
        scale = float(np.abs(self.upstream) @ (np.abs(self.values) * moves.any(axis=0)))
        least = max(10 * DIGITS * scale, 1e-12, 4 * self.rounding)
        steepness = np.array([max(abs(difference.slope), abs(difference.gap)) for difference in found])
        for end in range(len(found), max(4, len(found) - 3), -1):
            last = steepness[end - 5 : end]
            growth = np.divide(last[1:], last[:-1], out=np.zeros(4), where=last[:-1] > 0)
            too_large = last[-1] * found[end - 1].step > least  # for a rounding error
            if too_large and growth.min() > max(1.5, 0.9 * growth.max()):  # at every step, by RATIO at a jump
                return True
        return False


def _deviations(found: Sequence[_Difference]) -> Array:
    """By how much each output deviates from a straight line between each two steps, (steps - 1, m)."""
    return np.array([np.abs(coarse.column - fine.column) * coarse.step for coarse, fine in pairwise(found)])


def _at_zero(found: Sequence[_Difference]) -> tuple[Array, Array]:
    """Slopes and gaps extrapolated to step 0 from each two steps: they are a + b h² + ... and b h + c h³ + ..."""
    slopes, gaps = (np.array(numbers) for numbers in zip(*((d.slope, d.gap) for d in found), strict=True))
    return slopes[1:] + np.diff(slopes) / (RATIO**2 - 1), gaps[1:] + np.diff(gaps) / (RATIO - 1)


def _extrapolate(found: Sequence[_Difference], roundings: Sequence[float]) -> tuple[Array, float]:
    """The entry of Ridders' table with the smallest error estimate: a column of the Jacobian, and that estimate.

    table[k][j] is extrapolated from the steps k - j to k, so that the terms up to h^(2j) cancel. It is not taken
    for better than its distance from the entries [1] of later rows, as far as these are sure.
    """
    table: list[list[float]] = []
    entries: list[tuple[float, int, int]] = []  # error estimate, k, j
    for k, (difference, rounding) in enumerate(zip(found, roundings, strict=True)):
        row = [difference.slope]
        for j in range(1, min(k, MIN_STEPS) + 1):
            row.append(row[-1] + (row[-1] - table[-1][j - 1]) / (RATIO ** (2 * j) - 1))
            entries.append((max(abs(row[j] - row[j - 1]), abs(row[j] - table[-1][j - 1])) + rounding, k, j))
        table.append(row)
    low, high = [-np.inf], [np.inf]  # the largest lower bound and the smallest upper bound of all later rows
    for row, rounding in zip(table[:0:-1], roundings[:0:-1], strict=True):
        unsure = 4 * rounding + abs(row[1] - row[0])
        low.append(max(low[-1], row[1] - unsure))
        high.append(min(high[-1], row[1] + unsure))
    low, high = low[::-1], high[::-1]
    noise, k, j = min((max(e, low[k] - table[k][j], table[k][j] - high[k]), k, j) for e, k, j in entries)
    columns = [difference.column for difference in found[k - j : k + 1]]
    for power in range(1, j + 1):
        columns = [fine + (fine - coarse) / (RATIO ** (2 * power) - 1) for coarse, fine in pairwise(columns)]
    return columns[0], noise


def _has_kink(found: Sequence[_Difference], roundings: Sequence[float]) -> bool:
    """Whether a gap stays where slope and gap change least from step to step."""
    slopes, gaps = _at_zero(found)
    noises = 4 * np.array(roundings[1:])
    steps = np.abs(np.diff(slopes)) + np.abs(np.diff(gaps))
    changes = noises + np.append(abs(slopes[0]), steps)
    best = int(changes.argmin())
    gap, around = gaps[best], slice(max(best - 1, 0), None)
    sure = gaps[around][noises[around] < 0.1 * abs(gap)]
    stays = len(sure) > 1 and (np.abs(sure - gap) <= 0.1 * abs(gap)).all()
    return bool(stays and abs(gap) > 10 * DIGITS * abs(slopes[best]))


def _to_another_slope(found: Sequence[_Difference], slope: float) -> float:
    """The largest distance from a slope to another one, on which three step sizes agree; 0 if there is none.

    Beyond a kink nearby the steps agree on the mean of both sides: then the gap is twice the distance.
    """
    slopes, gaps = _at_zero(found)
    distance = 0.0
    for k in range(len(slopes) - 2):
        three, size, apart = slice(k, k + 3), abs(slopes[k + 1]), float(abs(slopes[k + 1] - slope))
        agree = size and np.ptp(slopes[three]) <= size / 100 and np.abs(gaps[three]).max() <= apart
        if agree and apart > max(size, abs(slope)) / 100:
            distance = max(distance, apart)
    return distance

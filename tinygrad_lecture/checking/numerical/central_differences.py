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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...backend import Array
from .gradient import Function, NumericalGradient, chosen, epsilon, largest, replaced_element

STEP = 4e-3  # the first step size h, relative to max(1, |x|)
RATIO = 3.9  # each step size is the one before divided by this; not 4: at such steps the stairs of a float agree
FIRST, MORE = range(3, 5), range(1, 7)  # the numbers of the steps tried at first and in doubt; number 3 is the first
FINEST = 2e-13  # in case of more doubt: steps from number 0 down to this size, relative to |x|
SMALLEST = 1e-305  # no step is smaller: floats lose digits there
FAR = 1e4  # how far a point is that shows whether an output depends on an element, relative to 1 + the largest |x|
WIDE = (1.0, 30.0, 1e3, 1e8, 1e16)  # steps that show whether rounding hides a slope, relative to max(1, |x|)
STAIR = 2e-4  # the largest stair of a staircase that rounding makes, relative to max(1, |x|)
SAFETY = 10  # the error estimate of the best entry is too small at times, the more often the more there are
UNRESOLVED = 1e-5  # of the largest move of a function, at the finest steps: then none may be fine enough
MIN_STEPS = 6  # how many of them must have finite values on both sides
ROUNDINGS = 4  # how many roundings the values of a function are assumed to have, unless they change by larger amounts
NEAR = 1e-10  # a kink that is nearer than this, relative to |x|, looks like rounding
SMALL = 1e5  # a first change of more roundings than this is none, but a kink or a jump nearby
DIGITS = 1e-7  # the relative error of an estimate that needs no more steps
AGREEMENT = 1e-9  # the relative difference at which a claim agrees with an estimate


def central_differences(
    function: Function,
    xs: Sequence[Array],
    upstream: Array,
    values: Array,
    claims: Sequence[Array],
    step: float = STEP,
    only: Sequence[Array] | None = None,
) -> list[NumericalGradient]:
    """The gradients with respect to each of xs, from steps of step * max(1, |x|), a quarter of it, and others in doubt.

    upstream: (m,).  values: function(xs), (m,).  claims: the analytical gradients, one per input. They do not enter
    the result; but where one disagrees, more step sizes are tried.  only: masks of the elements to compute.
    """
    found: list[NumericalGradient] = []
    points = [x.copy() for x in xs]
    size = max([1.0, largest(values), *map(largest, xs)])
    for k, (point, claim) in enumerate(zip(points, claims, strict=True)):
        gradient = NumericalGradient.empty(values.size, point.size)
        for i in chosen(only, k, point):
            element = _Element(function, points, point, i, upstream, values, size)
            element.differentiate(step, float(claim.flat[i]))
            gradient.put(i, element.column, upstream, element.noise, element.zero)
            gradient.kinks[i] = element.kink
        found.append(gradient)
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
        self,
        function: Function,
        points: Sequence[Array],
        point: Array,
        i: int,
        upstream: Array,
        values: Array,
        size: float,
    ) -> None:
        self.function, self.points, self.point, self.i = function, points, point, i
        self.upstream, self.values, self.size = upstream, values, size
        own = abs(float(point.flat[i]))
        self.eps, self.scale = epsilon(point), max(1.0, own)
        self.near = min(self.scale, own or largest(point) or 1.0)  # the function may change at steps of this size
        self.column = np.zeros_like(values)
        self.kink, self.zero, self.noise = False, False, 0.0
        self.tried: dict[int, _Difference | None] = {}  # by the number of the step

    def differentiate(self, step: float, claim: float) -> None:
        """Use two step sizes; if they do not look smooth, or disagree with the claim, use more, and then all."""
        self.largest_step = step * self.scale * RATIO ** FIRST[0]
        coarse, fine = self._steps(FIRST)
        if coarse is not None and fine is not None and self._accept_pair(coarse, fine, claim):
            return
        if self._accept_table(self._steps(MORE), claim):
            return
        self._decide(claim)

    # --- differences ----------------------------------------------------------------------------------------

    def _steps(self, numbers: Iterable[int]) -> list[_Difference | None]:
        """The differences at the steps of these numbers."""
        for number in numbers:
            if number not in self.tried:
                self.tried[number] = self._difference(self.largest_step * RATIO**-number)
        return [self.tried[number] for number in numbers]

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
        rise, fall = up - self.values, down - self.values
        column, gaps = (up - down) / (right + left), rise / right + fall / left
        if not (np.all(np.isfinite(column)) and np.all(np.isfinite(gaps))):
            self.noise = math.inf
            return None
        move = np.maximum(np.abs(rise), np.abs(fall))
        high = np.abs(self.values) + move
        return _Difference(step, column, float(self.upstream @ column), float(self.upstream @ gaps), move, high)

    def _at(self, value: float) -> Array:
        """The function with this element set to another value."""
        with replaced_element(self.point, self.i, value):
            return self.function(self.points)

    def _rounding(self, at: _Difference, least: Array | float = 0, counted: Array | bool = True) -> float:
        """The rounding error of the slope at one step size; those of different outputs are independent.

        least: the smallest change of each output.  counted: which outputs may have a rounding error.
        """
        errors = np.maximum(ROUNDINGS * self.eps * at.high, 2 * least) * counted
        return float(np.sqrt(np.square(self.upstream * errors).sum())) / at.step

    # --- few steps ------------------------------------------------------------------------------------------

    def _accept_pair(self, coarse: _Difference, fine: _Difference, claim: float) -> bool:
        """Accept two step sizes if their slope has enough digits, the claim agrees with it, and there is no kink.

        Or if nothing moves, a larger step tells that this is not for rounding, and the claim is 0.
        """
        slope, noise = _slope_at_zero(coarse, fine), self._rounding(fine)
        if claim == 0 and not coarse.move.any():
            larger = [difference for difference in self._steps(MORE[:1]) if difference is not None]
            return bool(larger) and self._is_constant(coarse.step, larger) and self._accept_zero(coarse.step)
        if claim == 0 and self._vanishes(slope, noise) and abs(_gap_at_zero(coarse, fine)) <= abs(coarse.gap) / 3:
            self.zero = True
        elif not (
            noise <= DIGITS * abs(slope) and self._agree(claim, slope, noise) and self._has_no_gap(coarse, fine, slope)
        ):
            return False
        self.column = fine.column + (fine.column - coarse.column) / (RATIO**2 - 1)
        self.noise = noise
        return True

    @staticmethod
    def _agree(claim: float, slope: float, noise: float) -> bool:
        return abs(claim - slope) <= AGREEMENT * abs(slope) + noise

    def _vanishes(self, slope: float, noise: float) -> bool:
        """Whether a slope is 0 compared with slopes nearby, as at a minimum or a saddle."""
        near = self.tried[min(self.tried)]  # at the largest step
        return near is not None and abs(slope) <= noise <= DIGITS * max(abs(near.slope), abs(near.gap))

    def _has_no_gap(self, coarse: _Difference, fine: _Difference, slope: float) -> bool:
        return abs(_gap_at_zero(coarse, fine)) <= 1e-6 * abs(slope) + 4 * self._rounding(fine)

    def _is_constant(self, still: float, larger: Sequence[_Difference]) -> bool:
        """Whether no output moves at steps up to `still`, and this is not for rounding.

        Rounding hides a slope if larger steps change an output by very little: by few roundings, or by so little that
        a straight line up to there would not show at `still`.
        """
        if self._is_rounding(larger):
            return False
        x, hidden = self.point.flat[self.i], ROUNDINGS * self.eps * self.size
        moved = np.zeros(self.values.shape, dtype=bool)
        for step in (wide * self.scale for wide in WIDE):
            moves = [np.abs(self._try(end) - self.values) for end in (x + step, x - step)]
            move = np.fmax(*moves)  # where one is nan, the other
            if (~moved & (move > 0) & (move / step * still <= hidden)).any():
                return False
            moved |= ~(move == 0)
        return True

    def _is_rounding(self, found: Sequence[_Difference]) -> bool:
        """Whether the smallest change of an output is no more than a few roundings."""
        moves = np.array([difference.move for difference in found])
        return bool(((moves > 0) & (moves <= SMALL * self.eps * self.size)).any())

    def _is_staircase(self, step: float) -> bool:
        """Whether an output is flat at most places, but moves everywhere by a step of this size, as rounding does.

        A function with a kink or a jump nearby is not flat on the other side, or moves at one place only.
        """
        if step > STAIR * self.scale:
            return False
        flat, moved = np.zeros(self.values.shape), np.zeros(self.values.shape)
        places = (-83.3, -31.7, -12.1, 17.9, 41.3, 97.7)
        for place in (self.point.flat[self.i] + step * offset for offset in places):
            here = self._try(place)
            flat += self._try(place + step / 100) == here
            moved += np.abs(self._try(place + 4 * step) - here) > 0
        return bool(((flat >= len(places) - 1) & (moved == len(places))).any())

    def _try(self, value: float) -> Array:
        """The function with this element set to another value; nan if it does not take it."""
        try:
            return self._at(value)
        except Exception:  # outside of the function's domain
            return np.full(self.values.shape, np.nan)

    def _accept_zero(self, step: float) -> bool:
        """Take 0: no output moves at steps up to this one, though rounding may hide a slope of `noise`."""
        self.zero = True
        self.column = np.zeros_like(self.values)
        self.noise = ROUNDINGS * self.eps * self.size * float(np.sqrt(np.square(self.upstream).sum())) / step
        return True

    def _accept_table(self, tried: Sequence[_Difference | None], claim: float) -> bool:
        """Accept Ridders' extrapolation of several steps if it has enough digits, and there is no kink."""
        found = [difference for difference in tried if difference is not None]
        if len(found) < len(tried):
            return False
        least = self._least_changes(found, SMALL * self.eps * self.size)
        least = np.where(np.isfinite(least), least, 0)
        column, noise = self._extrapolate(found, [self._rounding(difference, least) for difference in found])
        slope = float(self.upstream @ column)
        if not (noise <= DIGITS * abs(slope) and self._has_no_gap(found[-2], found[-1], slope)):
            return False
        if self.near < self.scale and not self._agree(claim, slope, noise):
            return False  # smaller steps may tell another slope
        self.column, self.noise = column, noise
        return True

    def _least_changes(self, found: Sequence[_Difference], most: float) -> Array:
        """The smallest amount by which each output can change, as far as it shows; 0 if it does not.

        A smooth output deviates from a straight line by an amount that falls with h³, and with h near a kink. If it
        is small, or the step is tiny, and it does not fall, it is rounding. So is the first change of an output that
        stays at small steps, up to `most`; inf if it stays at all steps.
        """
        small = SMALL * self.eps * self.size
        off = np.array([np.abs(coarse.column - fine.column) * coarse.step for coarse, fine in pairwise(found)])
        limit = np.array([[small if fine.step > NEAR * self.near else np.inf] for fine in found[1:-1]])
        rounding = np.where((off[1:] > off[:-1] / 2) & (off[1:] <= limit), off[1:], 0).max(axis=0)
        moves = np.array([difference.move for difference in found])
        first = np.where(moves > 0, np.minimum(moves, most), np.inf).min(axis=0)
        return np.where(moves[-1] > 0, rounding, np.maximum(rounding, first))

    def _extrapolate(self, found: Sequence[_Difference], roundings: Sequence[float]) -> tuple[Array, float]:
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
                return
        least = self._least_changes(found, np.inf if staircase else SMALL * self.eps * self.size)
        stays = ~np.isfinite(least)
        if stays.any():
            least[stays] = np.where(self._depends(), SMALL * self.eps * self.size, 0)[stays]
        roundings = [self._rounding(difference, least, ~stays | (least > 0)) for difference in found]
        self.kink = self._has_kink(found, roundings)
        self.column, self.noise = self._extrapolate(found, roundings)
        slope = float(self.upstream @ self.column)
        if self.near < self.scale:
            self.noise = max(SAFETY * self.noise, 2 * self._to_another_slope(found, slope))
        if staircase and claim == 0:  # it may be meant, as that of floor
            self.noise += abs(slope)
        self.zero = self._vanishes(slope, self.noise)

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
        moves_enough = finest.max() > max(sizes[-8:].max() / 30, UNRESOLVED * sizes.max())
        return bool(moves_enough and np.ptp(finest) > 0)

    def _to_another_slope(self, found: Sequence[_Difference], slope: float) -> float:
        """The largest distance from a slope to another one, on which three step sizes agree; 0 if there is none.

        Beyond a kink nearby the steps agree on the mean of both sides: then the gap is twice the distance.
        """
        pairs = list(pairwise(found))
        slopes, gaps = (np.array([at_zero(*pair) for pair in pairs]) for at_zero in (_slope_at_zero, _gap_at_zero))
        distance = 0.0
        for k in range(len(pairs) - 2):
            three, size, apart = slice(k, k + 3), abs(slopes[k + 1]), float(abs(slopes[k + 1] - slope))
            agree = size and np.ptp(slopes[three]) <= size / 100 and np.abs(gaps[three]).max() <= apart
            if agree and apart > max(size, abs(slope)) / 100:
                distance = max(distance, apart)
        return distance

    def _depends(self) -> Array:
        """Which outputs change when the element changes a lot; all if that cannot be tried."""
        far = FAR * (1 + max(map(largest, self.points)))
        x = self.point.flat[self.i]
        return np.asarray((self._try(x + far) != self.values) | (self._try(x - far) != self.values))

    def _has_kink(self, found: Sequence[_Difference], roundings: Sequence[float]) -> bool:
        """Whether a gap stays where slope and gap change least from step to step."""
        pairs = list(pairwise(found))
        slopes, gaps = [_slope_at_zero(*pair) for pair in pairs], [_gap_at_zero(*pair) for pair in pairs]
        noises = [4 * rounding for rounding in roundings[1:]]
        changes = [noises[0] + abs(slopes[0])] + [
            abs(slopes[k] - slopes[k - 1]) + abs(gaps[k] - gaps[k - 1]) + noises[k] for k in range(1, len(pairs))
        ]
        best = int(np.argmin(changes))
        gap = gaps[best]
        around = [k for k in range(max(best - 1, 0), len(pairs)) if noises[k] < 0.1 * abs(gap)]
        stays = len(around) > 1 and all(abs(gaps[k] - gap) <= 0.1 * abs(gap) for k in around)
        return stays and abs(gap) > 1e-6 * abs(slopes[best])

    def _diverges(self, found: Sequence[_Difference], moves: Array) -> bool:
        """Whether differences grow without bound as the step shrinks: a jump of the function, or a vertical tangent."""
        scale = float(np.abs(self.upstream) @ (np.abs(self.values) * moves.any(axis=0)))
        least = max(1e-6 * scale, 1e-12, 4 * ROUNDINGS * self.eps * self.size)
        for end in (len(found), len(found) - 1, len(found) - 2):
            last = found[end - 5 : end] if end >= 5 else []
            steepness = [max(abs(difference.slope), abs(difference.gap)) for difference in last]
            if not last or steepness[-1] * last[-1].step <= least:
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

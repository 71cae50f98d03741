"""The numerical gradient: what a function's values say its gradient should be, without any backward rule.

By the complex step where every op is analytic. f(x + ih) = f(x) + ih f'(x) + O(h²), so f'(x) = Im f(x + ih) / h (Squire
& Trapp, SIAM Review 40, 1998). Nothing is subtracted, so h may be 1e-20, and the derivative is exact to rounding.

Else by central differences, extrapolated to step 0: derivatives of any function, an error estimate, and its kinks.

The central difference (f(x + h) - f(x - h)) / 2h has a truncation error a h² + b h⁴ + ... and a rounding error of about
eps |f| / h. A large step has little rounding error. Differences at several steps remove its truncation error:

- Two steps cancel the h² term (Richardson, Phil. Trans. A 210, 1911). For most elements this is enough: if the claim
  of the backward rule agrees with it to nine digits, the claim is right. Where f curves more, smaller ones may do.
- More steps cancel more terms. Ridders (Advances in Engineering Software 4, 1982; Numerical Recipes, 5.7) puts all
  differences and their extrapolations into a table. The error of an entry is about as large as its distance from the
  two entries that it was computed from. The entry with the smallest error is the derivative.

The rounding error is measured. It is not eps |f| where f subtracts large numbers inside: f is then a staircase, and its
differences at small steps are 0, and agree with each other. The height of its stairs shows at larger steps.

A kink is where the right difference (f(x + h) - f(x)) / h and the left one stay apart. Their gap falls in proportion
to h where a second derivative exists. Small steps, down to 2e-13 |x|, distinguish a steep curve from a kink, and a kink
from a point near one.

A step that is larger than the scale over which f varies says nothing about the derivative. So another claim than the
entry found is wrong only if the small steps exclude it too; else the error estimate is infinite. So it is where values
at small steps do not lie on the line that was found, up to rounding: fine stairs and teeth may be meant, and their
derivative is not the slope of the whole flight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from ..backend import Array

EPS = float(np.finfo(np.float64).eps)  # 2.2e-16
ALIKE = 50  # roundings allowed between two ways of computing the same value
MAX_JACOBIAN = 4_000_000  # elements; a larger Jacobian is not kept
COMPLEX_STEP = 1e-20
INNER_ROUNDINGS = 8  # of the size of the values, that imaginary parts are assumed to have
TINY = 1e-290  # an imaginary part that is smaller, or x times the step, may have lost digits on the way
REAL_STEPS = (6e-4, 6e-6, 2e-7)  # of the differences that confirm the result
KINKS = attrgetter("kinks")
STEP = 4e-3  # the first step size h, relative to max(1, |x|)
RATIO = 3.9  # each step size is the one before divided by this; not 4: at such steps the stairs of a float agree
FINEST = 2e-13  # the smallest step size, relative to |x|
ROUNDINGS = 4  # how many roundings the values of a function are assumed to have, unless they change by larger amounts
DIGITS = 1e-7  # the relative error of an estimate that needs no more steps; a claim must agree to a hundredth of it

PAIRS = 4  # how many pairs of steps are tried before all are
LARGER = 3  # how many steps are larger than the first one
FINER = (LARGER + 5, LARGER + 10, LARGER + 15)  # the numbers of steps that must agree where a claim is far off
FAR_OFF = 1e-3  # relatively
MIN_STEPS = 6  # how many must have finite values on both sides
SMALLEST = 1e-305  # no step is smaller: floats lose digits there
TINY_STEP = 1e-6  # here a function that is smooth far beyond a tiny x looks straight
NO_SQUARE = 2e-154  # the square of a smaller number has lost digits
FAR = (1.0, 30.0, 1e3, 1e8, 1e16)  # steps that show whether rounding hides a slope, relative to max(1, |x|)
PLACES = (-83.3, -31.7, -12.1, 17.9, 41.3, 97.7)  # steps away, where a staircase is flat and moves too
SMALL = 25_000  # a first change of so many rounding errors is none, but a kink or a jump nearby
UNRESOLVED = 1e-8  # differences of this size, relative to the values, that do not fall are no mere rounding
NOISE = 1e-6  # values with errors of this size, relatively, may still show that a rule is right


@dataclass
class Problem:
    """A function to differentiate, at a point.

    function: from a list of arrays to the elements of all its outputs as one vector, (m,).  values: function(xs).
    claims: the analytical gradients, one per input. They do not enter the result; but where one disagrees, more step
    sizes are tried, and the result is uncertain if they do not exclude it.
    inner: the largest number that the function computes with, as far as its ops are recorded.
    """

    function: Callable[[Sequence[Array]], Array]
    xs: Sequence[Array]
    upstream: Array  # (m,)
    values: Array  # (m,)
    claims: Sequence[Array]
    inner: float


@dataclass
class NumericalGradient:
    """The gradient with respect to one input, in its shape."""

    expected: Array  # upstream @ Jacobian: what the analytical gradient should be
    noise: Array  # estimate of the error of `expected`, mostly rounding; inf where nothing is known
    kinks: Array  # bool: no derivative here
    zeros: Array  # bool: the derivative is 0, and not merely too small to see
    jacobian: Array | None  # (m, n), None if too large to keep

    @staticmethod
    def empty(problem: Problem) -> list[NumericalGradient]:
        """All zeros, one for each input, to be filled in by `put`."""
        found = []
        for x in problem.xs:
            shape = (problem.values.size, x.size)
            jacobian = np.zeros(shape) if math.prod(shape) <= MAX_JACOBIAN else None
            expected, noise = np.zeros(x.shape), np.zeros(x.shape)
            kinks, zeros = np.zeros(x.shape, bool), np.zeros(x.shape, bool)
            found.append(NumericalGradient(expected, noise, kinks, zeros, jacobian))
        return found

    def put(self, i: int, column: Array, upstream: Array, noise: float, zero: bool, kink: bool) -> None:
        """Fill in element i (of the flattened input) from its column of the Jacobian, (m,)."""
        terms = upstream * column
        self.expected.flat[i] = terms.sum()
        self.noise.flat[i] = noise + ALIKE * EPS * np.abs(terms).sum()
        self.zeros.flat[i], self.kinks.flat[i] = zero, kink
        if self.jacobian is not None:
            self.jacobian[:, i] = column


def largest(array: Array) -> float:
    """The largest absolute value; 0 for an empty array."""
    return float(np.abs(array).max(initial=0))


def complex_step(problem: Problem, analytic: Callable[[Sequence[Array]], Array]) -> list[NumericalGradient] | None:
    """The gradients, one for each input; None if the function turns out not to be analytic, or a number is too small.

    analytic: the function by its recorded ops alone, which takes complex arrays too.
    The real part of f(x + ih) must equal the values, and real differences must confirm the result.
    """
    found, values, upstream = NumericalGradient.empty(problem), problem.values, problem.upstream
    points = [x.astype(np.complex128) for x in problem.xs]
    close = ALIKE * EPS * (np.abs(values) + largest(values))
    try:
        for gradient, point, x in zip(found, points, problem.xs, strict=True):
            for i, number in enumerate(x.ravel().tolist()):
                own = abs(number) or 1.0
                # As x * x has a derivative where the square is gone, own * step must not be too small.
                step = COMPLEX_STEP * min(1.0, max(own, 10 * TINY / COMPLEX_STEP / own))
                point.flat[i] = number + 1j * step
                moved = analytic(points)
                point.flat[i] = number
                too_small, apart = (moved.imag != 0) & (np.abs(moved.imag) < TINY), np.abs(moved.real - values)
                if too_small.any() or own * step < TINY or not (apart <= close + step**2).all():
                    return None
                column = moved.imag / step
                scale = float(np.abs(upstream * values)[column != 0].sum() / max(1.0, abs(number)))
                gradient.put(i, column, upstream, INNER_ROUNDINGS * EPS * scale, zero=not column.any(), kink=False)
    except Exception:  # anything that an op may raise which does not take complex numbers
        return None
    return found if confirmed(problem, found) else None


def central_differences(problem: Problem, step: float = STEP) -> list[NumericalGradient]:
    """The gradients, one for each input, from steps of step * max(1, |x|), a quarter of it, and others in doubt."""
    found = NumericalGradient.empty(problem)
    points = [x.copy() for x in problem.xs]
    size = max([1.0, largest(problem.values), *map(largest, points)])
    for gradient, point, claims in zip(found, points, problem.claims, strict=True):
        for i, claim in enumerate(claims.ravel().tolist()):
            element = _Element(problem, points, point, i, step, size)
            element.differentiate(claim)
            gradient.put(i, element.column, problem.upstream, element.noise, element.zero, element.kink)
    return found


class _Differences(NamedTuple):
    """The differences at one step size, or at several: then each field has a first axis for them, coarse to fine."""

    step: Any
    column: Array  # (m,) central differences: a column of the Jacobian
    slope: Any  # upstream @ column
    gap: Any  # upstream @ (right difference - left difference)
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
        self.upstream, self.values, self.x = problem.upstream, problem.values, point.flat[i]
        own = abs(float(self.x))
        self.scale = max(1.0, own)
        self.near = min(self.scale, own or largest(point) or 1.0)  # the function may change at steps of this size
        self.largest_step = step * self.scale * RATIO**LARGER
        self.size, self.inner = size, problem.inner
        self.rounding = ROUNDINGS * EPS * size  # that of numbers as large as the largest
        self.column = np.zeros_like(self.values)
        self.kink, self.zero, self.noise = False, False, 0.0
        self.tried: dict[int, _Differences | None] = {}  # by the number of the step

    def differentiate(self, claim: float) -> None:
        """Use two step sizes; if they do not look smooth, or disagree with the claim, others, and in the end all.

        If nothing moves, and the claim is 0, see whether this is for rounding.
        """
        first = self._step(LARGER) if claim == 0 else None
        if first is not None and not first.move.any():
            accepted = self._accept_zero(first.step, self._moves(self.largest_step / RATIO))
        else:
            accepted = self._accept_pair(LARGER, claim) or self._accept_against(claim)
            accepted = accepted or any(map(self._accept_pair, range(LARGER + 1, LARGER + PAIRS), repeat(claim)))
        if not accepted:
            self._decide(claim)

    # --- differences ----------------------------------------------------------------------------------------

    def _all_steps(self) -> list[_Differences]:
        """The differences at all step sizes, from the finest up to one where the function is not finite."""
        finest = max(FINEST * self.near, SMALLEST)
        count = 1 + round((math.log(self.largest_step) - math.log(finest)) / math.log(RATIO))
        tried = [self._step(number) for number in range(count)]
        while None in tried[-MIN_STEPS:] and len(tried) < 2 * count:
            tried.append(self._step(len(tried)))
        end = max((k + 1 for k, difference in enumerate(tried) if difference is None), default=0)
        return [difference for difference in tried[end:] if difference is not None]

    def _step(self, number: int) -> _Differences | None:
        """The differences at the step of a number; None where the function is not finite on both sides."""
        if number in self.tried:
            return self.tried[number]
        self.tried[number], step = None, self.largest_step * RATIO**-number
        ends, function = (self.x + step, self.x - step), self.problem.function
        try:
            self.point.flat[self.i] = ends[0]
            up = function(self.points)
            self.point.flat[self.i] = ends[1]
            down = function(self.points)
        except Exception:  # outside of the function's domain
            return None
        finally:
            self.point.flat[self.i] = self.x
        right, left = ends[0] - self.x, self.x - ends[1]  # the actual steps: x + step was rounded
        if not (np.isfinite(up).all() and np.isfinite(down).all() and min(right, left) >= SMALLEST / RATIO):
            return None
        rise, fall = up - self.values, down - self.values
        column, gaps = (up - down) / (right + left), rise / right + fall / left
        if not (np.isfinite(column).all() and np.isfinite(gaps).all()):
            self.noise = math.inf  # the derivative may be too large for a float
            return None
        move = np.maximum(np.abs(rise), np.abs(fall))
        slope, gap = float(self.upstream @ column), float(self.upstream @ gaps)
        self.tried[number] = _Differences(step, column, slope, gap, move, np.abs(self.values) + move)
        return self.tried[number]

    def _at(self, value: float) -> Array:
        """The function with this element set to another value; nan if the function does not take it."""
        self.point.flat[self.i] = value
        try:
            return self.problem.function(self.points)
        except Exception:  # outside of the function's domain
            return np.full(self.values.shape, np.nan)
        finally:
            self.point.flat[self.i] = self.x

    def _moves(self, step: float) -> Array:
        """By how much each output changes at one side at least; nan where the function is finite on neither."""
        return np.fmax(*(np.abs(self._at(end) - self.values) for end in (self.x + step, self.x - step)))

    def _rounding(self, at: _Differences, least: Array | float = 0, counted: Array | bool = True) -> Any:
        """The rounding error of the slope at each step size; those of different outputs are independent.

        least: the smallest change of each output.  counted: which outputs may have a rounding error.
        """
        inner = abs(float(self.x)) * np.abs(at.column)  # x is rounded inside, as in sin(1e9 * x)
        errors = np.maximum(ROUNDINGS * EPS * (at.high + inner), 2 * least) * counted
        return np.hypot.reduce(self.upstream * errors, axis=-1) / at.step  # no square is too small for a float

    # --- two steps ------------------------------------------------------------------------------------------

    def _accept_pair(self, number: int, claim: float) -> bool:
        """Accept two step sizes if their slope has enough digits, the claim agrees with it, and there is no kink."""
        coarse, fine, first = self._step(number), self._step(number + 1), number == LARGER
        if coarse is None or fine is None:
            return False
        noise = float(self._rounding(fine))
        column = fine.column + (fine.column - coarse.column) / (RATIO**2 - 1)
        slope = fine.slope + (fine.slope - coarse.slope) / (RATIO**2 - 1)
        gap = fine.gap + (fine.gap - coarse.gap) / (RATIO - 1)
        if first and claim == 0 and self._vanishes(slope, noise) and abs(gap) <= abs(coarse.gap) / 3:
            self.zero = True
        elif (
            noise > (DIGITS if first else DIGITS / 100) * abs(slope)
            or abs(claim - slope) > DIGITS / 100 * abs(slope) + noise
            or abs(gap) > 10 * DIGITS * abs(slope) + 4 * noise
        ):
            return False
        self.column, self.noise = column, noise
        return True

    def _accept_against(self, claim: float) -> bool:
        """Accept the slope of three coarse steps against a claim far from it, if steps of all sizes agree with it."""
        coarse = [self._step(LARGER), self._step(LARGER + 1), self._step(LARGER + 2)]
        if None in coarse or self.near < self.scale / 100:
            return False
        found = _stacked(coarse)  # type: ignore[arg-type]
        columns, gap = _extrapolated(found.column, 2), _extrapolated(found.gap, 1)[1]
        column = columns[1] + (columns[1] - columns[0]) / (RATIO**4 - 1)
        slope, rounding = float(self.upstream @ column), self._rounding(found)[-1]
        noise = float(abs(slope - self.upstream @ columns[1]) + rounding)
        close = DIGITS / 100 * abs(slope) + noise
        apart = abs(claim - slope)
        if noise >= DIGITS / 100 * abs(slope) or not apart > FAR_OFF * abs(slope) or abs(gap) > 10 * close:
            return False
        for number in FINER:
            fine = self._step(number)
            rounding = math.inf if fine is None else 4 * float(self._rounding(fine))
            if fine is None or rounding > apart / 10 or abs(fine.slope - slope) > close + rounding:
                return False
        self.column, self.noise = column, noise
        return True

    def _vanishes(self, slope: float, noise: float) -> bool:
        """Whether a slope is 0 compared with slopes nearby, as at a minimum or a saddle."""
        near = self.tried[min(self.tried)]  # at the largest step
        here = self.near >= STEP or self.x == 0  # else it may be 0 nearby
        return here and near is not None and abs(slope) <= noise <= DIGITS * max(abs(near.slope), abs(near.gap))

    def _accept_zero(self, still: float, moves: Array) -> bool:
        """Take 0 if no output moves at steps up to `still`, and this is not for rounding.

        Rounding hides a slope if larger steps change an output by very little: by few roundings (moves: such changes),
        or by so little that a straight line up to there would not show at `still`.
        """
        if self._are_roundings(moves):
            return False
        moved = np.zeros(self.values.shape, dtype=bool)
        for step in np.multiply(FAR, self.scale):
            move = self._moves(step)
            if (~moved & (move > 0) & (move / step * still <= self.rounding)).any():
                return False
            moved |= ~(move == 0)
            if moved.all():
                break
        self.zero, self.noise = True, self.rounding * float(np.hypot.reduce(self.upstream)) / still
        return True

    def _are_roundings(self, moves: Array) -> bool:
        """Whether the smallest change of an output is no more than a few roundings."""
        return bool(((moves > 0) & (moves <= SMALL * self.rounding)).any())

    # --- all steps ------------------------------------------------------------------------------------------

    def _decide(self, claim: float) -> None:
        """Decide between a slope, a kink and 0, from all step sizes."""
        steps = self._all_steps()
        if self.noise == math.inf:
            return
        if len(steps) < MIN_STEPS:  # at the edge of the function's domain
            self.kink = True
            return
        found = _stacked(steps)
        self._leave_out_strangers(found)
        if self._diverges(found):  # at a jump
            self.kink = True
            return
        still = next((k for k in range(len(steps)) if not found.move[k:].any()), len(steps))
        staircase = False
        if still <= len(steps) - MIN_STEPS and not self._are_roundings(found.move):
            staircase = still > 0 and self._is_staircase(steps[still - 1].step)
            if not staircase and self._accept_zero(steps[still].step, found.move):
                self._doubt(claim, 0.0, found)
                return
        least = self._least_changes(found, np.inf if staircase else SMALL * self.rounding)
        stays = ~np.isfinite(least)
        if stays.any():
            least[stays] = np.where(self._depends(), SMALL * self.rounding, 0)[stays]
        roundings = self._rounding(found, least, ~stays | (least > 0))
        self.kink = _has_kink(found, roundings)
        self.column, self.noise, used = _ridders(found, roundings)
        slope = float(self.upstream @ self.column)
        self.zero = self._vanishes(slope, self.noise)
        finer, disagree = _Differences(*(numbers[used:] for numbers in found)), abs(claim - slope) > self.noise
        # What is flat at small steps is no noise.
        tolerated = NOISE * self.size if found.move[-1].any() else SMALL * self.rounding
        off_line = self._are_off_line(finer, slope, self.noise, 0 if disagree else tolerated)
        if off_line and not self.kink:
            self.noise = math.inf
        self._doubt(claim, slope, found)

    def _leave_out_strangers(self, found: _Differences) -> None:
        """Take the size of this element and of what it moves, if much larger inputs have no effect on that."""
        moved = found.move.any(axis=0)
        own = max(1.0, abs(float(self.x)), largest(self.values[moved]))
        if moved.any() and max(map(largest, self.points)) > 1e3 * own:
            with suppress(Exception):  # the function does not take other inputs
                others = self.problem.function([np.where(np.abs(x) > own, 0.9 * x, x) for x in self.points])
                if np.array_equal(others[moved], self.values[moved]):
                    self.inner, self.size, self.rounding = own, own, ROUNDINGS * EPS * own

    def _doubt(self, claim: float, slope: float, found: _Differences) -> None:
        """Take the claim for possible if no step excludes it; or if x is tiny, and some smaller step shows another."""
        moved, smooth = (
            found.move.any(axis=-1),
            (np.abs(found.gap) <= abs(slope) / 100)[found.step < TINY_STEP][:1].all(),
        )
        seen = np.where(moved, np.abs(found.slope - slope) <= abs(slope) / 100, smooth)
        smaller = (self.near * 1e-8 < found.step) & (found.step < self.near / 8)
        if self.near < NO_SQUARE and not seen[smaller].all():
            self.noise = max(self.noise, abs(claim - slope))
        elif not self.kink and self._may_be(claim, slope, found):
            self.zero, self.noise = False, math.inf

    def _may_be(self, claim: float, slope: float, found: _Differences) -> bool:
        """Whether a claim is not excluded, though it is not the slope that was found."""
        apart = abs(claim - slope)
        if apart <= self.noise:
            return False
        if not math.isfinite(claim):
            return not self.zero and self.noise > abs(slope) / 100
        rounding = self._rounding(found)
        size = np.abs(self.upstream) @ (found.high[-1] * found.move.any(axis=0))
        size += abs(float(self.x)) * max(abs(claim), abs(slope))
        if apart <= ROUNDINGS * EPS * size:
            return True  # no step of 1 or less excludes it, and functions such as floor vary there
        # Three steps agree on the claim, and the gap is not that of a kink.
        agree = (np.abs(found.slope - claim) <= min(apart, abs(claim)) / 100 + rounding) & (rounding < apart / 10)
        smooth = np.abs(found.gap[2:]) <= np.maximum(apart, np.abs(found.gap[:-2]) / 4)
        if (agree[:-2] & agree[1:-1] & agree[2:] & smooth).any():
            return True
        # Differences do not fall at the finest steps, as those of sin(1 / x) for a tiny x.
        off = _deviations(found)[-4:].max(axis=0)
        wild = off > UNRESOLVED * found.high[-4:].max(axis=0)
        return bool(apart * found.step[-1] > float(np.abs(self.upstream) @ (off * wild)) / 1000 > 0)

    def _are_off_line(self, finer: _Differences, slope: float, noise: float, tolerated: float) -> bool:
        """Whether values at small steps deviate from a line of this slope by more than rounding and `tolerated`."""
        inner = ROUNDINGS * EPS * max(self.inner, self.size)
        in_float32 = np.array_equal(self.values, self.values.astype(np.float32))
        if in_float32 and not np.array_equal(self.values, np.rint(self.values)):
            inner += ROUNDINGS * float(np.finfo(np.float32).eps) * largest(self.values)
        allowed = self._rounding(finer, np.asarray(max(inner, tolerated) / 2)) + noise
        off = np.abs(finer.slope - slope)
        falls = np.append(np.inf, off[:-1]) >= 4 * off  # as a truncation error
        return bool((off > 4 * allowed)[~falls].any())

    def _is_staircase(self, step: float) -> bool:
        """Whether an output is flat at most places, but moves everywhere by a step of this size, as rounding does.

        A function with a kink or a jump nearby is not flat on the other side, or moves at one place only.
        """
        if step > STEP / 20 * self.scale:
            return False
        flat, moved = np.zeros(self.values.shape), np.zeros(self.values.shape)
        for place in (self.x + step * offset for offset in PLACES):
            here = self._at(place)
            flat += self._at(place + step / 100) == here
            moved += np.abs(self._at(place + 4 * step) - here) > 0
        return bool(((flat >= len(PLACES) - 1) & (moved == len(PLACES))).any())

    def _least_changes(self, found: _Differences, most: float) -> Array:
        """The smallest amount by which each output can change, as far as it shows; 0 if it does not.

        A smooth output deviates from a straight line by an amount that falls with h³, and with h near a kink. If it
        is small, or the step is tiny, and it does not fall, it is rounding. So is the first change of an output that
        stays at small steps, up to `most`; inf if it stays at all steps.
        """
        off = _deviations(found)
        step = found.step[1:-1, None]
        tiny = 500 * FINEST * self.near  # a kink that is nearer looks like rounding
        limit = np.where(step > tiny, SMALL * self.rounding, np.inf)
        # A step far beyond x says little about the stairs near x: what changes by less there has no such stairs.
        limit = np.where(step > self.near, 100 * found.move[-MIN_STEPS:].max(axis=0), limit)
        rounding = np.where((off[1:] > off[:-1] / 2) & (off[1:] <= limit), off[1:], 0).max(axis=0)
        first = np.where(found.move > 0, np.minimum(found.move, most), np.inf).min(axis=0)
        return np.where(found.move[-1] > 0, rounding, np.maximum(rounding, first))

    def _depends(self) -> Array:
        """Which outputs change when the element changes a lot; all if that cannot be tried."""
        far = 1e4 * (1 + max(map(largest, self.points)))
        return np.asarray((self._at(self.x + far) != self.values) | (self._at(self.x - far) != self.values))

    def _diverges(self, found: _Differences) -> bool:
        """Whether differences grow without bound as the step shrinks: a jump of the function, or a vertical tangent."""
        scale = float(np.abs(self.upstream) @ (np.abs(self.values) * found.move.any(axis=0)))
        least = max(10 * DIGITS * scale, 1e-12, 4 * self.rounding)
        steepness = np.maximum(np.abs(found.slope), np.abs(found.gap))
        last = steepness[-5:]
        growth = np.divide(last[1:], last[:-1], out=np.zeros(4), where=last[:-1] > 0)
        too_large = last[-1] * found.step[-1] > least  # for a rounding error
        return bool(too_large and growth.min() > max(1.5, 0.9 * growth.max()))  # at every step, by RATIO at a jump


def _stacked(steps: Sequence[_Differences]) -> _Differences:
    """The differences at several steps as one."""
    return _Differences(*map(np.array, zip(*steps, strict=True)))


def _extrapolated(numbers: Array, power: int) -> Array:
    """Numbers a + b h^power + ... at each two neighbouring steps, extrapolated to a."""
    return numbers[1:] + np.diff(numbers, axis=0) / (RATIO**power - 1)


def _deviations(found: _Differences) -> Array:
    """By how much each output deviates from a straight line between each two steps, (steps - 1, m)."""
    return np.abs(np.diff(found.column, axis=0)) * found.step[:-1, None]


def _ridders(found: _Differences, roundings: Array) -> tuple[Array, float, int]:
    """The entry of Ridders' table with the smallest error estimate: a column of the Jacobian, and that estimate.

    And the finest step that it was computed from.

    Level j of the table cancels the terms up to h^(2j). An entry is not taken for better than its distance from the
    entries of level 1 at smaller steps, as far as these are sure.
    """
    columns, slopes = found.column, found.slope
    best = (math.inf, columns[-1], len(slopes))
    first = _extrapolated(slopes, 2)
    unsure = 4 * roundings[1:] + np.abs(first - slopes[1:])
    low = np.append(np.maximum.accumulate((first - unsure)[::-1])[::-1], -np.inf)
    high = np.append(np.minimum.accumulate((first + unsure)[::-1])[::-1], np.inf)
    for level in range(1, min(MIN_STEPS + 1, len(slopes))):
        shrinks, before = RATIO ** (2 * level) - 1, slopes
        columns = columns[1:] + np.diff(columns, axis=0) / shrinks
        slopes = slopes[1:] + np.diff(slopes) / shrinks
        errors = np.maximum(np.abs(slopes - before[1:]), np.abs(slopes - before[:-1])) + roundings[level:]
        errors = np.max([errors, low[level:] - slopes, slopes - high[level:]], axis=0)
        k = int(errors.argmin())
        if errors[k] < best[0]:
            best = (float(errors[k]), columns[k], k + level)
    return best[1], best[0], best[2]


def _has_kink(found: _Differences, roundings: Array) -> bool:
    """Whether a gap stays where slope and gap change least from step to step."""
    slopes, gaps = _extrapolated(found.slope, 2), _extrapolated(found.gap, 1)
    noises = 4 * roundings[1:]
    changes = noises + np.append(abs(slopes[0]), np.abs(np.diff(slopes)) + np.abs(np.diff(gaps)))
    best = int(changes.argmin())
    gap, around = gaps[best], slice(max(best - 1, 0), None)
    sure = gaps[around][noises[around] < 0.1 * abs(gap)]
    stays = len(sure) > 1 and (np.abs(sure - gap) <= 0.1 * abs(gap)).all()
    return bool(stays and abs(gap) > 10 * DIGITS * abs(slopes[best]))


def confirmed(problem: Problem, found: Sequence[NumericalGradient]) -> bool:
    """Whether real central differences along one random direction v agree with J v, for each output.

    v is relative to max(1, |x|) or, where the function varies faster than that, to |x|, or to max(2e-150, |x|), since
    of a smaller x the square is gone; and 0 at kinks.
    """
    if any(gradient.jacobian is None for gradient in found):
        return False
    rng, xs, noise = np.random.default_rng(1), problem.xs, ALIKE * EPS * np.abs(problem.values)
    kinks = [*map(KINKS, found)]
    signs = [rng.uniform(0.5, 1.5, k.shape) * rng.choice([-1, 1], k.shape) * ~k for k in kinks]
    agrees = np.zeros(problem.values.shape, dtype=bool)
    for unit in (1.0, 0.0, NO_SQUARE * 1e4):
        direction = [v * np.where(x == 0, 1, np.maximum(unit, np.abs(x))) for v, x in zip(signs, xs, strict=True)]
        terms = [gradient.jacobian * v.ravel() for gradient, v in zip(found, direction, strict=True)]
        every = np.concatenate(terms, axis=1)
        predicted, size = every.sum(axis=1), np.abs(every).sum(axis=1)
        for step in REAL_STEPS:
            up = problem.function([x + step * v for x, v in zip(xs, direction, strict=True)])
            down = problem.function([x - step * v for x, v in zip(xs, direction, strict=True)])
            rounding = np.minimum(noise / step, size / 100)  # with more, anything would agree
            agrees |= np.abs((up - down) / (2 * step) - predicted) <= 1e-6 * size + rounding
            if agrees.all():
                return True
    return False

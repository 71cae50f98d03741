"""Line search: how far to go in a direction, by the strong Wolfe conditions.

From a start with value f0 and slope s0 < 0, a point t on the line is good enough if

    f(t) <= f0 + c1 · t · s0            it is lower by a part of what the slope promised
    |s(t)| <= c2 · |s0|                 and the line is flatter there

(Nocedal & Wright, Numerical Optimization, 2006, algorithms 3.5 and 3.6.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

C1, C2 = 1e-4, 0.9


class Point(NamedTuple):
    """A point on the line: how far along, the value and the slope there, and the whole gradient."""

    t: float
    value: float
    slope: float
    gradient: Any


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, t: float, length: float, tolerance: float, most: int
) -> tuple[Point, int]:
    """(a good point, the number of evaluations), trying t first.

    length: of the direction, its largest element.  tolerance: stop once two points are closer than this.  most:
    evaluations after the first.
    """

    def too_high(point: Point) -> bool:
        return point.value > start.value + C1 * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -C2 * start.slope

    # go on, further each time, until two points have a good one between them
    before, point, done = start, evaluate(t), 0
    while done < most:
        higher = too_high(point) or (done > 1 and point.value >= before.value)
        if not higher and flat(point):
            return point, done + 1
        if higher or point.slope >= 0:
            break
        bounds = (point.t + 0.01 * (point.t - before.t), 10 * point.t)
        before, point = point, evaluate(_lowest(before, point, bounds))
        done += 1
    ends = [start if done == most else before, point]

    # narrow the pair down
    low = 0 if ends[0].value <= ends[1].value else 1
    near_an_end = False  # as the last point was
    while done < most and abs(ends[1].t - ends[0].t) * length >= tolerance:
        left, right = sorted(end.t for end in ends)
        t = _lowest(ends[0], ends[1], (left, right))
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:
            if near_an_end or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                near_an_end = False
            else:
                near_an_end = True
        else:
            near_an_end = False
        point = evaluate(t)
        done += 1
        if too_high(point) or point.value >= ends[low].value:
            ends[1 - low] = point
            low = 0 if ends[0].value <= ends[1].value else 1
        else:
            good = flat(point)
            if not good and point.slope * (ends[1 - low].t - ends[low].t) >= 0:
                ends[1 - low] = ends[low]
            ends[low] = point
            if good:
                break
    return ends[low], done + 1


def _lowest(a: Point, b: Point, bounds: tuple[float, float]) -> float:
    """Where the cubic through the values and slopes of two points is lowest, within bounds; their middle if nowhere."""
    a, b = sorted((a, b), key=lambda point: point.t)
    if a.t == b.t:
        return (bounds[0] + bounds[1]) / 2
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (bounds[0] + bounds[1]) / 2
    d2 = math.sqrt(square)
    bend = b.slope - a.slope + 2 * d2
    if bend == 0:  # a straight line falls on
        return bounds[1]
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / bend)
    return min(max(t, bounds[0]), bounds[1])

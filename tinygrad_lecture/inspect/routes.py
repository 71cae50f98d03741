"""Where the arrows of a layout run: out of one box, past others, into the next."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from .layout import Layout, Point


def routes(sizes: Sequence[Point], arrows: Sequence[tuple[int, int]], layout: Layout) -> list[list[Point]]:
    """The points of each arrow, from the bottom of its first box to the top of its second.

    Arrows leave and enter a box side by side, ordered by where they go and where they come from.
    """
    exits: dict[int, list[tuple[float, int]]] = defaultdict(list)  # box -> (x of the next stop, arrow)
    entries: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for k, (start, end) in enumerate(arrows):
        stops = [layout.centres[start], *layout.paths[k], layout.centres[end]]
        exits[start].append((stops[1][0], k))
        entries[end].append((stops[-2][0], k))
    from_x, to_x = _places(exits, sizes, layout), _places(entries, sizes, layout)
    found = []
    for k, (start, end) in enumerate(arrows):
        x0, x1 = from_x[k], to_x[k]
        bottom, top = layout.centres[start][1] - sizes[start][1] / 2, layout.centres[end][1] + sizes[end][1] / 2
        found.append(
            [(x0, bottom), (x0, layout.bands[start][1]), *layout.paths[k], (x1, layout.bands[end][0]), (x1, top)]
        )
    return found


def _places(ports: dict[int, list[tuple[float, int]]], sizes: Sequence[Point], layout: Layout) -> dict[int, float]:
    """The x of each arrow at the boxes that it leaves, or enters."""
    places = {}
    for box, waiting in ports.items():
        step = min(0.45, (sizes[box][0] - 0.2) / len(waiting))
        for order, (_, k) in enumerate(sorted(waiting)):
            places[k] = layout.centres[box][0] + (order - (len(waiting) - 1) / 2) * step
    return places


def bends(points: Sequence[Point], right: float = 0.0) -> list[tuple[Point, Point, Point]]:
    """A smooth line through points: of each cubic curve the two control points and the end.

    right: how far the line is from the points, to their right. Two lines stay apart where they are nearly level: there
    the one on the right is also above the other, or below.
    """
    curves = []
    for (xa, ya), (xb, yb) in pairwise(points):
        wide, high = xb - xa, ya - yb
        if abs(high) > 1e-6:  # else the box is as high as its layer
            level = wide / math.hypot(wide, high / 2) * math.copysign(4 / 3, high)  # in the middle of the curve
            y = (ya + yb) / 2 + right * level
            curves.append(((xa + right, y), (xb + right, y), (xb + right, yb)))
    return curves

"""Layered graph drawing: where the boxes go, with few crossing arrows and neighbours above one another.

The usual three steps (Sugiyama et al., 1981): assign each box a layer below all its predecessors; order each layer so
that boxes are near their neighbours in the layers above and below; move boxes sideways towards those neighbours without
overlap. An arrow across several layers gets a dummy node (a lane) in each, so it runs around boxes, not through them.

x runs to the right and y down, in pixels.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]

LANE = 24.0  # the width of a lane


@dataclass(eq=False)
class _Node:
    """A box, or the lane of an arrow: its size, its layer, its order within it, its centre, and its neighbours."""

    width: float
    height: float
    layer: int
    x: float = 0.0
    y: float = 0.0
    order: int = 0
    above: list[_Node] = field(default_factory=list)
    below: list[_Node] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """Where things are, from 0 to `width` and `height`.

    boxes: x, y, width and height.  arrows: the points that each goes through, from the bottom of its first box to the
    top of its second; through a layer it goes straight down.
    """

    boxes: list[tuple[float, float, float, float]]
    arrows: list[list[Point]]
    width: float
    height: float


@lru_cache(maxsize=64)  # all blocks of a model that look the same have one
def layered(sizes: tuple[Point, ...], arrows: tuple[tuple[int, int], ...], gap: float = 28, rise: float = 44) -> Layout:
    """The layout of boxes of given (width, height), connected by arrows (from, to), each with from < to.

    gap: the smallest distance between boxes side by side.  rise: the distance between layers.
    """
    boxes = [_Node(*size, layer) for size, layer in zip(sizes, _layers(len(sizes), arrows), strict=True)]
    routes = []
    for start, end in arrows:
        lanes = [_Node(LANE, 0.0, layer) for layer in range(boxes[start].layer + 1, boxes[end].layer)]
        routes.append([boxes[start], *lanes, boxes[end]])
        for upper, lower in pairwise(routes[-1]):
            upper.below.append(lower)
            lower.above.append(upper)
    nodes = [*boxes, *(lane for route in routes for lane in route[1:-1])]
    layers: list[list[_Node]] = [[] for _ in range(1 + max((node.layer for node in nodes), default=-1))]
    for node in nodes:
        layers[node.layer].append(node)
    layers = _ordered([_with_sources_aside(layer, number % 2) for number, layer in enumerate(layers)])
    _set_coordinates(layers, gap)

    left = min((node.x - node.width / 2 for node in nodes), default=0.0)
    bands, bottom = [], -rise
    for row in layers:
        top = bottom + rise
        bottom = top + max(node.height for node in row)
        bands.append((top, bottom))
        for node in row:
            node.x, node.y = node.x - left, (top + bottom) / 2
    exits, entries = _ports(routes), _ports([route[::-1] for route in routes])
    return Layout(
        boxes=[(box.x - box.width / 2, box.y - box.height / 2, box.width, box.height) for box in boxes],
        arrows=[_points(x0, x1, route, bands) for x0, x1, route in zip(exits, entries, routes, strict=True)],
        width=max((node.x + node.width / 2 for node in nodes), default=0.0),
        height=max(bottom, 0.0),
    )


def _layers(n: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each box: right below its predecessors, then moved down to its successors if that lengthens no more
    arrows than it shortens."""
    before: list[list[int]] = [[] for _ in range(n)]
    after: list[list[int]] = [[] for _ in range(n)]
    for start, end in arrows:
        before[end].append(start)
        after[start].append(end)
    layer = [0] * n
    for box in range(n):
        layer[box] = max((layer[start] + 1 for start in before[box]), default=0)
    for box in reversed(range(n)):
        if after[box] and len(before[box]) <= len(after[box]):
            layer[box] = min(layer[end] for end in after[box]) - 1
    return layer


# --- the order within layers --------------------------------------------------------------------------------


def _with_sources_aside(layer: list[_Node], left: int) -> list[_Node]:
    """A layer with its sources on both sides of what comes from above, so that a chain goes straight down.

    left: 0 if the first source goes to the left, else 1.
    """
    sources, others = ([node for node in layer if bool(node.above) == below] for below in (False, True))
    return [*sources[left::2], *others, *sources[1 - left :: 2]] if others else layer


def _ordered(layers: list[list[_Node]], sweeps: int = 12) -> list[list[_Node]]:
    """The layers with the fewest crossings: sort each by its neighbours' mean order, sweeping down and up in turn."""
    best, fewest = layers, _crossings(layers)
    for sweep in range(sweeps):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            target = {p: _mean([q.order for q in (p.above if down else p.below)], p.order) for p in layer}
            layer.sort(key=target.__getitem__)
            _number(layer)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _crossings(layers: list[list[_Node]]) -> int:
    """The number of pairs of arrows that cross."""
    for layer in layers:
        _number(layer)
    count = 0
    for layer in layers:
        ends = [q.order for node in layer for q in sorted(node.below, key=lambda q: q.order)]
        count += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return count


def _number(layer: list[_Node]) -> None:
    for order, node in enumerate(layer):
        node.order = order


# --- the coordinates ----------------------------------------------------------------------------------------


def _set_coordinates(layers: list[list[_Node]], gap: float, rounds: int = 20) -> None:
    """Set x of every node: near the mean of its neighbours', above and below in turn, without overlap in a layer."""
    for layer in layers:
        _place_layer(layer, [0.0] * len(layer), gap)
    for turn in range(rounds):
        down = turn % 2 == 0
        for layer in layers if down else reversed(layers):
            targets = []
            for node in layer:
                towards = (node.above if down else node.below) or node.above + node.below
                targets.append(_mean([q.x for q in towards], node.x))
            _place_layer(layer, targets, gap)


def _place_layer(layer: list[_Node], targets: Sequence[float], gap: float) -> None:
    """Set x of a layer's nodes as near to their targets as their order and the gaps allow, in least squares.

    Nodes that would touch form a block. Its position is the mean of its members' targets.
    """
    blocks: list[tuple[float, list[float]]] = []  # (the block's target start, its members' offsets)
    offset = 0.0
    for i, (node, target) in enumerate(zip(layer, targets, strict=True)):
        if i:
            offset += (layer[i - 1].width + node.width) / 2 + gap
        start, members = target - offset, [offset]
        while blocks and blocks[-1][0] > start:
            before, others = blocks.pop()
            start = (before * len(others) + start * len(members)) / (len(others) + len(members))
            members = others + members
        blocks.append((start, members))
    xs = [start + offset for start, members in blocks for offset in members]
    for node, x in zip(layer, xs, strict=True):
        node.x = x


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


# --- the arrows ---------------------------------------------------------------------------------------------


def _ports(routes: Sequence[Sequence[_Node]]) -> list[float]:
    """The x of each arrow at the box that its route begins with: side by side, ordered by where they go."""
    places = [0.0] * len(routes)
    leaving: dict[int, list[tuple[float, int]]] = defaultdict(list)  # by box: (x of the next stop, arrow)
    for k, route in enumerate(routes):
        leaving[id(route[0])].append((route[1].x, k))
    for ports in leaving.values():
        box = routes[ports[0][1]][0]
        step = min(43.0, (box.width - 19) / len(ports))
        for order, (_, k) in enumerate(sorted(ports)):
            places[k] = box.x + (order - (len(ports) - 1) / 2) * step
    return places


def _points(x0: float, x1: float, route: Sequence[_Node], bands: Sequence[tuple[float, float]]) -> list[Point]:
    """The points of an arrow that leaves its first box at x0 and enters its last at x1."""
    start, *lanes, end = route
    between = [(lane.x, y) for lane in lanes for y in bands[lane.layer]]
    first = [(x0, start.y + start.height / 2), (x0, bands[start.layer][1])]
    return [*first, *between, (x1, bands[end.layer][0]), (x1, end.y - end.height / 2)]


def bends(points: Sequence[Point], right: float = 0.0) -> list[tuple[Point, Point, Point]]:
    """A smooth line of cubic curves through points: the two control points and the end of each curve.

    right: how far the line is from the points, to their right. Two lines stay apart where they are nearly level: there
    the one on the right is also above the other, or below.
    """
    curves = []
    for (xa, ya), (xb, yb) in pairwise(points):
        wide, high = xb - xa, yb - ya
        if abs(high) > 1e-6:  # else the box is as high as its layer
            level = wide / math.hypot(wide, high / 2) * math.copysign(4 / 3, high)  # in the middle of the curve
            y = (ya + yb) / 2 - right * level
            curves.append(((xa + right, y), (xb + right, y), (xb + right, yb)))
    return curves
